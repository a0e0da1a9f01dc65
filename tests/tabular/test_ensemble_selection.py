"""Greedy selection of the members of an ensemble, and the losses that it minimizes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss

from fitwell.tabular import TabularNetwork
from fitwell.tabular.ensemble_selection import prediction_loss, row_losses, select_ensemble
from fitwell.tabular.fold_ensemble import FoldEnsemble, TableArrays


def test_losses_are_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    classes, probabilities = draw.integers(0, 3, 50), draw.dirichlet(np.ones(3), 50)
    assert prediction_loss("multiclass", classes)(probabilities) == pytest.approx(
        log_loss(classes, probabilities)
    )
    labels, positive = draw.integers(0, 2, (50, 1)).astype(np.float32), draw.random((50, 1))
    assert prediction_loss("binary", labels)(positive) == pytest.approx(
        log_loss(labels[:, 0], positive[:, 0])
    )
    y, outputs = draw.normal(size=(50, 2)), draw.normal(size=(50, 2))
    np.testing.assert_allclose(row_losses("regression", y, outputs), ((y - outputs) ** 2).mean(axis=1))


def test_the_weights_approach_the_optimum() -> None:
    """Two models with independent errors of variances 1 and 4: the best weights are 0.8 and 0.2."""
    draw = np.random.default_rng(0)
    y = draw.normal(size=(20_000, 1))
    models = [
        y + draw.normal(size=y.shape),
        y + 2 * draw.normal(size=y.shape),
        y + 50 * draw.normal(size=y.shape),
    ]
    weights = select_ensemble(models, prediction_loss("regression", y))
    assert weights.sum() == pytest.approx(1)
    assert weights[0] == pytest.approx(0.8, abs=0.04)
    assert weights[2] == 0


def test_a_mean_is_never_worse_than_the_best_model() -> None:
    draw = np.random.default_rng(1)
    y = draw.normal(size=(100, 1))
    models = [y + scale * draw.normal(size=y.shape) for scale in (0.3, 0.5, 0.9)]
    loss = prediction_loss("regression", y)
    weights = select_ensemble(models, loss)
    assert loss(np.tensordot(weights, models, 1)) <= min(map(loss, models))


@pytest.mark.filterwarnings("ignore::fitwell.errors.NonFiniteWarning")
def test_networks_that_diverge_are_left_out() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(40, 2)).astype(np.float32)
    table = TableArrays(x, x[:, :1] + x[:, 1:], [0, 1], "regression", 1)
    sound = TabularNetwork((8,), steps=60, max_epochs=30, batch_size=16)
    wild = TabularNetwork((8,), steps=60, max_epochs=30, batch_size=16, learning_rate=1e30, weight_decay=0.0)
    ensemble = FoldEnsemble((wild, sound), n_folds=2).fit(table)
    assert ensemble.member_weights.tolist() == [0.0, 0.0, 0.5, 0.5]
    assert np.isfinite(ensemble.out_of_fold).all()
    assert np.isfinite(ensemble.predict(x)).all()
    assert np.mean((ensemble.out_of_fold - table.y) ** 2) < np.var(table.y)
