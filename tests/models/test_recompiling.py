"""Changes after `compile` raise an error, or wait for the next `compile` with a warning."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import fitwell
from fitwell import layers, optimizers
from fitwell.errors import InvalidArgument, StateError

# Small cases on purpose: a learning rate of 0, constant weights or targets.
pytestmark = pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning")

X = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
Y = X[:, :1]


def build(optimizer: Any = "sgd", activation: Any = None) -> Any:
    model = fitwell.Sequential([fitwell.Input((3,)), layers.Dense(2, activation), layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model


def test_layers_exchanged_after_compile() -> None:
    model = build()
    model.fit(X, Y, verbose=0)
    model.pop()
    model.add(
        layers.Dense(1)
    )  # of the same shape: the program for the old one would run, and not train this one
    for call in (model.fit, model.evaluate):
        with pytest.raises(StateError, match="changed after it was compiled"):
            call(X, Y, verbose=0)
    assert model.predict(X).shape == (16, 1)


@pytest.mark.parametrize("activation", ["tanh", lambda z: jnp.tanh(z)])
def test_a_number_that_became_none_after_compile(activation: Any) -> None:
    model = build(optimizers.SGD(0.1, clipnorm=1.0), activation)
    model.fit(X, Y, verbose=0)
    model.optimizer.clipnorm = None
    with pytest.raises(InvalidArgument, match="clipnorm was a number .* compile the model again"):
        model.fit(X, Y, verbose=0)


def test_an_optimizer_that_comes_back_from_another_model_does_not_bring_its_slots() -> None:
    first, second = build(), build()
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    first.compile(optimizer, "mse")
    second.compile(optimizer, "mse")
    first.fit(X, Y, verbose=0)
    with pytest.warns(UserWarning, match="a different model"):
        second.fit(X, 100 * Y, verbose=0)
    fresh = fitwell.models.clone_model(first)
    fresh.compile(optimizers.SGD(0.1, momentum=0.9), "mse")
    fresh.set_weights(first.get_weights())
    with pytest.warns(UserWarning, match="a different model"):
        first.fit(X, Y, verbose=0)
    fresh.fit(X, Y, verbose=0)
    for weight, wanted in zip(first.get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_allclose(weight, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("activation", ["tanh", lambda z: jnp.tanh(z)])
def test_batch_norm_that_is_frozen_after_compile_goes_on_until_the_next(activation: Any) -> None:
    norm = layers.BatchNormalization(momentum=0.5, input_shape=(3,))
    model = fitwell.Sequential([norm, layers.Dense(1, activation)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    norm.trainable = False
    with pytest.warns(UserWarning, match="trainable was changed after compile"):
        model.fit(X, Y, verbose=0)
    np.testing.assert_allclose(norm.moving_mean, 0.75 * X.mean(axis=0), rtol=1e-5)
    assert not norm.trainable


@pytest.mark.parametrize("known", [True, False])
def test_freezing_after_compile_waits_for_the_next_also_before_the_first_fit(known: bool) -> None:
    hidden = layers.Dense(2, input_shape=(3,)) if known else layers.Dense(2)
    model = fitwell.Sequential([hidden, layers.Dense(1)])
    model.compile("sgd", "mse")
    hidden.trainable = False
    model.predict(X)
    before = hidden.get_weights()[0]
    with pytest.warns(UserWarning, match="has no effect until the model is compiled again") as seen:
        model.fit(X, Y, verbose=0)
    assert [w.filename for w in seen] == [__file__]
    assert not np.array_equal(before, hidden.get_weights()[0])
    model.compile("sgd", "mse")
    before = hidden.get_weights()[0]
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(before, hidden.get_weights()[0])


def test_a_part_compiled_before_it_was_frozen_in_another_model_learns_as_it_was_compiled() -> None:
    """The older listings of adversarial networks rest on it: the critic learns alone, and not within the whole."""
    critic = fitwell.Sequential([layers.Dense(1, input_shape=(3,))])
    critic.compile("sgd", "mse")
    critic.trainable = False
    whole = fitwell.Sequential([layers.Dense(3, input_shape=(3,)), critic])
    whole.compile("sgd", "mse")
    before = critic.get_weights()[0]
    whole.train_on_batch(X, Y)
    np.testing.assert_array_equal(before, critic.get_weights()[0])
    with pytest.warns(UserWarning, match="trainable was changed after compile"):
        critic.train_on_batch(X, Y)
    assert not np.array_equal(before, critic.get_weights()[0])


def test_values_of_single_batches_are_their_own_as_in_keras() -> None:
    """With `reset_metrics` between them, as loops of earlier years have it, or without."""
    found = {}
    for lib in (fitwell, keras):
        model = lib.Sequential([lib.layers.Input((3,)), lib.layers.Dense(1)])
        model.compile(lib.optimizers.SGD(0.1), "mse", metrics=["mae"])
        model.set_weights([np.ones((3, 1), np.float32), np.zeros(1, np.float32)])
        rows = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
        found[lib] = []
        for number, x in enumerate(rows):
            found[lib].append([float(value) for value in model.train_on_batch(x, x[:, :1])])
            if number % 2:
                model.reset_metrics()
            found[lib].append([float(value) for value in model.test_on_batch(x, x[:, :1])])
    np.testing.assert_allclose(found[fitwell], found[keras], rtol=1e-5)
