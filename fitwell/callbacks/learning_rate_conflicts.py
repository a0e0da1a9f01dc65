"""Who decides the learning rate: a schedule by step, or callbacks, each in its turn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fitwell.callbacks.early_stopping import ReduceLROnPlateau
from fitwell.callbacks.learning_rate_scheduler import LearningRateScheduler
from fitwell.errors import InvalidArgument


def check_learning_rate_conflicts(callbacks: Iterable[Any], optimizer: Any) -> None:
    """Refuse a run in which callbacks would set the learning rate that a schedule sets at every step.

    Callbacks go together as in Keras: a `LearningRateScheduler` sets the rate when an epoch begins, of several the last
    one decides; a `ReduceLROnPlateau` multiplies whatever it is when an epoch ends, which a scheduler that takes the
    rate before goes on from, and one of the epoch alone overwrites. A hook that sets
    ``model.optimizer.learning_rate`` holds until the next one to set it.
    """
    if not callable(optimizer.get_hyperparameter("learning_rate")):
        return
    kinds = (LearningRateScheduler, ReduceLROnPlateau)
    owners = [kind.__name__ for kind in kinds if any(isinstance(callback, kind) for callback in callbacks)]
    if owners:
        raise InvalidArgument(
            "the learning rate would be set by a schedule by step, given to the optimizer, and by "
            f"{' and by '.join(owners)}: either decides it. Leave the callbacks out, or give the optimizer a number"
        )
