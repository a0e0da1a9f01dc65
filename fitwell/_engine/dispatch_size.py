"""How far a dispatch may run before someone has to look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class AdaptiveDispatchSize:
    """Chooses the number of steps of the next dispatch.

    interval: seconds after which a dispatch should be over, so that progress is shown and Ctrl-C is heard.
    by_batch: somebody looks at every batch. by_epoch: somebody looks at every epoch.
    """

    interval: float = 0.5
    by_batch: bool = False
    by_epoch: bool = False
    _steps: int = 64

    def max_steps(self) -> int:
        """Return how many steps the next dispatch may take."""
        return 1 if self.by_batch else self._steps

    def update(self, steps: int, seconds: float) -> None:
        """Learn from a dispatch of `steps` steps: grow or shrink towards the interval, at most eightfold."""
        if steps < self._steps // 2 and seconds < self.interval:
            return  # a short tail says little
        wanted = self.interval * steps / max(seconds, 1e-6)
        self._steps = int(min(max(wanted, self._steps / 8, 1), self._steps * 8, 2**30))
