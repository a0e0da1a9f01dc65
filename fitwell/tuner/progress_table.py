"""The table that shows a search's progress in a terminal."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from fitwell._escaping import escape_controls
from fitwell._param_validation import Boolean, Integer, Options
from fitwell._progress import format_seconds, print_message
from fitwell.tuner.objective import Objective

__all__ = ["MAX_ROWS", "VERBOSE", "ProgressTable"]

MAX_ROWS = 10
VERBOSE = (Integer(0, 1) | Boolean() | Options("auto")).described_as("0 (silent), 1 (progress) or 'auto'")


class ProgressTable:
    """A table that shows the best trials, the number of finished trials, and the elapsed time.

    Args:
        verbose: ``"auto"`` and 1 show a live table if the output is a terminal. Otherwise, 1 prints one line per batch,
            and ``"auto"`` prints nothing. 0 is silent.
        objective: The objective of the search.
        trials: The total number of trials, or None if it is not limited.
    """

    def __init__(self, verbose: int | str, objective: Objective, trials: int | None) -> None:
        terminal = getattr(sys.stdout, "isatty", lambda: False)()
        self._lines = verbose == 1 and not terminal
        self._live: Any = None
        if verbose and terminal:
            from rich.live import Live as RichLive

            self._live = RichLive(refresh_per_second=8)
        self.objective = objective
        self.trials = trials
        self._began = time.monotonic()
        self._trials: Sequence[Any] = ()
        self._running = (0, 0)
        self._lock = threading.Lock()

    def __enter__(self) -> ProgressTable:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def on_batch_begin(self, members: int) -> None:
        """Show that a new batch of `members` models is being trained."""
        self._running = (0, members)
        self._redraw()

    def on_member_end(self) -> None:
        """Count one more trained model in the batch. This method is thread-safe."""
        with self._lock:
            self._running = (self._running[0] + 1, self._running[1])
            self._redraw()

    def on_batch_end(self, trials: Sequence[Any]) -> None:
        """Show the current `trials`."""
        self._trials = trials
        self._running = (0, 0)
        self._redraw()
        if self._lines:
            print_message(self._headline())

    def on_search_end(self, remarks: Sequence[str]) -> None:
        """Print `remarks` below the table."""
        if self._lines or self._live is not None:
            for remark in remarks:
                print_message(remark)

    def _redraw(self) -> None:
        if self._live is not None:
            self._live.update(self._table())

    def _headline(self) -> str:
        ended = [trial for trial in self._trials if trial.state.name in ("COMPLETE", "PRUNED")]
        pruned = sum(trial.state.name == "PRUNED" for trial in ended)
        parts = [f"{len(ended)}{'' if self.trials is None else f' of {self.trials}'} trials"]
        parts += [f"{pruned} stopped early"] if pruned else []
        ranked = self._ranked()
        parts += [f"best {self.objective.name} {ranked[0].value:.5g}"] if ranked else []
        if self._running[1]:
            parts.append(f"{self._running[0]} of {self._running[1]} models in this batch trained")
        return ", ".join([*parts, format_seconds(time.monotonic() - self._began)])

    def _ranked(self) -> list[Any]:
        sign = self.objective.sign
        complete = [t for t in self._trials if t.state.name == "COMPLETE" and math.isfinite(t.value)]
        return sorted(complete, key=lambda trial: sign * trial.value)

    def _table(self) -> Any:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        best = self._ranked()[:MAX_ROWS]
        names = list(dict.fromkeys(name for trial in best for name in trial.params))
        table = Table()
        for name in ("trial", self.objective.name, *names):
            # Use `Text`, because rich interprets brackets in strings as styles.
            table.add_column(Text(escape_controls(name)), justify="right")
        for trial in best:
            cells = [_cell(trial.params[name]) if name in trial.params else "" for name in names]
            table.add_row(
                str(trial.number), f"{trial.value:.5g}", *(Text(escape_controls(cell)) for cell in cells)
            )
        return Group(Text(escape_controls(self._headline())), table)


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
