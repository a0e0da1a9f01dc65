"""Activation functions.

All activation functions accept JAX arrays, NumPy arrays, lists and scalars. They convert integers to floats, and return
a JAX array of the same shape. There are two exceptions: `linear` returns its input unchanged, and `glu` halves the
length of one axis. Numeric arguments can be traced values, so layers can pass hyperparameters. `get` looks up an
activation function by name.

`softmax`, `sigmoid` and the threshold activations record their inputs in the current call (`context.cache_logits`), so
that the cross-entropy and perceptron losses can be computed from these inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fitwell._registry import serialize as _serialize
from fitwell._typing import Function
from fitwell.activations.base import registry as _registry
from fitwell.activations.gated_activations import gelu, glu, hard_silu, hard_swish, mish, silu, swish
from fitwell.activations.relu_activations import (
    celu,
    elu,
    exponential,
    leaky_relu,
    relu,
    relu6,
    selu,
    softplus,
    sparse_plus,
    squareplus,
)
from fitwell.activations.shrink_activations import hard_shrink, soft_shrink, tanh_shrink, threshold
from fitwell.activations.sigmoid_activations import (
    hard_sigmoid,
    hard_tanh,
    linear,
    log_sigmoid,
    sigmoid,
    softsign,
    sparse_sigmoid,
    tanh,
)
from fitwell.activations.softmax_activations import log_softmax, softmax, sparsemax
from fitwell.activations.threshold_activations import heaviside, sign
from fitwell.errors import InvalidArgument

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "heaviside",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "sign",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]

# Common activations that preserve the input's shape and float type. For these, layers know the output's shape and type
# without tracing the function.
SHAPE_PRESERVING: tuple[Function, ...] = (
    linear,
    sigmoid,
    tanh,
    softmax,
    softplus,
    softsign,
    exponential,
    relu,
    leaky_relu,
    elu,
    selu,
    gelu,
    silu,
)


def get(identifier: Any) -> Function:
    """Return the activation function that an identifier specifies.

    Args:
        identifier (str | Callable | dict | None): A name, a callable such as a function or a layer, or a configuration
            that `serialize` or Keras returned. None means `linear`.

    Returns:
        Callable: The activation function.

    Raises:
        InvalidArgument: if no activation function matches the identifier.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.get("relu") is fw.activations.relu
        True
    """
    if identifier is None:
        return linear
    if isinstance(identifier, Mapping) and identifier.get("class_name") == "function":
        # Keras writes a function as {"class_name": "function", "config": name}.
        identifier = identifier.get("config")
    activation = _registry.get(identifier)
    if not callable(activation):
        raise InvalidArgument(
            f"expected a name such as 'relu', a function or None as the activation, got {identifier!r} "
            f"of type {type(identifier).__name__}"
        )
    return activation


def serialize(activation: Any) -> Any:
    """Return the configuration of an activation as JSON-compatible data.

    Args:
        activation (Callable): The activation.

    Returns:
        str | dict: The name of a function, or the configuration of an object. You can pass it to `deserialize`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.serialize(fw.activations.relu)
        'relu'
    """
    return _serialize(activation)


def deserialize(config: Any) -> Function:
    """Create an activation from a configuration that `serialize` or Keras returned.

    Args:
        config (str | dict): The configuration, or the name of an activation.

    Returns:
        Callable: The activation.

    Raises:
        InvalidArgument: if no activation matches the configuration.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.deserialize("relu") is fw.activations.relu
        True
    """
    return get(config)


def __dir__() -> list[str]:
    return sorted(__all__)
