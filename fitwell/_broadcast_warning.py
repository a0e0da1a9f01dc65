"""A warning about accidental broadcasting of rows, the most common mistake in custom losses and metrics."""

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

# The start of JAX's warning for the option `jax_numpy_rank_promotion`.
_PROMOTION = "Following NumPy automatic rank promotion"


@contextmanager
def warn_on_row_broadcast(rows: int, active: bool) -> Iterator[None]:
    """Return a context manager that warns if arrays ``[rows, 1]`` and ``[rows]`` are broadcast to ``[rows, rows]``.

    The warning points to the user's line. Intentional broadcasting, such as ``x[:, None] - x[None, :]``, does not cause
    a warning.

    Args:
        rows: The number of rows in the batch.
        active: Whether the program contains user code. If False, nothing is checked.

    Yields:
        None.
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
        f"arrays of shapes ({rows}, 1) and ({rows},) broadcast to ({rows}, {rows}), which pairs every row with every "
        "other row. Targets and predictions with one number per row have shape (rows, 1), but sample weights have "
        "shape (rows,). To match the shapes, write y[:, 0] or weights[:, None]"
    )
    warn_at_line(frame.f_code.co_filename, frame.f_lineno, text, "pairs")
