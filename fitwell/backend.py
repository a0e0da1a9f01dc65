"""Keras's ``backend`` module: settings, and deprecated functions such as ``K.mean`` and ``K.get_value``.

The settings (`epsilon`, `floatx`, `clear_session` and others) are not deprecated. The array functions call `jax.numpy`
functions with the names and defaults of older Keras versions. Each one warns once and recommends a replacement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from fitwell import activations, losses
from fitwell._call_context import current_call_context
from fitwell._deprecation import warn_deprecated
from fitwell._engine.compile_cache import clear_caches
from fitwell._param_validation import DType, ListOf, NumericArray, Predicate, validate_params
from fitwell._variables import Variable
from fitwell.config import epsilon, floatx, set_epsilon, set_floatx
from fitwell.errors import InvalidArgument
from fitwell.layers.auto_name import reset_name_counters
from fitwell.layers.keras_tensor import find_keras_tensors
from fitwell.models import Model
from fitwell.optimizers.scheduled_hyperparameters import ScheduledFloat

__all__ = [
    "batch_get_value",
    "clear_session",
    "epsilon",
    "floatx",
    "function",
    "get_value",
    "image_data_format",
    "in_train_phase",
    "learning_phase",
    "set_epsilon",
    "set_floatx",
    "set_learning_phase",
    "set_value",
    "variable",
]

# Functions that have the same name and arguments in jax.numpy.
_SAME_IN_JAX_NUMPY = """
abs all any arange cos cumprod cumsum dot equal exp eye full greater greater_equal less less_equal log max maximum mean
min minimum not_equal ones ones_like prod reshape round shape sign sin sqrt square squeeze stack std sum tanh tile
transpose var zeros zeros_like
"""
# Functions that have the same name and arguments in fitwell.activations.
_ACTIVATIONS = ["elu", "sigmoid", "softmax", "softplus", "softsign"]
# Functions whose name, arguments or defaults have changed, each with its replacement and its old implementation.
_RENAMED: dict[str, tuple[str, Callable[..., Any]]] = {
    "argmax": ("jax.numpy.argmax(x, axis=-1)", lambda x, axis=-1: jnp.argmax(x, axis)),
    "argmin": ("jax.numpy.argmin(x, axis=-1)", lambda x, axis=-1: jnp.argmin(x, axis)),
    "batch_flatten": ("x.reshape(len(x), -1)", lambda x: jnp.reshape(x, (len(x), -1))),
    "binary_crossentropy": (
        "fitwell.losses.binary_crossentropy, which returns one mean for each row",
        lambda target, output, from_logits=False: losses.binary_crossentropy(
            jnp.expand_dims(target, -1), jnp.expand_dims(output, -1), from_logits
        ),
    ),
    "cast": ("x.astype(dtype)", lambda x, dtype: jnp.asarray(x).astype(dtype)),
    "categorical_crossentropy": (
        "fitwell.losses.categorical_crossentropy",
        lambda target, output, from_logits=False: losses.categorical_crossentropy(
            target, output, from_logits
        ),
    ),
    "clip": (
        "jax.numpy.clip(x, low, high)",
        lambda x, min_value, max_value: jnp.clip(x, min_value, max_value),
    ),
    "concatenate": (
        "jax.numpy.concatenate(arrays, axis=-1)",
        lambda tensors, axis=-1: jnp.concatenate(tensors, axis),
    ),
    "constant": ("jax.numpy.asarray(value)", lambda value, dtype=None: jnp.asarray(value, dtype or floatx())),
    "eval": ("numpy.asarray(x)", np.asarray),
    "expand_dims": ("jax.numpy.expand_dims(x, axis=-1)", lambda x, axis=-1: jnp.expand_dims(x, axis)),
    "flatten": ("jax.numpy.ravel(x)", jnp.ravel),
    "hard_sigmoid": ("jax.numpy.clip(0.2 * x + 0.5, 0, 1)", lambda x: jnp.clip(0.2 * x + 0.5, 0, 1)),
    "int_shape": ("x.shape", lambda x: tuple(x.shape)),
    "l2_normalize": (
        "x / jax.numpy.linalg.norm(x, axis=axis, keepdims=True)",
        lambda x, axis=None: (
            x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis, keepdims=True), 1e-12))
        ),
    ),
    "ndim": ("x.ndim", lambda x: len(x.shape)),
    "permute_dimensions": ("jax.numpy.transpose(x, axes)", lambda x, pattern: jnp.transpose(x, pattern)),
    "pow": ("x ** a", lambda x, a: jnp.power(x, a)),
    "relu": (
        "fitwell.activations.relu(x, negative_slope)",
        lambda x, alpha=0.0, max_value=None, threshold=0.0: activations.relu(x, alpha, max_value, threshold),
    ),
    "repeat_elements": ("jax.numpy.repeat(x, times, axis)", lambda x, rep, axis: jnp.repeat(x, rep, axis)),
    "sparse_categorical_crossentropy": (
        "fitwell.losses.sparse_categorical_crossentropy",
        lambda target, output, from_logits=False: losses.sparse_categorical_crossentropy(
            target, output, from_logits
        ),
    ),
    "stop_gradient": ("jax.lax.stop_gradient(x)", jax.lax.stop_gradient),
    "switch": (
        "jax.numpy.where(condition, a, b)",
        lambda condition, then_expression, else_expression: jnp.where(
            condition, then_expression, else_expression
        ),
    ),
}
# Functions that are not supported, each with advice on how to replace it.
_UNSUPPORTED = {
    "get_session": "fitwell does not use sessions. Use layer.get_weights() or K.get_value(variable) to get values.",
    "set_session": "fitwell does not use sessions. Remove this call.",
    "gradients": "Use jax.grad with a function that calls the model, such as jax.grad(lambda x: model(x).sum())(x).",
    "learning_phase_scope": "Call model(x, training=True) to get the outputs in training mode.",
    "placeholder": "Use fitwell.Input(shape=...), where the shape does not include the batch axis.",
    "random_binomial": "Use jax.random.bernoulli(self.next_key(), p, shape) in a layer's call method.",
    "random_normal": "Use jax.random.normal(self.next_key(), shape) in a layer's call method.",
    "random_uniform": "Use jax.random.uniform(self.next_key(), shape) in a layer's call method.",
    "rnn": "Use jax.lax.scan.",
    "update": "Use variable.assign(value) in a layer's call method.",
    "update_add": "Use variable.assign_add(value) in a layer's call method.",
    "update_sub": "Use variable.assign_sub(value) in a layer's call method.",
}


def __getattr__(name: str) -> Any:
    old = f"keras.backend.{name}"
    if name in _SAME_IN_JAX_NUMPY.split():
        warn_deprecated(old, f"jax.numpy.{name}")
        return getattr(jnp, name)
    if name in _ACTIVATIONS:
        warn_deprecated(old, f"fitwell.activations.{name}")
        return getattr(activations, name)
    if name in _RENAMED:
        new, function = _RENAMED[name]
        warn_deprecated(old, new)
        return function
    if name in _UNSUPPORTED:
        raise InvalidArgument(f"{old} is not supported. {_UNSUPPORTED[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; see jax.numpy for array functions")


# --- settings ------------------------------------------------------------------------------------------------


def clear_session() -> None:
    """Reset the counters for automatic layer names, and delete compiled programs.

    A model's memory is freed when the model is no longer referenced, so this function is not needed for that.

    Example:
        >>> import fitwell as fw
        >>> fw.backend.clear_session()
        >>> fw.layers.Dense(1).name
        'dense'
    """
    reset_name_counters()
    clear_caches()


def image_data_format() -> str:
    """Return the position of the channel axis in images.

    Returns:
        str: ``"channels_last"``.

    Example:
        >>> import fitwell as fw
        >>> fw.backend.image_data_format()
        'channels_last'
    """
    return "channels_last"


def learning_phase() -> int:
    """Return whether the current call runs in training mode.

    Returns:
        int: 1 in training mode, or 0 otherwise.

    Example:
        >>> import fitwell as fw
        >>> fw.backend.learning_phase()
        0
    """
    return int(bool(current_call_context().training))


def set_learning_phase(value: int) -> NoReturn:
    """Raise `InvalidArgument`, because each call sets its phase with the argument `training`.

    Args:
        value (int): The phase, 0 or 1.

    Raises:
        InvalidArgument: always. The message recommends a replacement.

    Example:
        >>> import fitwell as fw
        >>> fw.backend.set_learning_phase(1)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        fitwell.errors.InvalidArgument: keras.backend.set_learning_phase(1) is not supported. ...
    """
    raise InvalidArgument(
        f"keras.backend.set_learning_phase({value}) is not supported. Each call to a model sets its phase with the "
        "argument training. Call model(x, training=True) or model(x, training=False)."
    )


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """Return `x` in training mode and `alt` otherwise. Deprecated.

    Args:
        x (Any): The value in training mode, or a function that returns it.
        alt (Any): The value in inference mode, or a function that returns it.
        training (bool | None): Whether to use training mode. Default: None, which means the mode of the current call.

    Returns:
        Any: One of the two values.

    Example:
        >>> import fitwell as fw
        >>> import warnings
        >>> warnings.simplefilter("ignore", DeprecationWarning)
        >>> fw.backend.in_train_phase("noisy", "plain", training=False)
        'plain'
    """
    warn_deprecated(
        "keras.backend.in_train_phase(x, alt)",
        "x if training else alt in the method call(self, inputs, training=False)",
    )
    chosen = x if (learning_phase() if training is None else training) else alt
    return chosen() if callable(chosen) else chosen


# --- values --------------------------------------------------------------------------------------------------


def get_value(x: Any) -> Any:
    """Return the value of a variable or an optimizer's hyperparameter. Deprecated.

    Args:
        x (Variable | float): A variable, or a hyperparameter such as ``optimizer.learning_rate``.

    Returns:
        ndarray | float: The value.

    Example:
        >>> import fitwell as fw
        >>> import warnings
        >>> warnings.simplefilter("ignore", DeprecationWarning)
        >>> optimizer = fw.optimizers.SGD(0.5)
        >>> fw.backend.get_value(optimizer.learning_rate)
        0.5
    """
    if isinstance(x, ScheduledFloat):
        warn_deprecated(f"keras.backend.get_value(optimizer.{x.name})", f"float(optimizer.{x.name})")
        return float(x)
    warn_deprecated("keras.backend.get_value(x)", "x.numpy() or numpy.asarray(x)")
    return np.asarray(x)


@validate_params(tensors=ListOf(Predicate(lambda value: True, "a variable")))
def batch_get_value(tensors: Sequence[Any]) -> list[Any]:
    """Return the values of multiple variables. Deprecated.

    Args:
        tensors (list[Variable]): The variables.

    Returns:
        list[ndarray]: Their values.

    Example:
        >>> import fitwell as fw
        >>> import warnings
        >>> warnings.simplefilter("ignore", DeprecationWarning)
        >>> import numpy as np
        >>> [value.tolist() for value in fw.backend.batch_get_value([np.ones(2), np.zeros(1)])]
        [[1.0, 1.0], [0.0]]
    """
    return [get_value(tensor) for tensor in tensors]


def set_value(x: Any, value: Any) -> None:
    """Set the value of a variable or an optimizer's hyperparameter. Deprecated.

    Args:
        x (Variable | float): A variable, or a hyperparameter such as ``optimizer.learning_rate``.
        value (ArrayLike): The new value.

    Raises:
        InvalidArgument: if `x` is neither a variable nor a hyperparameter that was read from its optimizer.

    Example:
        >>> import warnings
        >>> import fitwell as fw
        >>> optimizer = fw.optimizers.SGD(0.1)
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     fw.backend.set_value(optimizer.learning_rate, 0.5)
        >>> optimizer.learning_rate
        0.5
    """
    if isinstance(x, ScheduledFloat):
        warn_deprecated(f"keras.backend.set_value(optimizer.{x.name}, value)", f"optimizer.{x.name} = value")
    elif isinstance(x, Variable):
        warn_deprecated("keras.backend.set_value(variable, value)", "variable.assign(value)")
    else:
        raise InvalidArgument(
            "keras.backend.set_value requires a variable or a hyperparameter that was read from its optimizer, as in "
            f"set_value(model.optimizer.learning_rate, 0.1), got {x!r}. To set any other value, assign the attribute."
        )
    x.assign(value)


@validate_params(value=NumericArray(), dtype=DType() | None)
def variable(value: Any, dtype: Any = None, name: str = "variable") -> Variable:
    """Create a variable. Deprecated. In a layer, use ``self.add_weight(...)`` instead.

    Args:
        value (ArrayLike): The initial value.
        dtype (str | None): Dtype of the variable. Default: None, which means `config.floatx`.
        name (str): Name of the variable. Default: "variable".

    Returns:
        Variable: The variable.

    Example:
        >>> import fitwell as fw
        >>> import warnings
        >>> warnings.simplefilter("ignore", DeprecationWarning)
        >>> fw.backend.variable([1.0, 2.0]).shape
        (2,)
    """
    warn_deprecated("keras.backend.variable(value)", "self.add_weight(...) in a layer's build")
    return Variable(value, name=name, dtype=dtype or floatx())


def function(inputs: Sequence[Any], outputs: Sequence[Any]) -> Callable[[Sequence[Any]], list[Any]]:
    """Create a function that computes the values of `outputs` from values of `inputs`. Deprecated.

    Args:
        inputs (list[KerasTensor]): Inputs of a model.
        outputs (list[KerasTensor]): Layer outputs in the same model.

    Returns:
        Callable: A function that takes a list of arrays and returns a list of arrays.

    Raises:
        InvalidArgument: if an input is not the input of a model.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> import warnings
        >>> warnings.simplefilter("ignore", DeprecationWarning)
        >>> inputs = fw.Input((2,))
        >>> outputs = fw.layers.Dense(1, kernel_initializer="ones")(inputs)
        >>> fw.backend.function([inputs], [outputs])([np.ones((1, 2))])[0].tolist()
        [2.0]
    """
    inputs, outputs = list(inputs), list(outputs)
    if len(find_keras_tensors(inputs)) < len(inputs):
        raise InvalidArgument(
            "keras.backend.function: each input must be an input of a model. learning_phase() is not one. To get the "
            "outputs in training mode, call model(x, training=True)."
        )
    warn_deprecated("keras.backend.function(inputs, outputs)", "Model(inputs, outputs).predict(x)")
    model = Model(inputs=inputs, outputs=outputs)

    def call(arrays: Sequence[Any]) -> list[Any]:
        return list(model.predict(list(arrays)))

    return call


def __dir__() -> list[str]:
    return sorted(__all__)
