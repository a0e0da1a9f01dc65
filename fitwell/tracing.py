"""What compiling makes of the user's own code: what it freezes is said once, with the line, and what it cannot do too.

A run is compiled from one pass through the Python code, with stand-ins for the arrays. What that pass does beside
computing with JAX happens then and never again: a print, a draw of NumPy's, a look at the clock, a counter.
"""

from __future__ import annotations

import random
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fitwell.bytecode import Mark, marks_of, resolve
from fitwell.effects import DRAWN, effect_of
from fitwell.errors import TracingWarning
from fitwell.readings import Reading, Readings, readings_of
from fitwell.user_code import is_users

# Run once by themselves, whether anything is compiled or not.
_ONCE = frozenset({"__init__", "build", "get_config", "from_config", "compute_output_shape"})
_NUMBERS = (bool, int, float, str)
_CONTAINERS = (list, dict, set)
_said: set[tuple[Any, ...]] = set()


@contextmanager
def watch(readings: Readings, active: bool) -> Iterator[None]:
    """Warn, inside the block, of what the user's code does only now; gather the plain data it reads into `readings`.

    active: whether there is such code at all. A debugger that traces already is left alone.
    """
    if not active or sys.gettrace() is not None:
        yield
        return
    watching = _Watch(readings)
    sys.settrace(watching.enter)
    try:
        yield
    finally:
        sys.settrace(None)
        # Not before: a container may be filled, as a cache is, while the code is compiled.
        for reading in watching.new:
            reading.note()


def put_back(holder: dict[str, Any], before: dict[str, Any]) -> None:
    """Undo assignments of stand-ins to attributes that held arrays, such as ``self.key, key = split(self.key)``.

    The next pass through the code would compute with them, which JAX refuses in words of its own.
    """
    for name, value in before.items():
        was_array = isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer)
        if was_array and isinstance(holder.get(name), jax.core.Tracer):
            holder[name] = value


def have_changed(readings: Readings) -> bool:
    """Return whether plain data that compiled code of the user read is another one now."""
    return any(reading.has_changed for reading in readings.values())


def warn_of_changes(readings: Readings) -> None:
    """Warn of plain data that was changed while a run goes on, and is a constant of its program."""
    for reading in readings.values():
        if reading.has_changed:
            warn_at(
                reading.filename,
                reading.line,
                f"{reading.change}, which changes nothing before the next call of fit: keep what is to "
                "change in a variable, self.add_weight(shape=(), trainable=False), and assign it",
                reading.label,
            )


@dataclass
class _Frame:
    marks: list[Mark]
    holder: Any
    before: dict[str, Any]
    sizes: dict[str, tuple[Any, int]]
    executed: set[int]
    line: int
    state: Any
    at: dict[int, Mark]
    told: int = 0


class _Watch:
    """The trace function of one pass through the program's code."""

    def __init__(self, readings: Readings) -> None:
        self.readings = readings
        self.new: list[Reading] = []
        self.frames: dict[types.FrameType, _Frame] = {}

    def enter(self, frame: types.FrameType, event: str, arg: Any) -> Any:
        code = frame.f_code
        if not is_users(code.co_filename) or code.co_name in _ONCE:
            return None
        holder = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
        attributes = getattr(holder, "__dict__", None)
        own = attributes if isinstance(attributes, dict) and not isinstance(holder, types.ModuleType) else {}
        marks = marks_of(code)
        seen = _Frame(
            marks,
            own,
            dict(own),
            _sizes(frame, marks, own),
            set(),
            code.co_firstlineno,
            _draws(),
            {mark.offset: mark for mark in marks},
        )
        self.frames[frame] = seen
        frame.f_trace_opcodes = True
        self._read(frame, seen)
        return self.local

    def local(self, frame: types.FrameType, event: str, arg: Any) -> Any:
        seen = self.frames.get(frame)
        if seen is None:
            return None
        if event == "line":
            self._look(frame, seen)
            seen.line = frame.f_lineno
            seen.executed.add(frame.f_lineno)
        elif event == "opcode":
            mark = seen.at.get(frame.f_lasti)
            if mark is not None:
                self._judge(frame, mark, seen)
        elif event == "return":
            self._look(frame, seen)
            self._leave(frame, seen)
            del self.frames[frame]
        return self.local

    def _read(self, frame: types.FrameType, seen: _Frame) -> None:
        """Note what this code reads of plain data that a user may change before the next run."""
        running = [outer for outer in self.frames if outer is not frame]
        for reading in readings_of(frame, seen.marks, running):
            key = id(reading.holder), reading.name
            if key not in self.readings:
                self.readings[key] = reading
                self.new.append(reading)

    def _judge(self, frame: types.FrameType, mark: Mark, seen: _Frame) -> None:
        """Warn of what a line calls, or stores outside, that happens only now."""
        if mark.stores == "import":
            seen.told = mark.line  # what a library draws when it is loaded is its own affair
        elif mark.stores == "outside":
            said = f"{mark.name} is assigned once, while the run is compiled, and not at every step"
            warn_at(frame.f_code.co_filename, mark.line, f"{said}: {_KEEP}")
        elif not mark.stores and mark.called:
            effect = effect_of(resolve(frame, mark.path), mark)
            if effect is not None:
                seen.told = mark.line
                warn_at(frame.f_code.co_filename, mark.line, effect)

    def _look(self, frame: types.FrameType, seen: _Frame) -> None:
        """Warn of a line in which something drew from the global generators, wherever that was."""
        now = _draws()
        if now != seen.state:
            seen.state = now
            for outer in self.frames.values():
                outer.state = now
            if seen.told != seen.line:
                warn_at(frame.f_code.co_filename, seen.line, f"what comes from a global generator {DRAWN}")

    def _leave(self, frame: types.FrameType, seen: _Frame) -> None:
        """Warn of attributes and containers that are not what they were before the call."""
        filename = frame.f_code.co_filename
        for name, value in seen.holder.items() if seen.holder else ():
            before = seen.before.get(name)
            if value is before or name in ("built", "_build_input_shape") or isinstance(value, _CONTAINERS):
                continue
            label = f"self.{name}"
            if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value)):
                if isinstance(before, jax.Array) and not isinstance(before, jax.core.Tracer):
                    text = f"{label} is changed once, while the run is compiled, and not at every step: {_ASSIGN}"
                else:
                    text = (
                        f"{label} keeps a stand-in for an array, worth nothing once the run is compiled: return it as "
                        "an output, or assign it to a variable, self.add_weight(shape, trainable=False)"
                    )
                warn_at(filename, _line_of(seen, name), text)
            elif isinstance(before, _NUMBERS) and value != before and not _is_set_anew(frame, seen, name):
                text = f"{label} is changed once, while the run is compiled, and not at every step: {_KEEP}"
                warn_at(filename, _line_of(seen, name), text)
        put_back(seen.holder, seen.before)
        for name, (container, size) in seen.sizes.items():
            if len(container) != size:
                text = f"{name} grows once, while the run is compiled, and not at every step: {_GROW}"
                warn_at(filename, _line_of(seen, name.rpartition(".")[2]), text)
        for outer in self.frames.values():  # what was told of a call within is not told of the call around it
            if outer.holder is seen.holder:
                outer.before = dict(seen.holder)
            outer.sizes = {name: (container, len(container)) for name, (container, _) in outer.sizes.items()}


_KEEP = "keep the number in a variable, self.add_weight(shape=(), trainable=False), and assign that"
_ASSIGN = (
    "keep it in a variable, self.add_weight(shape, trainable=False), and assign that; a random key is "
    "self.next_key(), another one at every step"
)
_GROW = "return what is to be kept as an output, or look at it with jax.debug.callback"


def _sizes(frame: types.FrameType, marks: list[Mark], holder: dict[str, Any]) -> dict[str, tuple[Any, int]]:
    """Return the containers, outside the call, that the code may put something into, with their sizes."""
    found = {}
    code = frame.f_code
    for mark in marks:
        if not mark.path:
            continue
        root = mark.path[0]
        if code.co_argcount and root == code.co_varnames[0] and len(mark.path) > 1:
            container, label = holder.get(mark.path[1]), f"{root}.{mark.path[1]}"
        elif root in code.co_freevars:
            container, label = frame.f_locals.get(root), root
        elif root not in code.co_varnames:
            container, label = frame.f_globals.get(root), root
        else:
            continue
        if isinstance(container, _CONTAINERS):
            found[label] = (container, len(container))
    return found


def _draws() -> Any:
    """Return something that is equal as long as nobody draws from the global generators of NumPy and Python."""
    state = np.random.get_state(legacy=False)
    assert isinstance(state, dict)
    inner = state["state"]
    return inner.get("pos"), int(inner["key"][0]) if "key" in inner else None, hash(random.getstate())


def _is_set_anew(frame: types.FrameType, seen: _Frame, name: str) -> bool:
    """Return whether the code assigns to an attribute before it reads it: ``self.rows = len(x)`` depends on nothing."""
    path = frame.f_code.co_varnames[0], name
    first = next((mark for mark in seen.marks if mark.path[:2] == path), None)
    return first is not None and first.stores == "attribute"


def _line_of(seen: _Frame, name: str) -> int:
    """Return the line, of those that ran, in which the code names something; the last that ran otherwise."""
    lines = [
        mark.line for mark in seen.marks if name in (mark.name, *mark.path) and mark.line in seen.executed
    ]
    stores = [
        mark.line for mark in seen.marks if mark.stores and mark.name == name and mark.line in seen.executed
    ]
    return (stores or lines or [seen.line])[0]


def warn_at(filename: str, line: int, text: str, about: str = "") -> None:
    """Warn at a line of the user's, once for each thing that it is `about` (the text itself by default)."""
    key = filename, line, about or text
    if key in _said:
        return
    _said.add(key)
    # Where the line was executed, so that a reader finds it; a trace function must not see what shows it.
    tracing = sys.gettrace()
    sys.settrace(None)
    try:
        warnings.warn_explicit(f"{Path(filename).name}, line {line}: {text}", TracingWarning, filename, line)
    finally:
        sys.settrace(tracing)
