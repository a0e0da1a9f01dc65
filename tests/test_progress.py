"""Progress output: complete lines in a file, and one live line in a terminal."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell._progress import LINE_SECONDS, REDRAW_SECONDS, ProgressReporter, format_logs, format_seconds
from fitwell.errors import InvalidArgument


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Replace `time.perf_counter`, so that no test depends on the speed of the machine."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", clock)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    return clock


class Unreadable(Mapping[str, Any]):
    """Logs that cost a device synchronization to read: here, any reading fails the test."""

    def __getitem__(self, key: str) -> Any:
        raise AssertionError("logs were read though nothing was drawn")

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("logs were read though nothing was drawn")

    def __len__(self) -> int:
        raise AssertionError("logs were read though nothing was drawn")


def run(progress: ProgressReporter, clock: Clock, epochs: int, seconds: float, steps: int = 4) -> None:
    for epoch in range(epochs):
        progress.epoch_begin(epoch)
        for step in range(steps):
            clock.now += seconds / steps
            progress.update(step + 1, {"loss": 1.0})
        progress.epoch_end(epoch, {"loss": 0.5, "val_loss": epoch + 0.25})
    progress.close()


def screen(written: str) -> list[str]:
    """Return the lines that a terminal shows at the end: the text after the last carriage return."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", written)
    return [line.rpartition("\r")[2].rstrip() for line in plain.removesuffix("\n").split("\n")]


def test_a_file_gets_one_plain_line_per_epoch(clock: Clock) -> None:
    stream = io.StringIO()
    run(ProgressReporter(1, 3, 4, stream), clock, epochs=3, seconds=1.5)
    assert stream.getvalue() == (
        "Epoch 1/3  4/4  1.5s  loss: 0.5000 - val_loss: 0.2500\n"
        "Epoch 2/3  4/4  1.5s  loss: 0.5000 - val_loss: 1.2500\n"
        "Epoch 3/3  4/4  1.5s  loss: 0.5000 - val_loss: 2.2500\n"
    )


def test_a_terminal_keeps_one_line_per_epoch(clock: Clock) -> None:
    stream = Terminal()
    run(ProgressReporter("auto", 2, 4, stream), clock, epochs=2, seconds=2.0)
    lines = screen(stream.getvalue())
    assert [re.sub(r"[━╸╺ ]+", " ", line) for line in lines] == [
        "Epoch 1/2 4/4 2.0s loss: 0.5000 - val_loss: 0.2500",
        "Epoch 2/2 4/4 2.0s loss: 0.5000 - val_loss: 1.2500",
    ]
    assert "━" * 20 in lines[0]
    assert stream.getvalue().count("\r") > 4, "the line was rewritten while the epochs ran"


def test_verbose_0_writes_nothing_and_reads_no_logs(clock: Clock) -> None:
    stream = Terminal()
    progress = ProgressReporter(0, 3, 4, stream)
    progress.epoch_begin(0)
    progress.update(1, Unreadable())
    progress.epoch_end(0, Unreadable())
    progress.close()
    assert stream.getvalue() == "" and progress.interval is None


def test_updates_within_a_tenth_of_a_second_cost_nothing(clock: Clock) -> None:
    stream = Terminal()
    progress = ProgressReporter(1, 3, 1000, stream)
    progress.epoch_begin(0)
    before = stream.getvalue()
    for step in range(1000):
        clock.now += 0.9 * REDRAW_SECONDS / 1000
        progress.update(step, Unreadable())
    assert stream.getvalue() == before
    clock.now += 0.2 * REDRAW_SECONDS
    progress.update(1000, {"loss": 1.0})
    assert len(stream.getvalue()) > len(before)


@pytest.mark.parametrize("make_stream", [io.StringIO, Terminal])
def test_thousands_of_short_epochs_print_one_line_per_second_and_the_last(
    clock: Clock, make_stream: Callable[[], io.StringIO]
) -> None:
    stream = make_stream()
    run(ProgressReporter(1, 4000, 1, stream), clock, epochs=4000, seconds=0.001, steps=1)
    lines = screen(stream.getvalue())
    assert 4 <= len(lines) <= 4 / LINE_SECONDS + 2
    assert lines[0].startswith("Epoch    1/4000")
    assert lines[-1].startswith("Epoch 4000/4000") and "val_loss: 3999.2500" in lines[-1]


def test_a_run_that_stops_early_still_shows_its_last_epoch(clock: Clock) -> None:
    stream = io.StringIO()
    run(ProgressReporter(1, 4000, 1, stream), clock, epochs=57, seconds=0.001, steps=1)
    assert screen(stream.getvalue())[-1].startswith("Epoch   57/4000")


def test_verbose_2_prints_every_epoch(clock: Clock) -> None:
    stream = Terminal()
    run(ProgressReporter(2, 500, 1, stream), clock, epochs=500, seconds=0.001, steps=1)
    assert len(stream.getvalue().splitlines()) == 500
    assert "\r" not in stream.getvalue() and "\x1b" not in stream.getvalue()


def test_a_narrow_terminal_never_wraps_the_live_line(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    stream = Terminal()
    progress = ProgressReporter(1, 3, 4, stream)
    progress.epoch_begin(0)
    clock.now += 1
    progress.update(2, {f"metric_{index}": 1.0 for index in range(9)})
    moving = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).split("\r")
    assert max(map(len, moving)) == 49
    progress.epoch_end(0, {f"metric_{index}": 1.0 for index in range(9)})
    assert "metric_8" in screen(stream.getvalue())[-1], "the line that stays says everything"


def test_a_shorter_line_leaves_nothing_of_a_longer_one(clock: Clock) -> None:
    stream = Terminal()
    progress = ProgressReporter(1, 1, 9, stream)
    progress.epoch_begin(0)
    clock.now += 1
    progress.update(2, {"a_metric_with_a_long_name": 1.0})
    clock.now += 1
    progress.update(3, {"m": 1.0})
    longer, shorter = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).split("\r")[-2:]
    assert len(shorter) == len(longer) > len(shorter.rstrip())


def test_an_interrupted_epoch_ends_its_line_once(clock: Clock) -> None:
    stream = Terminal()
    progress = ProgressReporter(1, 3, 4, stream)
    progress.epoch_begin(0)
    clock.now += 1
    progress.update(2, {"loss": 1.0})
    progress.close()
    progress.close()
    assert stream.getvalue().endswith("\n") and stream.getvalue().count("\n") == 1


def test_a_run_without_epochs_has_no_epoch_in_its_line(clock: Clock) -> None:
    stream = io.StringIO()
    progress = ProgressReporter(1, None, None, stream)
    progress.update(7)
    clock.now += 2
    progress.epoch_end(0, {"accuracy": 0.9})
    assert stream.getvalue() == "7/?  2.0s  accuracy: 0.9000\n"


def test_epochs_reported_together_may_have_durations(clock: Clock) -> None:
    stream = io.StringIO()
    progress = ProgressReporter(2, 2, 1, stream)
    for epoch in range(2):
        progress.epoch_begin(epoch)
        progress.epoch_end(epoch, {}, seconds=75)
    assert [line.split()[-1] for line in stream.getvalue().splitlines()] == ["1m15s", "1m15s"]


def test_a_dumb_terminal_gets_plain_lines(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    run(ProgressReporter(1, 1, 4, stream), clock, epochs=1, seconds=1)
    assert "\r" not in stream.getvalue() and "\x1b" not in stream.getvalue()


def test_a_notebook_rewrites_its_line(clock: Clock) -> None:
    out_stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    run(ProgressReporter(1, 1, 4, out_stream), clock, epochs=1, seconds=1)
    assert out_stream.getvalue().count("\r") > 2
    assert not re.search(r"\x1b\[[0-9;]*[^0-9;m]", out_stream.getvalue()), "a notebook moves no cursor"


@pytest.mark.parametrize("verbose", [3, -1, "yes", None])
def test_an_unknown_verbosity_raises(verbose: Any) -> None:
    with pytest.raises(InvalidArgument, match="verbose must be 0"):
        ProgressReporter(verbose, 1, 1)


def test_formats() -> None:
    assert (
        format_seconds(3723) == "1h02m"
        and format_seconds(59.97) == "1m00s"
        and format_seconds(0.004) == "4ms"
    )
    assert (
        format_logs({"loss": 0.0, "rate": 1e-3, "big": 1234.5})
        == "loss: 0.0000 - rate: 1.0000e-03 - big: 1234.5000"
    )


def test_evaluation_shows_its_metrics_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setattr("fitwell._progress.REDRAW_SECONDS", 0.0)
    model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(loss="mse")

    class Watch(fw.callbacks.Callback):
        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            pass

    model.evaluate(np.ones((6, 2)), np.ones((6, 1)), batch_size=2, verbose=1, callbacks=[Watch()])
    assert "2/3" in stream.getvalue() and "loss: 1.0000" in stream.getvalue()


@pytest.mark.parametrize("epochs", [3, 120])
def test_messages_of_callbacks_have_separate_lines(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with a live line, the screen shows complete lines at the end."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    model = fw.Sequential([fw.layers.Input((1,)), fw.layers.Dense(1)])
    model.compile(fw.optimizers.SGD(0.0), "mse")
    watching = [
        fw.callbacks.LearningRateScheduler(lambda epoch: 0.0, verbose=1),
        fw.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print("own", epoch)),
    ]
    model.fit(np.ones((4, 1)), np.ones((4, 1)), epochs=epochs, callbacks=watching, verbose=1)
    plain = re.sub("\x1b\\[[0-9;]*m", "", screen.getvalue())
    # A carriage return goes back to the beginning of the line; what is written then covers what was there.
    lines = [line.rstrip("\r").rpartition("\r")[2].strip() for line in plain.split("\n")]
    assert [line for line in lines if line.startswith("own")] == [f"own {epoch}" for epoch in range(epochs)]
    said = [line for line in lines if "LearningRateScheduler" in line]
    assert said == [
        f"Epoch {n + 1}: LearningRateScheduler setting learning rate to 0.0." for n in range(epochs)
    ]
    assert re.match(rf"Epoch +{epochs}/{epochs}  ━+  1/1  .* loss: ", lines[-2])
