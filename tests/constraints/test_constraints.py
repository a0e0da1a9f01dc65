"""Constraints compared with Keras and published numbers; their bounds as arguments."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fitwell import constraints
from fitwell._variables import named_hyperparameters, stateless_scope
from fitwell.errors import InvalidArgument, ShapeError, UnknownName
from tests.agreement import agree

W = np.random.default_rng(0).normal(0, 1.5, (5, 3)).astype(np.float32)
KERNEL = np.random.default_rng(1).normal(0, 1, (3, 3, 2, 4)).astype(np.float32)

IN_KERAS: list[tuple[str, dict[str, Any]]] = [
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 1.0}),
    ("MaxNorm", {"max_value": 1.0, "axis": 1}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": 1}),
    ("NonNeg", {}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 1.0, "max_value": 2.0, "rate": 0.5}),
    ("MinMaxNorm", {"min_value": 5.0, "max_value": 6.0, "axis": 1}),
]


@pytest.mark.parametrize(("name", "arguments"), IN_KERAS)
def test_equals_keras(name: str, arguments: dict[str, Any]) -> None:
    ours, theirs = getattr(constraints, name)(**arguments), getattr(keras.constraints, name)(**arguments)
    agree(ours(W), theirs(W), row=f"constraints/{name}", against="Keras", rtol=1e-6)
    np.testing.assert_allclose(ours(W.tolist()), np.asarray(theirs(W)), rtol=1e-6)
    assert ours.get_config() == theirs.get_config()


def test_filters_of_a_convolution() -> None:
    ours, theirs = (lib.MaxNorm(0.7, axis=[0, 1, 2]) for lib in (constraints, keras.constraints))
    agree(ours(KERNEL), theirs(KERNEL), row="constraints/MaxNorm", against="Keras", rtol=1e-6)
    norms = np.sqrt((np.asarray(ours(KERNEL)) ** 2).sum((0, 1, 2)))
    np.testing.assert_allclose(norms, 0.7, rtol=1e-5)


def test_published_unit_norm() -> None:
    expected = [[0, 0.169], [0.447, 0.507], [0.894, 0.845]]
    actual = constraints.unit_norm()([[0, 1], [2, 3], [4, 5]])
    agree(actual, expected, row="constraints/UnitNorm", against="a published example", atol=5e-4)


matrices = hnp.arrays(np.float32, (4, 3), elements=st.floats(-100, 100, width=32))


@given(matrices, st.floats(0.1, 10))
def test_norms_stay_within_the_bound(w: np.ndarray, bound: float) -> None:
    norms = np.linalg.norm(w.astype(np.float64), axis=0)
    after = np.asarray(constraints.max_norm(bound)(w), np.float64)
    assert (np.linalg.norm(after, axis=0) <= bound * (1 + 1e-5)).all()
    inside = norms < bound
    np.testing.assert_allclose(after[:, inside], w[:, inside], rtol=1e-4, atol=1e-6)


@given(matrices)
def test_zero_vectors_stay_zero(w: np.ndarray) -> None:
    w[:, 0] = 0
    for constraint in (
        constraints.max_norm(1.0),
        constraints.unit_norm(),
        constraints.min_max_norm(1.0, 2.0),
    ):
        after = np.asarray(constraint(w))
        assert np.isfinite(after).all()
        assert (after[:, 0] == 0).all()
    assert (np.asarray(constraints.non_neg()(w)) >= 0).all()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_radial(size: int) -> None:
    w = np.random.default_rng(2).normal(size=(size, size, 2, 3)).astype(np.float32)
    after = np.asarray(constraints.radial_constraint()(w))
    centre = (size - 1) / 2
    row, column = np.mgrid[:size, :size]
    ring = np.floor(np.maximum(np.abs(row - centre), np.abs(column - centre)))
    for index in np.unique(ring):
        expected = np.broadcast_to(w[ring == index].mean(0), after[ring == index].shape)
        row, against = "constraints/RadialConstraint", "means of rings"
        agree(after[ring == index], expected, row=row, against=against, atol=1e-6)
    # Turning the kernel changes nothing, and doing it twice neither.
    np.testing.assert_allclose(np.rot90(after), after, atol=1e-6)
    np.testing.assert_allclose(constraints.radial_constraint()(after), after, atol=1e-6)


@pytest.mark.parametrize("constraint", [constraints.MaxNorm(1.0), constraints.MinMaxNorm(0.5, 1.0, 0.7)])
def test_bounds_are_data(constraint: constraints.Constraint) -> None:
    cells = dict(named_hyperparameters(constraint))
    assert list(cells) == list(constraint.hyperparameters)

    def call(values: Any) -> Any:
        with stateless_scope(dict(zip(cells.values(), values, strict=True))):
            return constraint(W)

    grid = [jnp.array([0.3, 0.9]) for _ in cells]
    together = jax.jit(jax.vmap(call, in_axes=([0] * len(cells),)))(grid)
    for index in range(2):
        alone = type(constraint)(*(float(row[index]) for row in grid))
        np.testing.assert_allclose(together[index], alone(W), rtol=1e-5)


def test_dtype_is_kept() -> None:
    for constraint in (constraints.max_norm(), constraints.unit_norm(), constraints.non_neg()):
        assert constraint(jnp.ones((2, 2), jnp.bfloat16)).dtype == jnp.bfloat16


# --- names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["max_norm", "unit_norm", "non_neg", "min_max_norm", "radial_constraint"])
def test_found_by_name(name: str) -> None:
    found = constraints.get(name)
    assert type(found) is getattr(constraints, name)
    again = constraints.deserialize(constraints.serialize(found))
    assert type(again) is type(found)
    assert again.get_config() == found.get_config()
    assert type(constraints.get(type(found).__name__)) is type(found)


def test_other_identifiers() -> None:
    assert constraints.get(None) is None
    assert constraints.get(abs) is abs
    bound = constraints.max_norm(1.0)
    assert constraints.get(bound) is bound
    assert constraints.max_norm(1.5).max_value == 1.5
    assert isinstance(constraints.get("radial"), constraints.RadialConstraint)


def test_words_of_errors() -> None:
    with pytest.raises(UnknownName, match="unknown constraint 'max_nrm'. Did you mean 'max_norm'"):
        constraints.get("max_nrm")
    with pytest.raises(InvalidArgument, match="expected a name such as 'max_norm'"):
        constraints.get(1.0)
    with pytest.raises(ShapeError, match=r"square Conv2D kernel \[k, k, in, out\], got shape \(3, 2\)"):
        constraints.radial_constraint()(np.ones((3, 2)))
