"""The operations of ``keras.ops.core``: control flow, slices, types and transformations."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._variables import Variable
from fitwell.layers.keras_tensor import KerasTensor, is_keras_tensor
from fitwell.ops.definition import operation, refuse_options

__all__ = [
    "associative_scan", "cast", "cond", "convert_to_numpy", "convert_to_tensor", "custom_gradient", "dtype",
    "fori_loop", "is_tensor", "jvp", "map", "saturate_cast", "scan", "scatter", "scatter_update", "shape", "slice",
    "slice_update", "stop_gradient", "switch", "unstack", "vectorized_map", "while_loop",
]  # fmt: skip


def associative_scan(f: Callable[..., Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Return the results of an associative function over all prefixes of `elems`, computed in parallel."""
    return jax.lax.associative_scan(f, elems, reverse, axis)


@operation
def cast(x: Any, dtype: Any) -> Any:
    """Convert `x` to `dtype`."""
    return jnp.asarray(x).astype(dtype)


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Return ``true_fn()`` if `pred` is true, and ``false_fn()`` otherwise. Both return arrays of the same shape."""
    return jax.lax.cond(pred, true_fn, false_fn)


def convert_to_numpy(x: Any) -> np.ndarray:
    """Convert an array or a variable to a NumPy array."""
    return np.asarray(x.value if isinstance(x, Variable) else x)


def convert_to_tensor(
    x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> Any:
    """Convert a value to an array. A `KerasTensor` is returned unchanged."""
    refuse_options("convert_to_tensor", sparse=sparse, ragged=ragged)
    if is_keras_tensor(x):
        return x
    value = x.value if isinstance(x, Variable) else x
    if dtype is None and not hasattr(value, "dtype") and np.asarray(value).dtype == np.float64:
        dtype = "float32"
    return jnp.asarray(value, dtype)


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose gradient `f` defines: `f` returns its output and a function of the gradient."""
    return functools.wraps(f)(jax.custom_gradient(f))


def dtype(x: Any) -> str:
    """Return the name of the dtype."""
    return str(jnp.dtype(x.dtype if hasattr(x, "dtype") else jnp.result_type(x)))


def fori_loop(lower: int, upper: int, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """Apply ``value = body_fun(i, value)`` for each i from `lower` to ``upper - 1``."""
    return jax.lax.fori_loop(lower, upper, body_fun, init_val)


def is_tensor(x: Any) -> bool:
    """Return whether `x` is a JAX array or a `KerasTensor`."""
    return isinstance(x, jax.Array | KerasTensor)


def jvp(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """Return ``fun(*primals)`` and its directional derivative along `tangents`."""
    return jax.jvp(fun, tuple(primals), tuple(tangents), has_aux=has_aux)


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """Apply `f` to each row of `xs`, one after another."""
    return jax.lax.map(f, xs)


@operation
def saturate_cast(x: Any, dtype: Any) -> Any:
    """Convert `x` to `dtype`, after clipping it to the range of `dtype`."""
    x = jnp.asarray(x)
    limits: Any = jnp.iinfo(dtype) if jnp.issubdtype(jnp.dtype(dtype), jnp.integer) else jnp.finfo(dtype)
    return jnp.clip(x, limits.min, limits.max).astype(dtype)


def scan(
    f: Callable[[Any, Any], Any], init: Any, xs: Any = None, length: int | None = None, reverse: bool = False,
    unroll: int | bool = 1,
) -> Any:  # fmt: skip
    """Apply ``state, output = f(state, x)`` for each row of `xs`, and return the last state and all outputs."""
    return jax.lax.scan(f, init, xs, length, reverse, unroll)


@operation
def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Return zeros of `shape` to which `values` are added at `indices`, ``[n, axes]``."""
    indices, values = jnp.asarray(indices), jnp.asarray(values)
    places = tuple(jnp.moveaxis(indices, -1, 0))
    return jnp.zeros(tuple(shape), values.dtype).at[places].add(values)


@operation
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """Return `inputs` with `updates` at `indices`, ``[n, axes]``.

    Args:
        inputs (Array): The array.
        indices (Array): The places.
        updates (Array): The new values.
        reduction (str | None): How the updates are combined with the inputs: None to replace them, ``"add"``,
            ``"max"``, ``"min"`` or ``"mul"``. Default: None.
    """
    places = jnp.asarray(inputs).at[tuple(jnp.moveaxis(jnp.asarray(indices), -1, 0))]
    functions = {None: "set", "add": "add", "max": "max", "min": "min", "mul": "multiply"}
    if reduction not in functions:
        raise ValueError(f"scatter_update: reduction must be one of {list(functions)}, got {reduction!r}")
    return getattr(places, functions[reduction])(jnp.asarray(updates))


def shape(x: Any) -> tuple[int | None, ...]:
    """Return the shape. Unknown sizes of a `KerasTensor` are None."""
    return tuple(x.shape) if hasattr(x, "shape") else tuple(np.shape(x))


@operation
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """Return the part of `inputs` with `shape` that begins at `start_indices`."""
    return jax.lax.dynamic_slice(jnp.asarray(inputs), tuple(jnp.asarray(start_indices)), tuple(shape))


@operation
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """Return `inputs` with `updates` in the part that begins at `start_indices`."""
    return jax.lax.dynamic_update_slice(
        jnp.asarray(inputs), jnp.asarray(updates), tuple(jnp.asarray(start_indices))
    )


@operation
def stop_gradient(variable: Any) -> Any:
    """Return the value, through which no gradient flows."""
    return jax.lax.stop_gradient(jnp.asarray(variable))


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Return ``branches[index](*operands)``, where `index` is clipped to the valid range."""
    return jax.lax.switch(index, branches, *operands)


@operation
def unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    """Return a list of the parts of `x` along `axis`."""
    return [jnp.squeeze(part, axis) for part in jnp.split(jnp.asarray(x), num or x.shape[axis], axis)]


def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """Apply `function` to each row of `elements`, all at once."""
    return jax.vmap(function)(elements)


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """Apply ``loop_vars = body(*loop_vars)`` while ``cond(*loop_vars)`` is true."""
    is_sequence = isinstance(loop_vars, list | tuple)
    values = tuple(loop_vars) if is_sequence else (loop_vars,)

    def goes_on(carry: tuple[Any, tuple[Any, ...]]) -> Any:
        count, current = carry
        wanted = cond(*current)
        return wanted if maximum_iterations is None else jnp.logical_and(wanted, count < maximum_iterations)

    def advance(carry: tuple[Any, tuple[Any, ...]]) -> tuple[Any, tuple[Any, ...]]:
        found = body(*carry[1])
        found = tuple(found) if isinstance(found, list | tuple) else (found,)
        return carry[0] + 1, found

    values = jax.tree.map(jnp.asarray, values)
    _, values = jax.lax.while_loop(goes_on, advance, (jnp.int32(0), values))
    return type(loop_vars)(values) if is_sequence else values[0]
