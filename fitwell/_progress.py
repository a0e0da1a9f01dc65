"""Progress reports of a run: one live line in a terminal, or plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import IO, Any, ClassVar

from fitwell._escaping import escape_controls, escape_unencodable
from fitwell._param_validation import Boolean, Integer, Options, validate_params

__all__ = [
    "CALLBACK_VERBOSE",
    "VERBOSE",
    "ProgressReporter",
    "format_logs",
    "format_seconds",
    "print_message",
]

# The validation rules for the argument `verbose` of a run and of a callback.
VERBOSE = (Integer(0, 2) | Boolean() | Options("auto")).described_as(
    "0 (silent), 1 (progress), 2 (one line per epoch) or 'auto'"
)
CALLBACK_VERBOSE = (Integer(0, 2) | Boolean()).described_as("0 or 1")

# The minimum time between two updates of the live line. Faster updates would make no visible difference.
REDRAW_SECONDS = 0.1
# Runs with more epochs than this print at most one line per LINE_SECONDS. Other runs print every line, as Keras does.
MAX_EPOCHS_LISTED = 100
LINE_SECONDS = 1.0
BAR_WIDTH = 20


def print_message(text: str) -> None:
    """Print `text` and a line break. If there is a live line, erase it first."""
    if _LiveLine.current is not None:
        _LiveLine.current.erase()
    sys.stdout.write(escape_unencodable(escape_controls(text), sys.stdout) + "\n")


class ProgressReporter:
    """A reporter that shows the epochs, steps, time and metrics of a run.

    Args:
        verbose (int | str): 0 prints nothing. 1 or ``"auto"`` shows one line per epoch in a terminal or
            notebook, which is rewritten during the epoch, and prints one plain line per epoch elsewhere. A
            run of more than 100 epochs prints at most one line per second, but it always prints the last line. 2 prints
            one plain line per epoch. Default: ``"auto"``.
        epochs (int | None): Maximum number of epochs, or None for `evaluate` and `predict`. Default: None.
        steps (int | None): Number of batches in an epoch, or None if it is unknown. Default: None.
        stream (IO[str] | None): Output stream. Defaults to None, which means standard output.

    Attributes:
        interval (float | None): Maximum time in seconds between two calls to `update` or `epoch_end`. Within
            this time, a run may report multiple epochs together without a visible difference. None if nothing
            is printed.
    """

    @validate_params(verbose=VERBOSE)
    def __init__(
        self,
        verbose: int | str = "auto",
        epochs: int | None = None,
        steps: int | None = None,
        stream: IO[str] | None = None,
    ) -> None:
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = epochs
        self.steps = steps
        self._stream = sys.stdout if stream is None else stream
        self._line = (
            _LiveLine(self._stream) if self.verbose == 1 and _supports_live_line(self._stream) else None
        )
        self._keeps_every_line = self.verbose == 2 or epochs is None or epochs <= MAX_EPOCHS_LISTED
        self.interval: float | None = None
        if self.verbose:
            self.interval = LINE_SECONDS if self._line is None else REDRAW_SECONDS
        self._epoch = 0
        self._step = 0
        self._began = time.perf_counter()
        self._drawn_at = self._kept_at = -float("inf")
        # Logs and duration of the last epoch, if its line was not printed.
        self._pending: tuple[Mapping[str, Any] | None, float] | None = None

    def epoch_begin(self, epoch: int) -> None:
        """Start epoch number `epoch` (0-based)."""
        if not self.verbose:
            return
        self._epoch = epoch
        self._step = 0
        self._began = time.perf_counter()
        if self._line is not None and self._pending is None:
            self._redraw(self._began, None)

    def update(self, step: int, logs: Mapping[str, Any] | None = None) -> None:
        """Report that `step` batches of the epoch are done. `logs` is read only if the line is redrawn."""
        self._step = step
        if self._line is not None:
            now = time.perf_counter()
            if now - self._drawn_at >= REDRAW_SECONDS:
                self._redraw(now, logs)

    def epoch_end(
        self, epoch: int, logs: Mapping[str, Any] | None = None, seconds: float | None = None
    ) -> None:
        """Report that `epoch` is done.

        Args:
            epoch (int): 0-based number of the epoch.
            logs (Mapping | None): Final metrics of the epoch. Default: None.
            seconds (float | None): Duration of the epoch, which is needed if a run reports multiple epochs
                together. Defaults to None, which means the time since `epoch_begin`.
        """
        if not self.verbose:
            return
        self._epoch = epoch
        self._step = self.steps or self._step
        now = time.perf_counter()
        seconds_taken = now - self._began if seconds is None else seconds
        if self._keeps_every_line or now - self._kept_at >= LINE_SECONDS:
            self._print_line(now, logs, seconds_taken)
        else:
            self._pending = (logs, seconds_taken)
            if self._line is not None and now - self._drawn_at >= REDRAW_SECONDS:
                self._redraw(now, logs, seconds_taken)

    def clear_line(self) -> None:
        """Erase the live line, because hooks may print something before it is final."""
        if self._line is not None:
            self._line.erase()

    def close(self) -> None:
        """Print the last line. Call this method at the end of every run. Further calls have no effect."""
        if self._pending is not None:
            self._print_line(time.perf_counter(), *self._pending)
        elif self._line is not None:
            self._line.finish()

    def _print_line(self, now: float, logs: Mapping[str, Any] | None, seconds_taken: float) -> None:
        self._pending = None
        self._kept_at = now
        if self._line is not None:
            self._redraw(now, logs, seconds_taken, full_width=True)
            self._line.finish()
        else:
            line = "  ".join(filter(None, self._format_parts(logs, seconds_taken)))
            self._stream.write(escape_unencodable(line, self._stream) + "\n")
            self._stream.flush()

    def _redraw(
        self,
        now: float,
        logs: Mapping[str, Any] | None,
        seconds_taken: float | None = None,
        full_width: bool = False,
    ) -> None:
        assert self._line is not None
        self._drawn_at = now
        head, count, spent, metrics = self._format_parts(
            logs, now - self._began if seconds_taken is None else seconds_taken
        )
        self._line.draw(head, self._step, self.steps, f"{count}  {spent}", metrics, full_width)

    def _format_parts(
        self, logs: Mapping[str, Any] | None, seconds_taken: float
    ) -> tuple[str, str, str, str]:
        head = (
            "" if self.epochs is None else f"Epoch {self._epoch + 1:>{len(str(self.epochs))}}/{self.epochs}"
        )
        count = f"{self._step}/{'?' if self.steps is None else self.steps}"
        return head, count, format_seconds(seconds_taken), format_logs(logs or {})


class _LiveLine:
    """A line in a terminal or notebook that is rewritten until it is final.

    Attributes:
        current (_LiveLine | None): Class attribute with the line on the screen that is not final, or None.
    """

    current: ClassVar[_LiveLine | None] = None

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console

        terminal = _is_terminal(stream)
        # Notebooks support colors and a carriage return in plain text. The notebook mode of rich would add a new
        # block of output for every redraw.
        self._console = Console(
            file=stream,
            force_jupyter=False,
            force_terminal=True,
            width=None if terminal else 120,
            highlight=False,
        )
        self._stream = stream
        self._width = 0

    def draw(
        self, head: str, done: int, total: int | None, counts: str, metrics: str, full_width: bool = False
    ) -> None:
        """Replace the line with ``head  ━━━━  counts  metrics``. It is truncated unless `full_width` is True.

        Only a final line may be wider than the terminal, because a wrapped line cannot be rewritten.
        """
        from rich.progress_bar import ProgressBar
        from rich.text import Text

        progress = ProgressBar(
            total or 1, done if total else 0, width=BAR_WIDTH, complete_style="blue", finished_style="green"
        )
        bar = Text()
        for segment in self._console.render(progress, self._console.options.update(width=BAR_WIDTH)):
            bar.append(segment.text, segment.style)
        text = Text("  ").join(
            [*([Text(head, "bold")] if head else []), bar, Text(counts), Text(metrics, "cyan")]
        )
        # Leave the last column empty, because some terminals wrap the line when it is filled.
        available = self._console.width - 1
        length = text.cell_len
        if not full_width:
            text.truncate(available, overflow="ellipsis")
        text.pad_right(max(0, min(self._width, available) - text.cell_len))
        self._width = min(length, available)
        _LiveLine.current = self
        self._stream.write("\r")  # not part of the text, because rich removes control characters
        self._console.print(text, end="", soft_wrap=True)
        self._stream.flush()

    def erase(self) -> None:
        """Erase the line."""
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._done()

    def finish(self) -> None:
        """Make the line final and continue below it."""
        if self._width:
            self._done()
            self._stream.write("\n")
            self._stream.flush()

    def _done(self) -> None:
        self._width = 0
        if _LiveLine.current is self:
            _LiveLine.current = None


def format_seconds(seconds: float) -> str:
    """Format a duration.

    >>> format_seconds(0.0123), format_seconds(1.234), format_seconds(75)
    ('12ms', '1.2s', '1m15s')
    """
    if seconds < 0.1:
        return f"{1000 * max(seconds, 0.0):.0f}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s"


def format_logs(logs: Mapping[str, Any]) -> str:
    """Format metrics as Keras does.

    >>> format_logs({"loss": 0.42131, "rate": 1e-4})
    'loss: 0.4213 - rate: 1.0000e-04'
    """
    return " - ".join(
        f"{escape_controls(name)}: {_format_value(float(value))}" for name, value in logs.items()
    )


def _format_value(value: float) -> str:
    return f"{value:.4e}" if 0 < abs(value) <= 1e-3 else f"{value:.4f}"


def _is_terminal(stream: IO[str]) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # not a file, or a closed file
        return False


def _supports_live_line(stream: IO[str]) -> bool:
    """Return whether `stream` is a terminal or a notebook cell's output."""
    if type(stream).__module__.partition(".")[0] == "ipykernel":
        return True
    import os

    return _is_terminal(stream) and os.environ.get("TERM", "") not in ("dumb", "unknown")
