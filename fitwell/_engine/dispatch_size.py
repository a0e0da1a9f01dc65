"""How many steps a dispatch may take before the host acts again."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AdaptiveDispatchSize"]


@dataclass
class AdaptiveDispatchSize:
    """Chooses the number of steps of the next dispatch.

    interval: the seconds that a dispatch should take, so that progress is shown and Ctrl-C is noticed.
    by_batch: whether a callback observes every batch.
    """

    interval: float = 0.5
    by_batch: bool = False
    _steps: int = 64

    def max_steps(self) -> int:
        """Return how many steps the next dispatch may take."""
        return 1 if self.by_batch else self._steps

    def update(self, steps: int, seconds: float) -> None:
        """Adapt to a dispatch that took `seconds`: grow or shrink towards the interval, at most eightfold."""
        if steps < self._steps // 2 and seconds < self.interval:
            return  # the time of a short remainder is not representative
        wanted = self.interval * steps / max(seconds, 1e-6)
        self._steps = int(min(max(wanted, self._steps / 8, 1), self._steps * 8, 2**30))
