"""The operations of ``keras.ops.math``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special

from fitwell.ops.definition import define_from_jax, operation

_defined = define_from_jax(
    """
    erf(x)
    erfc(x)
    erfinv(x)
    logsumexp(x, axis=None, keepdims=False)
    """,
    [jax.scipy.special],
    "math",
)
globals().update(_defined)


@operation
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Return overlapping windows of the last axis, ``[..., windows, sequence_length]``."""
    x = jnp.asarray(x)
    starts = jnp.arange(0, x.shape[-1] - sequence_length + 1, sequence_stride)
    return x[..., starts[:, None] + jnp.arange(sequence_length)]


def _to_complex(x: Any) -> Any:
    real, imaginary = x
    return jax.lax.complex(jnp.asarray(real), jnp.asarray(imaginary))


@operation
def fft(x: Any) -> Any:
    """Return the Fourier transform of ``(real, imaginary)`` along the last axis, in the same form."""
    found = jnp.fft.fft(_to_complex(x))
    return found.real, found.imag


@operation
def fft2(x: Any) -> Any:
    """Return the Fourier transform of ``(real, imaginary)`` along the last two axes, in the same form."""
    found = jnp.fft.fft2(_to_complex(x))
    return found.real, found.imag


@operation
def ifft2(x: Any) -> Any:
    """Return the inverse of `fft2`."""
    found = jnp.fft.ifft2(_to_complex(x))
    return found.real, found.imag


@operation
def rfft(x: Any, fft_length: int | None = None) -> Any:
    """Return the Fourier transform of real values along the last axis, as ``(real, imaginary)``."""
    found = jnp.fft.rfft(jnp.asarray(x), fft_length)
    return found.real, found.imag


@operation
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """Return the inverse of `rfft`."""
    return jnp.fft.irfft(_to_complex(x), fft_length)


@operation
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Return whether each target is among the `k` largest predictions of its row."""
    targets, predictions = jnp.asarray(targets), jnp.asarray(predictions)
    preds_at_targets = jnp.take_along_axis(predictions, targets[:, None], axis=-1)
    return jnp.sum(predictions > preds_at_targets, axis=-1) < k


@operation
def rsqrt(x: Any) -> Any:
    """Return ``1 / sqrt(x)``."""
    return jax.lax.rsqrt(jnp.asarray(x))


def _segments(data: Any, segment_ids: Any, num_segments: int | None) -> tuple[Any, Any, int | None]:
    return jnp.asarray(data), jnp.asarray(segment_ids), num_segments


@operation
def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """Return the maximum of the rows with each segment id."""
    return jax.ops.segment_max(*_segments(data, segment_ids, num_segments), indices_are_sorted=sorted)


@operation
def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """Return the minimum of the rows with each segment id."""
    return jax.ops.segment_min(*_segments(data, segment_ids, num_segments), indices_are_sorted=sorted)


@operation
def segment_prod(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """Return the product of the rows with each segment id."""
    return jax.ops.segment_prod(*_segments(data, segment_ids, num_segments), indices_are_sorted=sorted)


@operation
def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """Return the sum of the rows with each segment id."""
    return jax.ops.segment_sum(*_segments(data, segment_ids, num_segments), indices_are_sorted=sorted)


@operation
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """Return the `k` largest entries of the last axis, and their indices."""
    return tuple(jax.lax.top_k(jnp.asarray(x), k))


@operation
def view_as_complex(x: Any) -> Any:
    """Return complex numbers from an array whose last axis contains the real and the imaginary part."""
    x = jnp.asarray(x)
    return jax.lax.complex(x[..., 0], x[..., 1])


@operation
def view_as_real(x: Any) -> Any:
    """Return the real and the imaginary part as a new last axis."""
    x = jnp.asarray(x)
    return jnp.stack([x.real, x.imag], axis=-1)


__all__ = sorted(
    [
        *_defined, "extract_sequences", "fft", "fft2", "ifft2", "in_top_k", "irfft", "rfft", "rsqrt", "segment_max",
        "segment_min", "segment_prod", "segment_sum", "top_k", "view_as_complex", "view_as_real",
    ]
)  # fmt: skip
