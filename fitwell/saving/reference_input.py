"""A function that creates a small reference input for a model whose forward pass is cheap.

Computing the reference output must take only milliseconds, even for a file that was designed to be slow. Therefore, the
forward pass is traced with abstract arrays, and its cost is estimated from the traced equations. XLA could estimate the
same costs, but it iterates over every position of a convolution, and there may be 10^12 positions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from fitwell._load_budget import LoadBudget, use_budget
from fitwell._typing import NumpyArray
from fitwell.errors import FitwellError

__all__ = ["make_reference_input"]

# Number of rows in the reference input, and limits on the forward pass.
_ROWS = 2
_MOST_OPERATIONS = 2e9
_MOST_BYTES = 2e8
# XLA takes about a millisecond to compile an equation.
_MOST_EQUATIONS = 3_000
# Assumed number of iterations for loops whose length depends on the data.
_ASSUMED_ITERATIONS = 100
_CUBIC_PRIMITIVES = ("qr", "svd", "eigh", "eig", "lu", "cholesky", "triangular_solve", "householder_product")


def make_reference_input(model: Any) -> Any:
    """Return a small input for `model`, or None if the input shape is unknown or the forward pass is too expensive."""
    inputs = _input_structs(model)
    if inputs is None:
        return None
    leaves = jax.tree.leaves(inputs)
    if sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves) > _MOST_BYTES:
        return None
    try:
        # Tracing takes very long if a model calls another model many times, and that model does the same. The budget's
        # limit on layer calls stops such a trace.
        with use_budget(LoadBudget("the reference input", 0)):
            traced = jax.make_jaxpr(lambda x: model(x, training=False))(inputs)
    except FitwellError:
        return None
    if not _Cost(traced.jaxpr).is_below_limits():
        return None
    draw = np.random.default_rng(0)

    def fill(struct: jax.ShapeDtypeStruct) -> NumpyArray:
        if np.issubdtype(struct.dtype, np.integer) or struct.dtype == bool:
            return draw.integers(0, 2, struct.shape).astype(struct.dtype)
        return draw.uniform(-1, 1, struct.shape).astype(struct.dtype)

    return jax.tree.map(fill, inputs)


def _input_structs(model: Any) -> Any:
    """Return the shapes and dtypes of an input with two rows, or None if a size is unknown."""
    if hasattr(model, "inputs"):
        try:
            symbols = model.inputs
        except FitwellError:
            return None
        structs = [(symbol.shape, symbol.dtype) for symbol in symbols]
        single = len(structs) == 1
    else:
        shapes = model._build_input_shape
        if not isinstance(shapes, tuple | list) or not shapes:
            return None
        single = not isinstance(shapes[0], tuple | list)
        structs = [(tuple(shape), model.dtype) for shape in ([shapes] if single else shapes)]
    if any(size is None for shape, _ in structs for size in shape[1:]):
        return None
    rows = [jax.ShapeDtypeStruct((_ROWS, *shape[1:]), dtype) for shape, dtype in structs]
    return rows[0] if single else rows


class _Cost:
    """The cost of a JAX program in operations, in bytes that are read and written, and in equations."""

    def __init__(self, program: Any) -> None:
        self.operations = self.bytes = 0.0
        self.equations = 0
        self._add(program, 1)

    def is_below_limits(self) -> bool:
        """Return whether the cost is within all limits."""
        return (
            self.operations <= _MOST_OPERATIONS
            and self.bytes <= _MOST_BYTES
            and self.equations <= _MOST_EQUATIONS
        )

    def _add(self, program: Any, times: float) -> None:
        for equation in program.eqns:
            if not self.is_below_limits():
                return
            inner = list(_nested_programs(list(equation.params.values())))
            rounds = {"scan": equation.params.get("length", 1), "while": _ASSUMED_ITERATIONS}
            for part in inner:
                self._add(part, times * rounds.get(equation.primitive.name, 1))
            self.equations += 1
            if not inner or equation.primitive.name not in (
                "jit",
                "pjit",
                "custom_jvp_call",
                "custom_vjp_call",
            ):
                arrays = [variable.aval for variable in (*equation.invars, *equation.outvars)]
                self.bytes += times * sum(_bytes_of(array) for array in arrays)
                self.operations += times * _operations(equation)


def _nested_programs(value: Any) -> Iterator[Any]:
    """Yield the programs in the parameters of an equation, such as the body of a loop."""
    if hasattr(value, "eqns"):
        yield value
    elif hasattr(value, "jaxpr"):
        yield value.jaxpr
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _nested_programs(item)


def _bytes_of(array: Any) -> float:
    shape, dtype = getattr(array, "shape", ()), getattr(array, "dtype", None)
    return math.prod(shape) * getattr(dtype, "itemsize", 4)


def _operations(equation: Any) -> float:
    """Return the estimated number of operations in one equation.

    For convolution and pooling, the number includes operations at positions in the padding.
    """
    name, settings = equation.primitive.name, equation.params
    results = sum(math.prod(getattr(variable.aval, "shape", ())) for variable in equation.outvars)
    shapes = [getattr(variable.aval, "shape", ()) for variable in equation.invars]
    if name == "conv_general_dilated":
        numbers = settings["dimension_numbers"]
        kernel = math.prod(shapes[1]) / max(shapes[1][numbers.rhs_spec[0]], 1)
        sizes = [shapes[0][axis] for axis in numbers.lhs_spec[2:]]
        padded = _padded_size(sizes, settings["lhs_dilation"], settings["padding"])
        return 2 * results * kernel + padded
    if name == "dot_general":
        contracted = settings["dimension_numbers"][0][0]
        return 2 * results * math.prod(shapes[0][axis] for axis in contracted)
    if "window_dimensions" in settings:
        window = math.prod(settings["window_dimensions"])
        dilation = settings.get("base_dilation") or [1] * len(shapes[0])
        return results * window + _padded_size(shapes[0], dilation, settings["padding"])
    if name in _CUBIC_PRIMITIVES:
        return results * max((max(shape, default=1) for shape in shapes), default=1)
    return 20 * results if name == "sort" else results


def _padded_size(sizes: Any, dilation: Any, padding: Any) -> float:
    """Return the size of an array after dilation and padding."""
    return math.prod(
        abs((size - 1) * stretch) + 1 + abs(low) + abs(high)
        for size, stretch, (low, high) in zip(sizes, dilation, padding, strict=True)
    )
