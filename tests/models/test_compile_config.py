"""Losses and metrics of several outputs."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import fitwell
from fitwell import layers, losses, regularizers
from fitwell.errors import InvalidArgument

# Small cases on purpose: a learning rate of 0, constant weights or targets.
pytestmark = pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning")

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)


def test_one_metric_object_for_several_outputs_keeps_their_sums_apart() -> None:
    inputs = fitwell.Input((3,))
    model = fitwell.Model(inputs, [layers.Dense(1, name="near")(inputs), layers.Dense(1, name="far")(inputs)])
    metric = fitwell.metrics.MeanAbsoluteError(name="mae")
    model.compile(loss="mse", metrics=[metric], weighted_metrics=[metric])
    targets = [np.zeros((20, 1), np.float32), np.full((20, 1), 100, np.float32)]
    weights = np.linspace(0, 1, 20)
    logs = model.evaluate(X, targets, sample_weight=weights, verbose=0, return_dict=True)
    for name, target, output in zip(("near", "far"), targets, model.predict(X), strict=True):
        errors = np.abs(target - output)[:, 0]
        np.testing.assert_allclose(logs[f"{name}_mae"], errors.mean(), rtol=1e-5)
        np.testing.assert_allclose(
            logs[f"{name}_weighted_mae"], np.average(errors, weights=weights), rtol=1e-5
        )


class Pinball(losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return pinball(y_true, y_pred)


def pinball(y_true: Any, y_pred: Any) -> Any:
    above = y_true - y_pred
    return jnp.mean(
        jnp.maximum(jnp.array([0.1, 0.5, 0.9]) * above, (jnp.array([0.1, 0.5, 0.9]) - 1) * above), axis=-1
    )


@pytest.mark.parametrize("loss", [pinball, Pinball()])
def test_a_loss_of_ones_own_compares_targets_and_outputs_of_other_shapes(loss: Any) -> None:
    """Three quantiles of one number: only the loss knows that these fit."""
    model = fitwell.Sequential([fitwell.Input((3,)), layers.Dense(3)])
    model.compile(loss=loss, optimizer="sgd")
    target = X[:, :1]
    above, share = target - model.predict(X), np.array([0.1, 0.5, 0.9])
    expected = np.maximum(share * above, (share - 1) * above).mean()
    assert model.evaluate(X, target, verbose=0) == pytest.approx(expected, rel=1e-5)
    assert model.fit(X, target, epochs=1, verbose=0).history["loss"][0] > 0


class MeanActivity(regularizers.Regularizer):
    def __call__(self, w: Any) -> Any:
        return jnp.sum(jnp.square(jnp.mean(w, axis=0) - 3))


class MeanOfBatch(losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return jnp.full(y_pred.shape[0], jnp.mean(jnp.square(y_true - y_pred)))


@pytest.mark.parametrize("penalty", [MeanActivity(), regularizers.OrthogonalRegularizer(1.0)])
def test_an_activity_penalty_that_mixes_rows_sees_no_padding(penalty: Any) -> None:
    model = fitwell.Sequential([layers.Dense(2, input_shape=(3,), activity_regularizer=penalty)])
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.0), metrics=["mse"])
    logs = model.fit(X, np.zeros((20, 2)), batch_size=16, shuffle=False, verbose=0).history
    outputs = model.predict(X)
    # The penalty of a batch is divided by its rows, and the loss of an epoch weighs batches by theirs.
    expected = float(penalty(outputs[:16]) + penalty(outputs[16:])) / 20
    np.testing.assert_allclose(logs["loss"][0] - logs["mse"][0], expected, rtol=1e-4)


def test_a_loss_of_the_user_as_a_metric_sees_no_padding() -> None:
    model = fitwell.Sequential([layers.Dense(1, input_shape=(3,), kernel_initializer="zeros")])
    model.compile(loss="mse", optimizer="sgd", metrics=[MeanOfBatch()])
    y = np.arange(20.0).reshape(20, 1)
    np.testing.assert_allclose(model.evaluate(X, y, batch_size=16, verbose=0)[1], np.mean(y**2), rtol=1e-6)


def test_a_metric_that_gives_an_array_is_refused_unless_it_holds_one_number() -> None:
    def build(units: int) -> Any:
        model = fitwell.Sequential(
            [layers.Dense(units, "sigmoid", kernel_initializer="zeros", input_shape=(3,))]
        )
        model.compile(loss="mse", metrics=[fitwell.metrics.F1Score(threshold=0.4)])
        return model

    ones = (np.arange(20) < 5).astype(np.float32)
    assert build(1).evaluate(X, ones, verbose=0)[1] == pytest.approx(2 * 5 / (2 * 5 + 15))
    with pytest.raises(
        InvalidArgument, match=r"'f1_score' returns an array of shape \(2,\).*average='macro'"
    ):
        build(2).evaluate(X, np.stack([ones, 1 - ones], axis=1), verbose=0)
