"""The `BackupAndRestore` callback, which resumes an interrupted run."""

from __future__ import annotations

import os
import re
import time
from typing import Any

from fitwell._callback import Callback
from fitwell._param_validation import Boolean, FilePath, Integer, Predicate, validate_params
from fitwell._typing import PathType

__all__ = ["BackupAndRestore"]

_UNITS = {"epoch": "epochs", "batch": "batches", "second": "seconds"}
_PERIOD = re.compile(r"0*([1-9]\d{0,17}) (epoch|batch|second)(?:s|es)?", re.ASCII)


def _is_period(value: Any) -> bool:
    return isinstance(value, str) and (value == "epoch" or _PERIOD.fullmatch(value) is not None)


class BackupAndRestore(Callback):
    """A callback that saves checkpoints of a run in a folder and resumes from the newest one.

    A checkpoint contains the complete training state: weights, non-trainable variables, optimizer state,
    hyperparameters, the metrics of the unfinished epoch, the seed, the position in the data, the history, and
    the states of policies and callbacks. A run that is killed and resumed ends with the same results, bit for
    bit, as an uninterrupted run. A background thread writes the checkpoints, so they hardly slow down
    training. If a checkpoint is still waiting to be written when the next one is due, only the newer one is written.

    Identical results require the same package versions and the same kind of processor. Convolutions and wide
    layers also require the same number of cores, because XLA divides long sums among its threads. A resumed
    run warns if the versions or the number of threads differ. With ``NPROC=2`` in the environment, XLA
    uses two threads regardless of the number of cores.

    Args:
        backup_dir (str | PathLike): Folder for this run's checkpoints. It is created if it does not exist.
        save_freq (str | int): ``"epoch"``, a number of batches (counted across epochs), or a string with a
            number and a unit, such as ``"5 epochs"``, ``"500 batches"`` or ``"30 seconds"``. The
            time is checked only between dispatches, and a dispatch takes about half a second. Default: ``"epoch"``.
        double_checkpoint (bool): Accepted for compatibility with Keras. It has no effect, because the
            checkpoint before the newest one is always kept. Default: False.
        delete_checkpoint (bool): Whether to delete the checkpoints when the run has finished.
            ``fit(resume=...)`` never deletes them. A run that a callback stops counts as finished, but a run
            that is stopped by Ctrl-C can be resumed. Default: True.

    Example:
        >>> import fitwell as fw, tempfile
        >>> fw.callbacks.BackupAndRestore(tempfile.mkdtemp(), save_freq="500 batches").save_freq
        '500 batches'

    Source: Keras `BackupAndRestore`.
    """

    @validate_params(
        backup_dir=FilePath(),
        save_freq=(Integer(1) | Predicate(_is_period, "a period")).described_as(
            "'epoch', a number of batches, or a string such as '5 epochs', '500 batches' or '30 seconds'"
        ),
        double_checkpoint=Boolean(),
        delete_checkpoint=Boolean(),
    )
    def __init__(
        self,
        backup_dir: PathType,
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
        """Return the number of batches until a checkpoint is due, or None if it is not known.

        Args:
            batches (int): Number of batches that the run has completed.
            epochs (int): Number of epochs that the run has completed.
            in_epoch (int): Number of batches that the run has completed in the current epoch.
            steps (int | None): Number of batches in an epoch, or None if it is not known.
        """
        if self.unit == "batches":
            return self.every - batches % self.every
        if self.unit == "epochs" and steps is not None:
            return (self.every - epochs % self.every) * steps - in_epoch
        return None

    def is_due(self, batches: int, epochs: int, epoch_ended: bool) -> bool:
        """Return whether a checkpoint is due after `batches` batches and `epochs` epochs."""
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
