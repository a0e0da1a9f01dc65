"""Functions that find the names that a function uses, and the objects that these names refer to.

They read the function's bytecode, so they do not need its source and run no code.
"""

from __future__ import annotations

import builtins
import dis
import functools
import types
from dataclasses import dataclass
from typing import Any

__all__ = [
    "NameUse",
    "name_uses",
    "resolve_path",
]


@dataclass(frozen=True)
class NameUse:
    """One use of a name in a function.

    Attributes:
        offset: The position of the instruction in the bytecode.
        line: The line number in the source file.
        path: The parts of the dotted name, such as ``("np", "random", "normal")`` for ``np.random.normal``.
        name: The last part of `path`.
        stores: ``"attribute"`` if an attribute is assigned, ``"outside"`` if a global variable or a variable of the
            enclosing function is assigned, ``"import"`` for an import, and an empty string otherwise.
        called: Whether the object that the name refers to is called.
        arguments: The number of arguments in the call, or None if it is not known.
    """

    offset: int
    line: int
    path: tuple[str, ...]
    name: str
    stores: str = ""
    called: bool = False
    arguments: int | None = None


_ROOTS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FAST", "LOAD_DEREF", "LOAD_CLASSDEREF")
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
# Instructions that may come between a name and its call or assignment. ``self.count += 1``, for example, copies the
# object before it assigns the attribute.
_BETWEEN = ("PUSH_NULL", "PRECALL", "CACHE", "KW_NAMES", "COPY")


@functools.lru_cache(1024)
def name_uses(code: types.CodeType) -> list[NameUse]:
    """Return every use of a name in the function with this `code`, in the order of the bytecode."""
    found: list[NameUse] = []
    path: list[str] = []
    called, before, start, offset = False, "", code.co_firstlineno, 0

    def close(arguments: int | None = None) -> None:
        if path:
            found.append(NameUse(offset, start, tuple(path), path[-1], "", called, arguments))
            path.clear()

    for instruction in dis.get_instructions(code):
        kind, value = instruction.opname, instruction.argval
        line = (instruction.positions and instruction.positions.lineno) or start
        if kind.startswith(_ROOTS):
            close()
            start, called = line, "NULL" in instruction.argrepr or before == "PUSH_NULL"
            offset = instruction.offset
            path.append(value[-1] if isinstance(value, tuple) else value)
        elif kind.startswith(_ATTRIBUTES) and path:
            path.append(value)
            called = called or kind == "LOAD_METHOD" or "NULL" in instruction.argrepr
            offset = instruction.offset
        elif kind.startswith("STORE_ATTR"):
            owner = tuple(path) or ("self",)
            close()
            found.append(NameUse(instruction.offset, line, (*owner, value), value, "attribute"))
        elif kind == "STORE_GLOBAL" or (kind == "STORE_DEREF" and value in code.co_freevars):
            close()
            found.append(NameUse(instruction.offset, line, (value,), value, "outside"))
        elif kind == "IMPORT_NAME":
            close()
            found.append(NameUse(instruction.offset, line, (), value, "import"))
        elif kind.startswith("CALL"):
            close(instruction.arg)
        elif not kind.startswith(_BETWEEN):
            close()
        before = kind
    close()
    return found


def resolve_path(frame: types.FrameType, path: tuple[str, ...]) -> Any:
    """Return the object that a dotted name refers to in a frame, or None if it cannot be found.

    Properties are not evaluated, so that no user code runs.
    """
    for names in (frame.f_locals, frame.f_globals, vars(builtins)):
        if path[0] in names:
            found = names[path[0]]
            break
    else:
        return None
    for name in path[1:]:
        known = getattr(found, "__dict__", {})
        if (
            isinstance(found, types.ModuleType)
            or type(found).__module__.startswith(("numpy.random", "random", "logging"))
            or isinstance(found, type)
        ):
            found = getattr(found, name, None)
        elif name in known:
            found = known[name]
        else:
            return None
    return found
