"""Names and configurations: how ``"relu"``, ``{"class_name": ...}``, a class or an object become one object.

Each kind of thing (layer, loss, optimizer, ...) has one `Registry`. Names are matched without regard to
case and underscores, so ``"GlorotUniform"``, ``"glorot_uniform"`` and ``"glorotuniform"`` are the same.
Configurations are plain data; reading one never imports a name out of it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

import numpy as np

from fitwell.errors import InvalidArgument, UnknownName, unknown_name
from fitwell.variables import Hyperparametric

_registries: dict[str, Registry] = {}
_custom: dict[str, Any] = {}


def unknown_entry(kind: str, name: str, names: Iterable[str]) -> UnknownName:
    """Build the error for a `name` that no entry has, suggesting the nearest in the spelling of who asked.

    ``"mean_square_error"`` is answered with ``"mean_squared_error"``, not with ``MeanSquaredError``.
    """
    small = [word for known in names for word in (_snake_case(known), known.lower())]
    return unknown_name(kind, name, names, small if name.islower() else ())


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _normalise(name: str) -> str:
    return name.replace("_", "").lower()


class Registry:
    """The classes and functions of one kind, found by name.

    >>> losses = Registry("loss")
    >>> @losses.register("mse")
    ... class MeanSquaredError: ...
    >>> losses.lookup("mean_squared_error") is losses.lookup("mse")
    True
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        _registries[kind] = self

    def register(self, *aliases: str) -> Callable[[Any], Any]:
        """Decorate a class or function: it is found by its own name and by every alias."""

        def decorate(entry: Any) -> Any:
            for name in (entry.__name__, *aliases):
                self._entries[_normalise(name)] = entry
                self._names[_normalise(name)] = name
            return entry

        return decorate

    def names(self) -> list[str]:
        """Return every name and alias, sorted."""
        return sorted(self._names.values())

    def knows(self, entry: Any) -> bool:
        """Return whether `entry` is one of the registered classes or functions."""
        return any(entry is known for known in self._entries.values())

    def lookup(self, name: str) -> Any:
        """Return the class or function called `name`; the error suggests the nearest name."""
        if name in _custom:
            return _custom[name]
        try:
            return self._entries[_normalise(name)]
        except KeyError:
            raise unknown_entry(self.kind, name, self.names()) from None

    def get(self, identifier: Any) -> Any:
        """Return the object that `identifier` stands for.

        None stays None; a name or a class becomes an instance with default arguments (a registered
        function stays a function); a configuration ``{"class_name": ..., "config": {...}}`` is read; any
        other object, or a callable, is returned as it is.
        """
        if isinstance(identifier, str):
            identifier = self.lookup(identifier)
        elif isinstance(identifier, Mapping):
            return self.from_config(identifier)
        return identifier() if inspect.isclass(identifier) else identifier

    def from_config(self, config: Mapping[str, Any]) -> Any:
        """Build the object that `serialize` wrote."""
        if "class_name" not in config:
            raise InvalidArgument(
                f"a {self.kind} configuration needs a 'class_name', got keys {sorted(config)}"
            )
        entry: Any = self.lookup(str(config["class_name"]))
        arguments = config.get("config", {})
        return entry.from_config(dict(arguments)) if hasattr(entry, "from_config") else entry


def register_custom(entry: Any, name: str | None = None) -> Any:
    """Make a user's class or function known to every registry, so that saved models can name it."""
    _custom[name or entry.__name__] = entry
    return entry


@contextmanager
def custom_objects(objects: Mapping[str, Any]) -> Iterator[None]:
    """Let configurations name `objects` inside the block."""
    before = dict(_custom)
    _custom.update(objects)
    try:
        yield
    finally:
        _custom.clear()
        _custom.update(before)


def serialize(value: Any) -> Any:
    """Turn a value into plain data: numbers, strings, lists, dicts.

    An object with `get_config` becomes ``{"class_name", "config"}``, a registered function its name.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): serialize(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [serialize(item) for item in value]
    if hasattr(value, "get_config") and not inspect.isclass(value):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    if callable(value) and hasattr(value, "__name__"):
        return value.__name__
    raise InvalidArgument(f"{value!r} of type {type(value).__name__} cannot be written as plain data")


def deserialize(value: Any) -> Any:
    """Turn ``{"class_name", "config"}`` back into an object of whichever kind has that name; leave the rest."""
    if isinstance(value, Mapping) and set(value) >= {"class_name", "config"}:
        name = str(value["class_name"])
        found: list[tuple[Registry, Any]] = []
        for registry in _registries.values():
            with suppress(UnknownName):
                found.append((registry, registry.lookup(name)))
        if not found:
            known = [name for registry in _registries.values() for name in registry.names()]
            raise unknown_name("class", name, known)
        # "ReLU" is a layer and "relu" an activation: where the loose match finds both, the spelling decides.
        exact = [registry for registry, entry in found if inspect.isclass(entry) and entry.__name__ == name]
        return (exact or [found[0][0]])[0].from_config(value)
    return value


class Configurable(Hyperparametric):
    """Base of small objects that can be written as plain data and read back.

    The configuration is the constructor's arguments, each kept as an attribute of the same name. A
    subclass that stores one otherwise overrides `get_config`.
    """

    _argument_names: ClassVar[tuple[str, ...]]

    @classmethod
    def _arguments(cls) -> tuple[str, ...]:
        if "_argument_names" not in cls.__dict__:
            parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
            kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
            cls._argument_names = tuple(p.name for p in parameters if p.kind not in kinds)
        return cls._argument_names

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {name: serialize(getattr(self, name)) for name in self._arguments()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Build an object from what `get_config` returned."""
        return cls(**{name: deserialize(value) for name, value in config.items()})

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={getattr(self, name, '?')!r}" for name in self._arguments())
        return f"{type(self).__name__}({arguments})"
