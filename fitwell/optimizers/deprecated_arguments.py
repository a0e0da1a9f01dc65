"""The optimizer arguments of older Keras versions, translated to today's, with one warning each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fitwell import config
from fitwell.arguments import Real, check
from fitwell.errors import InvalidArgument, nearest
from fitwell.schedules import InverseTimeDecay
from fitwell.spellings import warn_older


def translate_deprecated_arguments(
    optimizer: str, learning_rate: Any, options: dict[str, Any], valid: Iterable[str]
) -> Any:
    """Take the older spellings out of `options`, refuse unknown ones, and return the learning rate meant."""
    if "lr" in options:
        warn_older("lr=", "learning_rate=")
        learning_rate = options.pop("lr")
    decay = options.pop("decay", None)
    if decay is not None:
        warn_older("decay=", "learning_rate=InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=decay)")
    if decay:
        if not isinstance(learning_rate, int | float):
            raise InvalidArgument(f"{optimizer}: decay= and a schedule as learning_rate exclude each other")
        check(optimizer, "decay", decay, Real(0))
        learning_rate = InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=decay)
    valid = sorted(valid)
    unknown = [name for name in options if name not in valid]
    if unknown:
        hints = "; ".join(f"{name!r}{nearest(name, valid)}" for name in unknown)
        end = "" if hints.endswith("?") else "."
        raise InvalidArgument(f"{optimizer}: unknown argument {hints}{end} Valid: {', '.join(valid)}.")
    return learning_rate


def epsilon_or_default(epsilon: Any) -> Any:
    """Return `epsilon`, or the library's for the older spelling ``epsilon=None``."""
    if epsilon is None:
        warn_older("epsilon=None", "epsilon=1e-7, or leave it out")
        return config.epsilon()
    return epsilon
