"""Warnings about user code whose side effects happen only once, while a run is compiled.

JAX compiles a run by executing the Python code once, with tracers in place of arrays. Side effects happen only during
this execution. Examples are printing, drawing random numbers with NumPy, reading the clock, and incrementing a counter.
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

from fitwell._bytecode import NameUse, name_uses, resolve_path
from fitwell._side_effects import DRAWN_ONCE, side_effect_message
from fitwell._traced_constants import TracedConstant, TracedConstants, find_constants
from fitwell._user_code import is_user_file
from fitwell.errors import TracingWarning

__all__ = [
    "constants_changed",
    "restore_arrays",
    "warn_at_line",
    "warn_changed_constants",
    "watch_tracing",
]

# Methods that run only once even without compilation.
_ONCE = frozenset({"__init__", "build", "get_config", "from_config", "compute_output_shape"})
_NUMBERS = (bool, int, float, str)
_CONTAINERS = (list, dict, set)
_warned: set[tuple[Any, ...]] = set()


@contextmanager
def watch_tracing(constants: TracedConstants, active: bool) -> Iterator[None]:
    """Return a context manager that watches the user code that runs inside its block.

    It warns about side effects, and records the plain data that the code reads. If a debugger or another trace function
    is active, nothing is checked.

    Args:
        constants: The dict to which the plain data is added.
        active: Whether the program contains user code. If False, nothing is checked.

    Yields:
        None.
    """
    if not active or sys.gettrace() is not None:
        yield
        return
    watching = _TracingWatcher(constants)
    sys.settrace(watching.enter)
    try:
        yield
    finally:
        sys.settrace(None)
        # Record the values at the end, because the code may fill a container, such as a cache, during compilation.
        for constant in watching.new:
            constant.record()


def restore_arrays(holder: dict[str, Any], before: dict[str, Any]) -> None:
    """Restore attributes that contained arrays before the code assigned tracers to them.

    An example is ``self.key, key = split(self.key)``. Without this, the next execution of the code would use the old
    tracers, and JAX would raise `UnexpectedTracerError`.

    Args:
        holder: The attributes of the object, which are modified.
        before: The attributes before the code ran.
    """
    for name, value in before.items():
        was_array = isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer)
        if was_array and isinstance(holder.get(name), jax.core.Tracer):
            holder[name] = value


def constants_changed(constants: TracedConstants) -> bool:
    """Return whether any plain data has changed since user code read it during compilation."""
    return any(constant.has_changed for constant in constants.values())


def warn_changed_constants(constants: TracedConstants) -> None:
    """Warn about plain data that changed during a run although it is a constant in the compiled program."""
    for constant in constants.values():
        if constant.has_changed:
            warn_at_line(
                constant.filename,
                constant.line,
                f"{constant.change}, which has no effect before the next call to fit; to change a value during a "
                "run, create a variable with self.add_weight(shape=(), trainable=False), and assign the value to it",
                constant.label,
            )


@dataclass
class _Frame:
    uses: list[NameUse]
    holder: Any
    before: dict[str, Any]
    sizes: dict[str, tuple[Any, int]]
    executed: set[int]
    line: int
    state: Any
    at: dict[int, NameUse]
    warned_line: int = 0


class _TracingWatcher:
    """A trace function for `sys.settrace` that watches user code while a program is compiled."""

    def __init__(self, constants: TracedConstants) -> None:
        self.constants = constants
        self.new: list[TracedConstant] = []
        self.frames: dict[types.FrameType, _Frame] = {}

    def enter(self, frame: types.FrameType, event: str, arg: Any) -> Any:
        code = frame.f_code
        if not is_user_file(code.co_filename) or code.co_name in _ONCE:
            return None
        holder = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
        attributes = getattr(holder, "__dict__", None)
        own = attributes if isinstance(attributes, dict) and not isinstance(holder, types.ModuleType) else {}
        uses = name_uses(code)
        seen = _Frame(
            uses,
            own,
            dict(own),
            _sizes(frame, uses, own),
            set(),
            code.co_firstlineno,
            _global_rng_state(),
            {use.offset: use for use in uses},
        )
        self.frames[frame] = seen
        frame.f_trace_opcodes = True
        self._record_constants(frame, seen)
        return self.local

    def local(self, frame: types.FrameType, event: str, arg: Any) -> Any:
        seen = self.frames.get(frame)
        if seen is None:
            return None
        if event == "line":
            self._check_draws(frame, seen)
            seen.line = frame.f_lineno
            seen.executed.add(frame.f_lineno)
        elif event == "opcode":
            use = seen.at.get(frame.f_lasti)
            if use is not None:
                self._check_instruction(frame, use, seen)
        elif event == "return":
            self._check_draws(frame, seen)
            self._check_return(frame, seen)
            del self.frames[frame]
        return self.local

    def _record_constants(self, frame: types.FrameType, seen: _Frame) -> None:
        """Record the plain data that the frame's code reads and that a user may change before the next run."""
        running = [outer for outer in self.frames if outer is not frame]
        for constant in find_constants(frame, seen.uses, running):
            key = id(constant.holder), constant.name
            if key not in self.constants:
                self.constants[key] = constant
                self.new.append(constant)

    def _check_instruction(self, frame: types.FrameType, use: NameUse, seen: _Frame) -> None:
        """Warn if an instruction calls a function with a side effect or assigns a variable outside the function."""
        if use.stores == "import":
            seen.warned_line = use.line  # ignore random numbers that imported modules draw
        elif use.stores == "outside":
            message = f"{use.name} is assigned only once, while the run is compiled, and not at every step"
            warn_at_line(frame.f_code.co_filename, use.line, f"{message}; {_KEEP}")
        elif not use.stores and use.called:
            effect = side_effect_message(resolve_path(frame, use.path), use)
            if effect is not None:
                seen.warned_line = use.line
                warn_at_line(frame.f_code.co_filename, use.line, effect)

    def _check_draws(self, frame: types.FrameType, seen: _Frame) -> None:
        """Warn if the last line drew from the global random generators, directly or in a function that it called."""
        now = _global_rng_state()
        if now != seen.state:
            seen.state = now
            for outer in self.frames.values():
                outer.state = now
            if seen.warned_line != seen.line:
                warn_at_line(
                    frame.f_code.co_filename,
                    seen.line,
                    f"a number from a global random generator {DRAWN_ONCE}",
                )

    def _check_return(self, frame: types.FrameType, seen: _Frame) -> None:
        """Warn about attributes and containers that the function call changed."""
        filename = frame.f_code.co_filename
        for name, value in seen.holder.items() if seen.holder else ():
            before = seen.before.get(name)
            if value is before or name in ("built", "_build_input_shape") or isinstance(value, _CONTAINERS):
                continue
            label = f"self.{name}"
            if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value)):
                if isinstance(before, jax.Array) and not isinstance(before, jax.core.Tracer):
                    text = f"{label} is changed only once, while the run is compiled, and not at every step; {_ASSIGN}"
                else:
                    text = (
                        f"{label} keeps a tracer, which cannot be used after the run is compiled; return the value as "
                        "an output, or assign it to a variable created with self.add_weight(shape, trainable=False)"
                    )
                warn_at_line(filename, _line_of(seen, name), text)
            elif (
                isinstance(before, _NUMBERS) and value != before and not _is_reset_by_call(frame, seen, name)
            ):
                text = (
                    f"{label} is changed only once, while the run is compiled, and not at every step; {_KEEP}"
                )
                warn_at_line(filename, _line_of(seen, name), text)
        restore_arrays(seen.holder, seen.before)
        for name, (container, size) in seen.sizes.items():
            if len(container) != size:
                text = f"{name} grows only once, while the run is compiled, and not at every step; {_GROW}"
                warn_at_line(filename, _line_of(seen, name.rpartition(".")[2]), text)
        # Do not report a change again for the outer call if it was reported for the inner call.
        for outer in self.frames.values():
            if outer.holder is seen.holder:
                outer.before = dict(seen.holder)
            outer.sizes = {name: (container, len(container)) for name, (container, _) in outer.sizes.items()}


_KEEP = "create a variable with self.add_weight(shape=(), trainable=False), and assign the number to it"
_ASSIGN = (
    "create a variable with self.add_weight(shape, trainable=False), and assign the array to it; if you need a random "
    "key, call self.next_key(), which returns a new key at every step"
)
_GROW = "return the values as an output, or inspect them with jax.debug.callback"


def _sizes(frame: types.FrameType, uses: list[NameUse], holder: dict[str, Any]) -> dict[str, tuple[Any, int]]:
    """Find the containers outside the function that its code may extend.

    Args:
        frame: The frame of the function.
        uses: The uses of names in the function's code.
        holder: The attributes of `self`.

    Returns:
        A dict that maps each container's name to the container and its size.
    """
    found = {}
    code = frame.f_code
    for use in uses:
        if not use.path:
            continue
        root = use.path[0]
        if code.co_argcount and root == code.co_varnames[0] and len(use.path) > 1:
            container, label = holder.get(use.path[1]), f"{root}.{use.path[1]}"
        elif root in code.co_freevars:
            container, label = frame.f_locals.get(root), root
        elif root not in code.co_varnames:
            container, label = frame.f_globals.get(root), root
        else:
            continue
        if isinstance(container, _CONTAINERS):
            found[label] = (container, len(container))
    return found


def _global_rng_state() -> Any:
    """Return a fingerprint of NumPy's and Python's global random generators, which changes with every draw."""
    state = np.random.get_state(legacy=False)
    assert isinstance(state, dict)
    inner = state["state"]
    return inner.get("pos"), int(inner["key"][0]) if "key" in inner else None, hash(random.getstate())


def _is_reset_by_call(frame: types.FrameType, seen: _Frame, name: str) -> bool:
    """Return whether the code assigns the attribute before it reads it, as in ``self.rows = len(x)``."""
    path = frame.f_code.co_varnames[0], name
    first = next((use for use in seen.uses if use.path[:2] == path), None)
    return first is not None and first.stores == "attribute"


def _line_of(seen: _Frame, name: str) -> int:
    """Return the executed line that assigns or uses `name`, or the last executed line if there is none."""
    lines = [use.line for use in seen.uses if name in (use.name, *use.path) and use.line in seen.executed]
    stores = [use.line for use in seen.uses if use.stores and use.name == name and use.line in seen.executed]
    return (stores or lines or [seen.line])[0]


def warn_at_line(filename: str, line: int, text: str, about: str = "") -> None:
    """Show a warning at a line of user code, unless the line already has a warning about the same subject.

    Args:
        filename: The file of the user code.
        line: The line number.
        text: The message.
        about: The subject of the warning. Defaults to the message itself.
    """
    key = filename, line, about or text
    if key in _warned:
        return
    _warned.add(key)
    # Pause tracing, because the trace function must not see the code that shows the warning.
    tracing = sys.gettrace()
    sys.settrace(None)
    try:
        warnings.warn_explicit(f"{Path(filename).name}, line {line}: {text}", TracingWarning, filename, line)
    finally:
        sys.settrace(tracing)
