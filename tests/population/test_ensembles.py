"""Weighted ensembles, and ensembles as one model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fitwell as fw
from fitwell.errors import InvalidArgument
from fitwell.population import Ensemble

X = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)


def build(setting: dict[str, float]) -> fw.Model:
    inputs = fw.Input((3,))
    model = fw.Model(inputs, fw.layers.Dense(2)(inputs))
    model.compile(loss="mse", optimizer="sgd")
    return model


@pytest.fixture(scope="module")
def models() -> list[fw.Model]:
    """Return models of a population, which all have the same name."""
    return [member.model for member in fw.Population(build, seeds=range(3)).members]


@pytest.mark.parametrize("weights", [None, [1.0, 1.0, 1.0], [1.0, 3.0, 0.0]])
def test_the_mean_and_the_spread_are_weighted(models: list[fw.Model], weights: list[float] | None) -> None:
    outputs = np.stack([model.predict(X, verbose=0) for model in models]).astype(np.float64)
    mean = np.average(outputs, axis=0, weights=weights)
    spread = np.sqrt(np.average((outputs - mean) ** 2, axis=0, weights=weights))
    found = Ensemble(models, weights).predict(X)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.spread, spread, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("weights", [None, [1.0, 3.0, 2.0]])
def test_one_model_computes_the_mean_and_can_be_saved(
    models: list[fw.Model], weights: list[float] | None, tmp_path: Path
) -> None:
    ensemble = Ensemble(models, weights)
    ensemble.to_model().save(tmp_path / "ensemble.keras")
    loaded = fw.models.load_model(tmp_path / "ensemble.keras")
    np.testing.assert_allclose(loaded.predict(X, verbose=0), ensemble.predict(X).mean, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("weights", [[1.0, 2.0], [1.0, -1.0, 1.0], [0.0, 0.0, 0.0], [1.0, np.nan, 1.0]])
def test_invalid_weights(models: list[fw.Model], weights: list[float]) -> None:
    with pytest.raises(InvalidArgument, match="weights must be 3 numbers >= 0 that are not all 0"):
        Ensemble(models, weights)
