"""Every row against every row: the most common mistake in losses and metrics, made visible."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

from fitwell.tracing import warn_at
from fitwell.user_code import is_users

# How JAX's own warning of `jax_numpy_rank_promotion` begins.
_PROMOTION = "Following NumPy automatic rank promotion"


@contextmanager
def pairing_told(rows: int, active: bool) -> Iterator[None]:
    """Warn, inside the block, where ``[rows, 1]`` and ``[rows]`` are broadcast to ``[rows, rows]``, with the line.

    active: whether there is code of the user's own. Pairs that are meant are written out, ``x[:, None] - x[None, :]``,
    and are not told.
    """
    if not active or rows < 2:
        yield
        return
    with jax.numpy_rank_promotion("warn"), warnings.catch_warnings():
        warnings.filterwarnings("always", message=_PROMOTION)
        show = warnings.showwarning

        def shown(message: Any, *rest: Any, **options: Any) -> None:
            if not str(message).startswith(_PROMOTION):
                show(message, *rest, **options)
            elif _pairs(str(message), rows):
                _tell(rows)

        warnings.showwarning = shown
        yield


def _pairs(message: str, rows: int) -> bool:
    listed = message.partition("on shapes ")[2].partition(". Set")[0]
    shapes = [tuple(map(int, re.findall(r"\d+", shape))) for shape in re.findall(r"\(([^)]*)\)", listed)]
    return (rows,) in shapes and (rows, 1) in shapes


def _tell(rows: int) -> None:
    frame = sys._getframe()
    while frame.f_back is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    text = (
        f"({rows}, 1) meets ({rows},) and makes a table of every row by every row: targets and predictions of one "
        "number a row come as columns, weights as one axis; write y[:, 0], or w[:, None]"
    )
    warn_at(frame.f_code.co_filename, frame.f_lineno, text, "pairs")
