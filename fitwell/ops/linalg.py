"""The operations of ``keras.ops.linalg``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg

from fitwell.ops.definition import operation

__all__ = [
    "cdist", "cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "logdet", "lstsq", "lu_factor", "matrix_rank",
    "norm", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd",
]  # fmt: skip


@operation
def cdist(x: Any, y: Any) -> Any:
    """Return the Euclidean distances between the rows of `x` and the rows of `y`."""
    x, y = jnp.asarray(x), jnp.asarray(y)
    return jnp.linalg.norm(x[..., :, None, :] - y[..., None, :, :], axis=-1)


@operation
def cholesky(x: Any, upper: bool = False) -> Any:
    """Return the Cholesky factor of a positive definite matrix."""
    return jnp.linalg.cholesky(jnp.asarray(x), upper=upper)


@operation
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """Return the inverse of the matrix whose Cholesky factor is `x`."""
    x = jnp.asarray(x)
    return jax.scipy.linalg.cho_solve((x, not upper), jnp.eye(x.shape[-1], dtype=x.dtype))


@operation
def det(x: Any) -> Any:
    """Return the determinant."""
    return jnp.linalg.det(jnp.asarray(x))


@operation
def eig(x: Any) -> Any:
    """Return the eigenvalues and eigenvectors of a square matrix."""
    return tuple(jnp.linalg.eig(jnp.asarray(x)))


@operation
def eigh(x: Any) -> Any:
    """Return the eigenvalues and eigenvectors of a symmetric matrix."""
    return tuple(jnp.linalg.eigh(jnp.asarray(x)))


@operation
def inv(x: Any) -> Any:
    """Return the inverse of a square matrix."""
    return jnp.linalg.inv(jnp.asarray(x))


@operation
def logdet(x: Any) -> Any:
    """Return the logarithm of the determinant of a positive definite matrix."""
    return jnp.linalg.slogdet(jnp.asarray(x))[1]


@operation
def lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """Return the x with the smallest ``|a x - b|``."""
    return jnp.linalg.lstsq(jnp.asarray(a), jnp.asarray(b), rcond)[0]


@operation
def lu_factor(x: Any) -> Any:
    """Return the LU decomposition and its pivots."""
    return tuple(jax.scipy.linalg.lu_factor(jnp.asarray(x)))


@operation
def matrix_rank(x: Any, tol: float | None = None) -> Any:
    """Return the number of singular values above `tol`."""
    return jnp.linalg.matrix_rank(jnp.asarray(x), tol)


@operation
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the norm of a vector or a matrix."""
    x = jnp.asarray(x)
    x = x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype("float32")
    return jnp.linalg.norm(x, ord, axis, keepdims)


@operation
def pinv(x: Any, rcond: float | None = None) -> Any:
    """Return the pseudoinverse of a matrix."""
    return jnp.linalg.pinv(jnp.asarray(x), rcond)


@operation
def qr(x: Any, mode: str = "reduced") -> Any:
    """Return the QR decomposition. `mode` is ``"reduced"`` or ``"complete"``."""
    return tuple(jnp.linalg.qr(jnp.asarray(x), mode))


@operation
def slogdet(x: Any) -> Any:
    """Return the sign of the determinant and the logarithm of its absolute value."""
    return tuple(jnp.linalg.slogdet(jnp.asarray(x)))


@operation
def solve(a: Any, b: Any) -> Any:
    """Return the solution x of ``a x = b``."""
    a, b = jnp.asarray(a), jnp.asarray(b)
    if b.ndim == a.ndim - 1:
        return jnp.linalg.solve(a, b[..., None])[..., 0]
    return jnp.linalg.solve(a, b)


@operation
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """Return the solution x of ``a x = b`` for a triangular matrix."""
    a, b = jnp.asarray(a), jnp.asarray(b)
    if b.ndim == a.ndim - 1:
        return jax.scipy.linalg.solve_triangular(a, b[..., None], lower=lower)[..., 0]
    return jax.scipy.linalg.solve_triangular(a, b, lower=lower)


@operation
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return the singular value decomposition, or only the singular values if `compute_uv` is False."""
    found = jnp.linalg.svd(jnp.asarray(x), full_matrices, compute_uv)
    return tuple(found) if compute_uv else found
