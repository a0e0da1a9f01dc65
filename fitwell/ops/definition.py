"""The definition of operations, which work on arrays and on `KerasTensor` objects."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from fitwell._variables import Variable
from fitwell.errors import InvalidArgument
from fitwell.layers.keras_tensor import find_keras_tensors
from fitwell.layers.operation import Operation, register_operation

__all__ = ["define_from_jax", "operation", "refuse_options"]


def operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` as an operation.

    If an argument contains a `KerasTensor`, the operation becomes a layer of the graph. Variables are replaced with
    their values.
    """
    name = function.__name__
    register_operation(name, function)

    @functools.wraps(function)
    def apply(*args: Any, **kwargs: Any) -> Any:
        if find_keras_tensors((args, kwargs)):
            return Operation(name)(*args, **kwargs)
        return function(*(_value(arg) for arg in args), **{key: _value(arg) for key, arg in kwargs.items()})

    return apply


def refuse_options(name: str, **options: Any) -> None:
    """Raise `InvalidArgument` if an option of Keras's operation `name` is given that has no meaning here."""
    for option, value in options.items():
        if value:
            raise InvalidArgument(f"ops.{name}: {option}={value!r} is not supported; omit it")


def _value(argument: Any) -> Any:
    if isinstance(argument, Variable):
        return argument.value
    if isinstance(argument, list | tuple) and any(isinstance(item, Variable) for item in argument):
        return type(argument)(map(_value, argument))
    return argument


def define_from_jax(lines: str, modules: Iterable[Any], source: str) -> dict[str, Any]:
    """Define operations that have the same meaning in JAX.

    Args:
        lines: One signature per line, such as ``mean(x, axis=None, keepdims=False)``. Arguments without a default are
            passed to JAX by position, and the others by name.
        modules: JAX's modules, which are searched for a function with the same name.
        source: The name of Keras's module, for the docstrings.

    Returns:
        A dict that maps names to operations.
    """
    found = {}
    for line in filter(None, map(str.strip, lines.splitlines())):
        signature = _parse_signature(line)
        name = line.partition("(")[0]
        target = next(getattr(module, name) for module in modules if hasattr(module, name))
        found[name] = operation(_call_jax(name, signature, target, source))
    return found


def _call_jax(
    name: str, signature: inspect.Signature, target: Callable[..., Any], source: str
) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        by_name = {
            key: value
            for key, value in bound.arguments.items()
            if signature.parameters[key].default is not inspect.Parameter.empty
        }
        by_position = [value for key, value in bound.arguments.items() if key not in by_name]
        return target(*by_position, **by_name)

    function.__name__ = function.__qualname__ = name
    function.__module__ = f"fitwell.ops.{source}"
    function.__doc__ = (
        f"Compute ``{target.__module__.removeprefix('jax._src.')}.{target.__name__}``, as `keras.ops.{name}` does.\n\n"
        f"The arguments are {', '.join(signature.parameters)}."
    )
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def _parse_signature(line: str) -> inspect.Signature:
    parsed = ast.parse(f"def {line}: pass").body[0]
    assert isinstance(parsed, ast.FunctionDef)
    names = [argument.arg for argument in parsed.args.args]
    defaults = [ast.literal_eval(node) for node in parsed.args.defaults]
    required = len(names) - len(defaults)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [
            inspect.Parameter(
                name,
                kind,
                default=inspect.Parameter.empty if place < required else defaults[place - required],
            )
            for place, name in enumerate(names)
        ]
    )
