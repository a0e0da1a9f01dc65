"""Deprecated arguments, methods and attributes of optimizers, which warn when they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fitwell import config
from fitwell._deprecation import warn_deprecated
from fitwell._param_validation import Real, validate_param
from fitwell.errors import InvalidArgument, did_you_mean
from fitwell.schedules import InverseTimeDecay

__all__ = [
    "DeprecatedOptimizerMethods",
    "alias_deprecated_methods",
    "epsilon_or_default",
    "translate_deprecated_arguments",
]


def translate_deprecated_arguments(
    optimizer: str, learning_rate: Any, options: dict[str, Any], valid: Iterable[str]
) -> Any:
    """Remove deprecated arguments from `options`, reject unknown ones, and return the learning rate."""
    if "lr" in options:
        warn_deprecated("lr=", "learning_rate=")
        learning_rate = options.pop("lr")
    decay = options.pop("decay", None)
    if decay is not None:
        warn_deprecated(
            "decay=", "learning_rate=InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=decay)"
        )
    if decay:
        if not isinstance(learning_rate, int | float):
            raise InvalidArgument(f"{optimizer}: decay= cannot be combined with a schedule as learning_rate")
        validate_param(optimizer, "decay", decay, Real(0))
        learning_rate = InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=decay)
    valid = sorted(valid)
    unknown = [name for name in options if name not in valid]
    if unknown:
        hints = " Unknown argument ".join(f"{name!r}{did_you_mean(name, valid) or '.'}" for name in unknown)
        raise InvalidArgument(f"{optimizer}: unknown argument {hints} Valid arguments: {', '.join(valid)}.")
    return learning_rate


def epsilon_or_default(epsilon: Any) -> Any:
    """Return `epsilon`, or Keras's default if `epsilon` is None, as in Keras 2."""
    if epsilon is None:
        warn_deprecated("epsilon=None", "epsilon=1e-7, or leave it out")
        return config.epsilon()
    return epsilon


_RENAMED_METHODS = {
    "rule": "update_step",
    "slot_values": "init_slots",
    "shared_values": "init_shared_slots",
    "advance": "update_shared_slots",
}


def alias_deprecated_methods(cls: type) -> None:
    """Make the methods that `cls` defines available under both their current and their deprecated names.

    Overriding a method under its deprecated name triggers a warning. Calls to the base method under its
    deprecated name, such as ``super().rule(...)``, continue to work.
    """
    for old, new in _RENAMED_METHODS.items():
        defined = vars(cls)
        if new in defined:
            setattr(cls, old, defined[new])
        elif old in defined:
            warn_deprecated(f"{cls.__name__}.{old}(...)", f"{cls.__name__}.{new}(...)")
            setattr(cls, new, defined[old])


class DeprecatedOptimizerMethods:
    """A mixin with the deprecated methods and attributes of optimizers."""

    opt_state: Any
    get_hyperparameter: Callable[[str], Any]
    match_slots: Callable[..., Any]

    def setting(self, name: str) -> Any:
        """Deprecated name for `get_hyperparameter`."""
        warn_deprecated("optimizer.setting(name)", "optimizer.get_hyperparameter(name)")
        return self.get_hyperparameter(name)

    def reconcile(self, slots: Any, parameters: Any) -> Any:
        """Deprecated name for `match_slots`."""
        warn_deprecated("optimizer.reconcile(...)", "optimizer.match_slots(...)")
        return self.match_slots(slots, parameters)

    @property
    def slots(self) -> Any:
        """Deprecated name for `opt_state`."""
        warn_deprecated("optimizer.slots", "optimizer.opt_state")
        return self.opt_state

    @slots.setter
    def slots(self, value: Any) -> None:
        warn_deprecated("optimizer.slots", "optimizer.opt_state")
        self.opt_state = value
