"""Activation functions: pure functions of an array, looked up by name, function or configuration.

All accept JAX arrays, NumPy arrays, lists and scalars and return a JAX array of the same shape (integers become
floats). Their numeric arguments may be traced values, so that a layer can pass hyperparameters.

`softmax`, `sigmoid` and the threshold units record their inputs in the surrounding call (`context.cache_logits`), so
that the cross-entropy and perceptron losses can be computed from logits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from fitwell import _call_context
from fitwell import config as settings
from fitwell._param_validation import Real, Rule, format_value, validate_params
from fitwell._registry import Registry
from fitwell._registry import serialize as _serialize
from fitwell._typing import Array
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

Activation = Callable[[Any], Any]

_registry = Registry("activation")
_NUMBER = Real()
_SETTINGS: dict[str, Rule] = {
    "negative_slope": _NUMBER,
    "max_value": _NUMBER | None,
    "threshold": _NUMBER,
    "default_value": _NUMBER,
    "alpha": _NUMBER,
    "b": Real(0),
}


def _to_float(x: Any) -> Array:
    """Return `x` as an array of floats; an array of floats is returned itself."""
    try:
        array = jnp.asarray(x)
    except (TypeError, ValueError):
        raise InvalidArgument(f"activation: x must be an array of numbers, got {format_value(x)}") from None
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(settings.float_dtype())


def _check_axis(where: str, z: Array, axis: int) -> None:
    if not -z.ndim <= axis < z.ndim:
        raise InvalidArgument(f"{where}: axis={axis} is not an axis of x, whose shape is {z.shape}")


def _is_constant(value: Any, constant: float) -> bool:
    """Return whether `value` equals `constant` at trace time; False for a traced value."""
    return isinstance(value, int | float) and value == constant


# --- threshold units ----------------------------------------------------------------------------------------


@_registry.register("step")
def heaviside(x: Any) -> Array:
    """Threshold logic unit, ``0 if z < 0 else 1``. Not in Keras.

    Its gradient is 0 everywhere, so gradient descent cannot train it. With the loss ``"perceptron"``, which reads z,
    SGD is the perceptron rule.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.heaviside([-1.0, 0.0, 2.0]).tolist()
        [0.0, 1.0, 1.0]

    Source: Rosenblatt (1957).
    """
    z = _to_float(x)
    return _note_threshold(jnp.where(z >= 0, 1, 0).astype(z.dtype), z)


@_registry.register()
def sign(x: Any) -> Array:
    """Sign threshold unit, ``-1 if z < 0, 0 if z == 0, +1 if z > 0``. Not in Keras.

    Like `heaviside`, it is trained with the loss ``"perceptron"``.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.sign([-3.0, 0.0, 2.0]).tolist()
        [-1.0, 0.0, 1.0]
    """
    z = _to_float(x)
    return _note_threshold(jnp.sign(z), z)


def _note_threshold(output: Array, z: Array) -> Array:
    if _call_context.in_call_context():
        _call_context.current().cache_logits(output, "threshold", z)
    return output


# --- the classics -------------------------------------------------------------------------------------------


@_registry.register("identity")
def linear(x: Any) -> Any:
    """Identity, ``z``.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        array: `x` itself.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.linear(3.0)
        3.0

    Source: Keras `linear`.
    """
    return x


@_registry.register("logistic")
def sigmoid(x: Any) -> Array:
    """Logistic function, ``1 / (1 + exp(-z))``, between 0 and 1.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.sigmoid(0.0).item()
        0.5

    Source: Keras `sigmoid`.
    """
    z = _to_float(x)
    output = jax.nn.sigmoid(z)
    if _call_context.in_call_context():
        _call_context.current().cache_logits(output, "sigmoid", z)
    return output


@_registry.register()
def tanh(x: Any) -> Array:
    """Hyperbolic tangent, ``2 sigmoid(2z) - 1``, between -1 and 1.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.tanh(0.0).item()
        0.0

    Source: Keras `tanh`.
    """
    return jnp.tanh(_to_float(x))


@_registry.register()
@validate_params(_SETTINGS)
def softmax(x: Any, axis: int = -1) -> Array:
    """Normalized exponentials, ``exp(z_k) / sum_j exp(z_j)``: positive, with sum 1 along `axis`.

    Args:
        x (array): Inputs, of any shape.
        axis (int): Axis of the classes. Default: -1.

    Returns:
        Array: Outputs, of the shape of `x`.

    Raises:
        InvalidArgument: if `x` is a scalar or has no such axis.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.softmax([0.0, 0.0]).tolist()
        [0.5, 0.5]

    Source: Keras `softmax`.
    """
    z = _to_float(x)
    if z.ndim == 0:
        raise InvalidArgument("softmax needs at least one axis, got a single number")
    _check_axis("softmax", z, axis)
    output = jax.nn.softmax(z, axis=axis)
    if _call_context.in_call_context() and axis in (-1, z.ndim - 1):
        _call_context.current().cache_logits(output, "softmax", z)
    return output


@_registry.register()
@validate_params(_SETTINGS)
def log_softmax(x: Any, axis: int = -1) -> Array:
    """Logarithm of `softmax`, ``z_k - log(sum_j exp(z_j))``, without overflow.

    Args:
        x (array): Inputs, of any shape.
        axis (int): Axis of the classes. Default: -1.

    Returns:
        Array: Outputs, of the shape of `x`.

    Raises:
        InvalidArgument: if `x` has no such axis.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.log_softmax([0.0, -1000.0]).tolist()
        [0.0, -1000.0]

    Source: Keras `log_softmax`.
    """
    z = _to_float(x)
    _check_axis("log_softmax", z, axis)
    return jax.nn.log_softmax(z, axis=axis)


@_registry.register()
def exponential(x: Any) -> Array:
    """Exponential, ``exp(z)``, for positive outputs such as the rates of a Poisson loss.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.exponential(0.0).item()
        1.0

    Source: Keras `exponential`.
    """
    return jnp.exp(_to_float(x))


@_registry.register()
def softplus(x: Any) -> Array:
    """Smooth ramp, ``log(1 + exp(z))``: positive, and close to z for large z.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.softplus(100.0).item()
        100.0

    Source: Keras `softplus`.
    """
    return jax.nn.softplus(_to_float(x))


@_registry.register()
def softsign(x: Any) -> Array:
    """``z / (1 + |z|)``, between -1 and 1, which saturates polynomially (tanh exponentially).

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.softsign([-1.0, 3.0]).tolist()
        [-0.5, 0.75]

    Source: Keras `softsign`.
    """
    return jax.nn.soft_sign(_to_float(x))


# --- rectifiers ---------------------------------------------------------------------------------------------


@_registry.register()
@validate_params(_SETTINGS)
def relu(x: Any, negative_slope: Any = 0.0, max_value: Any = None, threshold: Any = 0.0) -> Array:
    """Rectified linear unit, ``max(0, z)``, with the arguments of Keras.

    ``f(z) = max_value`` where z reaches it, ``z`` where ``z > threshold``, else ``negative_slope (z - threshold)``. The
    gradient at the threshold is the negative slope.

    Args:
        x (array): Inputs, of any shape.
        negative_slope (float): Slope below the threshold. Default: 0.
        max_value (float | None): Value at which the unit saturates; None for no limit. Default: None.
        threshold (float): Value below which the unit is off. Default: 0.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.relu([-2.0, 3.0]).tolist()
        [0.0, 3.0]
        >>> fw.activations.relu([-2.0, 3.0], negative_slope=0.5, max_value=1.0).tolist()
        [-1.0, 1.0]

    Source: Keras `relu`; Nair and Hinton (2010).
    """
    z = _to_float(x)
    if _is_constant(threshold, 0) and _is_constant(negative_slope, 0):
        output = jax.nn.relu(z)
    else:
        slope, start = (jnp.asarray(value, z.dtype) for value in (negative_slope, threshold))
        output = jnp.where(z > start, z, slope * (z - start))
    return output if max_value is None else jnp.minimum(output, jnp.asarray(max_value, z.dtype))


@_registry.register()
def relu6(x: Any) -> Array:
    """ReLU that saturates at 6, ``min(max(0, z), 6)``.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.relu6([-1.0, 3.0, 8.0]).tolist()
        [0.0, 3.0, 6.0]

    Source: Keras `relu6`; Krizhevsky (2010).
    """
    return relu(x, max_value=6.0)


@_registry.register()
@validate_params(_SETTINGS)
def leaky_relu(x: Any, negative_slope: Any = 0.2) -> Array:
    """Leaky ReLU, ``z if z > 0 else negative_slope z``, whose units cannot die.

    Args:
        x (array): Inputs, of any shape.
        negative_slope (float): Slope below 0. The default is 0.2 here and 0.3 in the layer `LeakyReLU`, as in Keras.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.leaky_relu([-2.0, 3.0], negative_slope=0.5).tolist()
        [-1.0, 3.0]

    Source: Keras `leaky_relu`; Maas et al. (2013).
    """
    return relu(x, negative_slope=negative_slope)


@_registry.register()
@validate_params(_SETTINGS)
def elu(x: Any, alpha: Any = 1.0) -> Array:
    """Exponential linear unit, ``z if z > 0 else alpha (exp(z) - 1)``.

    Args:
        x (array): Inputs, of any shape.
        alpha (float): Minus the limit for large negative inputs. Default: 1.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.elu([-1000.0, 3.0]).tolist()
        [-1.0, 3.0]

    Source: Keras `elu`; Clevert et al. (2016).
    """
    z = _to_float(x)
    return jax.nn.elu(z, jnp.asarray(alpha, z.dtype))


@_registry.register()
@validate_params(_SETTINGS)
def celu(x: Any, alpha: Any = 1.0) -> Array:
    """Continuously differentiable ELU, ``max(0, z) + min(0, alpha (exp(z/alpha) - 1))``.

    Args:
        x (array): Inputs, of any shape.
        alpha (float): Minus the limit for large negative inputs. Default: 1.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.celu([-1000.0, 3.0], alpha=2.0).tolist()
        [-2.0, 3.0]

    Source: Keras `celu`; Barron (2017).
    """
    z = _to_float(x)
    return jax.nn.celu(z, jnp.asarray(alpha, z.dtype))


@_registry.register()
def selu(x: Any) -> Array:
    """Scaled ELU, ``scale (z if z > 0 else alpha (exp(z) - 1))``, alpha 1.67326324, scale 1.05070099.

    With `lecun_normal` weights and standardized inputs, activations keep mean 0 and variance 1 through a deep stack of
    dense layers.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> round(fw.activations.selu(1.0).item(), 4)
        1.0507

    Source: Keras `selu`; Klambauer et al. (2017).
    """
    return jax.nn.selu(_to_float(x))


# --- smooth gates -------------------------------------------------------------------------------------------


@_registry.register()
@validate_params(_SETTINGS)
def gelu(x: Any, approximate: bool = False) -> Array:
    """Gaussian error linear unit, ``z Φ(z)``.

    Args:
        x (array): Inputs, of any shape.
        approximate (bool): Whether to use the tanh approximation. Default: False.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> round(fw.activations.gelu(1.0).item(), 4)
        0.8413

    Source: Keras `gelu`; Hendrycks and Gimpel (2016).
    """
    return jax.nn.gelu(_to_float(x), approximate=approximate)


@_registry.register("swish")
def silu(x: Any) -> Array:
    """Swish, ``z sigmoid(z)``.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.silu(0.0).item()
        0.0

    Source: Keras `silu`; Ramachandran et al. (2017).
    """
    return jax.nn.silu(_to_float(x))


swish = silu


@_registry.register()
def mish(x: Any) -> Array:
    """``z tanh(softplus(z))``.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> round(fw.activations.mish(1.0).item(), 4)
        0.8651

    Source: Keras `mish`; Misra (2019).
    """
    return jax.nn.mish(_to_float(x))


@_registry.register()
@validate_params(_SETTINGS)
def glu(x: Any, axis: int = -1) -> Array:
    """Gated linear unit, ``a sigmoid(b)`` of the halves a and b of `x` along `axis`.

    Args:
        x (array): Inputs, of any shape.
        axis (int): Axis to split; its length must be even. Default: -1.

    Returns:
        Array: Outputs, half as long as `x` along `axis`.

    Raises:
        InvalidArgument: if the length of the axis is odd.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.glu([2.0, 0.0]).tolist()
        [1.0]

    Source: Keras `glu`; Dauphin et al. (2017).
    """
    z = _to_float(x)
    _check_axis("glu", z, axis)
    if z.shape[axis] % 2:
        raise InvalidArgument(f"glu splits axis {axis} into two halves, but the input has shape {z.shape}")
    return jax.nn.glu(z, axis=axis)


# --- piecewise linear ---------------------------------------------------------------------------------------


@_registry.register()
def hard_sigmoid(x: Any) -> Array:
    """Piecewise linear sigmoid, ``relu6(z + 3) / 6``: 0 below -3, 1 above 3.

    This is the definition of Keras 3; that of Keras 2 was ``clip(0.2 z + 0.5, 0, 1)``.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.hard_sigmoid([-3.0, 0.0, 4.0]).tolist()
        [0.0, 0.5, 1.0]

    Source: Keras `hard_sigmoid`.
    """
    return relu6(_to_float(x) + 3.0) / 6.0


@_registry.register("hard_swish")
def hard_silu(x: Any) -> Array:
    """Piecewise linear swish, ``z hard_sigmoid(z)``.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.hard_silu([0.0, 4.0]).tolist()
        [0.0, 4.0]

    Source: Keras `hard_silu`; Howard et al. (2019, MobileNetV3).
    """
    z = _to_float(x)
    return z * hard_sigmoid(z)


hard_swish = hard_silu


@_registry.register()
def hard_tanh(x: Any) -> Array:
    """Piecewise linear tanh, ``min(max(z, -1), 1)``.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.hard_tanh([-4.0, 0.5]).tolist()
        [-1.0, 0.5]

    Source: Keras `hard_tanh`; Collobert (2004).
    """
    return jnp.clip(_to_float(x), -1.0, 1.0)


# --- shrinkage and the rest of Keras 3's list ---------------------------------------------------------------


@_registry.register()
@validate_params(_SETTINGS)
def hard_shrink(x: Any, threshold: Any = 0.5) -> Array:
    """Hard shrinkage, ``z if |z| > threshold else 0``.

    Args:
        x (array): Inputs, of any shape.
        threshold (float): Default: 0.5.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.hard_shrink([-1.0, 0.25]).tolist()
        [-1.0, 0.0]

    Source: Keras `hard_shrink`.
    """
    z = _to_float(x)
    return jnp.where(jnp.abs(z) > threshold, z, 0)


@_registry.register()
@validate_params(_SETTINGS)
def soft_shrink(x: Any, threshold: Any = 0.5) -> Array:
    """Soft shrinkage: ``z - threshold`` above the threshold, ``z + threshold`` below -threshold, else 0.

    Args:
        x (array): Inputs, of any shape.
        threshold (float): Default: 0.5.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.soft_shrink([-1.0, 0.25]).tolist()
        [-0.5, 0.0]

    Source: Keras `soft_shrink`.
    """
    z = _to_float(x)
    return jnp.sign(z) * jnp.maximum(jnp.abs(z) - jnp.asarray(threshold, z.dtype), 0)


@_registry.register()
def tanh_shrink(x: Any) -> Array:
    """``z - tanh(z)``.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.tanh_shrink(0.0).item()
        0.0

    Source: Keras `tanh_shrink`.
    """
    z = _to_float(x)
    return z - jnp.tanh(z)


@_registry.register()
@validate_params(_SETTINGS)
def threshold(x: Any, threshold: Any, default_value: Any) -> Array:
    """``z if z > threshold else default_value``.

    Args:
        x (array): Inputs, of any shape.
        threshold (float): Required, as in Keras.
        default_value (float): Required, as in Keras.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.threshold([0.5, 2.0], 1.0, -1.0).tolist()
        [-1.0, 2.0]

    Source: Keras `threshold`.
    """
    z = _to_float(x)
    return jnp.where(z > threshold, z, jnp.asarray(default_value, z.dtype))


@_registry.register()
def log_sigmoid(x: Any) -> Array:
    """Logarithm of `sigmoid`, ``-softplus(-z)``, without overflow.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.log_sigmoid(-1000.0).item()
        -1000.0

    Source: Keras `log_sigmoid`.
    """
    return jax.nn.log_sigmoid(_to_float(x))


@_registry.register()
@validate_params(_SETTINGS)
def squareplus(x: Any, b: Any = 4) -> Array:
    """Softplus without exponentials, ``(z + sqrt(z² + b)) / 2``.

    Args:
        x (array): Inputs, of any shape.
        b (float): Smoothness, at least 0. Default: 4.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.squareplus(0.0).item()
        1.0

    Source: Keras `squareplus`; Barron (2021).
    """
    z = _to_float(x)
    return jax.nn.squareplus(z, jnp.asarray(b, z.dtype))


@_registry.register()
def sparse_plus(x: Any) -> Array:
    """Smooth ramp of `sparsemax`: 0 below -1, ``(z + 1)² / 4`` up to 1, ``z`` above.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.sparse_plus([-2.0, 0.0, 2.0]).tolist()
        [0.0, 0.25, 2.0]

    Source: Keras `sparse_plus`.
    """
    return jax.nn.sparse_plus(_to_float(x))


@_registry.register()
def sparse_sigmoid(x: Any) -> Array:
    """`sparsemax` of two classes: 0 below -1, ``(z + 1) / 2`` up to 1, 1 above.

    Args:
        x (array): Inputs, of any shape.

    Returns:
        Array: Outputs, of the shape of `x`.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.sparse_sigmoid([-2.0, 0.0, 2.0]).tolist()
        [0.0, 0.5, 1.0]

    Source: Keras `sparse_sigmoid`.
    """
    return jax.nn.sparse_sigmoid(_to_float(x))


@_registry.register()
@validate_params(_SETTINGS)
def sparsemax(x: Any, axis: int = -1) -> Array:
    """Nearest point of the probability simplex, ``max(z - tau, 0)`` with tau such that the sum is 1.

    Unlike `softmax` it returns exact zeros. Differs from Keras 3.15, whose results do not always sum to 1.

    Args:
        x (array): Inputs, of any shape.
        axis (int): Axis of the classes. Default: -1.

    Returns:
        Array: Outputs, of the shape of `x`.

    Raises:
        InvalidArgument: if `x` has no such axis.

    Example:
        >>> import fitwell as fw
        >>> fw.activations.sparsemax([0.0, 2.0]).tolist()
        [0.0, 1.0]

    Source: Keras `sparsemax`; Martins and Astudillo (2016).
    """
    z = _to_float(x)
    _check_axis("sparsemax", z, axis)
    z = jnp.moveaxis(z, axis, -1)
    z = z - jax.lax.stop_gradient(
        jnp.max(z, axis=-1, keepdims=True)
    )  # tau would cancel large inputs otherwise
    descending = -jnp.sort(-z, axis=-1)
    sums = jnp.cumsum(descending, axis=-1)
    ranks = jnp.arange(1, z.shape[-1] + 1, dtype=z.dtype)
    support = jnp.sum(1 + ranks * descending > sums, axis=-1, keepdims=True)
    tau = (jnp.take_along_axis(sums, support - 1, axis=-1) - 1) / support.astype(z.dtype)
    return jnp.moveaxis(jnp.maximum(z - tau, 0), -1, axis)


# Common activations that keep the shape and dtype of floats: a layer infers their output spec without tracing.
SHAPE_PRESERVING: tuple[Activation, ...] = (
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


# --- names --------------------------------------------------------------------------------------------------


def get(identifier: Any) -> Activation:
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
    """Return the name of `activation`, or the configuration of an object, which `deserialize` reads."""
    return _serialize(activation)


def deserialize(config: Any) -> Activation:
    """Return the activation function for a name or configuration written by `serialize` or by Keras."""
    return get(config)


def __dir__() -> list[str]:
    return sorted(__all__)
