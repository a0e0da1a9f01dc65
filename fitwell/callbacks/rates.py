"""Who decides the learning rate: one of a schedule, a scheduler by epoch, or plateaus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fitwell.callbacks.schedule import LearningRateScheduler
from fitwell.callbacks.stopping import ReduceLROnPlateau
from fitwell.errors import InvalidArgument


def check_owners(callbacks: Iterable[Any], optimizer: Any) -> None:
    """Refuse a run in which two would set the learning rate, each unaware of the other.

    A schedule of the optimizer sets it at every step, a `LearningRateScheduler` at every epoch, for several epochs
    ahead; a `ReduceLROnPlateau` multiplies whatever it is when an epoch ends. So only plateaus go together: each
    multiplies, in the order of the callbacks. A hook that sets ``model.optimizer.learning_rate`` goes together with
    both kinds of callback as in Keras: it holds until the next one to set it, a scheduler at the next epoch.
    """
    callbacks = list(callbacks)
    by_epoch = sum(isinstance(callback, LearningRateScheduler) for callback in callbacks)
    plateaus = sum(isinstance(callback, ReduceLROnPlateau) for callback in callbacks)
    owners = ["a schedule by step, given to the optimizer"] * callable(optimizer.setting("learning_rate"))
    owners += ["LearningRateScheduler"] * by_epoch
    owners += ["ReduceLROnPlateau"] * (plateaus > 0)
    if len(owners) > 1:
        raise InvalidArgument(
            f"the learning rate would be set by {' and by '.join(owners)}: one of them decides it. With a schedule by "
            "step, leave the callbacks out; with callbacks, give the optimizer a number and use one of them"
        )
