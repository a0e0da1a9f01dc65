"""BackupAndRestore: a run that is killed goes on where it was."""

from __future__ import annotations

import os
import re
import time
from typing import Any

from fitwell._param_validation import Boolean, FilePath, Integer, Predicate, validate_params
from fitwell.callbacks.callback import Callback

_UNITS = {"epoch": "epochs", "batch": "batches", "second": "seconds"}
_PERIOD = re.compile(r"0*([1-9]\d{0,17}) (epoch|batch|second)(?:s|es)?", re.ASCII)


def _is_period(value: Any) -> bool:
    return isinstance(value, str) and (value == "epoch" or _PERIOD.fullmatch(value) is not None)


class BackupAndRestore(Callback):
    """Keep a checkpoint of the run in a folder, and begin with the one that is there.

    Parameters
    ----------
    backup_dir: a folder for this run alone; made if need be.
    save_freq: ``"epoch"``; a number of batches, counted through the epochs; or a text with a number and a unit:
        ``"5 epochs"``, ``"500 batches"``, ``"30 seconds"``. Seconds are looked at between dispatches, which last
        about half a second.
    double_checkpoint: accepted for Keras's sake; the checkpoint before the newest is always kept.
    delete_checkpoint: remove the checkpoints when the run has ended by itself. True, as in Keras;
        ``fit(resume=...)`` never removes them. A run that a callback stops has ended, one stopped by Ctrl-C goes on.

    A checkpoint holds everything: weights, statistics, optimizer slots, hyperparameters, the accumulators of the
    open epoch, seed, position in the data, history, and what policies and callbacks remember. A run that is killed
    and started again ends with the very bits of one that was not. Writing is done on a thread and costs training
    next to nothing; when the next checkpoint is due before the last is on the disk, the older one is left out.

    Bits depend on versions and the processor, too, and those of convolutions and wide layers on the number of cores:
    sums over many terms are divided among XLA's threads. A run that goes on with another version or number of threads
    says so; with ``NPROC=2`` in the environment XLA has two threads on any number of cores.
    """

    @validate_params(
        backup_dir=FilePath(),
        save_freq=(Integer(1) | Predicate(_is_period, "a period")).described_as(
            "'epoch', a number of batches, or a text such as '5 epochs', '500 batches' or '30 seconds'"
        ),
        double_checkpoint=Boolean(),
        delete_checkpoint=Boolean(),
    )
    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self.every, self.unit = _parse_save_freq(save_freq)
        self._saved_at = time.monotonic()

    def batches_until_due(self, batches: int, epochs: int, in_epoch: int, steps: int | None) -> int | None:
        """Return after how many batches the run has to pause for a checkpoint; None when any pause will do.

        batches, epochs: done so far. in_epoch: batches done of the open epoch. steps: batches in an epoch.
        """
        if self.unit == "batches":
            return self.every - batches % self.every
        if self.unit == "epochs" and steps is not None:
            return (self.every - epochs % self.every) * steps - in_epoch
        return None

    def is_due(self, batches: int, epochs: int, epoch_ended: bool) -> bool:
        """Return whether it is time for a checkpoint, at a pause after so many `batches` and `epochs`."""
        if self.unit == "seconds":
            now = time.monotonic()
            due = now - self._saved_at >= self.every
            self._saved_at = now if due else self._saved_at
            return due
        if self.unit == "batches":
            return batches % self.every == 0
        return epoch_ended and epochs % self.every == 0


def _parse_save_freq(save_freq: int | str) -> tuple[int, str]:
    if isinstance(save_freq, int):
        return save_freq, "batches"
    if save_freq == "epoch":
        return 1, "epochs"
    match = _PERIOD.fullmatch(save_freq)
    assert match is not None
    return int(match[1]), _UNITS[match[2]]
