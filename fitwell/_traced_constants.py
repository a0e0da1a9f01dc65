"""Detection of plain data that user code reads during compilation and that is constant in the compiled program.

Plain data consists of numbers, strings, lists, tuples, dicts and small arrays. User code may read it from attributes of
`self` or of nested objects, from module globals, and from variables of an enclosing function. If a value changes, the
program is compiled again.
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

__all__ = [
    "TracedConstant",
    "TracedConstants",
    "comparable_content",
    "find_constants",
]

_SCALARS = (bool, int, float, str, type(None))
# Larger data is not compared, because comparing it takes too long and users rarely change it between runs.
_MAX_SIZE = 1000
_MAX_DISPLAY = 60
_MISSING = object()
# Attributes of fitwell's base class for layers, which are not user data.
_LAYER_ATTRIBUTES = ("built", "name", "trainable", "_build_input_shape")


@dataclass
class TracedConstant:
    """A value that user code read while the code was compiled, and the place where the code read it.

    Attributes:
        holder: The namespace, class or closure cell that contains the value.
        name: The key of the value in its holder.
        label: The name of the value for messages, such as ``self.rate``.
        filename: The file that contains the user code.
        line: The line that reads the value.
        content: A comparable copy of the value at compile time.
        display: A human-readable representation of the value at compile time.
    """

    holder: dict[str, Any] | type | types.CellType
    name: str
    label: str
    filename: str
    line: int
    content: Any = None
    display: str = ""

    def record(self) -> None:
        """Store the current value as the value that was used to compile the program."""
        value = self.current_value()
        self.content, self.display = comparable_content(value), _display(value)

    def current_value(self) -> Any:
        """Read the current value from its holder."""
        if isinstance(self.holder, types.CellType):
            try:
                return self.holder.cell_contents
            except ValueError:
                return _MISSING
        table = vars(self.holder) if isinstance(self.holder, type) else self.holder
        return table.get(self.name, _MISSING)

    @property
    def has_changed(self) -> bool:
        """Whether the value has changed since the program was compiled."""
        if self.content is None:
            return False
        now = comparable_content(self.current_value())
        return now is not None and now != self.content

    @property
    def change(self) -> str:
        """A clause for a warning that shows the old value and the new value."""
        return f"{self.label} was {self.display} when the run was compiled and is now {_display(self.current_value())}"


TracedConstants = dict[tuple[int, str], TracedConstant]


def comparable_content(value: Any) -> Any:
    """Convert plain data to an immutable copy that can be compared, and return None for all other objects.

    >>> comparable_content([1, 2.0]) == comparable_content([1, 2]), comparable_content(object())
    (True, None)
    """
    return _content(value, [_MAX_SIZE])


def _content(value: Any, left: list[int]) -> Any:
    left[0] -= 1
    if left[0] < 0:
        return None
    if isinstance(value, float) and math.isnan(value):
        return "a number", "NaN"  # NaN does not compare equal to itself
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
    """Yield the plain data that a frame's code reads and that still exists after the call.

    Names that the code also assigns are skipped, because `_tracing_warnings` reports them.

    Args:
        frame: The frame of the user's function.
        uses: The uses of names in the function's code.
        running: The user's frames that are still running. Their variables no longer exist after the call.

    Yields:
        One `TracedConstant` for each name.
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
    """Find the first attribute along a dotted path such as ``value.a.b`` that is plain data.

    Args:
        value: The object at the start of the path.
        path: The parts of the dotted name that are already resolved.
        rest: The remaining parts.

    Returns:
        The holder of the data, its name in the holder, and its full dotted name. None if there is no such data.
    """
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


# Functions that earlier searches found. They are cached, because a search with `gc` takes tens of milliseconds.
_functions: weakref.WeakSet[types.FunctionType] = weakref.WeakSet()


def _closure_cells(frame: types.FrameType) -> dict[str, types.CellType]:
    """Return the closure cells of the function that runs in `frame`, keyed by variable name.

    A frame refers to its code but not to its function, so the function must be searched for.
    """
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
