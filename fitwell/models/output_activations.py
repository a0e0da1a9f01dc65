"""Detection of the activation that produces each of a model's outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell import activations
from fitwell._call_context import CallContext, call_context
from fitwell.layers.base import Layer
from fitwell.layers.variable_tracker import preserve_variables
from fitwell.models.base_model import BaseModel
from fitwell.models.model_program import as_outputs

__all__ = ["OutputActivation", "output_activations"]

_RANGES = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "softplus": (0.0, math.inf),
    "exponential": (0.0, math.inf),
    "relu6": (0.0, 6.0),
}
# Activations with values below 0 or above 1.
_OUTSIDE_UNIT_INTERVAL = (
    "linear", "relu", "relu6", "tanh", "softsign", "selu", "elu", "leaky_relu", "gelu", "silu", "swish", "mish",
)  # fmt: skip


@dataclass(frozen=True)
class OutputActivation:
    """The final activation of one output.

    Attributes:
        activation: The name of the activation.
        width: The size of the output's last axis.
    """

    activation: str
    width: int | None

    @property
    def range(self) -> tuple[float, float] | None:
        """The smallest and largest possible values, or None if no limits are known."""
        return _RANGES.get(self.activation)

    @property
    def can_leave_unit_interval(self) -> bool:
        """Whether values may lie outside [0, 1]."""
        return self.activation in _OUTSIDE_UNIT_INTERVAL

    @property
    def description(self) -> str:
        """A description of the activation for messages."""
        return "no activation" if self.activation == "linear" else self.activation


def output_activations(model: BaseModel, x: Any) -> list[OutputActivation | None]:
    """Return the activation of each model output for inputs like `x`, or None where it is unknown."""
    return [
        None if name is None else OutputActivation(name, struct.shape[-1] if len(struct.shape) > 1 else 1)
        for name, struct in zip(_names(model, x), model._output_specs(x), strict=True)
    ]


def _names(model: Any, x: Any) -> list[str | None]:
    """Return the names of the activations, from the model's structure if possible, else by tracing."""
    layers = _last_layers(model)
    if layers is None:
        return _names_by_tracing(model, x)
    return [_activation_of(layer) for layer in layers]


def _last_layers(model: Any) -> list[Layer] | None:
    if hasattr(model, "_stack"):
        last = model.layers[-1:]
    elif hasattr(model, "nodes"):
        last = [symbol.node.layer for symbol in model.outputs]
    else:
        return None
    found: list[Layer] = []
    for layer in last:
        inner = _last_layers(layer)
        # If a nested model has more than one output, only tracing shows which one is used.
        if hasattr(layer, "layers") and (inner is None or len(inner) != 1):
            return None
        found += [layer] if inner is None else inner
    return found or None


def _names_by_tracing(model: BaseModel, x: Any) -> list[str | None]:
    watch: list[tuple[Any, Any]] = []
    found: list[str | None] = []

    def forward(arrays: Any) -> Any:
        context = CallContext(training=False, key=jax.random.key(0), intermediates=watch)
        with call_context(context), preserve_variables(model):
            outputs = model(arrays)
        for output in as_outputs(outputs):
            # Ignore models, because each reports its last layer's output again.
            makers = [layer for layer, made in watch if made is output and not hasattr(layer, "layers")]
            found.append(_activation_of(makers[-1]) if makers else None)
        watch.clear()
        return outputs

    structs = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(np.shape(leaf), jnp.result_type(leaf)), x)
    jax.eval_shape(forward, structs)
    return found


def _activation_of(layer: Layer) -> str | None:
    """Return the name of the activation at the end of `layer`, or None if it is not one of fitwell's activations."""
    if not type(layer).__module__.startswith("fitwell."):
        return None
    activation = getattr(layer, "activation", None)
    if activation is not None:
        name = getattr(activation, "__name__", None)
        return name if name is not None and getattr(activations, name, None) is activation else None
    kind = type(layer).__name__
    known = {"Softmax": "softmax", "ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu"}
    return known.get(kind)
