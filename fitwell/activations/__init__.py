"""Activation functions: pure functions of an array, looked up by name, function or configuration.

All accept JAX arrays, NumPy arrays, lists and scalars and return a JAX array of the same shape (integers become
floats). Their numeric arguments may be traced values, so that a layer can pass hyperparameters.

`softmax`, `sigmoid` and the threshold units record their inputs in the surrounding call (`context.cache_logits`), so
that the cross-entropy and perceptron losses can be computed from logits.
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

# Common activations that keep the shape and dtype of floats: a layer infers their output spec without tracing.
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
    """Return the activation function for `identifier`.

    Args:
        identifier (str | Callable | dict | None): A name, a callable (layers too), or a configuration written by
            `serialize` or by Keras; None is `linear`.

    Returns:
        Callable: The activation function.

    Raises:
        InvalidArgument: if there is no such activation function.

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
            f"activation: expected a name such as 'relu', a function or None, got {identifier!r} "
            f"of type {type(identifier).__name__}"
        )
    return activation


def serialize(activation: Any) -> Any:
    """Return the configuration of `activation` as JSON-compatible data, which `deserialize` reads.

    Args:
        activation (Callable): The activation.

    Returns:
        str | dict: The name of a function, or the configuration of an object.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.serialize(fw.activations.relu)
        'relu'
    """
    return _serialize(activation)


def deserialize(config: Any) -> Function:
    """Return the activation for a configuration written by `serialize` or by Keras.

    Args:
        config (str | dict): A name or configuration.

    Returns:
        Callable: The activation.

    Raises:
        InvalidArgument: if there is no such activation.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.deserialize("relu") is fw.activations.relu
        True
    """
    return get(config)


def __dir__() -> list[str]:
    return sorted(__all__)
