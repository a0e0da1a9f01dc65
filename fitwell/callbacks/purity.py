"""Whether a function computes with numbers alone, so that it does not matter when it is called."""

from __future__ import annotations

import builtins
import dis
import functools
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

_ARITHMETIC: tuple[Any, ...] = (
    abs,
    bool,
    divmod,
    enumerate,
    float,
    int,
    isinstance,
    len,
    list,
    max,
    min,
    pow,
    range,
)
_ARITHMETIC += (reversed, round, sorted, sum, tuple, zip, ValueError)
_MODULES = ("math", "cmath", "numpy", "jax", "scipy", "operator")
# As attributes these change what they are reached through, have effects or draw.
_CHANGES = "append clear extend fill insert pop popitem put remove reverse setdefault sort update write"
_EFFECTS = frozenset(("random", "debug", "save", "savez", "load", "experimental", "print", *_CHANGES.split()))


def depends_on_numbers(function: Any) -> bool:
    """Return whether calling `function` looks at nothing but its arguments and numbers that cannot change.

    Functions of Python are looked through: their code, what they close over, their defaults, and the functions that
    they call. Numbers, text, arrays, plain lists and dicts of these that the code only reads, functions of `math`,
    `numpy` and the like, and arithmetic builtins are allowed; so is a schedule of this library. Everything else, such
    as a model, an object, `print` or ``calls.append(epoch)``, is not. (Somebody else who changes such a list while a
    model trains is a hook of one's own, and then nothing is called ahead.)

    >>> rates, calls = [0.1, 0.01], []
    >>> depends_on_numbers(lambda epoch: rates[epoch]), depends_on_numbers(lambda epoch: calls.append(epoch) or 0.1)
    (True, False)
    """
    return _is_fixed(function, set())


def _is_fixed(value: Any, seen: set[int]) -> bool:
    """Return whether `value` is a number that cannot change, or code that computes with such."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
        return True
    if isinstance(value, tuple | frozenset | range) or type(value) in (list, dict):
        parts = value.values() if type(value) is dict else value
        known = id(value) in seen  # a list may hold itself
        seen.add(id(value))
        return known or all(_is_fixed(part, seen) for part in parts)
    if type(value) is np.ndarray:
        return value.dtype.kind in "biufc"
    if isinstance(value, types.FunctionType):
        return _is_pure(value, seen)
    if isinstance(value, functools.partial):
        parts = (value.func, value.args, tuple(value.keywords.values()))
        return all(_is_fixed(part, seen) for part in parts)
    if isinstance(value, types.ModuleType):
        path = value.__name__.split(".")
        return path[0] in _MODULES and not _EFFECTS & set(path)
    if getattr(builtins, str(getattr(value, "__name__", "")), None) is value:
        return any(value is function for function in _ARITHMETIC)
    code = type(value) if not isinstance(value, type | types.BuiltinFunctionType | np.ufunc) else value
    home = str(getattr(code, "__module__", "numpy" if isinstance(value, np.ufunc) else ""))
    return home.startswith("fitwell.schedules.") or (code is value and home.partition(".")[0] in _MODULES)


def _is_pure(function: types.FunctionType, seen: set[int]) -> bool:
    if id(function) in seen:
        return True
    seen.add(id(function))
    if str(function.__module__).partition(".")[0] in _MODULES:
        return function.__name__ not in _EFFECTS
    codes = list(_codes(function.__code__))
    if any(_has_effects(code) for code in codes):
        return False
    looked_at = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    looked_at += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    for name in {name for code in codes for name in _globals_of(code)}:
        if name in function.__globals__:
            looked_at.append(function.__globals__[name])
        elif hasattr(builtins, name):
            looked_at.append(getattr(builtins, name))
        else:
            return False  # made later
    return all(_is_fixed(value, seen) for value in looked_at)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """Return `code` and that of the functions and comprehensions inside it."""
    yield code
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from _codes(part)


def _has_effects(code: types.CodeType) -> bool:
    """Return whether `code` sets globals or variables around it, imports, or reaches for what draws or writes."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in (
            "STORE_GLOBAL",
            "DELETE_GLOBAL",
            "IMPORT_NAME",
            "STORE_ATTR",
            "STORE_SUBSCR",
        ):
            return True
        if instruction.opname == "STORE_DEREF" and instruction.argval in code.co_freevars:
            return True
    return bool(_EFFECTS & set(code.co_names))


def _globals_of(code: types.CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval


def _is_filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # a name that has no value yet
        return False
