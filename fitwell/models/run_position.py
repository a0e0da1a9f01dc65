"""`RunPosition`: the current position of a training run."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["RunPosition"]


@dataclass(frozen=True)
class RunPosition:
    """The current position of a training run.

    Attributes:
        seed: The run's seed.
        epoch: The number of epochs that the model has been trained for since `compile`, in all calls to `fit`.
        epochs_done: The number of epochs that this run has finished.
        step_in_epoch: The number of finished batches in the current or last epoch.
        batches_seen: The number of finished batches in the whole run.
        is_open: Whether an epoch has started but not ended.
        has_ended: Whether a policy or a callback ended the run, so that a resumed run does not continue.
    """

    seed: int
    epoch: int = 0
    epochs_done: int = 0
    step_in_epoch: int = 0
    batches_seen: int = 0
    is_open: bool = False
    has_ended: bool = False

    @property
    def open_steps(self) -> int:
        """The number of finished batches in the open epoch, or 0 between epochs."""
        return self.step_in_epoch if self.is_open else 0

    def begin_epoch(self) -> RunPosition:
        """Return the position before the first batch of an epoch."""
        return replace(self, step_in_epoch=0)

    def advance(self, steps: int, finished_epochs: int) -> RunPosition:
        """Return the position after a dispatch.

        Args:
            steps: The number of batches that the dispatch processed in each of its epochs.
            finished_epochs: The number of epochs that the dispatch finished, or 0 if its epoch is still open.
        """
        return replace(
            self,
            step_in_epoch=self.step_in_epoch + steps,
            batches_seen=self.batches_seen + steps * max(finished_epochs, 1),
            is_open=not finished_epochs,
        )

    def end_epochs(self, count: int = 1) -> RunPosition:
        """Return the position after `count` more epochs."""
        return replace(self, epoch=self.epoch + count, epochs_done=self.epochs_done + count)

    def end(self) -> RunPosition:
        """Return the position of a run that a policy or a callback ended."""
        return replace(self, has_ended=True)
