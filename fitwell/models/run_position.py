"""`RunPosition`: where a training run stands, as one value."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["RunPosition"]


@dataclass(frozen=True)
class RunPosition:
    """Where a training run stands.

    seed: of the run.
    epoch: the epochs that the model was trained for since `compile`, in all calls of `fit`.
    epochs_done: the epochs that this run has finished.
    step_in_epoch: the batches of the current or last epoch that are done.
    batches_seen: the batches of the whole run.
    is_open: whether an epoch has begun and not ended.
    has_ended: whether a policy or a callback ended the run, so that a resumed run does not continue.
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
        """The batches of the open epoch that are done; 0 between epochs."""
        return self.step_in_epoch if self.is_open else 0

    def begin_epoch(self) -> RunPosition:
        """Return the position before the first batch of an epoch."""
        return replace(self, step_in_epoch=0)

    def advance(self, steps: int, finished_epochs: int) -> RunPosition:
        """Return the position after `steps` batches of each of the epochs of a dispatch.

        finished_epochs: how many epochs the dispatch ended; 0 if its epoch stays open.
        """
        return replace(
            self,
            step_in_epoch=self.step_in_epoch + steps,
            batches_seen=self.batches_seen + steps * max(finished_epochs, 1),
            is_open=not finished_epochs,
        )

    def end_epochs(self, count: int = 1) -> RunPosition:
        """Return the position after `count` epochs more."""
        return replace(self, epoch=self.epoch + count, epochs_done=self.epochs_done + count)

    def end(self) -> RunPosition:
        """Return the position of a run that was ended."""
        return replace(self, has_ended=True)
