"""Adaptive choice of the number of steps per dispatch."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AdaptiveDispatchSize"]


@dataclass
class AdaptiveDispatchSize:
    """A rule that chooses the number of steps for the next dispatch.

    Attributes:
        interval: The target duration of a dispatch in seconds. Progress is updated and Ctrl-C is handled only between
            dispatches.
        by_batch: Whether a callback runs after every batch, so that each dispatch may take only one step.
    """

    interval: float = 0.5
    by_batch: bool = False
    _steps: int = 64

    def max_steps(self) -> int:
        """Return the maximum number of steps for the next dispatch."""
        return 1 if self.by_batch else self._steps

    def update(self, steps: int, seconds: float) -> None:
        """Adjust the maximum number of steps toward the target duration, by a factor of at most 8.

        Args:
            steps: The number of steps in the last dispatch.
            seconds: The duration of the last dispatch.
        """
        if steps < self._steps // 2 and seconds < self.interval:
            return  # the duration of a short final dispatch is not representative
        wanted = self.interval * steps / max(seconds, 1e-6)
        self._steps = int(min(max(wanted, self._steps / 8, 1), self._steps * 8, 2**30))
