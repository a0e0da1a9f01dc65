"""Plain data that the user's code reads while it is compiled, which are constants of the compiled program.

Numbers, texts, lists, tuples, dicts and small arrays: of the object whose method it is, of objects it holds, of the
module, and of the function around it. What is another one now calls for compiling again.
"""

from __future__ import annotations

import gc
import math
import types
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._bytecode import NameUse
from fitwell._user_code import is_user_file

_SCALARS = (bool, int, float, str, type(None))
# What is larger is not compared: it takes too long, and nobody changes a table of so many numbers by hand.
_MAX_SIZE = 1000
_MAX_DISPLAY = 60
_MISSING = object()
# Of a layer; no numbers of the user's.
_LAYER_ATTRIBUTES = ("built", "name", "trainable", "_build_input_shape")


@dataclass
class TracedConstant:
    """What the user's code read while it was compiled, and where.

    holder: a table of names, a class, or the cell of a closure. content: what it was, to compare with. shown: for
    people.
    """

    holder: dict[str, Any] | type | types.CellType
    name: str
    label: str
    filename: str
    line: int
    content: Any = None
    display: str = ""

    def record(self) -> None:
        """Keep what it is now, with which the program was compiled."""
        value = self.current_value()
        self.content, self.display = comparable_content(value), _display(value)

    def current_value(self) -> Any:
        """Return what it is now."""
        if isinstance(self.holder, types.CellType):
            try:
                return self.holder.cell_contents
            except ValueError:
                return _MISSING
        table = vars(self.holder) if isinstance(self.holder, type) else self.holder
        return table.get(self.name, _MISSING)

    @property
    def has_changed(self) -> bool:
        """Whether it is another one now, of which the compiled program knows nothing."""
        if self.content is None:
            return False
        now = comparable_content(self.current_value())
        return now is not None and now != self.content

    @property
    def change(self) -> str:
        """What it was and is now, in words."""
        return f"{self.label} was {self.display} when the run was compiled and is now {_display(self.current_value())}"


TracedConstants = dict[tuple[int, str], TracedConstant]


def comparable_content(value: Any) -> Any:
    """Return what is equal for equal plain data, and does not change with it; None for all else.

    >>> comparable_content([1, 2.0]) == comparable_content([1, 2]), comparable_content(object())
    (True, None)
    """
    return _content(value, [_MAX_SIZE])


def _content(value: Any, left: list[int]) -> Any:
    left[0] -= 1
    if left[0] < 0:
        return None
    if isinstance(value, float) and math.isnan(value):
        return "a number", "NaN"  # which differs from itself
    if isinstance(value, _SCALARS):
        return ("a number", value)
    if isinstance(value, list | tuple | dict):
        parts = (
            [_content(part, left) for pair in value.items() for part in pair]
            if isinstance(value, dict)
            else [_content(part, left) for part in value]
        )
        return None if any(part is None for part in parts) else (type(value).__name__, *parts)
    if isinstance(value, jax.core.Tracer) or (isinstance(value, jax.Array) and value.is_deleted()):
        return None
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        return None
    if isinstance(value, np.ndarray | np.generic | jax.Array) and value.size <= left[0]:
        left[0] -= value.size
        array = np.asarray(value)
        return None if array.dtype.hasobject else ("an array", array.dtype.str, array.shape, array.tobytes())
    return None


def find_constants(
    frame: types.FrameType, uses: list[NameUse], running: Sequence[types.FrameType]
) -> Iterator[TracedConstant]:
    """Yield what the code of `frame` is about to read of plain data that outlives the pass through it.

    What the code itself assigns to is left out: of that is told elsewhere. running: the user's frames around it,
    whose variables end with them.
    """
    code = frame.f_code
    stored = {use.path for use in uses if use.stores}
    cells: dict[str, types.CellType] | None = None
    for use in uses:
        if use.stores or not use.path or any(use.path[: len(path)] == path for path in stored):
            continue
        root, *rest = use.path
        found: tuple[Any, str, str] | None
        if root in code.co_freevars:
            value = frame.f_locals.get(root)
            found = _locate(value, [root], rest)
            if comparable_content(value) is not None:
                if any(root in outer.f_code.co_cellvars for outer in running):
                    continue
                cells = _closure_cells(frame) if cells is None else cells
                found = (cells[root], root, root) if root in cells else None
        elif root in code.co_varnames:
            is_first = bool(code.co_argcount) and root == code.co_varnames[0]
            found = _locate(frame.f_locals.get(root), [root], rest) if is_first else None
        elif rest:
            found = _locate(frame.f_globals.get(root), [root], rest)
        else:
            found = (frame.f_globals, root, root) if root in frame.f_globals else None
        if found is not None and found[1] not in _LAYER_ATTRIBUTES:
            holder, name, label = found
            constant = TracedConstant(holder, name, label, code.co_filename, use.line)
            if comparable_content(constant.current_value()) is not None:
                yield constant


def _locate(value: Any, path: list[str], rest: list[str]) -> tuple[dict[str, Any] | type, str, str] | None:
    """Return the table in which ``value.a.b`` has its first plain data, the name there, and what the code calls it."""
    for name in rest:
        if isinstance(value, types.ModuleType) and not is_user_file(
            getattr(value, "__file__", None) or "<stdin>"
        ):
            return None
        path = [*path, name]
        own = getattr(value, "__dict__", None)
        holder: dict[str, Any] | type | None = own if isinstance(own, dict) and name in own else None
        if holder is None:
            kinds = value.__mro__ if isinstance(value, type) else type(value).__mro__
            holder = next((kind for kind in kinds if name in vars(kind)), None)
        if holder is None:
            return None
        value = vars(holder)[name] if isinstance(holder, type) else holder[name]
        if comparable_content(value) is not None:
            return holder, name, ".".join(path)
    return None


# Looking for a function takes tens of milliseconds.
_functions: weakref.WeakSet[types.FunctionType] = weakref.WeakSet()


def _closure_cells(frame: types.FrameType) -> dict[str, types.CellType]:
    """Return the variables of the function around that of `frame`, which knows its code and not the function."""
    found = _cells_among(list(_functions), frame)
    if not found:
        others = [item for item in gc.get_referrers(frame.f_code) if isinstance(item, types.FunctionType)]
        found = _cells_among(others, frame)
        _functions.update(others)
    return found


def _cells_among(functions: list[types.FunctionType], frame: types.FrameType) -> dict[str, types.CellType]:
    for function in functions:
        if function.__code__ is frame.f_code:
            cells = dict(zip(frame.f_code.co_freevars, function.__closure__ or (), strict=True))
            if all(_is_in(cell, frame.f_locals.get(name, _MISSING)) for name, cell in cells.items()):
                return cells
    return {}


def _is_in(cell: types.CellType, value: Any) -> bool:
    try:
        return cell.cell_contents is value
    except ValueError:
        return value is _MISSING


def _display(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_DISPLAY else f"{text[: _MAX_DISPLAY - 3]}..."
