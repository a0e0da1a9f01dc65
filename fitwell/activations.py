"""Activation functions: pure functions of an array, found by name, by function and by configuration.

All take JAX arrays, NumPy arrays, lists and numbers and return a JAX array of the same shape (integers become
floats). Their numeric settings may be traced values, so a layer can hand them hyperparameters.

`softmax`, `sigmoid` and the threshold units tell the surrounding call what they were computed from
(`context.note_logits`), which lets the cross-entropy and perceptron losses work on that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from fitwell import config as settings
from fitwell import context
from fitwell.arguments import Real, Rule, checked, shown
from fitwell.errors import InvalidArgument
from fitwell.registry import Registry
from fitwell.registry import serialize as _serialize

Array = jax.Array
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


def _floats(x: Any) -> Array:
    """Return `x` as an array of floats; an array that is one already comes back as the same object."""
    try:
        array = jnp.asarray(x)
    except (TypeError, ValueError):
        raise InvalidArgument(f"activation: x must be an array of numbers, got {shown(x)}") from None
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(settings.float_dtype())


def _check_axis(where: str, z: Array, axis: int) -> None:
    if not -z.ndim <= axis < z.ndim:
        raise InvalidArgument(f"{where}: axis={axis} is not an axis of x, whose shape is {z.shape}")


def _is(value: Any, constant: float) -> bool:
    """Return whether `value` is the number `constant`, known now; a traced value is not."""
    return isinstance(value, int | float) and value == constant


# --- threshold units ----------------------------------------------------------------------------------------


@_registry.register("step")
def heaviside(x: Any) -> Array:
    """Threshold logic unit: ``0 if z < 0 else 1``.

    Its gradient is 0 everywhere, so gradient descent cannot train it; with the loss ``"perceptron"``, which
    looks at z, SGD makes the perceptron rule. Source: Rosenblatt 1957. Not in Keras.
    """
    z = _floats(x)
    return _threshold(jnp.where(z >= 0, 1, 0).astype(z.dtype), z)


@_registry.register()
def sign(x: Any) -> Array:
    """Sign threshold unit: ``-1 if z < 0, 0 if z == 0, +1 if z > 0``.

    Trained like `heaviside`, by the loss ``"perceptron"``. Not in Keras.
    """
    z = _floats(x)
    return _threshold(jnp.sign(z), z)


def _threshold(output: Array, z: Array) -> Array:
    if context.inside():
        context.current().note_logits(output, "threshold", z)
    return output


# --- the classics -------------------------------------------------------------------------------------------


@_registry.register("identity")
def linear(x: Any) -> Any:
    """Identity: ``z``, returned as it came."""
    return x


@_registry.register("logistic")
def sigmoid(x: Any) -> Array:
    """Logistic function ``1 / (1 + exp(-z))``, between 0 and 1."""
    z = _floats(x)
    output = jax.nn.sigmoid(z)
    if context.inside():
        context.current().note_logits(output, "sigmoid", z)
    return output


@_registry.register()
def tanh(x: Any) -> Array:
    """Hyperbolic tangent ``2 sigmoid(2z) - 1``, between -1 and 1."""
    return jnp.tanh(_floats(x))


@_registry.register()
@checked(_SETTINGS)
def softmax(x: Any, axis: int = -1) -> Array:
    """Normalised exponentials ``exp(z_k) / sum_j exp(z_j)`` along `axis`: positive, with sum 1."""
    z = _floats(x)
    if z.ndim == 0:
        raise InvalidArgument("softmax needs at least one axis, got a single number")
    _check_axis("softmax", z, axis)
    output = jax.nn.softmax(z, axis=axis)
    if context.inside() and axis in (-1, z.ndim - 1):
        context.current().note_logits(output, "softmax", z)
    return output


@_registry.register()
@checked(_SETTINGS)
def log_softmax(x: Any, axis: int = -1) -> Array:
    """Logarithm of `softmax`, ``z_k - log(sum_j exp(z_j))``, without overflow."""
    z = _floats(x)
    _check_axis("log_softmax", z, axis)
    return jax.nn.log_softmax(z, axis=axis)


@_registry.register()
def exponential(x: Any) -> Array:
    """Exponential ``exp(z)``, for positive outputs such as rates of a Poisson loss."""
    return jnp.exp(_floats(x))


@_registry.register()
def softplus(x: Any) -> Array:
    """Smooth ramp ``log(1 + exp(z))``: positive, and close to z where z is large."""
    return jax.nn.softplus(_floats(x))


@_registry.register()
def softsign(x: Any) -> Array:
    """``z / (1 + |z|)``, between -1 and 1, approaching them polynomially (tanh does exponentially)."""
    return jax.nn.soft_sign(_floats(x))


# --- rectifiers ---------------------------------------------------------------------------------------------


@_registry.register()
@checked(_SETTINGS)
def relu(x: Any, negative_slope: Any = 0.0, max_value: Any = None, threshold: Any = 0.0) -> Array:
    """Rectified linear unit ``max(0, z)``, with Keras's three settings.

    ``f(z) = max_value`` where z reaches it, ``z`` where ``z > threshold``, else ``negative_slope (z -
    threshold)``.

    Args:
        x: array of any shape.
        negative_slope: slope below the threshold, 0 by default.
        max_value: where it saturates; None (default) for never.
        threshold: below it a unit is off, 0 by default.

    The gradient at the threshold is the negative slope. Source: Nair and Hinton 2010.
    """
    z = _floats(x)
    if _is(threshold, 0) and _is(negative_slope, 0):
        output = jax.nn.relu(z)
    else:
        slope, start = (jnp.asarray(value, z.dtype) for value in (negative_slope, threshold))
        output = jnp.where(z > start, z, slope * (z - start))
    return output if max_value is None else jnp.minimum(output, jnp.asarray(max_value, z.dtype))


@_registry.register()
def relu6(x: Any) -> Array:
    """``min(max(0, z), 6)``. Source: Krizhevsky 2010."""
    return relu(x, max_value=6.0)


@_registry.register()
@checked(_SETTINGS)
def leaky_relu(x: Any, negative_slope: Any = 0.2) -> Array:
    """``z if z > 0 else negative_slope z``: units cannot die.

    The default slope is 0.2 for the function and 0.3 for the layer `LeakyReLU`, as in Keras. Source: Maas et
    al. 2013.
    """
    return relu(x, negative_slope=negative_slope)


@_registry.register()
@checked(_SETTINGS)
def elu(x: Any, alpha: Any = 1.0) -> Array:
    """Exponential linear unit ``z if z > 0 else alpha (exp(z) - 1)``. Source: Clevert et al. 2016."""
    z = _floats(x)
    return jax.nn.elu(z, jnp.asarray(alpha, z.dtype))


@_registry.register()
@checked(_SETTINGS)
def celu(x: Any, alpha: Any = 1.0) -> Array:
    """Differentiable ELU ``max(0, z) + min(0, alpha (exp(z/alpha) - 1))``. Source: Barron 2017."""
    z = _floats(x)
    return jax.nn.celu(z, jnp.asarray(alpha, z.dtype))


@_registry.register()
def selu(x: Any) -> Array:
    """Scaled ELU ``scale (z if z > 0 else alpha (exp(z) - 1))``, alpha 1.67326324, scale 1.05070099.

    With `lecun_normal` weights and standardised inputs, activations keep mean 0 and variance 1 through a deep
    stack of dense layers. Source: Klambauer et al. 2017.
    """
    return jax.nn.selu(_floats(x))


# --- smooth gates -------------------------------------------------------------------------------------------


@_registry.register()
@checked(_SETTINGS)
def gelu(x: Any, approximate: bool = False) -> Array:
    """Gaussian error linear unit ``z Φ(z)``; by a tanh formula if `approximate`.

    Source: Hendrycks and Gimpel 2016.
    """
    return jax.nn.gelu(_floats(x), approximate=approximate)


@_registry.register("swish")
def silu(x: Any) -> Array:
    """``z sigmoid(z)``, also called swish. Source: Ramachandran et al. 2017."""
    return jax.nn.silu(_floats(x))


swish = silu


@_registry.register()
def mish(x: Any) -> Array:
    """``z tanh(softplus(z))``. Source: Misra 2019."""
    return jax.nn.mish(_floats(x))


@_registry.register()
@checked(_SETTINGS)
def glu(x: Any, axis: int = -1) -> Array:
    """Gated linear unit: halves ``a, b`` along `axis`, ``a sigmoid(b)``. Source: Dauphin et al. 2017.

    The axis must have an even length, and the result has half of it.
    """
    z = _floats(x)
    _check_axis("glu", z, axis)
    if z.shape[axis] % 2:
        raise InvalidArgument(f"glu splits axis {axis} into two halves, but the input has shape {z.shape}")
    return jax.nn.glu(z, axis=axis)


# --- piecewise linear ---------------------------------------------------------------------------------------


@_registry.register()
def hard_sigmoid(x: Any) -> Array:
    """``relu6(z + 3) / 6``: 0 below -3, 1 above 3.

    This is Keras 3's; Keras 2 had ``clip(0.2 z + 0.5, 0, 1)``.
    """
    return relu6(_floats(x) + 3.0) / 6.0


@_registry.register("hard_swish")
def hard_silu(x: Any) -> Array:
    """``z hard_sigmoid(z)``. Source: Howard et al. 2019 (MobileNetV3)."""
    z = _floats(x)
    return z * hard_sigmoid(z)


hard_swish = hard_silu


@_registry.register()
def hard_tanh(x: Any) -> Array:
    """``min(max(z, -1), 1)``. Source: Collobert 2004."""
    return jnp.clip(_floats(x), -1.0, 1.0)


# --- shrinkage and the rest of Keras 3's list ---------------------------------------------------------------


@_registry.register()
@checked(_SETTINGS)
def hard_shrink(x: Any, threshold: Any = 0.5) -> Array:
    """``z if |z| > threshold else 0``."""
    z = _floats(x)
    return jnp.where(jnp.abs(z) > threshold, z, 0)


@_registry.register()
@checked(_SETTINGS)
def soft_shrink(x: Any, threshold: Any = 0.5) -> Array:
    """``z - threshold`` above the threshold, ``z + threshold`` below minus the threshold, else 0."""
    z = _floats(x)
    return jnp.sign(z) * jnp.maximum(jnp.abs(z) - jnp.asarray(threshold, z.dtype), 0)


@_registry.register()
def tanh_shrink(x: Any) -> Array:
    """``z - tanh(z)``."""
    z = _floats(x)
    return z - jnp.tanh(z)


@_registry.register()
@checked(_SETTINGS)
def threshold(x: Any, threshold: Any, default_value: Any) -> Array:
    """``z if z > threshold else default_value``; both must be given, as in Keras."""
    z = _floats(x)
    return jnp.where(z > threshold, z, jnp.asarray(default_value, z.dtype))


@_registry.register()
def log_sigmoid(x: Any) -> Array:
    """Logarithm of `sigmoid`, ``-softplus(-z)``, without overflow."""
    return jax.nn.log_sigmoid(_floats(x))


@_registry.register()
@checked(_SETTINGS)
def squareplus(x: Any, b: Any = 4) -> Array:
    """``(z + sqrt(z² + b)) / 2``, a softplus without exponentials. Source: Barron 2021."""
    z = _floats(x)
    return jax.nn.squareplus(z, jnp.asarray(b, z.dtype))


@_registry.register()
def sparse_plus(x: Any) -> Array:
    """0 below -1, ``(z + 1)² / 4`` between, ``z`` above 1: the smooth ramp that belongs to `sparsemax`."""
    return jax.nn.sparse_plus(_floats(x))


@_registry.register()
def sparse_sigmoid(x: Any) -> Array:
    """0 below -1, ``(z + 1) / 2`` between, 1 above 1: `sparsemax` of two classes."""
    return jax.nn.sparse_sigmoid(_floats(x))


@_registry.register()
@checked(_SETTINGS)
def sparsemax(x: Any, axis: int = -1) -> Array:
    """Nearest point of the probability simplex, ``max(z - tau, 0)`` with tau such that the sum is 1.

    Unlike `softmax` it gives exact zeros. Differs from Keras 3.15, whose results do not always sum to 1. Source:
    Martins and Astudillo 2016.
    """
    z = _floats(x)
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


# Those in common use that map floats of any shape to floats of the same shape and type: a layer need not trace them
# to know what comes out.
SHAPE_KEEPING: tuple[Activation, ...] = (
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
    """Return the activation function that `identifier` stands for.

    None is `linear`; otherwise a name, a callable (also a layer), or a configuration written by `serialize`
    or by Keras.
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
    """Write `activation` as plain data: its name, or the configuration of an object."""
    return _serialize(activation)


def deserialize(config: Any) -> Activation:
    """Return the activation function that `serialize` wrote."""
    return get(config)
