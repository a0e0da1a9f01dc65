"""Layer-sequential unit-variance (LSUV) initialization, which scales initial weights based on real data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from fitwell import activations, initializers, random
from fitwell._call_context import CallContext, call_context
from fitwell._param_validation import Instance, Integer, Real, validate_params
from fitwell.errors import InvalidArgument, StateError
from fitwell.layers.base import Layer
from fitwell.models import data_adapters
from fitwell.models.model import Model

__all__ = [
    "lsuv",
]


@validate_params(
    model=Instance(Model, "a model"),
    tolerance=Real(0, closed="right"),
    max_iterations=Integer(1),
    seed=Integer(0) | None,
)
def lsuv(
    model: Model, x: Any, *, tolerance: float = 0.1, max_iterations: int = 10, seed: int | None = None
) -> dict[str, float]:
    """Initialize `model` so that the output of each layer on `x`, before its activation, has variance 1.

    First, all kernels become orthonormal (`initializers.Orthogonal`). Then, in the order of the computation, each
    layer's kernel is divided by the standard deviation of the layer's output z on `x`, ``W /= sqrt(Var(z))``, until
    ``|Var(z) - 1| < tolerance``. If the biases are 0, one division is enough.

    Layers with a trainable `kernel`, such as dense and convolutional layers, are initialized. Frozen layers, biases and
    other variables do not change.

    Args:
        model (Model): The model, which is changed in place and built if necessary.
        x (ArrayLike): A batch of inputs with a few hundred rows, in the same format as for `predict`. Layers run in
            inference mode.
        tolerance (float): Maximum deviation of a variance from 1. It must be positive. Default: 0.1.
        max_iterations (int): Maximum number of divisions for each layer. If the biases are large, even many divisions
            may not be enough. Default: 10.
        seed (int | None): Seed for the orthonormal kernels. Defaults to None, which means different kernels in each
            call.

    Returns:
        dict[str, float]: The variance of each layer's output on `x`, keyed by layer name, in the order of the
            computation.

    Raises:
        InvalidArgument: if no layer has a trainable kernel, or if `tolerance` or `max_iterations` is not positive.
        StateError: if the output of a layer is constant or not finite, so that scaling cannot help.

    Example:
        >>> import numpy as np
        >>> import fitwell as fw
        >>> model = fw.Sequential([fw.Input((8,)), fw.layers.Dense(16, activation="relu"), fw.layers.Dense(1)])
        >>> x = np.random.default_rng(0).normal(size=(256, 8)).astype("float32")
        >>> variances = fw.models.lsuv(model, x, seed=0)
        >>> all(abs(variance - 1) < 0.1 for variance in variances.values())
        True

    Source: Mishkin and Matas, "All you need is a good init", 2016. Not in Keras.
    """
    inputs = data_adapters.standardize_inputs(x, model.input_names, model._input_specs()[0])
    layers = _layers_with_kernels(model, inputs)
    rng = random.make_rng(seed)
    for layer in layers:
        layer.kernel.assign(initializers.Orthogonal()(layer.kernel.shape, layer.kernel.dtype, rng))
    return {str(layer.name): _scale(layer, model, inputs, tolerance, max_iterations) for layer in layers}


def _layers_with_kernels(model: Model, inputs: Any) -> list[Any]:
    """Return the layers to initialize, in the order of the computation."""
    called = {id(layer): layer for layer, _ in _outputs(model, inputs)}
    trained = {id(variable) for variable in model.trainable_variables}
    layers = [layer for layer in called.values() if id(getattr(layer, "kernel", None)) in trained]
    if not layers:
        raise InvalidArgument(f"lsuv: model {model.name!r} has no layer with a trainable kernel")
    return layers


def _scale(layer: Any, model: Model, inputs: Any, tolerance: float, max_iterations: int) -> float:
    with _without_activation(layer):
        variance = _variance(layer, model, inputs)
        for _ in range(max_iterations):
            if abs(variance - 1) < tolerance:
                break
            layer.kernel.assign(layer.kernel.value / math.sqrt(variance))
            variance = _variance(layer, model, inputs)
    return variance


def _variance(layer: Layer, model: Model, inputs: Any) -> float:
    """Return the variance of all outputs of `layer`. If the layer is shared, this includes all its calls."""
    outputs = [output for called, output in _outputs(model, inputs) if called is layer]
    values = [np.asarray(leaf, np.float64).ravel() for leaf in jax.tree.leaves(outputs)]
    variance = float(np.var(np.concatenate(values)))
    if not 0 < variance < math.inf:
        raise StateError(
            f"lsuv: the output of layer {layer.name!r} has variance {variance:g} on x, which scaling cannot change "
            "to 1; check for constant or nonfinite inputs, and for dead units in earlier layers"
        )
    return variance


def _outputs(model: Model, inputs: Any) -> list[tuple[Layer, Any]]:
    """Return ``(layer, output)`` for every layer call, in the order in which the calls end."""
    watch: list[tuple[Layer, Any]] = []
    with call_context(CallContext(training=False, intermediates=watch)):
        model(inputs)
    return watch


@contextmanager
def _without_activation(layer: Any) -> Iterator[None]:
    activation = getattr(layer, "activation", None)
    if activation is None:
        yield
        return
    layer.activation = activations.linear
    try:
        yield
    finally:
        layer.activation = activation
