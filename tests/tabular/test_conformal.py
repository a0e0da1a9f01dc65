"""Prediction intervals, against the definition and on new rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from fitwell.errors import InvalidArgument, StateError
from fitwell.tabular import TabularNetwork, TabularRegressor
from fitwell.tabular.conformal import cv_plus_interval

SMALL = TabularNetwork((16,), steps=200, max_epochs=60, batch_size=32)


def test_the_limits_are_those_of_the_definition() -> None:
    draw = np.random.default_rng(0)
    predictions, residuals = draw.normal(size=(3, 7)), draw.random(29)
    folds = draw.integers(0, 3, 29)
    low, high = cv_plus_interval(predictions, residuals, folds, 0.8)
    for row in range(7):
        below = sorted(predictions[folds[i], row] - residuals[i] for i in range(29))
        above = sorted(predictions[folds[i], row] + residuals[i] for i in range(29))
        assert low[row] == below[6 - 1]  # floor(0.2 * 30)
        assert high[row] == above[24 - 1]  # ceil(0.8 * 30)


def test_equal_models_give_the_quantile_of_the_residuals() -> None:
    residuals = np.arange(1.0, 20.0)
    low, high = cv_plus_interval(np.zeros((1, 2)), residuals, np.zeros(19, np.int64), 0.9)
    assert high.tolist() == [18.0, 18.0] and low.tolist() == [-18.0, -18.0]
    low, high = cv_plus_interval(np.zeros((1, 1)), residuals, np.zeros(19, np.int64), 0.96)
    assert high.tolist() == [np.inf] and low.tolist() == [-np.inf], "19 rows are too few"


def test_the_coverage_of_a_known_model_is_exact() -> None:
    """With a fixed model, the coverage is that of split conformal prediction: coverage + at most 1/(n + 1)."""
    draw = np.random.default_rng(0)
    inside = []
    for _ in range(400):
        noise = draw.standard_cauchy(100)
        low, high = cv_plus_interval(np.zeros((1, 50)), np.abs(noise[:50]), np.zeros(50, np.int64), 0.8)
        inside.append(np.mean((noise[50:] >= low) & (noise[50:] <= high)))
    assert 0.79 < np.mean(inside) < 0.83


@pytest.fixture(scope="module")
def fitted() -> tuple[TabularRegressor, np.ndarray, np.ndarray]:
    x, y = load_diabetes(return_X_y=True)
    regressor = TabularRegressor(network=SMALL, n_folds=3, random_state=0).fit(x[:250], y[:250])
    return regressor, x[250:], y[250:]


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_intervals_contain_new_targets_as_often_as_requested(fitted: object, coverage: float) -> None:
    regressor, x, y = fitted  # type: ignore[misc]
    limits = regressor.predict_interval(x, coverage)
    share = np.mean((y >= limits[:, 0]) & (y <= limits[:, 1]))
    # Four standard errors of a share of 192 rows.
    assert abs(share - coverage) < 4 * np.sqrt(coverage * (1 - coverage) / len(y))
    predictions = regressor.predict(x)
    assert ((limits[:, 0] <= predictions) & (predictions <= limits[:, 1])).all()


def test_standard_deviations_are_as_large_as_the_errors(fitted: object) -> None:
    regressor, x, y = fitted  # type: ignore[misc]
    mean, std = regressor.predict(x, return_std=True)
    np.testing.assert_array_equal(mean, regressor.predict(x))
    assert np.sqrt(np.mean(((y - mean) / std) ** 2)) == pytest.approx(1, abs=0.15)


def test_several_outputs() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(60, 2))
    y = np.stack([x[:, 0], 100 * x[:, 1]], axis=1)
    regressor = TabularRegressor(network=SMALL, n_folds=2, random_state=0).fit(x, y)
    limits = regressor.predict_interval(x[:5])
    assert limits.shape == (5, 2, 2) and (limits[..., 0] < limits[..., 1]).all()
    mean, std = regressor.predict(x[:5], return_std=True)
    assert mean.shape == std.shape == (5, 2) and (std[:, 1] > std[:, 0]).all()


def test_folds_are_needed() -> None:
    x = np.random.default_rng(0).normal(size=(30, 1))
    regressor = TabularRegressor("fast", network=SMALL, random_state=0).fit(x, x[:, 0])
    with pytest.raises(StateError, match="quality='good'"):
        regressor.predict_interval(x)
    with pytest.raises(StateError, match="return_std=True requires out-of-fold"):
        regressor.predict(x, return_std=True)
    with pytest.raises(InvalidArgument, match="coverage"):
        regressor.predict_interval(x, 90)
