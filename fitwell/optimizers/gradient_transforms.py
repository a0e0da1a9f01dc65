"""Gradient transformations that run before the update: three kinds of clipping, and annealed noise."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from fitwell._reductions import vectorized_sum
from fitwell._typing import Array, Arrays

__all__ = [
    "add_noise",
    "clip_by_global_norm",
    "clip_by_norm",
    "clip_by_value",
    "global_norm",
]


def clip_by_value(gradients: Mapping[str, Array], limit: Any) -> Arrays:
    """Clip every component to ``[-limit, limit]``, which may change a gradient's direction."""
    return {path: jnp.clip(gradient, -limit, limit) for path, gradient in gradients.items()}


def clip_by_norm(gradients: Mapping[str, Array], limit: Any) -> Arrays:
    """Scale each parameter's gradient ``g`` by ``limit / max(‖g‖₂, limit)``, which keeps its direction."""
    return {
        path: gradient * (limit / jnp.maximum(jnp.sqrt(vectorized_sum(jnp.square, gradient)), limit))
        for path, gradient in gradients.items()
    }


def global_norm(gradients: Mapping[str, Array]) -> Array:
    """Compute the Euclidean norm of all gradients together."""
    return jnp.sqrt(sum(vectorized_sum(jnp.square, g) for g in gradients.values()))


def clip_by_global_norm(gradients: Mapping[str, Array], limit: Any) -> Arrays:
    """Scale all gradients by ``limit / max(‖G‖₂, limit)``, where G is their concatenation.

    For example, clipping ``[0.9, 100]`` to norm 1 gives ``[0.00899964, 0.9999595]``.
    """
    scale = limit / jnp.maximum(global_norm(gradients), limit)
    return {path: gradient * scale for path, gradient in gradients.items()}


def add_noise(gradients: Mapping[str, Array], eta: Any, step: Array, key: Array) -> Arrays:
    """Add Gaussian noise with variance ``eta / (1 + step)^0.55`` to every component.

    Each parameter has a separate key derived from its path, so freezing one parameter does not change the
    noise for the others.

    Source: Neelakantan et al., "Adding gradient noise improves learning for very deep networks", 2015.
    """
    deviation = jnp.sqrt(eta / jnp.power(1 + step.astype(jnp.float32), 0.55))
    key = jax.random.fold_in(key, step)
    return {
        path: gradient + deviation * jax.random.normal(_key_of(key, path), gradient.shape, gradient.dtype)
        for path, gradient in gradients.items()
    }


def _key_of(key: Array, path: str) -> Array:
    return jax.random.fold_in(key, zlib.crc32(path.encode()))
