"""Registries that convert a name such as ``"relu"``, a configuration or a class to an object.

Each kind of object (layer, loss, optimizer, ...) has one `Registry`. Names are matched without regard to
case and underscores, so ``"GlorotUniform"``, ``"glorot_uniform"`` and ``"glorotuniform"`` are the same.
A configuration is plain data such as ``{"class_name": ..., "config": {...}}``. Reading a configuration never imports
the module that it refers to.
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
    "find_registered",
    "find_registry",
    "format_call",
    "get_custom_object",
    "register_custom_object",
    "registered_name",
    "resolve_custom_objects",
    "serialize",
    "shared_object_scope",
    "snake_case",
    "unknown_entry_error",
]

_MAX_SHOWN_SIZE = 20
_registries: dict[str, Registry] = {}
_registry_of: dict[Any, Registry] = {}
# User classes and functions that the open `custom_objects` blocks define, and those that are registered permanently.
_custom: dict[str, Any] = {}
_registered: dict[str, Any] = {}


_PLURALS = {"loss": "losses", "schedule": "optimizers.schedules"}


def unknown_entry_error(kind: str, name: str, names: Iterable[str]) -> UnknownName:
    """Return the error for an unknown `name`, which suggests the most similar known name.

    The suggestion is in lower case if `name` is. For ``"mean_square_error"`` it is ``"mean_squared_error"``, not
    ``MeanSquaredError``.
    """
    small = [word for known in names for word in (snake_case(known), known.lower())]
    return unknown_name_error(kind, name, names, small if name.islower() else ())


@functools.lru_cache(1024)
def snake_case(name: str) -> str:
    """Convert a class name to snake case, such as ``"BatchNormalization"`` to ``"batch_normalization"``.

    The function uses the same rule as Keras, because files contain the result.
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", re.sub(r"\W+", "", name)).lower()


def _normalize(name: str) -> str:
    return name.replace("_", "").lower()


# The key for the id of an object that occurs more than once in a configuration, such as a shared layer. Keras's files
# use the same key.
_SHARED = "shared_object_id"
_serialized: ContextVar[dict[int, tuple[Any, dict[str, Any]]] | None] = ContextVar("written", default=None)
_deserialized: ContextVar[dict[Any, Any] | None] = ContextVar("read", default=None)


@contextmanager
def shared_object_scope() -> Iterator[None]:
    """Preserve shared objects inside the block.

    If an object occurs more than once, `serialize` gives it an id, and `deserialize` creates it only once.
    """
    tokens = _serialized.set({}), _deserialized.set({})
    try:
        yield
    finally:
        _serialized.reset(tokens[0])
        _deserialized.reset(tokens[1])


class Registry:
    """The classes and functions of one kind, which can be looked up by name.

    ``@registry.register("mse")`` adds a class under its own name and the alias ``"mse"``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Any] = {}
        self._by_id: dict[int, Any] = {}
        self._names: dict[str, str] = {}
        _registries[kind] = self

    @property
    def module(self) -> str:
        """The Keras module that configurations of this kind refer to, such as ``"keras.losses"``."""
        return f"keras.{_PLURALS.get(self.kind, f'{self.kind}s')}"

    def register(self, *aliases: str) -> Callable[[Any], Any]:
        """Return a decorator that registers a class or function under its name and `aliases`."""

        def decorate(entry: Any) -> Any:
            _registry_of.setdefault(entry, self)
            self._by_id[id(entry)] = entry
            for name in (entry.__name__, *aliases):
                self._entries[_normalize(name)] = entry
                self._names[_normalize(name)] = name
            return entry

        return decorate

    def names(self) -> list[str]:
        """Return all names and aliases in alphabetical order."""
        return sorted(self._names.values())

    def classes(self) -> list[type]:
        """Return the registered classes without duplicates."""
        return list({id(entry): entry for entry in self._entries.values() if inspect.isclass(entry)}.values())

    def has(self, entry: Any) -> bool:
        """Return whether `entry` is a registered class or function."""
        return id(entry) in self._by_id

    def lookup(self, name: str) -> Any:
        """Return the class or function called `name`.

        Raises:
            UnknownName: if there is no such class or function. The message suggests the most similar name.
        """
        if name in _custom:
            return _custom[name]
        # A built-in takes precedence over a registered user object, which can still be found by its full name
        # "package>name".
        entry = self.get_builtin(name)
        if entry is None:
            entry = _registered.get(name)
        if entry is None:
            raise unknown_entry_error(self.kind, name, self.names())
        return entry

    def get_builtin(self, name: str) -> Any:
        """Return the built-in class or function called `name`, or None if there is none."""
        return self._entries.get(_normalize(name))

    def resolve_class(self, config: Mapping[str, Any]) -> Any:
        """Return the user-defined or built-in class or function that a configuration refers to."""
        name = str(config["class_name"])
        return get_custom_object(config) or self.get_builtin(name) or self.lookup(name)

    def get(self, identifier: Any) -> Any:
        """Return the object that `identifier` refers to.

        Args:
            identifier: One of:

                - a registered class or its name, to create an instance with default arguments;
                - the name of a registered function, to get the function;
                - a configuration ``{"class_name": ..., "config": {...}}``, to deserialize it;
                - None, an object or a function, which is returned unchanged.
        """
        if isinstance(identifier, str):
            charge_object()
            identifier = self.lookup(identifier)
        elif isinstance(identifier, Mapping):
            return self.from_config(identifier)
        return self._instantiate(identifier) if inspect.isclass(identifier) else identifier

    def _instantiate(self, entry: type) -> Any:
        """Create an instance of the class `entry` with default arguments.

        Raises:
            InvalidArgument: if an argument has no default, or if `entry` is a built-in Python class without a
                signature.
        """
        required = _required_arguments(entry)
        if required is None:
            raise InvalidArgument(f"{self.kind}: expected a name, an object or a function, got {entry!r}")
        if required:
            example = ", ".join(f"{name}=..." for name in required)
            raise InvalidArgument(
                f"the {self.kind} {entry.__name__} has no default for {', '.join(required)}. Pass an object "
                f"instead of the name or class: {entry.__name__}({example})"
            )
        return entry()

    def from_config(self, config: Mapping[str, Any]) -> Any:
        """Build an object from a configuration that `serialize` returned."""
        if "class_name" not in config:
            raise InvalidArgument(
                f"the {self.kind} configuration must have the key 'class_name', got the keys {sorted(config)}"
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
    """Return the names of the arguments without a default, or None if a built-in Python class has no signature.

    The result is cached because reading a signature takes longer than building a layer.
    """
    try:
        parameters = inspect.signature(entry).parameters.values()
    except ValueError:
        return None
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return tuple(p.name for p in parameters if p.default is p.empty and p.kind not in kinds)


def register_custom_object(entry: Any, name: str | None = None, package: str = "Custom") -> Any:
    """Register a user class or function in all registries, so that saved models can refer to it.

    Files refer to it as ``"package>name"``. It can also be looked up by `name` alone, unless a built-in has that name.

    Args:
        entry: The class or function.
        name: The name to register. Defaults to the class's or function's name.
        package: The first part of the full name.
    """
    name = name or entry.__name__
    _registered[f"{package}>{name}"] = _registered[name] = entry
    return entry


def get_custom_object(config: Mapping[str, Any]) -> Any:
    """Return the user class that `config` refers to, or None if it does not refer to a user class.

    A configuration with a built-in module and no registered name always refers to the built-in class, even if a user
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
    """Return a dict with the keys ``"module"``, ``"class_name"`` and ``"registered_name"`` that refers to a class.

    Keras 3 uses the same keys, and the same modules for built-in classes. A user class's module is only for information
    and is never imported.
    """
    if entry in _registry_of:
        return {"module": _registry_of[entry].module, "class_name": entry.__name__, "registered_name": None}
    module = None if entry.__module__ == "__main__" else entry.__module__
    return {
        "module": module,
        "class_name": entry.__name__,
        "registered_name": registered_name(entry) or entry.__name__,
    }


def registered_name(entry: Any) -> str | None:
    """Return the full name ``"package>name"`` of a user class or function, or None if it is not registered."""
    return next((name for name, known in _registered.items() if known is entry and ">" in name), None)


def find_registered(name: str) -> Any:
    """Return the user class or function with a name, with or without its package, or None."""
    return _custom.get(name) or _registered.get(name)


def _function_name(function: Any) -> str:
    """Return the name that refers to a function in a configuration.

    The name includes the package if a built-in has the same name.
    """
    name = str(function.__name__)
    others = (r.get_builtin(name) for r in _registries.values())
    return (
        name
        if all(other is None or other is function for other in others)
        else registered_name(function) or name
    )


def describe_object(value: Any) -> str:
    """Return a function's name, or an object's class name and configuration, as a string."""
    name = str(getattr(value, "__qualname__", type(value).__qualname__))
    is_object = hasattr(value, "get_config") and not inspect.isclass(value)
    return f"{name} {value.get_config()}" if is_object else name


def find_kind(entry: Any) -> str | None:
    """Return the kind of a class, such as ``"layer"``, or None if it is unknown.

    A subclass has the same kind as its base class.
    """
    bases = entry.__mro__ if inspect.isclass(entry) else ()
    return next((_registry_of[base].kind for base in bases if base in _registry_of), None)


def resolve_custom_objects(value: Any) -> Any:
    """Replace each name from a `custom_objects` block with its object, even inside lists and dicts."""
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
        objects (Mapping): A dict that maps names in configurations to classes and functions.

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

    An object with `get_config` becomes a dict with the keys ``"module"``, ``"class_name"``, ``"config"`` and
    ``"registered_name"`` (see `class_reference`). A function becomes its name.
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
    raise InvalidArgument(f"cannot convert {value!r} of type {type(value).__name__} to plain data")


def _with_shared_id(value: Any, config: dict[str, Any]) -> dict[str, Any]:
    serialized = _serialized.get()
    if serialized is not None:
        # Keep a reference to the object. If it were deleted, a different object could get the same id.
        _, first = serialized.setdefault(id(value), (value, config))
        if first is not config:
            config[_SHARED] = first[_SHARED] = list(serialized).index(id(value))
    return config


def deserialize(value: Any) -> Any:
    """Convert the result of `serialize` back to an object. Values that are not configurations are returned unchanged.

    The class is looked up first among the user classes, then in the registry for the value of the key ``"module"``, and
    then in all registries.
    """
    if isinstance(value, Mapping) and set(value) >= {"class_name", "config"}:
        return find_registry(value).from_config(value)
    return value


def find_registry(config: Mapping[str, Any]) -> Registry:
    """Return the registry that can deserialize `config`.

    Raises:
        UnknownName: if no registry has a class with the name in `config`.
    """
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
            f"unknown class {name!r}{hint or '.'} If you defined this class, pass custom_objects={{{name!r}: ...}} or "
            f"register it with @fitwell.saving.register_keras_serializable()."
        )
    # "ReLU" is the name of a layer, and "relu" is the name of an activation. Because matching ignores case, both
    # registries are found.
    # In such a case, choose the class whose name is spelled exactly like `name`.
    exact = [registry for registry, entry in found if inspect.isclass(entry) and entry.__name__ == name]
    return (exact or [registry for registry, _ in found] or list(_registries.values()))[0]


def format_call(name: str, arguments: Iterable[tuple[str, Any]]) -> str:
    """Return Python source code that calls `name` with `arguments`.

    Functions are shown by name, without their memory addresses.

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
    # The default repr shows only the object's memory address.
    text = repr(value)
    return f"<{type(value).__name__}>" if text == object.__repr__(value) else text


class Configurable(HyperparameterMixin):
    """The base class of small objects that can be serialized as plain data.

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
        """Build an object from a dict that `get_config` returned."""
        return cls(**{name: deserialize(value) for name, value in config.items()})

    def __repr__(self) -> str:
        return format_call(type(self).__name__, self._readable_arguments())

    def _readable_arguments(self) -> Iterator[tuple[str, Any]]:
        """Yield the names and values of the constructor's arguments, without arguments that cannot be read yet.

        Some arguments are properties that cannot be read until the layer is built.
        """
        for name in self._arguments():
            with suppress(AttributeError, FitwellError):
                yield name, getattr(self, name)
