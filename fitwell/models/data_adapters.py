"""Conversion of a user's x, y and sample weights into arrays that fit the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from fitwell._data.arrays import as_array
from fitwell._data.text_format import pluralize
from fitwell.errors import DataError, did_you_mean
from fitwell.layers.keras_tensor import KerasTensor

__all__ = [
    "cast_input",
    "is_batch_iterable",
    "is_container_of_arrays",
    "match_rank",
    "standardize_inputs",
    "standardize_targets",
    "standardize_weights",
]


def is_batch_iterable(x: Any) -> bool:
    """Return whether `x` yields batches.

    Generators, other iterables and Keras `Sequence` objects do. Arrays, lists, tuples, mappings and strings do not.
    """
    if isinstance(x, list | tuple | Mapping | np.ndarray | str | bytes) or hasattr(x, "shape"):
        return False
    return (
        hasattr(x, "__next__")
        or hasattr(x, "__iter__")
        or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))
    )


def is_container_of_arrays(value: Any) -> bool:
    """Return whether `value` is a tuple, or a nonempty list of arrays that each have at least one axis.

    A nested list of numbers is not a container, because it represents a single array.
    """
    return isinstance(value, tuple) or (
        isinstance(value, list)
        and bool(value)
        and all(hasattr(item, "shape") for item in value)
        and all(len(item.shape) > 0 for item in value)
    )


def standardize_inputs(
    x: Any, names: Sequence[str] | None, shapes: Sequence[tuple[Any, ...]] | None = None, argument: str = "x"
) -> Any:
    """Return the inputs in the structure that the model's `call` takes.

    Args:
        x: The inputs that the user passed.
        names: The input names of a functional model, or None for a subclassed model. A functional model with
            more than one input receives a list in this order, whether `x` is a list, a tuple or a dict. A
            subclassed model receives the structure of `x`.
        shapes: The expected shapes, or None if they are unknown. As in Keras, a last axis of size 1 is added
            or removed to match them.
        argument: The name of `x` in error messages.
    """
    if names is None:
        if isinstance(x, Mapping):
            return {key: as_array(value, f"{argument}[{key!r}]") for key, value in x.items()}
        if is_container_of_arrays(x):
            return [as_array(value, f"{argument}[{i}]") for i, value in enumerate(x)]
        return as_array(x, argument)
    arrays = _in_order(x, names, argument, "input")
    if shapes is not None:
        arrays = [
            match_rank(array, len(shape), shape[-1:]) for array, shape in zip(arrays, shapes, strict=True)
        ]
    return arrays[0] if len(names) == 1 else arrays


def match_rank(array: Any, axes: int, last: tuple[Any, ...]) -> Any:
    """Add or remove a last axis of size 1 if that gives an input the expected number of axes.

    Args:
        array: The input.
        axes: The expected number of axes.
        last: A tuple with the expected size of the last axis.
    """
    if not hasattr(array, "ndim"):
        return array
    if array.ndim + 1 == axes and last == (1,):
        return array[..., None]
    if array.ndim == axes + 1 and array.shape[-1] == 1:
        return array[..., 0]
    return array


def cast_input(array: Any, symbol: KerasTensor) -> Any:
    """Return a model's input with the number of axes and the dtype of `symbol`.

    As in Keras, integers become floats if the `Input` has a float dtype, which is the default. Without this
    conversion, a layer that subtracts 10 from a black uint8 pixel would get 246 instead of -10. If the float dtype has
    half precision, integers of more than 8 bits stay integers, because half precision cannot represent all of them.
    """
    array = match_rank(array, len(symbol.shape), symbol.shape[-1:])
    if not hasattr(array, "astype") or array.dtype == symbol.dtype:
        return array
    half = jnp.issubdtype(symbol.dtype, jnp.floating) and symbol.dtype.itemsize < 4
    if half and array.dtype.kind in "iu" and array.dtype.itemsize > 1:
        return array
    return array.astype(symbol.dtype)


def _in_order(
    value: Any,
    names: Sequence[str],
    argument: str,
    role: str,
    convert: Callable[[Any, int, str], Any] = lambda value, index, argument: as_array(value, argument),
) -> list[Any]:
    """Return one array for each name.

    Args:
        value: A single array, a list or tuple in the order of `names`, or a dict or data frame with one entry
            per name.
        names: The names of the model's inputs or outputs.
        argument: The name of `value` in error messages.
        role: "input" or "output".
        convert: A function that makes the array from a value, its index and its name in error messages.
    """
    if isinstance(value, Mapping) or (hasattr(value, "columns") and len(names) > 1):
        # Iterating over a Polars data frame yields its columns instead of their names.
        keys = list(value) if isinstance(value, Mapping) else list(value.columns)
        unknown = [key for key in keys if key not in names]
        missing = [name for name in names if name not in keys]
        if missing or unknown:
            parts = [f"no entry {missing[0]!r}"] if missing else []
            parts += [f"an unknown entry {unknown[0]!r}"] if unknown else []
            wrong = f"has {', but '.join(parts)}{(did_you_mean(str(unknown[0]), names) if unknown else '') or '.'}"
            hint = " Pass targets as y, or yield (x, y) from a generator." if _is_target(unknown) else ""
            raise DataError(
                f"{argument} {wrong} The model's {role}s are {', '.join(map(repr, names))}.{hint}"
            )
        return [convert(value[name], index, f"{argument}[{name!r}]") for index, name in enumerate(names)]
    if len(names) == 1:
        if is_container_of_arrays(value) and len(value) == 1:
            value = value[0]
        return [convert(value, 0, argument)]
    if not isinstance(value, list | tuple) or len(value) != len(names):
        came = pluralize(len(value), "array") if isinstance(value, list | tuple) else type(value).__name__
        raise DataError(
            f"{argument}: expected one array for each of the model's {len(names)} {role}s ({', '.join(names)}), "
            f"got {came}"
        )
    return [convert(item, i, f"{argument}[{i}]") for i, item in enumerate(value)]


def _is_target(keys: Sequence[Any]) -> bool:
    """Return whether one of these dict keys is a common name for targets."""
    return any(str(key).lower() in ("y", "label", "labels", "target", "targets") for key in keys)


def standardize_targets(
    y: Any, names: Sequence[str], convert: Callable[[Any, int, str], Any], argument: str = "y"
) -> list[Any] | None:
    """Return the targets as one array per output, or None if there are no targets.

    Args:
        y: The targets that the user passed.
        names: The names of the outputs.
        convert: A function that makes the array from a value, the output's index and the value's name in
            error messages.
        argument: The name of `y` in error messages.
    """
    return None if y is None else _in_order(y, names, argument, "output", convert)


def standardize_weights(
    weights: Any, names: Sequence[str], argument: str = "sample_weight"
) -> list[Any] | None:
    """Return a list with one element per output, or None if there are no sample weights.

    Each element is an array, or None for an output without sample weights. If `weights` is a single array, it
    applies to all outputs.
    """
    if weights is None:
        return None
    if isinstance(weights, Mapping):
        unknown = [key for key in weights if key not in names]
        if unknown:
            raise DataError(
                f"{argument}: no output has the name {unknown[0]!r}{did_you_mean(str(unknown[0]), names)}"
            )
        items = [weights.get(name) for name in names]
    elif _is_list_of_weights(weights, len(names)):
        if len(weights) != len(names):
            raise DataError(f"{argument}: expected {len(names)} arrays, one per output, got {len(weights)}")
        items = list(weights)
    else:
        items = [weights] * len(names)
    return [None if item is None else _as_weights(item, argument) for item in items]


def _is_list_of_weights(weights: Any, outputs: int) -> bool:
    """Return whether `weights` is a list with one element (an array or None) per output, not one weight per row."""
    if not isinstance(weights, list | tuple) or not weights:
        return False
    arrays = [item for item in weights if item is not None]
    return all(np.ndim(item) > 0 for item in arrays) and (outputs > 1 or len(weights) == 1)


def _as_weights(value: Any, argument: str) -> Any:
    """Convert weights to floats, and remove a last axis of size 1 if there is one weight per row."""
    array = np.asarray(as_array(value, argument), np.float32)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
