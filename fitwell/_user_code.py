"""The user's own code: what is, and in words what of it cannot be compiled."""

from __future__ import annotations

import linecache
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax

from fitwell.errors import InvalidArgument

_HERE = str(Path(__file__).parent)
_LIBRARIES = tuple(
    {_HERE, *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))}
)


def is_user_file(filename: str) -> bool:
    """Return whether a file of code is the user's own: neither a library's nor made by one."""
    generated = filename.startswith("<") and not filename.startswith(("<stdin", "<ipython", "<string"))
    return not generated and not filename.startswith(_LIBRARIES)


def is_user_object(part: Any) -> bool:
    """Return whether an object or function is of the user's own class or code."""
    function = getattr(part, "__func__", part)
    code = getattr(function, "__code__", None)
    if code is not None:
        return is_user_file(code.co_filename)
    kind = part if isinstance(part, type) else type(part)
    module = sys.modules.get(kind.__module__)
    name = str(kind.__module__).partition(".")[0]
    return name not in ("fitwell", "builtins") and is_user_file(
        getattr(module, "__file__", None) or "<stdin>"
    )


def has_user_code(parts: Iterable[Any]) -> bool:
    """Return whether any of these is of the user's own class or code."""
    return any(
        is_user_object(part)
        or any(callable(value) and is_user_object(value) for value in getattr(part, "__dict__", {}).values())
        for part in parts
        if part is not None
    )


_ERRORS: tuple[tuple[type[Exception], str, str], ...] = (
    (
        jax.errors.TracerBoolConversionError,
        "",
        "asks whether a value is true that is not known before the run: write jnp.where(condition, a, b) in place of "
        "if, or jax.lax.cond",
    ),
    (
        jax.errors.NonConcreteBooleanIndexError,
        "",
        "chooses entries by a mask, so the shape is not known before the run: write jnp.where(mask, x, 0)",
    ),
    (
        jax.errors.TracerArrayConversionError,
        "",
        "hands NumPy an array that is not known before the run: use jax.numpy instead, import jax.numpy as jnp",
    ),
    (
        jax.errors.ConcretizationTypeError,
        "",
        "needs a number that is not known before the run, as float(x), int(x) and range(x) do: keep it an array",
    ),
    (
        jax.errors.UnexpectedTracerError,
        "",
        "uses a stand-in for an array that was kept from an earlier compilation: compute it where it is used",
    ),
    (
        TypeError,
        "scalar index",
        "needs a number that is not known before the run, as range(x) does: use a shape, or jax.lax.fori_loop",
    ),
    (
        TypeError,
        "item assignment",
        "assigns to a part of an array, and JAX's do not change: write x = x.at[index].set(value)",
    ),
    (
        ZeroDivisionError,
        "",
        "divides by a number of Python that is 0 while the run is compiled: keep what changes in a variable, "
        "self.total = self.add_weight(), and assign it, self.total.assign_add(x)",
    ),
    (
        ValueError,
        "__jax_array__",
        "hands a variable to a function of jax.lax, which takes arrays: write variable.value",
    ),
)


@contextmanager
def explain_tracing_errors() -> Iterator[None]:
    """Say in words, and with the user's line, what of the user's code cannot be compiled."""
    try:
        yield
    except Exception as error:
        why = next(
            (why for kind, word, why in _ERRORS if isinstance(error, kind) and word in str(error)), None
        )
        frames = [f for f in traceback.extract_tb(error.__traceback__) if is_user_file(f.filename)]
        if why is None or not frames:
            raise
        place = frames[-1]
        source = linecache.getline(place.filename, place.lineno or 0).strip()
        raise InvalidArgument(
            f"{Path(place.filename).name}, line {place.lineno}, in {place.name}: {source!r} {why}"
        ) from error
