"""A check for whether a function is pure, so that it can be called ahead of time."""

from __future__ import annotations

import builtins
import dis
import functools
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["is_pure"]

_PURE_BUILTINS: tuple[Any, ...] = (
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
_PURE_BUILTINS += (reversed, round, sorted, sum, tuple, zip, ValueError)
_PURE_MODULES = ("math", "cmath", "numpy", "jax", "scipy", "operator")
# Names of attributes that change their object, have side effects or draw random numbers.
_MUTATING_METHODS = (
    "append clear extend fill insert pop popitem put remove reverse setdefault sort update write"
)
_IMPURE_NAMES = frozenset(
    ("random", "debug", "save", "savez", "load", "experimental", "print", *_MUTATING_METHODS.split())
)


def is_pure(function: Any) -> bool:
    """Return whether the result of `function` depends only on its arguments and on constants.

    The check inspects a Python function's code, closure and defaults, and the functions that it calls. It
    allows numbers, strings, arrays, lists and dicts of these that the code only reads, functions from `math`,
    `numpy` and similar modules, arithmetic builtins, and fitwell's schedules. Everything else, such as a
    model, `print` or ``calls.append(epoch)``, makes a function impure. Reading a list is safe, because only a
    user-defined hook could change it during training, and no function is called ahead of time if there is
    such a hook.

    >>> rates, calls = [0.1, 0.01], []
    >>> is_pure(lambda epoch: rates[epoch]), is_pure(lambda epoch: calls.append(epoch) or 0.1)
    (True, False)
    """
    return _is_constant(function, set())


def _is_constant(value: Any, seen: set[int]) -> bool:
    """Return whether `value` is constant data, or code that uses only its arguments and constant data."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
        return True
    if isinstance(value, tuple | frozenset | range) or type(value) in (list, dict):
        parts = value.values() if type(value) is dict else value
        known = id(value) in seen  # a list may contain itself
        seen.add(id(value))
        return known or all(_is_constant(part, seen) for part in parts)
    if type(value) is np.ndarray:
        return value.dtype.kind in "biufc"
    if isinstance(value, types.FunctionType):
        return _is_pure_function(value, seen)
    if isinstance(value, functools.partial):
        parts = (value.func, value.args, tuple(value.keywords.values()))
        return all(_is_constant(part, seen) for part in parts)
    if isinstance(value, types.ModuleType):
        path = value.__name__.split(".")
        return path[0] in _PURE_MODULES and not _IMPURE_NAMES & set(path)
    if getattr(builtins, str(getattr(value, "__name__", "")), None) is value:
        return any(value is function for function in _PURE_BUILTINS)
    code = type(value) if not isinstance(value, type | types.BuiltinFunctionType | np.ufunc) else value
    home = str(getattr(code, "__module__", "numpy" if isinstance(value, np.ufunc) else ""))
    return home.startswith("fitwell.schedules.") or (
        code is value and home.partition(".")[0] in _PURE_MODULES
    )


def _is_pure_function(function: types.FunctionType, seen: set[int]) -> bool:
    if id(function) in seen:
        return True
    seen.add(id(function))
    if str(function.__module__).partition(".")[0] in _PURE_MODULES:
        return function.__name__ not in _IMPURE_NAMES
    codes = list(_nested_code_objects(function.__code__))
    if any(_has_effects(code) for code in codes):
        return False
    referenced = [cell.cell_contents for cell in function.__closure__ or () if _has_contents(cell)]
    referenced += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    for name in {name for code in codes for name in _global_names(code)}:
        if name in function.__globals__:
            referenced.append(function.__globals__[name])
        elif hasattr(builtins, name):
            referenced.append(getattr(builtins, name))
        else:
            return False  # the name may be defined later
    return all(_is_constant(value, seen) for value in referenced)


def _nested_code_objects(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield `code` and the code objects for the functions and comprehensions inside it."""
    yield code
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from _nested_code_objects(part)


def _has_effects(code: types.CodeType) -> bool:
    """Return whether `code` sets outer variables, imports modules, or uses one of `_IMPURE_NAMES`."""
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
    return bool(_IMPURE_NAMES & set(code.co_names))


def _global_names(code: types.CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval


def _has_contents(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # the variable has no value yet
        return False
