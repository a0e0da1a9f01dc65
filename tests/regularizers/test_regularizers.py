"""Regularizers compared with Keras and closed forms, their strengths as arguments, and deprecated names."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from fitwell import regularizers
from fitwell._variables import named_hyperparameters, stateless_scope
from fitwell.errors import InvalidArgument, ShapeError, UnknownName
from tests.agreement import agree
from tests.finite_differences import check_gradients

W = np.random.default_rng(0).normal(0, 1, (5, 3)).astype(np.float32)

IN_KERAS: list[tuple[str, dict[str, Any]]] = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.2}),
    ("L1L2", {"l2": 0.2}),
    ("L1L2", {"l1": 0.1, "l2": 0.2}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]


@pytest.mark.parametrize(("name", "arguments"), IN_KERAS)
def test_equals_keras(name: str, arguments: dict[str, Any]) -> None:
    expected = float(getattr(keras.regularizers, name)(**arguments)(jnp.asarray(W)))
    ours = getattr(regularizers, name)(**arguments)
    agree(ours(W), expected, row=f"regularizers/{name}", against="Keras", rtol=1e-6)
    assert float(ours(W.tolist())) == pytest.approx(expected, rel=1e-6)
    assert ours.get_config() == pytest.approx(getattr(keras.regularizers, name)(**arguments).get_config())


def test_closed_forms() -> None:
    w = np.array([1.0, -2.0, 3.0])
    square = np.array([[1.0, 0.0], [1.0, 1.0]])
    for penalty, weights, expected in (
        (regularizers.l1(0.1), w, 0.6),
        (regularizers.l2(0.1), w, 1.4),
        (regularizers.l1_l2(0.1, 0.01), w, 0.74),
        # β λ Σ|w| + (1 - β)/2 λ Σ w²
        (regularizers.ElasticNet(0.5, 0.2), w, 0.2 * 0.5 * 6 + 0.4 * 0.5 * 14),
        (regularizers.get("orthogonal"), square, 0.01 / np.sqrt(2)),
    ):
        row = f"regularizers/{type(penalty).__name__}"
        agree(penalty(weights), expected, row=row, against="closed form", rtol=1e-6)
    assert float(regularizers.OrthogonalRegularizer(1.0)(np.eye(4))) == 0
    assert float(regularizers.OrthogonalRegularizer(1.0)(np.ones((1, 4)))) == 0


PENALTIES = [
    regularizers.L1(0.3),
    regularizers.L2(0.3),
    regularizers.L1L2(0.2, 0.3),
    regularizers.ElasticNet(0.3, 0.6),
    regularizers.OrthogonalRegularizer(0.3),
]


@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda penalty: type(penalty).__name__)
def test_gradients(penalty: regularizers.Regularizer) -> None:
    with jax.enable_x64(True):
        check_gradients(penalty, W.astype(np.float64))


def test_gradient_of_zero_vectors_is_finite() -> None:
    gradient = jax.grad(regularizers.OrthogonalRegularizer(1.0))(jnp.zeros((3, 2)).at[0, 0].set(1.0))
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda penalty: type(penalty).__name__)
def test_strengths_are_data(penalty: regularizers.Regularizer) -> None:
    """One traced program for all strengths: mapped over them it gives what each alone gives."""
    cells = dict(named_hyperparameters(penalty))
    assert list(cells) == list(penalty.hyperparameters)

    def call(values: Any) -> Any:
        with stateless_scope(dict(zip(cells.values(), values, strict=True))):
            return penalty(W)

    grid = jnp.array([[0.0, 0.1, 0.5]] * len(cells))
    together = jax.jit(jax.vmap(call, in_axes=([0] * len(cells),)))(list(grid))
    for index in range(3):
        alone = type(penalty)(*(float(row[index]) for row in grid))
        assert float(together[index]) == pytest.approx(float(alone(W)), rel=1e-6)


def test_dtype_is_kept() -> None:
    assert regularizers.l2(0.1)(jnp.ones(3, jnp.bfloat16)).dtype == jnp.bfloat16
    with jax.enable_x64(True):
        assert regularizers.l2(0.1)(jnp.ones(3, jnp.float64)).dtype == jnp.float64


# --- names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["l1", "l2", "L1", "L2", "elastic_net", "orthogonal", "l1_l2", "L1L2"])
def test_found_by_name(name: str) -> None:
    found = regularizers.get(name)
    assert isinstance(found, regularizers.Regularizer)
    again = regularizers.deserialize(regularizers.serialize(found))
    assert type(again) is type(found)
    assert again.get_config() == found.get_config()


def test_strengths_by_name() -> None:
    assert regularizers.get("l1").l1 == regularizers.get("l2").l2 == 0.01
    both = regularizers.get("l1_l2")
    assert (both.l1, both.l2) == (0.01, 0.01)
    assert (regularizers.L1L2().l1, regularizers.L1L2().l2) == (0.0, 0.0)


def test_other_identifiers() -> None:
    assert regularizers.get(None) is None

    def own(w: Any) -> Any:
        return 0.01 * jnp.sum(jnp.abs(w))

    assert regularizers.get(own) is own
    penalty = regularizers.l2(0.1)
    assert regularizers.get(penalty) is penalty


def test_deprecated_names() -> None:
    for kind, attribute in ((regularizers.l1, "l1"), (regularizers.l2, "l2")):
        assert getattr(kind(0.05), attribute) == 0.05
        with pytest.warns(DeprecationWarning, match=rf"{attribute}\(l=...\) is deprecated"):
            assert getattr(kind(l=0.02), attribute) == 0.02
        assert kind(0.02).get_config() == {attribute: 0.02}


def test_words_of_errors() -> None:
    with pytest.raises(UnknownName, match="unknown regularizer 'ortogonal'. Did you mean 'orthogonal'"):
        regularizers.get("ortogonal")
    with pytest.raises(InvalidArgument, match="L2: l2 must be a finite number of at least 0 or None, got -1"):
        regularizers.l2(-1)
    with pytest.raises(InvalidArgument, match="L1: l1 must be .* got inf"):
        regularizers.l1(float("inf"))
    with pytest.raises(InvalidArgument, match="l2: unknown argument 'm'"):
        regularizers.l2(m=1)
    with pytest.raises(InvalidArgument, match="l1_ratio must be a number from 0 to 1 or None, got 2"):
        regularizers.ElasticNet(0.1, 2)
    with pytest.raises(InvalidArgument, match="mode must be 'rows' or 'columns', got 'all'"):
        regularizers.OrthogonalRegularizer(mode="all")
    with pytest.raises(ShapeError, match=r"requires a matrix, got an array of shape \(2, 2, 2\)"):
        regularizers.OrthogonalRegularizer()(np.ones((2, 2, 2)))
    with pytest.raises(InvalidArgument, match="expected a name such as 'l2'"):
        regularizers.get(0.01)
