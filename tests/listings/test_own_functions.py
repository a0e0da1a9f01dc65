"""Losses, metrics, activations, initializers, penalties and constraints that readers write themselves."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import f1_score, r2_score

import fitwell as keras
from fitwell.errors import InvalidArgument

K = keras.backend


def net(**arguments: Any) -> Any:
    """A model of ten features with a hidden layer."""
    hidden = keras.layers.Dense(8, "relu", input_shape=[10], **arguments)
    return keras.models.Sequential([hidden, keras.layers.Dense(1)])


def test_a_loss_as_a_function_of_the_backend(older: Any, diabetes: Any) -> None:
    """Old: Huber's loss in the words of `keras.backend`."""

    def huber_fn(y_true: Any, y_pred: Any) -> Any:
        error = y_true - y_pred
        is_small_error = K.abs(error) < 1
        return K.switch(is_small_error, K.square(error) / 2, K.abs(error) - 0.5)

    X, y = diabetes
    model = net()
    model.compile(loss=huber_fn, optimizer="nadam", metrics=["mae"])
    with older(*(f"keras.backend.{name}" for name in ("abs", "switch", "square"))):
        loss, mae = model.evaluate(X, 2 * y, verbose=0)
    error = np.abs(model.predict(X)[:, 0] - 2 * y)
    assert loss == pytest.approx(np.where(error < 1, error**2 / 2, error - 0.5).mean(), rel=1e-5)
    assert mae == pytest.approx(error.mean(), rel=1e-5)


def test_a_loss_with_a_threshold(diabetes: Any) -> None:
    """Old: a function that makes the loss, and a subclass of `Loss` with a configuration."""

    def create_huber(threshold: float = 1.0) -> Any:
        def huber_fn(y_true: Any, y_pred: Any) -> Any:
            error = jnp.abs(y_true - y_pred)
            return jnp.where(error < threshold, error**2 / 2, threshold * error - threshold**2 / 2)

        return huber_fn

    class HuberLoss(keras.losses.Loss):
        def __init__(self, threshold: float = 1.0, **kwargs: Any) -> None:
            self.threshold = threshold
            super().__init__(**kwargs)

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return create_huber(self.threshold)(y_true, y_pred)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "threshold": self.threshold}

    X, y = diabetes
    model = net()
    values = []
    for loss in (create_huber(2.0), HuberLoss(2.0), keras.losses.Huber(delta=2.0)):
        model.compile(loss=loss, optimizer="sgd")
        values.append(model.evaluate(X, 4 * y, verbose=0))
    assert values == pytest.approx([values[2]] * 3, rel=1e-6)
    assert HuberLoss.from_config(HuberLoss(3.0).get_config()).threshold == 3.0


def test_small_functions_for_a_layer(diabetes: Any) -> None:
    """Old: nothing but `tf.`: an activation, an initializer, a penalty and a constraint, each a function."""

    def my_softplus(z: Any) -> Any:
        return jnp.log(jnp.exp(z) + 1.0)

    def my_glorot_initializer(shape: Any, dtype: Any = None) -> Any:
        stddev = np.sqrt(2.0 / (shape[0] + shape[1]))
        return np.random.default_rng(0).normal(0, stddev, shape).astype(dtype)

    def my_l1_regularizer(weights: Any) -> Any:
        return jnp.sum(jnp.abs(0.01 * weights))

    def my_positive_weights(weights: Any) -> Any:
        return jnp.where(weights < 0.0, jnp.zeros_like(weights), weights)

    X, y = diabetes
    layer = keras.layers.Dense(
        1,
        activation=my_softplus,
        kernel_initializer=my_glorot_initializer,
        kernel_regularizer=my_l1_regularizer,
        kernel_constraint=my_positive_weights,
        input_shape=[10],
    )
    model = keras.models.Sequential([layer])
    kernel = my_glorot_initializer((10, 1), "float32")
    np.testing.assert_array_equal(model.get_weights()[0], kernel)
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.01))
    out = np.log1p(np.exp(X @ kernel))[:, 0]
    expected = np.mean((out - y) ** 2) + 0.01 * np.abs(kernel).sum()
    assert model.evaluate(X, y, verbose=0) == pytest.approx(expected, rel=1e-5)
    model.fit(X, y, epochs=1, verbose=0)
    assert model.get_weights()[0].min() == 0


def test_a_penalty_as_a_class(diabetes: Any) -> None:
    """Old: a subclass of `Regularizer` with a factor, which a configuration brings back."""

    class MyL1Regularizer(keras.regularizers.Regularizer):
        def __init__(self, factor: float) -> None:
            self.factor = factor

        def __call__(self, weights: Any) -> Any:
            return jnp.sum(jnp.abs(self.factor * weights))

        def get_config(self) -> dict[str, float]:
            return {"factor": self.factor}

    X, y = diabetes
    losses = []
    for penalty in (MyL1Regularizer(0.01), keras.regularizers.l1(0.01)):
        model = net(kernel_regularizer=penalty, kernel_initializer="ones")
        model.layers[1].set_weights([np.full((8, 1), 0.1), np.zeros(1)])
        model.compile(loss="mse", optimizer="sgd")
        losses.append(model.evaluate(X, y, verbose=0))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert MyL1Regularizer.from_config({"factor": 0.3}).factor == 0.3


def test_a_metric_that_streams(older: Any, diabetes: Any) -> None:
    """Old: a subclass of `Metric` with `add_weight(name, ...)`; exact over an epoch of unequal batches."""

    class HuberMetric(keras.metrics.Metric):
        def __init__(self, threshold: float = 1.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.threshold = threshold
            self.total = self.add_weight("total", initializer="zeros")
            self.count = self.add_weight("count", initializer="zeros")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            error = jnp.abs(y_true - y_pred)
            values = jnp.where(
                error < self.threshold, error**2 / 2, self.threshold * (error - self.threshold / 2)
            )[:, 0]
            if sample_weight is None:
                sample_weight = jnp.ones_like(values)
            self.total.assign_add(jnp.sum(values * sample_weight))
            self.count.assign_add(jnp.sum(sample_weight))

        def result(self) -> Any:
            return self.total / self.count

    X, y = diabetes
    model = net()
    model.compile(loss=keras.losses.Huber(2.0), optimizer="sgd", weighted_metrics=[HuberMetric(2.0)])
    weights = np.random.default_rng(0).random(len(X)).astype(np.float32)
    metric = model.evaluate(X, 4 * y, sample_weight=weights, batch_size=100, verbose=0)[1]
    error = np.abs(model.predict(X)[:, 0] - 4 * y)
    values = np.where(error < 2, error**2 / 2, 2 * (error - 1))
    assert metric == pytest.approx(np.average(values, weights=weights), rel=1e-5)


def test_the_backends_coefficient_of_determination(older: Any, diabetes: Any) -> None:
    """Old: R² of a batch in `keras.backend`; over a single batch it is scikit-learn's."""

    def coeff_determination(y_true: Any, y_pred: Any) -> Any:
        SS_res = K.sum(K.square(y_true - y_pred))
        SS_tot = K.sum(K.square(y_true - K.mean(y_true)))
        return 1 - SS_res / (SS_tot + K.epsilon())

    X, y = diabetes
    model = net()
    model.compile(loss="mse", optimizer="sgd", metrics=[coeff_determination])
    with older(*(f"keras.backend.{name}" for name in ("sum", "square", "mean"))):
        _, found = model.evaluate(X, y[:, None], batch_size=len(X), verbose=0)
    assert found == pytest.approx(r2_score(y, model.predict(X)[:, 0]), rel=1e-4)


def test_the_backends_f1(older: Any) -> None:
    """Old: precision, recall and F1 out of `round`, `clip` and `sum`, before they were metrics."""

    def f1(y_true: Any, y_pred: Any) -> Any:
        true_positives = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
        precision = true_positives / (K.sum(K.round(K.clip(y_pred, 0, 1))) + K.epsilon())
        recall = true_positives / (K.sum(K.round(K.clip(y_true, 0, 1))) + K.epsilon())
        return 2 * precision * recall / (precision + recall + K.epsilon())

    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 2, 200), rng.random(200)
    with older(*(f"keras.backend.{name}" for name in ("sum", "round", "clip"))):
        assert float(f1(y_true, y_pred)) == pytest.approx(f1_score(y_true, y_pred > 0.5), rel=1e-4)


def test_defaults_of_the_backend_that_are_others_in_jax(older: Any) -> None:
    """Old: axes from the end, Keras 2's hard sigmoid, crossentropies with the targets first."""
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    p = 1 / (1 + np.exp(-x))
    names = (
        "argmax concatenate expand_dims hard_sigmoid binary_crossentropy l2_normalize cast permute_dimensions"
    )
    with older(*(f"keras.backend.{name}" for name in names.split())):
        np.testing.assert_array_equal(K.argmax(x), x.argmax(axis=-1))
        assert K.concatenate([x, x]).shape == (3, 8)
        assert K.expand_dims(x).shape == (3, 4, 1)
        np.testing.assert_allclose(K.hard_sigmoid(x), np.clip(0.2 * x + 0.5, 0, 1), rtol=1e-6)
        expected = -np.log(np.where(x > 0, p, 1 - p))
        np.testing.assert_allclose(K.binary_crossentropy(K.cast(x > 0, "float32"), p), expected, rtol=1e-4)
        unit = K.l2_normalize(x, axis=1)
        np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-5)
        np.testing.assert_array_equal(K.permute_dimensions(x, (1, 0)), x.T)


def test_values_of_variables(older: Any) -> None:
    """Old: `K.get_value` and `K.set_value` for weights."""
    layer = keras.models.Sequential([keras.layers.Dense(2, input_dim=3)]).layers[0]
    with older("keras.backend.get_value(x)", "keras.backend.set_value(variable, value)"):
        before = K.get_value(layer.kernel)
        K.set_value(layer.kernel, 2 * before)
        np.testing.assert_array_equal(K.get_value(layer.kernel), 2 * before)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: K.set_value(0.1, 0.2), "requires a variable or a hyperparameter that was read"),
        (lambda: K.gradients, r"jax\.grad"),
        (lambda: K.get_session, "does not use sessions"),
        (lambda: K.random_normal, r"jax\.random\.normal"),
    ],
)
def test_what_the_backend_cannot_do_any_more(call: Any, words: str) -> None:
    """Old: sessions, symbolic gradients and random tensors. Each error says what does the same today."""
    with pytest.raises(InvalidArgument, match=words):
        call()
    with pytest.raises(AttributeError, match="see jax.numpy"):
        _ = K.no_such_function
