"""The parts of TensorFlow that Keras programs use with Keras, written with JAX.

Other names raise an error. A program that builds its own graphs, tapes or devices is a TensorFlow program.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell import activations, random
from fitwell._variables import Variable
from fitwell.keras_names.dataset import Dataset

__all__ = ["tensorflow"]

_HINTS = {
    "GradientTape": "jax.grad or Model.fit; a custom training loop must be written with JAX",
    "Session": "eager code, which needs no session",
    "placeholder": "Input",
    "distribute": "JAX's devices, which fit uses by itself",
}


class _Names(ModuleType):
    """A module with a fixed list of names."""

    def __getattr__(self, name: str) -> Any:
        # Python calls this method only if the module has no such attribute.
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        hint = _HINTS.get(name, "jax.numpy for arrays, or fitwell.layers for layers")
        raise AttributeError(
            f"{self.__name__}.{name} is a part of TensorFlow, which fitwell does not contain; use {hint}"
        )


def _module(name: str, **names: Any) -> _Names:
    module = _Names(name)
    module.__path__ = []  # a package, so that its submodules can be imported
    module.__dict__.update(names)
    return module


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
        axis = tuple(axis) if isinstance(axis, list) else axis
        return function(jnp.asarray(input_tensor), axis=axis, keepdims=keepdims)

    return reduce


def _constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Any:
    found: Any = np.asarray(value)
    if dtype is None and found.dtype == np.float64 and not isinstance(value, np.ndarray):
        dtype = "float32"  # as in TensorFlow
    found = jnp.asarray(found, dtype)
    if shape is None:
        return found
    return jnp.broadcast_to(found, tuple(shape)) if found.size == 1 else found.reshape(tuple(shape))


def _normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = "float32", seed: Any = None
) -> Any:
    key = jax.random.key(random.next_seed() if seed is None else seed)
    return mean + stddev * jax.random.normal(key, tuple(shape), dtype)


def _uniform(
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = "float32", seed: Any = None
) -> Any:
    key = jax.random.key(random.next_seed() if seed is None else seed)
    if jnp.issubdtype(jnp.dtype(dtype), jnp.integer):
        return jax.random.randint(key, tuple(shape), minval, maxval, dtype)
    return jax.random.uniform(key, tuple(shape), dtype, minval, 1 if maxval is None else maxval)


def _shuffle(value: Any, seed: Any = None) -> Any:
    return jax.random.permutation(
        jax.random.key(random.next_seed() if seed is None else seed), jnp.asarray(value)
    )


def _function(func: Any = None, **options: Any) -> Any:
    """Return the function unchanged, because fitwell compiles whole runs."""
    return func if func is not None else lambda inner: inner


def _one_hot(
    indices: Any, depth: int, on_value: Any = None, off_value: Any = None, axis: int = -1, dtype: Any = None
) -> Any:
    hot = jax.nn.one_hot(jnp.asarray(indices), depth, axis=axis, dtype=dtype or "float32")
    on, off = 1 if on_value is None else on_value, 0 if off_value is None else off_value
    return hot * (on - off) + off


def _list_devices(device_type: str | None = None) -> list[Any]:
    kinds = {"GPU": ("gpu", "cuda", "rocm"), "TPU": ("tpu",), "CPU": ("cpu",)}
    return [d for d in jax.devices() if device_type is None or d.platform in kinds.get(device_type, ())]


_SAME_IN_JAX = """
abs add ceil cos cosh cumsum divide equal exp expm1 floor greater greater_equal less less_equal log log1p logical_and
logical_not logical_or maximum minimum multiply negative not_equal reciprocal round sign sin sinh sqrt square subtract
tan tanh
"""
_DTYPES = "float16 bfloat16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64"
_math = {name: getattr(jnp, name) for name in _SAME_IN_JAX.split()}
_math |= {
    "pow": jnp.power,
    "mod": jnp.mod,
    "erf": jax.scipy.special.erf,
    "lgamma": jax.scipy.special.gammaln,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "rsqrt": jax.lax.rsqrt,
    "is_nan": jnp.isnan,
    "is_finite": jnp.isfinite,
    "is_inf": jnp.isinf,
    "squared_difference": lambda x, y: jnp.square(jnp.asarray(x) - jnp.asarray(y)),
    "divide_no_nan": lambda x, y: jnp.where(
        jnp.asarray(y) == 0, 0, jnp.asarray(x) / jnp.where(jnp.asarray(y) == 0, 1, y)
    ),
    "argmax": lambda input, axis=None: jnp.argmax(jnp.asarray(input), axis=0 if axis is None else axis),
    "argmin": lambda input, axis=None: jnp.argmin(jnp.asarray(input), axis=0 if axis is None else axis),
    "l2_normalize": lambda x, axis=None, epsilon=1e-12: (
        x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=axis, keepdims=True), epsilon))
    ),
}
_reductions = {
    "reduce_mean": _reduction(jnp.mean),
    "reduce_sum": _reduction(jnp.sum),
    "reduce_max": _reduction(jnp.max),
    "reduce_min": _reduction(jnp.min),
    "reduce_prod": _reduction(jnp.prod),
    "reduce_any": _reduction(jnp.any),
    "reduce_all": _reduction(jnp.all),
    "reduce_std": _reduction(jnp.std),
    "reduce_variance": _reduction(jnp.var),
    "reduce_logsumexp": _reduction(jax.scipy.special.logsumexp),
}
_nn = {
    name: getattr(activations, name)
    for name in (
        "elu",
        "gelu",
        "relu",
        "relu6",
        "selu",
        "sigmoid",
        "silu",
        "softmax",
        "softplus",
        "softsign",
        "tanh",
    )
}
_nn |= {
    "swish": activations.silu,
    "leaky_relu": lambda features, alpha=0.2: jax.nn.leaky_relu(features, alpha),
    "log_softmax": lambda logits, axis=-1: jax.nn.log_softmax(logits, axis),
    "l2_normalize": _math["l2_normalize"],
    "moments": lambda x, axes, keepdims=False: (
        jnp.mean(x, axis=tuple(axes), keepdims=keepdims),
        jnp.var(x, axis=tuple(axes), keepdims=keepdims),
    ),
}
_dtypes = {name: jnp.dtype(name) for name in _DTYPES.split()}

_nn_module = _module("tensorflow.nn", **_nn)
_math_module = _module("tensorflow.math", **_math, **_reductions)
_random_module = _module(
    "tensorflow.random", set_seed=random.set_random_seed, normal=_normal, uniform=_uniform, shuffle=_shuffle
)
_data_module = _module("tensorflow.data", Dataset=Dataset, AUTOTUNE=-1)
_data_module.__dict__["experimental"] = _module("tensorflow.data.experimental", AUTOTUNE=-1)
_config_module = _module("tensorflow.config", list_physical_devices=_list_devices)
_config_module.__dict__["experimental"] = _module(
    "tensorflow.config.experimental",
    list_physical_devices=_list_devices,
    set_memory_growth=lambda device, enable: None,
)

tensorflow = _module(
    "tensorflow",
    __version__="2.20.0",
    keras=importlib.import_module("fitwell"),
    nn=_nn_module,
    math=_math_module,
    random=_random_module,
    data=_data_module,
    config=_config_module,
    Variable=Variable,
    Tensor=jax.Array,
    TensorShape=tuple,
    newaxis=None,
    constant=_constant,
    convert_to_tensor=lambda value, dtype=None, name=None: _constant(value, dtype),
    cast=lambda x, dtype, name=None: jnp.asarray(x).astype(dtype),
    function=_function,
    identity=jnp.asarray,
    stop_gradient=jax.lax.stop_gradient,
    where=lambda condition, x=None, y=None: (
        jnp.argwhere(jnp.asarray(condition)) if x is None else jnp.where(jnp.asarray(condition), x, y)
    ),
    reshape=lambda tensor, shape, name=None: jnp.reshape(
        jnp.asarray(tensor), tuple(int(size) for size in shape)
    ),
    transpose=lambda a, perm=None: jnp.transpose(jnp.asarray(a), perm),
    matmul=lambda a, b, transpose_a=False, transpose_b=False: jnp.matmul(
        jnp.swapaxes(a, -1, -2) if transpose_a else jnp.asarray(a),
        jnp.swapaxes(b, -1, -2) if transpose_b else jnp.asarray(b),
    ),
    tensordot=jnp.tensordot,
    einsum=jnp.einsum,
    concat=lambda values, axis, name=None: jnp.concatenate([jnp.asarray(value) for value in values], axis),
    stack=lambda values, axis=0, name=None: jnp.stack([jnp.asarray(value) for value in values], axis),
    expand_dims=lambda input, axis, name=None: jnp.expand_dims(jnp.asarray(input), axis),
    squeeze=lambda input, axis=None, name=None: jnp.squeeze(jnp.asarray(input), axis),
    tile=lambda input, multiples: jnp.tile(jnp.asarray(input), tuple(multiples)),
    gather=lambda params, indices, axis=0: jnp.take(jnp.asarray(params), jnp.asarray(indices), axis=axis),
    range=jnp.arange,
    linspace=lambda start, stop, num: jnp.linspace(start, stop, num),
    zeros=lambda shape, dtype="float32": jnp.zeros(tuple(np.atleast_1d(shape)), dtype),
    ones=lambda shape, dtype="float32": jnp.ones(tuple(np.atleast_1d(shape)), dtype),
    fill=lambda dims, value: jnp.full(tuple(dims), value),
    zeros_like=jnp.zeros_like,
    ones_like=jnp.ones_like,
    shape=lambda input: jnp.asarray(jnp.shape(input)),
    rank=lambda input: jnp.ndim(input),
    size=lambda input: jnp.size(input),
    clip_by_value=lambda t, clip_value_min, clip_value_max: jnp.clip(t, clip_value_min, clip_value_max),
    one_hot=_one_hot,
    norm=lambda tensor, axis=None: jnp.linalg.norm(tensor, axis=axis),
    get_logger=lambda: logging.getLogger("fitwell"),
    executing_eagerly=lambda: True,
    **{name: value for name, value in _math.items() if name not in ("erf", "lgamma", "l2_normalize")},
    **{name: value for name, value in _reductions.items() if name not in ("reduce_std", "reduce_variance")},
    **_dtypes,
    bool=jnp.dtype("bool"),
    string=np.dtype(str),
)
"""The module that ``import tensorflow`` gives after `install_as_keras`."""
