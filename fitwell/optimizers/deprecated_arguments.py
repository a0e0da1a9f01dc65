"""The optimizer arguments of older Keras versions, translated to today's, with one warning each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fitwell import config
from fitwell._deprecation import warn_deprecated
from fitwell._param_validation import Real, validate_param
from fitwell.errors import InvalidArgument, did_you_mean
from fitwell.schedules import InverseTimeDecay


def translate_deprecated_arguments(
    optimizer: str, learning_rate: Any, options: dict[str, Any], valid: Iterable[str]
) -> Any:
    """Take the older spellings out of `options`, refuse unknown ones, and return the learning rate meant."""
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
            raise InvalidArgument(f"{optimizer}: decay= and a schedule as learning_rate exclude each other")
        validate_param(optimizer, "decay", decay, Real(0))
        learning_rate = InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=decay)
    valid = sorted(valid)
    unknown = [name for name in options if name not in valid]
    if unknown:
        hints = "; ".join(f"{name!r}{did_you_mean(name, valid)}" for name in unknown)
        end = "" if hints.endswith("?") else "."
        raise InvalidArgument(f"{optimizer}: unknown argument {hints}{end} Valid: {', '.join(valid)}.")
    return learning_rate


def epsilon_or_default(epsilon: Any) -> Any:
    """Return `epsilon`, or the library's for the older spelling ``epsilon=None``."""
    if epsilon is None:
        warn_deprecated("epsilon=None", "epsilon=1e-7, or leave it out")
        return config.epsilon()
    return epsilon
