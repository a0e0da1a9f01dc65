"""What a function names, line by line, read from its bytecode: no source is needed, and none is run."""

from __future__ import annotations

import builtins
import dis
import functools
import types
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mark:
    """Something that a line names.

    path: names from the outermost object inwards, ``("np", "random", "normal")``. name: the last of them.
    stores: ``"attribute"`` or ``"outside"`` (a global, a variable of the function around it) where it assigns,
    ``"import"`` where it imports, else "". offset: of the instruction.
    called: whether it is called. arguments: with how many, if that is known.
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
# A copy of the object is read before its attribute is assigned in ``self.count += 1``.
_BETWEEN = ("PUSH_NULL", "PRECALL", "CACHE", "KW_NAMES", "COPY")


@functools.lru_cache(1024)
def marks_of(code: types.CodeType) -> list[Mark]:
    """Return what the lines of a function name, in order."""
    found: list[Mark] = []
    path: list[str] = []
    called, before, start, offset = False, "", code.co_firstlineno, 0

    def close(arguments: int | None = None) -> None:
        if path:
            found.append(Mark(offset, start, tuple(path), path[-1], "", called, arguments))
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
            found.append(Mark(instruction.offset, line, (*owner, value), value, "attribute"))
        elif kind == "STORE_GLOBAL" or (kind == "STORE_DEREF" and value in code.co_freevars):
            close()
            found.append(Mark(instruction.offset, line, (value,), value, "outside"))
        elif kind == "IMPORT_NAME":
            close()
            found.append(Mark(instruction.offset, line, (), value, "import"))
        elif kind.startswith("CALL"):
            close(instruction.arg)
        elif not kind.startswith(_BETWEEN):
            close()
        before = kind
    close()
    return found


def resolve(frame: types.FrameType, path: tuple[str, ...]) -> Any:
    """Return what a path of names stands for in a frame, without running anybody's code; None if unknown."""
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
