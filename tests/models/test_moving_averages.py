"""Optimizers that keep moving averages of the weights, in `fit`: what a run leaves behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import callbacks, layers, optimizers

# Small cases on purpose: a learning rate of 0, constant weights or targets.
pytestmark = pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning")

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(12, 1)
Y = 2 * X


def averaged(rate: float = 0.1, **options: Any) -> Any:
    model = fitwell.Sequential([fitwell.Input((1,)), layers.Dense(3), layers.Dense(1)])
    model.compile(optimizers.SGD(rate, use_ema=True, **options), "mse")
    return model


def test_a_run_without_an_update_leaves_the_weights() -> None:
    """Four batches, of eight whose gradients make one update."""
    model = averaged(gradient_accumulation_steps=8)
    before = model.get_weights()
    model.fit(X, Y, batch_size=3, verbose=0)
    for weight, kept in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, kept)


def test_a_layer_unfrozen_later_has_an_average_of_its_own_weights() -> None:
    """At a rate of 0 nothing moves, so neither do averages, whenever they begin."""
    model = averaged(rate=0.0)
    before = model.layers[0].get_weights()[0]
    for trainable in (False, True):
        model.layers[0].trainable = trainable
        model.compile(model.optimizer, "mse")
        model.fit(X, Y, verbose=0)
    np.testing.assert_allclose(model.layers[0].get_weights()[0], before, rtol=1e-6)


def test_the_best_weights_are_those_of_their_epoch() -> None:
    """Early stopping puts weights back after the averages were, as in Keras."""
    model, kept = averaged(), []
    keeping = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()))
    worst = callbacks.EarlyStopping("loss", mode="max", patience=2, restore_best_weights=True)
    model.fit(X, Y, epochs=4, callbacks=[worst, keeping], verbose=0)
    for weight, best in zip(model.get_weights(), kept[worst.best_epoch], strict=True):
        np.testing.assert_array_equal(weight, best)


def test_train_on_batch_goes_on_with_the_weights_and_not_with_their_average() -> None:
    model = averaged(ema_momentum=0.9)
    plain = fitwell.models.clone_model(model)
    plain.compile(optimizers.SGD(0.1), "mse")
    plain.set_weights(model.get_weights())
    for _ in range(3):
        one, other = (each.train_on_batch(X.tolist(), Y.tolist()) for each in (model, plain))
        np.testing.assert_allclose(one, other, rtol=1e-6)
    for weight, wanted in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(weight, wanted, rtol=1e-6)
