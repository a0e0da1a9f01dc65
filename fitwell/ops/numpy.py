"""The operations of ``keras.ops.numpy``."""

from __future__ import annotations

import builtins
from typing import Any

import jax
import jax.numpy as jnp

from fitwell import config
from fitwell.ops.definition import define_from_jax, operation, refuse_options

_LINES = """
abs(x)
absolute(x)
add(x1, x2)
all(x, axis=None, keepdims=False)
allclose(x1, x2, rtol=1e-05, atol=1e-08, equal_nan=False)
amax(x, axis=None, keepdims=False)
amin(x, axis=None, keepdims=False)
angle(x)
any(x, axis=None, keepdims=False)
append(x1, x2, axis=None)
arccos(x)
arccosh(x)
arcsin(x)
arcsinh(x)
arctan(x)
arctan2(x1, x2)
arctanh(x)
argmax(x, axis=None, keepdims=False)
argmin(x, axis=None, keepdims=False)
argpartition(x, kth, axis=-1)
argsort(x, axis=-1)
array_split(x, indices_or_sections, axis=0)
average(x, axis=None, weights=None)
bartlett(x)
bitwise_and(x, y)
bitwise_invert(x)
bitwise_left_shift(x, y)
bitwise_not(x)
bitwise_or(x, y)
bitwise_right_shift(x, y)
bitwise_xor(x, y)
blackman(x)
broadcast_to(x, shape)
cbrt(x)
clip(x, x_min, x_max)
concatenate(xs, axis=0)
conj(x)
conjugate(x)
copy(x)
corrcoef(x)
cos(x)
cosh(x)
count_nonzero(x, axis=None)
cross(x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None)
cumprod(x, axis=None, dtype=None)
cumsum(x, axis=None, dtype=None)
deg2rad(x)
diag(x, k=0)
diagflat(x, k=0)
diagonal(x, offset=0, axis1=0, axis2=1)
diff(a, n=1, axis=-1)
digitize(x, bins)
divide(x1, x2)
dot(x1, x2)
dsplit(x, indices_or_sections)
dstack(xs)
empty_like(x, dtype=None)
equal(x1, x2)
exp(x)
exp2(x)
expand_dims(x, axis)
expm1(x)
fabs(x)
flip(x, axis=None)
fliplr(x)
flipud(x)
floor_divide(x1, x2)
fmax(x1, x2)
fmin(x1, x2)
fmod(x1, x2)
full_like(x, fill_value, dtype=None)
gcd(x1, x2)
greater(x1, x2)
greater_equal(x1, x2)
hamming(x)
hanning(x)
heaviside(x1, x2)
histogram(x, bins=10, range=None)
hsplit(x, indices_or_sections)
hstack(xs)
hypot(x1, x2)
i0(x)
imag(x)
inner(x1, x2)
isclose(x1, x2, rtol=1e-05, atol=1e-08, equal_nan=False)
isfinite(x)
isin(x1, x2, assume_unique=False, invert=False)
isinf(x)
isnan(x)
isneginf(x)
isposinf(x)
isreal(x)
kaiser(x, beta)
kron(x1, x2)
lcm(x1, x2)
ldexp(x1, x2)
left_shift(x, y)
less(x1, x2)
less_equal(x1, x2)
log(x)
log10(x)
log1p(x)
log2(x)
logaddexp(x1, x2)
logaddexp2(x1, x2)
logical_and(x1, x2)
logical_not(x)
logical_or(x1, x2)
logical_xor(x1, x2)
matmul(x1, x2)
max(x, axis=None, keepdims=False, initial=None)
maximum(x1, x2)
mean(x, axis=None, keepdims=False)
median(x, axis=None, keepdims=False)
min(x, axis=None, keepdims=False, initial=None)
minimum(x1, x2)
mod(x1, x2)
moveaxis(x, source, destination)
multiply(x1, x2)
nan_to_num(x, nan=0.0, posinf=None, neginf=None)
nanargmax(x, axis=None, keepdims=False)
nanargmin(x, axis=None, keepdims=False)
nancumprod(x, axis=None, dtype=None)
nancumsum(x, axis=None, dtype=None)
nanmax(x, axis=None, keepdims=False)
nanmean(x, axis=None, keepdims=False)
nanmedian(x, axis=None, keepdims=False)
nanmin(x, axis=None, keepdims=False)
nanpercentile(x, q, axis=None, method="linear", keepdims=False)
nanprod(x, axis=None, keepdims=False)
nanquantile(x, q, axis=None, method="linear", keepdims=False)
nanstd(x, axis=None, keepdims=False)
nansum(x, axis=None, keepdims=False)
nanvar(x, axis=None, keepdims=False)
negative(x)
nextafter(x1, x2)
not_equal(x1, x2)
ones_like(x, dtype=None)
outer(x1, x2)
percentile(x, q, axis=None, method="linear", keepdims=False)
power(x1, x2)
prod(x, axis=None, keepdims=False, dtype=None)
ptp(x, axis=None, keepdims=False)
quantile(x, q, axis=None, method="linear", keepdims=False)
rad2deg(x)
ravel(x)
real(x)
reciprocal(x)
repeat(x, repeats, axis=None)
reshape(x, newshape)
right_shift(x, y)
roll(x, shift, axis=None)
rot90(array, k=1, axes=(0, 1))
round(x, decimals=0)
searchsorted(sorted_sequence, values, side="left")
select(condlist, choicelist, default=0)
sign(x)
signbit(x)
sin(x)
sinc(x)
sinh(x)
sort(x, axis=-1)
split(x, indices_or_sections, axis=0)
sqrt(x)
square(x)
squeeze(x, axis=None)
stack(x, axis=0)
std(x, axis=None, keepdims=False)
subtract(x1, x2)
sum(x, axis=None, keepdims=False)
swapaxes(x, axis1, axis2)
take_along_axis(x, indices, axis=None)
tan(x)
tanh(x)
tensordot(x1, x2, axes=2)
tile(x, repeats)
trace(x, offset=0, axis1=0, axis2=1)
transpose(x, axes=None)
trapezoid(y, x=None, dx=1.0, axis=-1)
tril(x, k=0)
triu(x, k=0)
true_divide(x1, x2)
trunc(x)
vander(x, N=None, increasing=False)
var(x, axis=None, keepdims=False)
vdot(x1, x2)
vsplit(x, indices_or_sections)
vstack(xs)
zeros_like(x, dtype=None)
"""


def _with_arrays(function: Any) -> Any:
    """Return `function` that also accepts lists, which `jax.numpy` refuses."""

    def apply(*args: Any, **kwargs: Any) -> Any:
        converted = [jnp.asarray(arg) if isinstance(arg, list) and _is_numbers(arg) else arg for arg in args]
        return function(*converted, **kwargs)

    apply.__module__, apply.__name__ = "jax.numpy", function.__name__
    return apply


def _is_numbers(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return builtins.all(_is_numbers(item) for item in value)
    return isinstance(value, int | float | complex | bool)


class _Namespace:
    """`jax.numpy` whose functions also accept lists of numbers as arrays."""

    def __getattr__(self, name: str) -> Any:
        function = getattr(jnp, name)
        return (
            function
            if name in ("reshape", "broadcast_to", "squeeze", "transpose")
            else _with_arrays(function)
        )


_defined = define_from_jax(_LINES, [_Namespace()], "numpy")
globals().update(_defined)


def _float_type(dtype: Any) -> Any:
    return config.floatx() if dtype is None else dtype


@operation
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """Return evenly spaced numbers from `start` to `stop`, which is not included, in steps of `step`."""
    if dtype is None and builtins.any(isinstance(item, float) for item in (start, stop, step)):
        dtype = config.floatx()
    return jnp.arange(start, stop, 1 if step is None else step, dtype)


@operation
def array(x: Any, dtype: Any = None) -> Any:
    """Convert `x` to an array."""
    return jnp.array(x, dtype)


@operation
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """Count how often each integer occurs in `x`, along the last axis."""
    refuse_options("bincount", sparse=sparse)
    x = jnp.asarray(x)
    length = builtins.max(
        minlength, int(jnp.max(x)) + 1 if x.size and not isinstance(x, jax.core.Tracer) else minlength
    )
    if x.ndim == 1:
        return jnp.bincount(x, weights, length=length)
    flat = x.reshape(-1, x.shape[-1])
    if weights is None:
        counts = jax.vmap(lambda row: jnp.bincount(row, length=length))(flat)
    else:
        rows = jnp.asarray(weights).reshape(flat.shape)
        counts = jax.vmap(lambda row, weight: jnp.bincount(row, weight, length=length))(flat, rows)
    return counts.reshape(*x.shape[:-1], length)


@operation
def ceil(x: Any) -> Any:
    """Return the smallest integers that are not smaller, as floats."""
    x = jnp.asarray(x)
    return jnp.ceil(x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(config.floatx()))


@operation
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """Return the cross-correlation of two sequences."""
    return jnp.correlate(jnp.asarray(x1), jnp.asarray(x2), mode)


@operation
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """Return ``x1 / x2``, or 0 where `x2` is 0."""
    x1, x2 = jnp.asarray(x1), jnp.asarray(x2)
    return jnp.where(x2 == 0, 0, x1 / jnp.where(x2 == 0, 1, x2))


@operation
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Compute a sum of products in Einstein's notation, such as ``einsum("ij,jk->ik", a, b)``."""
    return jnp.einsum(subscripts, *map(jnp.asarray, operands), **kwargs)


@operation
def empty(shape: Any, dtype: Any = None) -> Any:
    """Return an array of zeros."""
    return jnp.empty(shape, _float_type(dtype))


@operation
def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Return an array with ones on the k-th diagonal."""
    return jnp.eye(N, M, k, _float_type(dtype))


@operation
def floor(x: Any) -> Any:
    """Return the largest integers that are not larger, as floats."""
    x = jnp.asarray(x)
    return jnp.floor(x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(config.floatx()))


@operation
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return an array of which each entry is `fill_value`."""
    return jnp.full(shape, fill_value, _float_type(dtype))


@operation
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """Return numbers from `start` to `stop` with a constant ratio."""
    return jnp.geomspace(start, stop, num, endpoint, dtype, axis)


@operation
def get_item(x: Any, key: Any) -> Any:
    """Return ``x[key]``."""
    return x[key]


@operation
def identity(n: int, dtype: Any = None) -> Any:
    """Return the identity matrix with `n` rows."""
    return jnp.identity(n, _float_type(dtype))


@operation
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Return `num` evenly spaced numbers from `start` to `stop`."""
    return jnp.linspace(
        jnp.asarray(start), jnp.asarray(stop), num, endpoint=endpoint, retstep=retstep, dtype=dtype, axis=axis
    )


@operation
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Return ``base ** linspace(start, stop)``."""
    return jnp.logspace(jnp.asarray(start), jnp.asarray(stop), num, endpoint, base, dtype, axis)


@operation
def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    """Return a list of coordinate matrices from coordinate vectors."""
    return jnp.meshgrid(*map(jnp.asarray, x), indexing=indexing)


@operation
def ndim(x: Any) -> int:
    """Return the number of axes."""
    return jnp.ndim(x)


@operation
def nonzero(x: Any) -> Any:
    """Return the indices of the entries that are not 0, one array per axis."""
    return jnp.nonzero(jnp.asarray(x))


@operation
def ones(shape: Any, dtype: Any = None) -> Any:
    """Return an array of ones."""
    return jnp.ones(shape, _float_type(dtype))


@operation
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """Add entries before and after each axis, ``((before, after), ...)``."""
    options = (
        {} if mode != "constant" else {"constant_values": 0 if constant_values is None else constant_values}
    )
    if mode != "constant" and constant_values is not None:
        raise ValueError(f"constant_values requires mode='constant', got mode={mode!r}")
    return jnp.pad(jnp.asarray(x), pad_width, mode, **options)


@operation
def size(x: Any) -> int:
    """Return the number of entries."""
    return jnp.size(x)


@operation
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Return the entries at `indices` along `axis`. Negative indices count from the end."""
    return jnp.take(jnp.asarray(x), jnp.asarray(indices), axis=axis)


@operation
def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Return an array with ones at and below the k-th diagonal."""
    return jnp.tri(N, M, k, _float_type(dtype))


@operation
def unravel_index(indices: Any, shape: Any) -> Any:
    """Convert flat indices to a tuple of index arrays."""
    return jnp.unravel_index(jnp.asarray(indices), shape)


def vectorize(pyfunc: Any, *, excluded: Any = None, signature: str | None = None) -> Any:
    """Return a function that applies `pyfunc` to each entry of its arguments."""
    return jnp.vectorize(pyfunc, excluded=excluded or set(), signature=signature)


@operation
def view(x: Any, dtype: Any = None) -> Any:
    """Return the array with its bytes interpreted as `dtype`."""
    return jnp.asarray(x).view(dtype)


@operation
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """Return `x1` where `condition` is true, and `x2` elsewhere."""
    condition = jnp.asarray(condition)
    return jnp.where(condition) if x1 is None and x2 is None else jnp.where(condition, x1, x2)


@operation
def zeros(shape: Any, dtype: Any = None) -> Any:
    """Return an array of zeros."""
    return jnp.zeros(shape, _float_type(dtype))


__all__ = sorted(
    [
        *_defined, "arange", "array", "bincount", "ceil", "correlate", "divide_no_nan", "einsum", "empty", "eye",
        "floor", "full", "geomspace", "get_item", "identity", "linspace", "logspace", "meshgrid", "ndim", "nonzero",
        "ones", "pad", "size", "take", "tri", "unravel_index", "vectorize", "view", "where", "zeros",
    ]
)  # fmt: skip
