"""A warning for accidental broadcasting of rows, the most common mistake in custom losses and metrics."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

from fitwell._tracing_warnings import warn_at_line
from fitwell._user_code import is_user_file

__all__ = ["warn_on_row_broadcast"]

# How JAX's own warning of `jax_numpy_rank_promotion` begins.
_PROMOTION = "Following NumPy automatic rank promotion"


@contextmanager
def warn_on_row_broadcast(rows: int, active: bool) -> Iterator[None]:
    """Warn, inside the block, when ``[rows, 1]`` and ``[rows]`` are broadcast to ``[rows, rows]``, at the user's line.

    Intended pairs, written as ``x[:, None] - x[None, :]``, do not warn.

    active: whether the program contains user code. If False, the block runs without the check.
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
            elif _is_row_broadcast(str(message), rows):
                _warn_of_broadcast(rows)

        warnings.showwarning = shown
        yield


def _is_row_broadcast(message: str, rows: int) -> bool:
    listed = message.partition("on shapes ")[2].partition(". Set")[0]
    shapes = [tuple(map(int, re.findall(r"\d+", shape))) for shape in re.findall(r"\(([^)]*)\)", listed)]
    return (rows,) in shapes and (rows, 1) in shapes


def _warn_of_broadcast(rows: int) -> None:
    frame = sys._getframe()
    while frame.f_back is not None and not is_user_file(frame.f_code.co_filename):
        frame = frame.f_back
    text = (
        f"({rows}, 1) meets ({rows},) and makes a table of every row by every row: targets and predictions with "
        "one number per row are columns, weights have one axis; write y[:, 0], or w[:, None]"
    )
    warn_at_line(frame.f_code.co_filename, frame.f_lineno, text, "pairs")
