"""Functions with side effects that a compiled run does not repeat, and what to write instead."""

from __future__ import annotations

import builtins
import datetime
import logging
import os
import random
import secrets
import time
import uuid
from typing import Any

import numpy as np

__all__ = ["DRAWN_ONCE", "side_effect_message"]

DRAWN_ONCE = (
    "is drawn once, while the run is compiled, and is the same at every step: draw with JAX and the layer's key, "
    "jax.random.normal(self.next_key(), shape)"
)
_CLOCK = "is read once, while the run is compiled, and not at every step: time the run from a callback"
_PRINT = "happens once, while the run is compiled, and not at every step: use jax.debug.print"


def side_effect_message(function: Any, use: Any) -> str | None:
    """Return the warning for a call of `function` while a run is compiled, or None if it has no side effect.

    A generator with an explicit seed is a deliberate constant and does not warn.

    use: the call (a `NameUse`), or None if unknown.
    """
    if function is None:
        return None
    owner = getattr(function, "__self__", None)
    module = str(getattr(function, "__module__", "") or "")
    name = getattr(function, "__name__", "")
    if function is builtins.print:
        return f"print {_PRINT}"
    if isinstance(owner, logging.Logger) or (
        module == "logging" and name in ("info", "debug", "warning", "getLogger")
    ):
        return f"the log entry {_PRINT}"
    if owner is time or module == "time":
        return None if name in ("sleep", "strftime", "gmtime") else f"time.{name}() {_CLOCK}"
    if isinstance(owner, type) and issubclass(owner, datetime.date) and name in ("now", "today", "utcnow"):
        return f"datetime.{name}() {_CLOCK}"
    if isinstance(owner, random.Random) or function in (os.urandom, uuid.uuid4) or module == secrets.__name__:
        return f"{name}() of Python {DRAWN_ONCE}"
    if isinstance(owner, np.random.RandomState | np.random.Generator):
        return f"{name}() of NumPy {DRAWN_ONCE}"
    if function in (np.random.default_rng, np.random.RandomState):
        unseeded = use is not None and use.arguments == 0
        return f"{name}() of NumPy {DRAWN_ONCE}" if unseeded else None
    return None
