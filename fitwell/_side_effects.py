"""Messages about calls whose side effects a compiled run does not repeat, with advice on what to write instead."""

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
    "is drawn only once, while the run is compiled, and stays the same at every step; draw it with JAX and the layer's "
    "key instead, for example jax.random.normal(self.next_key(), shape)"
)
_CLOCK = "is read only once, while the run is compiled, and not at every step; measure the time in a callback instead"
_PRINT = "happens only once, while the run is compiled, and not at every step; use jax.debug.print instead"


def side_effect_message(function: Any, use: Any) -> str | None:
    """Return a warning about calling `function` during compilation, or None if it has no known side effect.

    A generator with an explicit seed is a deliberate constant, so there is no warning about it.

    Args:
        function: The function that is called.
        use: The call as a `NameUse`, or None if it is unknown.

    Returns:
        The message, or None.
    """
    if function is None:
        return None
    owner = getattr(function, "__self__", None)
    module = str(getattr(function, "__module__", "") or "")
    name = getattr(function, "__name__", "")
    if function is builtins.print:
        return f"print() {_PRINT}"
    if isinstance(owner, logging.Logger) or (
        module == "logging" and name in ("info", "debug", "warning", "getLogger")
    ):
        return f"logging {_PRINT}"
    if owner is time or module == "time":
        return None if name in ("sleep", "strftime", "gmtime") else f"time.{name}() {_CLOCK}"
    if isinstance(owner, type) and issubclass(owner, datetime.date) and name in ("now", "today", "utcnow"):
        return f"datetime.{name}() {_CLOCK}"
    if isinstance(owner, random.Random) or function in (os.urandom, uuid.uuid4) or module == secrets.__name__:
        return f"the result of Python's {name}() {DRAWN_ONCE}"
    if isinstance(owner, np.random.RandomState | np.random.Generator):
        return f"the result of NumPy's {name}() {DRAWN_ONCE}"
    if function in (np.random.default_rng, np.random.RandomState):
        unseeded = use is not None and use.arguments == 0
        return f"the result of NumPy's {name}() {DRAWN_ONCE}" if unseeded else None
    return None
