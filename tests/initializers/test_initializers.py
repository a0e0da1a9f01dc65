"""Initializers: moments over 10^6 draws, limits, fans, seeds, and Keras's own numbers where nothing is
random.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fitwell import initializers, random
from fitwell.errors import InvalidArgument, ShapeError, UnknownName
from tests.agreement import agree

MANY = (1000, 1000)
TALL = (4000, 250)  # fan_in 4000, fan_out 250, fan_avg 2125

# Name, arguments, expected variance of a TALL kernel, its limit (None: unbounded), kind of distribution.
SCALED: list[tuple[str, float, float | None]] = [
    ("glorot_uniform", 1 / 2125, math.sqrt(6 / 4250)),
    ("glorot_normal", 1 / 2125, 2 / math.sqrt(2125) / 0.8796256610342398),
    ("he_uniform", 2 / 4000, math.sqrt(6 / 4000)),
    ("he_normal", 2 / 4000, 2 * math.sqrt(2 / 4000) / 0.8796256610342398),
    ("lecun_uniform", 1 / 4000, math.sqrt(3 / 4000)),
    ("lecun_normal", 1 / 4000, 2 * math.sqrt(1 / 4000) / 0.8796256610342398),
]


def check_moments(name: str, values: np.ndarray, mean: float, variance: float) -> None:
    """Mean and variance within five standard errors (those of a normal distribution, the widest of ours)."""
    row, count = f"initializers/{name}", values.size
    tolerance = 5 * math.sqrt(variance / count)
    agree(values.mean(dtype=np.float64), mean, row=row, against="mean of 10⁶ draws", rtol=0, atol=tolerance)
    tolerance = 5 * math.sqrt(2 / count)
    agree(values.var(dtype=np.float64), variance, row=row, against="variance of 10⁶ draws", rtol=tolerance)


def check_limit(name: str, values: np.ndarray, limit: float) -> None:
    """All values are within the limit, and a million of them come close to it."""
    largest = np.abs(values).max()
    assert largest <= limit * (1 + 1e-6)
    agree(largest, limit, row=f"initializers/{name}", against="limit of 10⁶ draws", rtol=1e-3)


@pytest.mark.parametrize(("name", "variance", "limit"), SCALED)
def test_scaled_to_the_fans(name: str, variance: float, limit: float) -> None:
    with random.seed_scope(1):
        values = initializers.get(name)(TALL)
    assert values.dtype == np.float32
    assert values.shape == TALL
    kind = type(initializers.get(name)).__name__
    check_moments(kind, values, 0.0, variance)
    check_limit(kind, values, limit)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["truncated_normal", "untruncated_normal", "uniform", "normal"])
def test_variance_scaling(mode: str, distribution: str) -> None:
    fan = {"fan_in": 4000, "fan_out": 250, "fan_avg": 2125}[mode]
    values = initializers.VarianceScaling(3.0, mode, distribution, seed=3)(TALL)
    check_moments("VarianceScaling", values, 0.0, 3 / fan)
    standard = values.reshape(-1)[:100_000] / math.sqrt(3 / fan)
    law = {
        "untruncated_normal": stats.norm(),
        "uniform": stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)),
    }.get(distribution, stats.truncnorm(-2, 2, scale=1 / 0.8796256610342398))
    assert stats.kstest(standard, law.cdf).pvalue > 1e-3


def test_a_fan_of_one_is_not_raised() -> None:
    values = initializers.VarianceScaling(1.0, "fan_in", "untruncated_normal", seed=0)((1, 1_000_000))
    check_moments("VarianceScaling", values, 0.0, 1.0)


def test_plain_distributions() -> None:
    values = initializers.RandomNormal(0.5, 2.0, seed=0)(MANY)
    check_moments("RandomNormal", values, 0.5, 4.0)
    assert stats.kstest(values.reshape(-1)[:100_000], stats.norm(0.5, 2).cdf).pvalue > 1e-3
    values = initializers.RandomUniform(-1.0, 3.0, seed=0)(MANY)
    check_moments("RandomUniform", values, 1.0, 16 / 12)
    assert values.min() >= -1
    assert values.max() <= 3
    check_limit("RandomUniform", values - 1, 2.0)
    values = initializers.TruncatedNormal(0.5, 2.0, seed=0)(MANY)
    check_moments("TruncatedNormal", values, 0.5, (2 * 0.8796256610342398) ** 2)
    check_limit("TruncatedNormal", values - 0.5, 4.0)
    law = stats.truncnorm(-2, 2, 0.5, 2)
    assert stats.kstest(values.reshape(-1)[:100_000], law.cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", ["random_normal", "random_uniform", "truncated_normal"])
def test_defaults_are_those_of_keras(name: str) -> None:
    ours = initializers.get(name)(MANY)
    theirs = np.asarray(keras.initializers.get(name)(MANY))
    assert abs(ours.std() / theirs.std() - 1) < 5e-3
    assert abs(np.abs(ours).max() / np.abs(theirs).max() - 1) < 0.2
    assert keras.initializers.get(name).get_config() | {"seed": None} == initializers.get(name).get_config()


def test_constant_of_the_correction() -> None:
    """The constant is the standard deviation of a normal variable cut at 2, as SciPy computes it."""
    assert pytest.approx(stats.truncnorm(-2, 2).std(), rel=1e-12) == initializers.TRUNCATED_STDDEV


@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (3, 3, 4, 8), (7, 4, 8), (2, 3, 4, 5, 6)])
def test_fans_are_those_of_keras(shape: tuple[int, ...]) -> None:
    from keras.src.initializers.random_initializers import compute_fans

    assert initializers.compute_fans(shape) == compute_fans(shape)


def test_defaults() -> None:
    assert initializers.Identity().gain == 1.0
    for name in ("Constant", "Identity", "Orthogonal", "VarianceScaling", "GlorotUniform", "HeNormal"):
        ours = getattr(initializers, name)().get_config()
        assert getattr(keras.initializers, name)().get_config() in (ours, {})  # Keras forgot that of Identity
    assert initializers.FixupNormal(1).get_config() == {"branches": 1, "layers": 2, "seed": None}
    np.testing.assert_array_equal(
        initializers.FixupNormal(1, seed=3)((4, 3)), initializers.HeNormal(seed=3)((4, 3))
    )


def test_fans_of_chosen_axes() -> None:
    # One of the two alone has no effect, as in Keras.
    assert initializers.compute_fans((2, 3), input_axes=(1,)) == (2, 3)
    assert initializers.compute_fans((2, 3, 5, 7), (0, 1), (2, 3)) == (6, 35)
    values = initializers.GlorotUniform(seed=0, input_axes=(0,), output_axes=(1, 2))((100, 20, 50))
    check_moments("GlorotUniform", values, 0.0, 2 / (100 + 1000))


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("Zeros", {}, (3, 2)),
        ("Ones", {}, (3,)),
        ("Constant", {"value": 1.5}, (2, 3)),
        ("Constant", {"value": [1.0, 2.0, 3.0]}, (2, 3)),
        ("Identity", {}, (3, 3)),
        ("Identity", {"gain": 0.5}, (2, 4)),
    ],
)
def test_constants_equal_keras(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    expected = np.asarray(getattr(keras.initializers, name)(**arguments)(shape))
    actual = getattr(initializers, name)(**arguments)(shape)
    agree(actual, expected, row=f"initializers/{name}", against="Keras", rtol=0)
    assert actual.dtype == np.float32


@pytest.mark.parametrize("shape", [(6, 6), (8, 3), (3, 8), (3, 3, 2, 10), (3, 3, 2, 40)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    values = initializers.Orthogonal(2.0, seed=1)(shape, dtype="float64").reshape(-1, shape[-1])
    rows, columns = values.shape
    product = values.T @ values if rows >= columns else values @ values.T
    expected = 4 * np.eye(min(rows, columns))
    agree(product, expected, row="initializers/Orthogonal", against="WᵀW = gain² I, in float64", atol=1e-12)


def test_orthogonal_is_uniform() -> None:
    """Without the signs of R the diagonal of Q would lean to one side."""
    signs = [np.sign(initializers.Orthogonal(seed=seed)((4, 4))[0, 0]) for seed in range(400)]
    assert abs(np.mean(signs)) < 5 / math.sqrt(400)


def test_fixup_shrinks_he() -> None:
    values = initializers.FixupNormal(branches=16, layers=3, seed=0)(TALL)
    check_moments("FixupNormal", values, 0.0, 2 / 4000 * (16 ** (-1 / 4)) ** 2)


# --- seeds --------------------------------------------------------------------------------------------------

RANDOM = ["random_normal", "random_uniform", "truncated_normal", "orthogonal", *(row[0] for row in SCALED)]


@pytest.mark.parametrize("name", RANDOM)
def test_seeds(name: str) -> None:
    kind = initializers.get(name).__class__
    fixed = kind(seed=5)
    np.testing.assert_array_equal(fixed((4, 3)), fixed((4, 3)))
    np.testing.assert_array_equal(fixed((4, 3)), kind(seed=5)((4, 3)))
    assert not np.array_equal(fixed((4, 3)), kind(seed=6)((4, 3)))
    free = kind()
    assert not np.array_equal(free((4, 3)), free((4, 3)))
    with random.seed_scope(7):
        first = free((4, 3))
    with random.seed_scope(7):
        np.testing.assert_array_equal(free((4, 3)), first)
    again = [free((4, 3), rng=np.random.default_rng(2)) for _ in range(2)]
    np.testing.assert_array_equal(*again)
    # The seed of the initializer takes precedence over the generator of the caller.
    np.testing.assert_array_equal(fixed((4, 3), rng=np.random.default_rng(2)), fixed((4, 3)))


@pytest.mark.parametrize("name", RANDOM)
def test_types_round_the_same_values(name: str) -> None:
    initializer = type(initializers.get(name))(seed=1)
    double = initializer((5, 4), dtype="float64")
    assert double.dtype == np.float64
    np.testing.assert_array_equal(initializer((5, 4)), double.astype(np.float32))
    assert str(initializer((5, 4), dtype="bfloat16").dtype) == "bfloat16"


@given(st.integers(1, 60), st.integers(1, 60))
def test_glorot_limit_holds_for_every_shape(fan_in: int, fan_out: int) -> None:
    values = initializers.GlorotUniform(seed=0)((fan_in, fan_out), dtype="float64")
    assert np.abs(values).max() <= math.sqrt(6 / (fan_in + fan_out))


# --- names --------------------------------------------------------------------------------------------------

NAMES = ["zeros", "ones", "constant", "identity", "orthogonal", "variance_scaling", *RANDOM]


@pytest.mark.parametrize("name", NAMES)
def test_found_by_name_and_config(name: str) -> None:
    by_name = initializers.get(name)
    capitals = type(by_name).__name__
    assert type(initializers.get(capitals)) is type(by_name)
    assert getattr(initializers, name) is getattr(initializers, capitals) is type(by_name)
    assert hasattr(keras.initializers, capitals)
    again = initializers.deserialize(initializers.serialize(by_name))
    assert type(again) is type(by_name)
    assert again.get_config() == by_name.get_config() == by_name.clone().get_config()


def test_config_keeps_every_setting() -> None:
    made = initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=4, input_axes=[0], output_axes=[1])
    again = initializers.deserialize(initializers.serialize(made))
    np.testing.assert_array_equal(again((3, 2)), made((3, 2)))
    assert again.get_config() == made.get_config()
    assert initializers.HeNormal(seed=3).get_config() == {"seed": 3, "input_axes": None, "output_axes": None}


def test_other_identifiers() -> None:
    assert initializers.get(None) is None

    def own(shape: Any, dtype: Any = None) -> np.ndarray:
        return np.zeros(shape)

    assert initializers.get(own) is own
    assert isinstance(initializers.get(initializers.HeNormal), initializers.HeNormal)
    start = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(initializers.get(start)((2, 3)), start)
    np.testing.assert_array_equal(initializers.get(0.5)((2,)), [0.5, 0.5])


def test_words_of_errors() -> None:
    with pytest.raises(UnknownName, match="unknown initializer 'he_norml'. Did you mean 'he_normal'"):
        initializers.get("he_norml")
    with pytest.raises(InvalidArgument, match="seed must be an integer of at least 0 or None, got 1.5"):
        initializers.HeNormal(seed=1.5)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="scale must be a finite number above 0, got 0"):
        initializers.VarianceScaling(0)
    with pytest.raises(InvalidArgument, match="mode must be 'fan_in', 'fan_out' or 'fan_avg', got 'fan'"):
        initializers.VarianceScaling(mode="fan")
    with pytest.raises(InvalidArgument, match="distribution must be"):
        initializers.VarianceScaling(distribution="cauchy")
    with pytest.raises(ShapeError, match=r"Identity requires a matrix, got shape \(2, 3, 4\)"):
        initializers.Identity()((2, 3, 4))
    with pytest.raises(
        ShapeError, match=r"Orthogonal requires a weight with at least two axes, got shape \(3,\)"
    ):
        initializers.Orthogonal()((3,))
    with pytest.raises(ShapeError, match=r"a value of shape \(2,\) cannot be broadcast to shape \(2, 3\)"):
        initializers.Constant([1, 2])((2, 3))
    for branches, layers in ((4, 1), (0, 2)):
        with pytest.raises(InvalidArgument, match="(branches|layers) must be an integer of at least"):
            initializers.FixupNormal(branches, layers)
