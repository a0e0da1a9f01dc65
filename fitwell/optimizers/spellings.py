"""The optimizer arguments of older Keras versions, translated to today's, with one warning each."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fitwell import config
from fitwell.errors import InvalidArgument, nearest
from fitwell.schedules import InverseTimeDecay

_package = f"{Path(__file__).parent.parent}{os.sep}"
_warned: set[str] = set()


def warn_older(older: str, today: str) -> None:
    """Warn, once per process for each `older` spelling, naming `today`'s; the caller's line is shown."""
    if older in _warned:
        return
    _warned.add(older)
    level = 1
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_package):
        frame = frame.f_back
        level += 1
    warnings.warn(f"{older} is an older spelling: write {today}", DeprecationWarning, stacklevel=level)


def translate(optimizer: str, learning_rate: Any, options: dict[str, Any], valid: Iterable[str]) -> Any:
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
        learning_rate = InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=decay)
    valid = sorted(valid)
    unknown = [name for name in options if name not in valid]
    if unknown:
        hints = "; ".join(f"{name!r}{nearest(name, valid)}" for name in unknown)
        raise InvalidArgument(f"{optimizer}: unknown argument {hints} Valid: {', '.join(valid)}.")
    return learning_rate


def epsilon_or_default(epsilon: Any) -> Any:
    """Return `epsilon`, or the library's for the older spelling ``epsilon=None``."""
    if epsilon is None:
        warn_older("epsilon=None", "epsilon=1e-7, or leave it out")
        return config.epsilon()
    return epsilon
