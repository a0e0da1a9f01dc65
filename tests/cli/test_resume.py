"""``fitwell train --resume``: a killed run gives the same result as one that was not killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fitwell._progress import ProgressReporter

ARGUMENTS = ("--target", "price", "--network", "mlp", "--epochs", 6, "--hidden", 8, "--dropout", 0.2)


class Killed(BaseException):
    """Simulates SIGKILL: the program does not catch it."""


def test_a_run_that_was_killed_goes_on(
    fitwell: Callable[..., Any], table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = fitwell("train", table, *ARGUMENTS, "--output", tmp_path / "alone", "--quiet")
    assert alone.code == 0

    def kill(self: ProgressReporter, epoch: int, *rest: Any) -> None:
        if epoch == 3:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(ProgressReporter, "epoch_end", kill)
        patched.setattr("fitwell.cli.holdout_job.CHECKPOINT_INTERVAL", "epoch")
        with pytest.raises(Killed):
            fitwell("train", table, *ARGUMENTS, "--output", tmp_path / "killed")
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["checkpoints"]
    again = fitwell("train", "--resume", tmp_path / "killed", "--quiet")
    assert again.code == 0, again.err
    names = [sorted(path.name for path in (tmp_path / run).iterdir()) for run in ("alone", "killed")]
    assert names[0] == names[1]
    assert (tmp_path / "killed/history.csv").read_text() == (tmp_path / "alone/history.csv").read_text()
    records = [json.loads((tmp_path / run / "run.json").read_text()) for run in ("alone", "killed")]
    assert records[0]["scores"] == records[1]["scores"]
    assert records[0]["command"].replace("alone", "killed").replace(" --quiet", "") == records[1]["command"]
    over = fitwell("train", "--resume", tmp_path / "killed")
    assert over.code == 2 and "not the folder of an unfinished run" in over.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "pass either the data to train on or --resume RUN, but not both"),
        (["table.csv", "--resume", "run"], "pass either the data to train on or --resume RUN, but not both"),
        (["--resume", "nowhere"], "not the folder of an unfinished run"),
    ],
)
def test_errors_are_described(fitwell: Callable[..., Any], arguments: list[str], message: str) -> None:
    result = fitwell("train", *arguments)
    assert result.code == 2 and message in result.err


def test_other_arguments_are_refused(fitwell: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "arguments.json").write_text('["train", "x.csv"]')
    result = fitwell("train", "--resume", tmp_path, "--epochs", 3)
    assert result.code == 2 and "remove --epochs 3" in result.err


def test_a_killed_run_of_the_default_network_goes_on(
    fitwell: Callable[..., Any], table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The resumed run ends with the same predictions as a run that was not killed."""
    words = ("--target", "price", "--quality", "fast", "--hidden", 8, "--epochs", 5, "--quiet")
    assert fitwell("train", table, *words, "--output", tmp_path / "alone").code == 0

    def kill(*rest: Any, **named: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("fitwell.population.Population.fit", kill)
        with pytest.raises(Killed):
            fitwell("train", table, *words, "--output", tmp_path / "killed")
    again = fitwell("train", "--resume", tmp_path / "killed")
    assert again.code == 0, again.err
    alone, killed = ((tmp_path / run / "out_of_fold.csv").read_text() for run in ("alone", "killed"))
    assert alone == killed
