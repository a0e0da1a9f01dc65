"""Deliberate differences from Keras: both columns of the second table of docs/exactness.md hold.

If the Keras side of a test fails, the note in our docstring is out of date.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import fitwell

DRAW = np.random.default_rng(0)
ROWS = DRAW.normal(0, 3, (7, 6)).astype(np.float32)


def both(compute: Callable[[Any], Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return what `compute` gives for fitwell and for Keras."""
    return np.asarray(compute(fitwell), np.float64), np.asarray(compute(keras), np.float64)


# --- activations, regularizers ------------------------------------------------------------------------------


def test_sparsemax_sums_to_one() -> None:
    ours, theirs = both(lambda lib: lib.activations.sparsemax(ROWS))
    np.testing.assert_allclose(ours.sum(-1), 1, rtol=1e-5)
    assert np.abs(theirs.sum(-1) - 1).max() > 0.5


def test_l1_l2_by_name_is_a_penalty() -> None:
    ours, theirs = both(lambda lib: lib.regularizers.get("l1l2")(jnp.ones(3)))
    assert ours == pytest.approx(0.06)
    assert theirs == 0


# --- losses -------------------------------------------------------------------------------------------------


def test_hinge_reads_labels_one_by_one() -> None:
    ours, theirs = both(lambda lib: lib.losses.hinge(np.array([[0.0], [-1.0]]), np.array([[2.0], [2.0]])))
    np.testing.assert_array_equal(ours, [3, 3])
    np.testing.assert_array_equal(theirs, [1, 3])


def test_a_class_that_does_not_exist_is_seen() -> None:
    shares = np.full((1, 3), 1 / 3, np.float32)
    ours, theirs = both(lambda lib: lib.losses.sparse_categorical_crossentropy(np.array([5]), shares))
    assert np.isnan(ours).all()
    assert theirs == 0


def test_log_cosh_keeps_its_digits() -> None:
    error = np.float32(1e-3)
    ours, theirs = both(lambda lib: lib.losses.log_cosh(np.zeros((1, 1), "f"), np.full((1, 1), error)))
    exact = np.log(np.cosh(np.float64(error)))
    assert abs(ours / exact - 1) < 1e-5
    assert abs(theirs / exact - 1) > 1e-2


def test_mean_with_sample_weight_divides_by_the_weights_of_all_values() -> None:
    errors, weights = np.ones((2, 3, 1), np.float32), np.array([1.0, 3.0], np.float32)
    ours, theirs = both(
        lambda lib: lib.losses.MeanSquaredError(reduction="mean_with_sample_weight")(
            errors, 0 * errors, weights[:, None]
        )
    )
    assert ours == 1
    assert theirs == 3


# --- metrics ------------------------------------------------------------------------------------------------


def test_rows_of_an_ignored_class_do_not_count() -> None:
    shares = np.full((2, 2), 0.5, np.float32)
    ours, theirs = both(
        lambda lib: lib.metrics.SparseCategoricalCrossentropy(ignore_class=1)(np.array([0, 1]), shares)
    )
    assert ours == pytest.approx(np.log(2))
    assert theirs == pytest.approx(np.log(2) / 2)


def test_f_scores_have_no_epsilon_and_ties_have_one_winner() -> None:
    right, sure = np.eye(2, dtype=np.float32)[[0, 1]], np.eye(2, dtype=np.float32)[[0, 1]]
    ours, theirs = both(lambda lib: lib.metrics.F1Score()(right, sure))
    np.testing.assert_array_equal(ours, 1)
    assert (theirs < 1).all()
    ours, theirs = both(lambda lib: lib.metrics.F1Score()(right, np.full((2, 2), 0.5, np.float32)))
    np.testing.assert_allclose(ours, [2 / 3, 0], rtol=1e-6)
    np.testing.assert_allclose(theirs, [2 / 3, 2 / 3], rtol=1e-5)


def test_r2_of_a_large_mean() -> None:
    spread = DRAW.normal(size=(200, 1))
    y, p = ((1e5 + spread + noise).astype(np.float32) for noise in (0, DRAW.normal(0, 0.5, (200, 1))))
    exact = 1 - ((y.astype(np.float64) - p) ** 2).sum() / ((y - y.mean(dtype=np.float64)) ** 2).sum()
    ours, theirs = both(lambda lib: lib.metrics.R2Score()(y, p))
    assert abs(ours - exact) < 2e-3
    assert abs(theirs - exact) > 0.1


def test_counts_go_on_after_16_million() -> None:
    def total(lib: Any) -> Any:
        metric = lib.metrics.Sum()
        for value in (2.0**24, 1.0, 1.0, 1.0, 1.0):
            metric.update_state(value)
        return metric.result()

    assert both(total) == (2**24 + 4, 2**24)


def test_the_accuracy_of_a_logit_is_split_at_zero() -> None:
    def accuracy(lib: Any) -> Any:
        model = lib.Sequential([lib.layers.Input((1,)), lib.layers.Dense(1, kernel_initializer="ones")])
        model.compile("sgd", lib.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
        return model.evaluate(np.array([[0.2], [-1.0]]), np.array([1.0, 0.0]), verbose=0)[1]

    ours, theirs = both(accuracy)
    assert ours == 1
    assert theirs == 0.5


# --- optimizers, schedules ----------------------------------------------------------------------------------


def test_options_of_optimizers_are_keywords() -> None:
    assert keras.optimizers.SGD(0.1, 0.0, False, 0.01).weight_decay == 0.01
    with pytest.raises(TypeError):
        fitwell.optimizers.SGD(0.1, 0.0, False, 0.01)


def test_an_average_moves_only_with_an_update() -> None:
    def average(lib: Any) -> Any:
        optimizer = lib.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5, gradient_accumulation_steps=2)
        variable = getattr(lib, "variables", lib).Variable(np.zeros(1, np.float32))
        for _ in range(6):
            optimizer.apply([jnp.ones(1)], [variable])
        optimizer.finalize_variable_values([variable])
        return variable.numpy()

    ours, theirs = both(average)
    # After the updates to -1, -2, -3: the average begins at -1.
    np.testing.assert_allclose(ours, [-2.25])
    assert abs(theirs - ours) > 0.1


def test_an_optimizer_goes_on_when_a_layer_is_unfrozen() -> None:
    def train(lib: Any) -> None:
        first = lib.layers.Dense(2)
        model = lib.Sequential([lib.layers.Input((1,)), first, lib.layers.Dense(1)])
        optimizer = lib.optimizers.SGD(0.01, momentum=0.9)
        for first.trainable in (False, True):
            model.compile(optimizer, "mse")
            model.fit(np.ones((2, 1)), np.ones((2, 1)), verbose=0)

    train(fitwell)
    with pytest.raises(ValueError, match="list of tensors corresponding 1:1 to the trainable variables"):
        train(keras)


def test_exponential_decay_falls_tenfold_by_default() -> None:
    assert float(fitwell.optimizers.schedules.ExponentialDecay(1.0, 10)(10)) == pytest.approx(0.1)
    with pytest.raises(TypeError):
        keras.optimizers.schedules.ExponentialDecay(1.0, 10)


# --- layers -------------------------------------------------------------------------------------------------

SEQUENCE = np.ones((2, 9, 4), np.float32)
IMAGES = DRAW.uniform(size=(400, 3, 4, 1)).astype(np.float32)


@pytest.mark.parametrize(
    "compute",
    [
        lambda lib: lib.layers.BatchNormalization(axis=[1, 2])(SEQUENCE),
        lambda lib: lib.layers.RMSNormalization(axis=1)(SEQUENCE),
        lambda lib: lib.layers.SeparableConv1D(3, 2, padding="causal")(SEQUENCE),
        lambda lib: lib.layers.Conv1DTranspose(3, 2, strides=2, dilation_rate=2)(SEQUENCE),
        lambda lib: lib.layers.Conv2DTranspose(3, 2, strides=2, dilation_rate=2)(IMAGES),
        lambda lib: lib.layers.GaussianNoise(2.0)(SEQUENCE),
        lambda lib: lib.layers.AveragePooling1D()(SEQUENCE),
        lambda lib: lib.layers.AveragePooling2D()(IMAGES),
    ],
)
def test_what_keras_refuses(compute: Callable[[Any], Any]) -> None:
    assert np.isfinite(compute(fitwell)).all()
    with pytest.raises((TypeError, ValueError)):
        compute(keras)


@pytest.mark.parametrize("name", ["GaussianDropout", "AlphaDropout"])
def test_a_rate_of_one_divides_by_zero_and_is_refused(name: str) -> None:
    with pytest.raises(ZeroDivisionError):
        getattr(keras.layers, name)(1.0)(SEQUENCE, training=True)
    with pytest.raises(fitwell.errors.InvalidArgument, match="rate"):
        getattr(fitwell.layers, name)(1.0)


def test_a_negative_id_is_not_another_id() -> None:
    ours, theirs = fitwell.layers.Embedding(3, 2), keras.layers.Embedding(3, 2)
    ids = np.array([[-1]])
    assert np.isnan(np.asarray(ours(ids))).all()
    np.testing.assert_array_equal(np.asarray(theirs(ids))[0, 0], np.asarray(theirs.weights[0])[-1])


def test_recurrent_layers_have_no_state_between_batches() -> None:
    keras.layers.LSTM(3, stateful=True)
    with pytest.raises(fitwell.errors.InvalidArgument, match="stateful=True is not supported"):
        fitwell.layers.LSTM(3, stateful=True)


def test_a_vector_is_one_number_a_row() -> None:
    numbers = np.array([0, 2])
    ours, theirs = both(lambda lib: lib.layers.CategoryEncoding(3)(numbers))
    np.testing.assert_array_equal(ours, [[1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(theirs, [1, 0, 1])


def test_flips_are_drawn_one_by_one() -> None:
    def kinds(lib: Any) -> int:
        same = np.repeat(IMAGES[:1], 400, axis=0)
        return len(np.unique(np.asarray(lib.layers.RandomFlip()(same, training=True)), axis=0))

    assert (kinds(fitwell), kinds(keras)) == (4, 2)


def test_every_image_has_a_blur_of_its_own() -> None:
    def kinds(lib: Any) -> int:
        layer = lib.layers.RandomGaussianBlur(factor=(1.0, 1.0), value_range=(-9, 9))
        same = np.repeat(IMAGES[:1], 50, axis=0)
        return len(np.unique(np.asarray(layer(same, training=True)).round(5), axis=0))

    assert kinds(fitwell) > 25
    assert kinds(keras) == 1


def test_three_axes_are_images_without_channels() -> None:
    """Keras turns all rows by one angle, as if they were one image."""
    same = np.repeat(DRAW.uniform(size=(1, 6, 5)).astype(np.float32), 8, axis=0)
    out = np.asarray(fitwell.layers.RandomRotation(0.3)(same, training=True))
    assert out.shape == same.shape
    assert len(np.unique(out, axis=0)) == 8


def test_jax_is_the_backend_compared_with() -> None:
    assert keras.backend.backend() == "jax"
    assert jax.default_backend() == "cpu"
