"""Registries that turn ``"relu"``, ``{"class_name": ...}``, a class or an object into an object.

Each kind of object (layer, loss, optimizer, ...) has one `Registry`. Names are matched without regard to
case and underscores, so ``"GlorotUniform"``, ``"glorot_uniform"`` and ``"glorotuniform"`` are the same.
Configurations are plain data. Reading one never imports a module that it names.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, ClassVar

import jax
import numpy as np

from fitwell._load_budget import charge_object
from fitwell._variables import HyperparameterMixin
from fitwell.errors import FitwellError, InvalidArgument, UnknownName, did_you_mean, unknown_name_error

__all__ = [
    "Configurable",
    "Registry",
    "class_reference",
    "custom_objects",
    "describe_object",
    "deserialize",
    "find_kind",
    "find_registry",
    "format_call",
    "get_custom_object",
    "register_custom_object",
    "resolve_custom_objects",
    "serialize",
    "shared_object_scope",
    "snake_case",
    "unknown_entry_error",
]

_MAX_SHOWN_SIZE = 20
_registries: dict[str, Registry] = {}
_registry_of: dict[Any, Registry] = {}
# User classes and functions: those of the open `custom_objects` blocks, and those registered permanently.
_custom: dict[str, Any] = {}
_registered: dict[str, Any] = {}


_PLURALS = {"loss": "losses", "schedule": "optimizers.schedules"}


def unknown_entry_error(kind: str, name: str, names: Iterable[str]) -> UnknownName:
    """Return the error for an unknown `name`, with the closest name in the same spelling.

    For ``"mean_square_error"`` it suggests ``"mean_squared_error"``, not ``MeanSquaredError``.
    """
    small = [word for known in names for word in (snake_case(known), known.lower())]
    return unknown_name_error(kind, name, names, small if name.islower() else ())


@functools.lru_cache(1024)
def snake_case(name: str) -> str:
    """Return ``"batch_normalization"`` for ``"BatchNormalization"``, by Keras's rule, which files depend on."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", re.sub(r"\W+", "", name)).lower()


def _normalize(name: str) -> str:
    return name.replace("_", "").lower()


# An object that occurs twice in a configuration, such as a shared layer, gets an id, as in Keras's files.
_SHARED = "shared_object_id"
_serialized: ContextVar[dict[int, tuple[Any, dict[str, Any]]] | None] = ContextVar("written", default=None)
_deserialized: ContextVar[dict[Any, Any] | None] = ContextVar("read", default=None)


@contextmanager
def shared_object_scope() -> Iterator[None]:
    """Inside the block, let `serialize` give an id to repeated objects, and `deserialize` create them once."""
    tokens = _serialized.set({}), _deserialized.set({})
    try:
        yield
    finally:
        _serialized.reset(tokens[0])
        _deserialized.reset(tokens[1])


class Registry:
    """The classes and functions of one kind, found by name.

    ``@registry.register("mse")`` adds a class under its own name, the name in snake case, and "mse".
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Any] = {}
        self._by_id: dict[int, Any] = {}
        self._names: dict[str, str] = {}
        _registries[kind] = self

    @property
    def module(self) -> str:
        """The Keras module of this kind in configurations, such as ``"keras.losses"``."""
        return f"keras.{_PLURALS.get(self.kind, f'{self.kind}s')}"

    def register(self, *aliases: str) -> Callable[[Any], Any]:
        """Decorate a class or function, to register it under its name and the `aliases`."""

        def decorate(entry: Any) -> Any:
            _registry_of.setdefault(entry, self)
            self._by_id[id(entry)] = entry
            for name in (entry.__name__, *aliases):
                self._entries[_normalize(name)] = entry
                self._names[_normalize(name)] = name
            return entry

        return decorate

    def names(self) -> list[str]:
        """Return every name and alias, sorted."""
        return sorted(self._names.values())

    def classes(self) -> list[type]:
        """Return the registered classes, each once."""
        return list({id(entry): entry for entry in self._entries.values() if inspect.isclass(entry)}.values())

    def has(self, entry: Any) -> bool:
        """Return whether `entry` is one of the registered classes or functions."""
        return id(entry) in self._by_id

    def lookup(self, name: str) -> Any:
        """Return the class or function called `name`. The error suggests the closest name."""
        if name in _custom:
            return _custom[name]
        # A built-in takes precedence over a registered user object, which has the distinct full name "package>name".
        entry = self.get_builtin(name)
        if entry is None:
            entry = _registered.get(name)
        if entry is None:
            raise unknown_entry_error(self.kind, name, self.names())
        return entry

    def get_builtin(self, name: str) -> Any:
        """Return the built-in class or function called `name`, or None."""
        return self._entries.get(_normalize(name))

    def resolve_class(self, config: Mapping[str, Any]) -> Any:
        """Return the class or function of a configuration: the user's, or the built-in."""
        name = str(config["class_name"])
        return get_custom_object(config) or self.get_builtin(name) or self.lookup(name)

    def get(self, identifier: Any) -> Any:
        """Return the object for `identifier`.

        None stays None. A name or a class becomes an instance with default arguments (a registered
        function stays a function). A configuration ``{"class_name": ..., "config": {...}}`` is deserialized. Any
        other object, or a callable, is returned unchanged.
        """
        if isinstance(identifier, str):
            charge_object()
            identifier = self.lookup(identifier)
        elif isinstance(identifier, Mapping):
            return self.from_config(identifier)
        return self._instantiate(identifier) if inspect.isclass(identifier) else identifier

    def _instantiate(self, entry: type) -> Any:
        """Return an instance of `entry` with default arguments, or raise if an argument has no default."""
        required = _required_arguments(entry)
        if required is None:
            raise InvalidArgument(f"{self.kind}: expected a name, an object or a function, got {entry!r}")
        if required:
            example = ", ".join(f"{name}=..." for name in required)
            raise InvalidArgument(
                f"the {self.kind} {entry.__name__} has no default for {', '.join(required)}: pass an object "
                f"instead of the name, {entry.__name__}({example})"
            )
        return entry()

    def from_config(self, config: Mapping[str, Any]) -> Any:
        """Build an object from its configuration, as returned by `serialize`."""
        if "class_name" not in config:
            raise InvalidArgument(
                f"a {self.kind} configuration needs a 'class_name', got keys {sorted(config)}"
            )
        charge_object()
        shared, known = config.get(_SHARED), _deserialized.get()
        if known is not None and shared in known:
            return known[shared]
        entry = self.resolve_class(config)
        arguments = config.get("config") or {}
        instance = entry.from_config(dict(arguments)) if hasattr(entry, "from_config") else entry
        if known is not None and shared is not None:
            known[shared] = instance
        return instance


@functools.cache
def _required_arguments(entry: type) -> tuple[str, ...] | None:
    """Return the arguments without a default, or None for a built-in Python class without a signature.

    Cached, because reading a signature takes longer than building a layer.
    """
    try:
        parameters = inspect.signature(entry).parameters.values()
    except ValueError:
        return None
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return tuple(p.name for p in parameters if p.default is p.empty and p.kind not in kinds)


def register_custom_object(entry: Any, name: str | None = None, package: str = "Custom") -> Any:
    """Register a user class or function in all registries, so that saved models can refer to it.

    It is found under ``"package>name"``, which files use, and under `name` (default: the name of the entry) unless a
    built-in has that name.
    """
    name = name or entry.__name__
    _registered[f"{package}>{name}"] = _registered[name] = entry
    return entry


def get_custom_object(config: Mapping[str, Any]) -> Any:
    """Return the user class that `config` refers to, or None.

    A configuration with a built-in module and no registered name always means the built-in class, even if a user
    class has the same name.
    """
    name, registered = str(config["class_name"]), config.get("registered_name")
    if not registered:
        modules = [r.module for r in _registries.values() if r.get_builtin(name) is not None]
        return None if config.get("module") in modules else _custom.get(name)
    registered = str(registered)
    names = (registered, registered.rpartition(">")[-1], name)
    found = [known[word] for known in (_custom, _registered) for word in names if word in known]
    return found[0] if found else None


def class_reference(entry: type) -> dict[str, Any]:
    """Return the keys that refer to a class: ``"module"``, ``"class_name"`` and ``"registered_name"``.

    These are the keys of Keras 3 and, for built-in classes, its modules. The module of a user class is written for
    information and never imported.
    """
    if entry in _registry_of:
        return {"module": _registry_of[entry].module, "class_name": entry.__name__, "registered_name": None}
    module = None if entry.__module__ == "__main__" else entry.__module__
    return {
        "module": module,
        "class_name": entry.__name__,
        "registered_name": _registered_name(entry) or entry.__name__,
    }


def _registered_name(entry: Any) -> str | None:
    """Return the ``"package>name"`` of a user class or function, or None if it is not registered."""
    return next((name for name, known in _registered.items() if known is entry and ">" in name), None)


def _function_name(function: Any) -> str:
    """Return the name of a function in a configuration, with its package if a built-in has the same name."""
    name = str(function.__name__)
    others = (r.get_builtin(name) for r in _registries.values())
    return (
        name
        if all(other is None or other is function for other in others)
        else _registered_name(function) or name
    )


def describe_object(value: Any) -> str:
    """Return the name of a function, or the class and the configuration of an object, as a string."""
    name = str(getattr(value, "__qualname__", type(value).__qualname__))
    is_object = hasattr(value, "get_config") and not inspect.isclass(value)
    return f"{name} {value.get_config()}" if is_object else name


def find_kind(entry: Any) -> str | None:
    """Return the kind of a class, such as ``"layer"``. A subclass has the kind of its base. None if unknown."""
    bases = entry.__mro__ if inspect.isclass(entry) else ()
    return next((_registry_of[base].kind for base in bases if base in _registry_of), None)


def resolve_custom_objects(value: Any) -> Any:
    """Replace names in `custom_objects` by their objects, also inside lists and dicts."""
    if isinstance(value, str):
        return _custom.get(value, value)
    if isinstance(value, Mapping) and "class_name" not in value:
        return {key: resolve_custom_objects(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolve_custom_objects(item) for item in value]
    return value


@contextmanager
def custom_objects(objects: Mapping[str, Any]) -> Iterator[None]:
    """Let configurations refer to `objects` by name inside the block.

    Args:
        objects (Mapping): Classes and functions by the names in the configurations.

    Example:
        >>> import fitwell as fw
        >>> class Double(fw.Layer):
        ...     def call(self, inputs):
        ...         return 2 * inputs
        >>> with fw.saving.custom_object_scope({"Double": Double}):
        ...     layer = fw.layers.deserialize({"class_name": "Double", "config": {"name": "twice"}})
        >>> layer.name
        'twice'
    """
    before = dict(_custom)
    _custom.update(objects)
    try:
        yield
    finally:
        _custom.clear()
        _custom.update(before)


def serialize(value: Any) -> Any:
    """Convert a value to plain data: numbers, strings, lists and dicts.

    An object with `get_config` becomes ``{"module", "class_name", "config", "registered_name"}`` (see
    `class_reference`), a registered function its name.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray | jax.Array):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): serialize(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [serialize(item) for item in value]
    if hasattr(value, "get_config") and not inspect.isclass(value):
        return _with_shared_id(value, {**class_reference(type(value)), "config": value.get_config()})
    if callable(value) and hasattr(value, "__name__"):
        return _function_name(value)
    raise InvalidArgument(f"{value!r} of type {type(value).__name__} cannot be written as plain data")


def _with_shared_id(value: Any, config: dict[str, Any]) -> dict[str, Any]:
    serialized = _serialized.get()
    if serialized is not None:
        # Keep a reference to the object: after its deletion another object could have the same id.
        _, first = serialized.setdefault(id(value), (value, config))
        if first is not config:
            config[_SHARED] = first[_SHARED] = list(serialized).index(id(value))
    return config


def deserialize(value: Any) -> Any:
    """Convert a configuration from `serialize` back to an object. Other values are returned unchanged.

    A user class takes precedence, then the kind given by ``"module"``, then any kind that has the name.
    """
    if isinstance(value, Mapping) and set(value) >= {"class_name", "config"}:
        return find_registry(value).from_config(value)
    return value


def find_registry(config: Mapping[str, Any]) -> Registry:
    """Return the registry that reads `config`. Raises `UnknownName` if no registry has such a class."""
    name, module = str(config["class_name"]), config.get("module")
    found: list[tuple[Registry, Any]] = []
    for registry in _registries.values():
        if registry.module == module:
            return registry
        entry = registry.get_builtin(name)
        if entry is not None:
            found.append((registry, entry))
    if not found and get_custom_object(config) is None and name not in _registered:
        hint = did_you_mean(name, [name for registry in _registries.values() for name in registry.names()])
        raise UnknownName(
            f"unknown class {name!r}{hint}; a class that you defined is found if it is passed as "
            f"custom_objects={{{name!r}: ...}} or registered with @fitwell.saving.register_keras_serializable()"
        )
    # "ReLU" is a layer and "relu" an activation: if the loose match finds both, the exact spelling decides.
    exact = [registry for registry, entry in found if inspect.isclass(entry) and entry.__name__ == name]
    return (exact or [registry for registry, _ in found] or list(_registries.values()))[0]


def format_call(name: str, arguments: Iterable[tuple[str, Any]]) -> str:
    """Return the source of a call of `name` with `arguments`. Functions are shown by name, without their addresses.

    >>> format_call("Dense", [("units", 3), ("activation", abs)])
    'Dense(units=3, activation=abs)'
    """
    return f"{name}({', '.join(f'{word}={_format_value(value)}' for word, value in arguments)})"


def _format_value(value: Any) -> str:
    if isinstance(value, np.dtype):
        return repr(value.name)
    if isinstance(value, np.ndarray | jax.Array) and value.size > _MAX_SHOWN_SIZE:
        return f"<array of shape {tuple(value.shape)}>"
    if isinstance(value, list | tuple):
        parts = ", ".join(map(_format_value, value)) + (
            "," if isinstance(value, tuple) and len(value) == 1 else ""
        )
        return f"({parts})" if isinstance(value, tuple) else f"[{parts}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_format_value(item)}" for key, item in value.items()) + "}"
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__)
    # The default repr of an object shows only its address.
    text = repr(value)
    return f"<{type(value).__name__}>" if text == object.__repr__(value) else text


class Configurable(HyperparameterMixin):
    """Base class of small objects that can be serialized as plain data.

    The configuration consists of the constructor's arguments, each stored as an attribute of the same name. A
    subclass that stores an argument differently overrides `get_config`.
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
        """Build an object from the result of `get_config`."""
        return cls(**{name: deserialize(value) for name, value in config.items()})

    def __repr__(self) -> str:
        return format_call(type(self).__name__, self._readable_arguments())

    def _readable_arguments(self) -> Iterator[tuple[str, Any]]:
        """Yield the constructor's arguments that can be read now: some are properties that require a built layer."""
        for name in self._arguments():
            with suppress(AttributeError, FitwellError):
                yield name, getattr(self, name)
