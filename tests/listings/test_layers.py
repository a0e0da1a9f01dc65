"""Older layers: their arguments, their addresses, and those that readers write themselves."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fitwell as keras
from fitwell.errors import InvalidArgument
from fitwell.layers import Activation, BatchNormalization, Dense, Dropout, Flatten
from fitwell.models import Sequential


def pictures(*hidden: Any) -> Any:
    """A classifier of digits with `hidden` between the pictures and the softmax."""
    model = keras.models.Sequential([keras.layers.Flatten(input_shape=[8, 8]), *hidden])
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(loss="sparse_categorical_crossentropy", optimizer="nadam", metrics=["accuracy"])
    return model


# --- arguments -----------------------------------------------------------------------------------------------


def test_input_dim_and_activations_as_layers() -> None:
    """Old: `input_dim` in the first layer, and layers for activation functions."""
    model = Sequential()
    model.add(Dense(units=64, input_dim=784))
    model.add(Activation("relu"))
    model.add(Dropout(rate=0.5))
    model.add(Dense(units=10))
    model.add(Activation("softmax"))
    assert model.input_shape == (None, 784)
    assert model.output_shape == (None, 10)
    assert model.count_params() == 784 * 64 + 64 + 64 * 10 + 10
    np.testing.assert_allclose(model.predict(np.ones((2, 784))).sum(axis=1), 1, rtol=1e-5)


def test_leaky_relu(older: Any) -> None:
    """Old: `alpha=`. Without a name the number means the same in both ages."""
    with older("LeakyReLU(alpha=)"):
        layers = [keras.layers.LeakyReLU(alpha=0.2), keras.layers.LeakyReLU(0.2)]
    for layer in layers:
        np.testing.assert_allclose(layer(np.array([-1.0, 2.0])), [-0.2, 2.0], rtol=1e-6)
    model = pictures(keras.layers.Dense(20, kernel_initializer="he_normal"), layers[0])
    assert model.count_params() == 64 * 20 + 20 + 20 * 10 + 10


def test_activations_as_layers_of_their_own(digits: Any) -> None:
    """Old: PReLU, ELU and a capped ReLU as layers; PReLU learns a slope for each unit."""
    model = pictures(
        Dense(20),
        keras.layers.PReLU(),
        Dense(20),
        keras.layers.ELU(alpha=1.0),
        keras.layers.ReLU(max_value=6.0),
    )
    assert model.layers[2].get_weights()[0].shape == (20,)
    model.fit(*digits[0], epochs=2, verbose=0)
    assert np.abs(model.layers[2].get_weights()[0]).max() > 0  # they began at 0


def test_initializers_by_name_and_by_scale() -> None:
    """Old: nothing; He with a uniform distribution of the average of fan-in and fan-out, spelled out."""
    he_avg_init = keras.initializers.VarianceScaling(scale=2.0, mode="fan_avg", distribution="uniform")
    layer = keras.layers.Dense(300, activation="sigmoid", kernel_initializer=he_avg_init, input_shape=[500])
    kernel = Sequential([layer]).layers[0].get_weights()[0]
    assert np.abs(kernel).max() == pytest.approx(np.sqrt(6 / 400), rel=1e-3)
    assert kernel.var() == pytest.approx(2 / 400, rel=0.02)
    normal = Sequential([Dense(300, "relu", kernel_initializer="he_normal", input_dim=500)])
    assert normal.get_weights()[0].var() == pytest.approx(2 / 500, rel=0.02)


def test_penalties(older: Any, digits: Any) -> None:
    """Old: `l=` in `l1` and `l2`. The penalty is part of the loss."""
    with older("l2(l=...)", "l1(l=...)"):
        two, one = keras.regularizers.l2(l=0.01), keras.regularizers.l1(l=0.01)
    model = pictures(
        keras.layers.Dense(10, kernel_regularizer=two),
        keras.layers.Dense(10, kernel_regularizer=one, bias_regularizer=keras.regularizers.l2(0.1)),
        keras.layers.Dense(10, kernel_regularizer=keras.regularizers.l1_l2(0.01, 0.02)),
    )
    first, second, third = (model.layers[i].get_weights()[0] for i in (1, 2, 3))
    penalty = 0.01 * (first**2).sum() + 0.01 * np.abs(second).sum()
    penalty += 0.01 * np.abs(third).sum() + 0.02 * (third**2).sum()
    X, y = digits[1]
    cross_entropy = -np.log(model.predict(X)[np.arange(len(y)), y]).mean()
    assert model.evaluate(X, y, verbose=0)[0] == pytest.approx(cross_entropy + penalty, rel=1e-5)


def test_norms_held_by_constraints(digits: Any) -> None:
    """Old: constraints as functions in lower case; incoming weights of a unit are kept short."""
    model = pictures(
        keras.layers.Dense(20, "selu", kernel_constraint=keras.constraints.max_norm(1.0)),
        keras.layers.Dense(20, "selu", kernel_constraint=keras.constraints.unit_norm()),
    )
    model.fit(*digits[0], epochs=1, verbose=0)
    long, unit = (np.linalg.norm(model.layers[i].get_weights()[0], axis=0) for i in (1, 2))
    assert long.max() <= 1 + 1e-5
    np.testing.assert_allclose(unit, 1, rtol=1e-5)


def test_short_names_of_2018(older: Any) -> None:
    """Old: `maxnorm` in one word, initializers called `normal` and `uniform`."""
    with older("fitwell.constraints.maxnorm"):
        from fitwell.constraints import maxnorm
    model = Sequential()
    model.add(Dropout(0.2, input_shape=(60,)))
    model.add(Dense(60, kernel_initializer="normal", activation="relu", kernel_constraint=maxnorm(3)))
    model.add(Dense(1, kernel_initializer="uniform", activation="sigmoid"))
    normal, uniform = model.layers[1].get_weights()[0], model.layers[2].get_weights()[0]
    assert normal.std() == pytest.approx(0.05, rel=0.05)
    assert 0.04 < np.abs(uniform).max() <= 0.05
    assert model.layers[1].kernel_constraint.max_value == 3


def test_a_dense_layer_with_its_habits_filled_in() -> None:
    """Old: nothing; `functools.partial` saves writing the same arguments again."""
    RegularizedDense = partial(
        keras.layers.Dense,
        activation="elu",
        kernel_initializer="he_normal",
        kernel_regularizer=keras.regularizers.l2(0.01),
    )
    model = keras.models.Sequential(
        [
            keras.layers.Flatten(input_shape=[28, 28]),
            RegularizedDense(300),
            RegularizedDense(100),
            RegularizedDense(10, activation="softmax", kernel_initializer="glorot_uniform"),
        ]
    )
    assert model.count_params() == 266_610
    assert [layer.activation.__name__ for layer in model.layers[1:]] == ["elu", "elu", "softmax"]


# --- addresses -----------------------------------------------------------------------------------------------


def test_batch_normalization_from_its_older_address(older: Any) -> None:
    """Old: `from keras.layers.normalization import BatchNormalization`."""
    with older("fitwell.layers.normalization.BatchNormalization"):
        from fitwell.layers.normalization import BatchNormalization as Older
    with older():
        assert keras.layers.normalization.BatchNormalization is Older is BatchNormalization
    model = Sequential([Flatten(input_shape=[28, 28]), Older()])
    for units in (300, 100):
        model.add(Dense(units, activation="elu", kernel_initializer="he_normal"))
        model.add(keras.layers.BatchNormalization())
    model.add(Dense(10, activation="softmax"))
    assert model.count_params() == 271_346
    assert sum(int(np.prod(v.shape)) for v in model.non_trainable_weights) == 2_368
    assert [(v.name, v.trainable) for v in model.layers[1].variables] == [
        ("gamma", True),
        ("beta", True),
        ("moving_mean", False),
        ("moving_variance", False),
    ]


def test_batch_normalization_before_the_activation() -> None:
    """Old: nothing; the biases are left out, as the normalisation has its own."""
    model = Sequential([Flatten(input_shape=[28, 28]), BatchNormalization()])
    for units in (300, 100):
        model.add(Dense(units, kernel_initializer="he_normal", use_bias=False))
        model.add(BatchNormalization())
        model.add(Activation("elu"))
    model.add(Dense(10, activation="softmax"))
    assert model.count_params() == 270_946
    assert sum(v.size for v in model.non_trainable_weights) == 2_368


def test_batch_normalization_over_pixels() -> None:
    """Old: a list of axes. Each pixel is normalised by itself."""
    layer = BatchNormalization(axis=[1, 2])
    X = np.random.default_rng(0).normal(3, 2, (500, 4, 5)).astype(np.float32)
    out = np.asarray(layer(X, training=True))
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(out.std(axis=0), 1, atol=1e-3)
    assert sum(w.size for w in layer.get_weights()) == 4 * 20


def test_preprocessing_was_an_experiment(older: Any, diabetes: Any) -> None:
    """Old: `keras.layers.experimental.preprocessing`."""
    with older("fitwell.layers.experimental.preprocessing.Normalization"):
        from fitwell.layers.experimental.preprocessing import Normalization
    X = diabetes[0] * 3 + 5
    normalizer = Normalization()
    normalizer.adapt(X)
    out = np.asarray(normalizer(X))
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(out.std(axis=0), 1, rtol=1e-4)


def test_older_modules_have_nothing_else() -> None:
    """A wrong name at an older address is the ordinary error."""
    with pytest.raises(AttributeError, match="has no attribute 'BatchNorm'"):
        _ = keras.layers.normalization.BatchNorm


# --- dropout ------------------------------------------------------------------------------------------------


class MCDropout(keras.layers.Dropout):
    """Dropout that is on whenever it is called."""

    def call(self, inputs: Any) -> Any:
        return super().call(inputs, training=True)


def test_monte_carlo_dropout_by_training_true(digits: Any) -> None:
    """Old: nothing; many calls in training differ, and their mean predicts."""
    (X, y), (X_valid, y_valid) = digits
    model = pictures(Dense(60, "relu"), keras.layers.Dropout(rate=0.2))
    model.fit(X, y, epochs=8, verbose=0)
    y_probas = np.stack([model(X_valid, training=True) for _ in range(20)])
    assert y_probas.std(axis=0).mean() > 1e-3
    assert (y_probas.mean(axis=0).argmax(axis=1) == y_valid).mean() > 0.8
    np.testing.assert_array_equal(model(X_valid), model(X_valid))


def test_monte_carlo_dropout_by_a_subclass() -> None:
    """Old: a subclass that passes `training=True` on; the dropouts of a trained model are exchanged for it."""
    model = pictures(Dense(60, "relu"), keras.layers.Dropout(rate=0.2))
    mc_model = keras.models.Sequential(
        [
            MCDropout(layer.rate) if isinstance(layer, keras.layers.Dropout) else layer
            for layer in model.layers
        ]
    )
    mc_model.set_weights(model.get_weights())
    x = np.random.default_rng(0).random((3, 8, 8))
    first, second = mc_model.predict(x), mc_model.predict(x)
    assert np.abs(first - second).max() > 1e-4
    mean = np.mean([mc_model.predict(x) for _ in range(30)], axis=0)
    assert np.abs(mean - model.predict(x)).max() < 0.15


def test_a_self_normalising_network() -> None:
    """Old: nothing; SELU, LeCun's initializer and alpha dropout keep mean 0 and variance 1."""
    model = keras.models.Sequential()
    for _ in range(10):
        model.add(keras.layers.Dense(200, activation="selu", kernel_initializer="lecun_normal"))
        model.add(keras.layers.AlphaDropout(rate=0.1))
    out = np.asarray(model(np.random.default_rng(0).normal(size=(500, 200)), training=True))
    assert abs(out.mean()) < 0.15
    assert 0.75 < out.std() < 1.25


def test_the_learning_phase_is_said_in_the_call() -> None:
    """Old: a switch for everything. It cannot be honoured; the error says what does the same."""
    with pytest.raises(InvalidArgument, match=r"Call model\(x, training=True\)"):
        keras.backend.set_learning_phase(1)
    with pytest.raises(InvalidArgument, match=r"Call model\(x, training=True\)"):
        keras.backend.learning_phase_scope(1)
    assert keras.backend.learning_phase() == 0


# --- layers of the reader's own --------------------------------------------------------------------------------


class MyDense(keras.layers.Layer):
    """A dense layer written out."""

    def __init__(self, units: int, activation: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)

    def build(self, batch_input_shape: Any) -> None:
        self.kernel = self.add_weight(
            name="kernel", shape=[batch_input_shape[-1], self.units], initializer="glorot_normal"
        )
        self.bias = self.add_weight(name="bias", shape=[self.units], initializer="zeros")
        super().build(batch_input_shape)

    def call(self, X: Any) -> Any:
        return self.activation(X @ self.kernel + self.bias)

    def compute_output_shape(self, batch_input_shape: Any) -> Any:
        return (*batch_input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
        }


def test_a_layer_with_weights(digits: Any) -> None:
    """Old: `add_weight` with a name, `build`, `call`, `compute_output_shape` and `get_config`, all by hand."""
    model = pictures(MyDense(30, activation="relu"))
    history = model.fit(*digits[0], epochs=4, validation_data=digits[1], verbose=0)
    assert history.history["val_accuracy"][-1] > 0.75
    same = MyDense.from_config(model.layers[1].get_config())
    assert (same.units, same.activation) == (30, keras.activations.relu)


def test_a_layer_of_several_inputs_and_a_noise_for_training_only() -> None:
    """Old: nothing but `tf.`, which is JAX here; symbols, arrays and training agree."""

    class MyMultiLayer(keras.layers.Layer):
        def call(self, X: Any) -> Any:
            X1, X2 = X
            return X1 + X2, X1 * X2

    class AddGaussianNoise(keras.layers.Layer):
        def __init__(self, stddev: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.stddev = stddev

        def call(self, X: Any, training: Any = None) -> Any:
            if training:
                noise = jax.random.normal(jax.random.key(0), X.shape)
                return X + noise * self.stddev
            return X

    inputs1, inputs2 = keras.layers.Input(shape=[2]), keras.layers.Input(shape=[2])
    outputs1, outputs2 = MyMultiLayer()([inputs1, inputs2])
    model = keras.models.Model([inputs1, inputs2], [AddGaussianNoise(1.0)(outputs1), outputs2])
    a, b = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])
    total, product = model.predict([a, b])
    np.testing.assert_array_equal(total, a + b)
    np.testing.assert_array_equal(product, a * b)
    assert np.abs(model([a, b], training=True)[0] - (a + b)).min() > 1e-3


def test_lambda_layers_of_the_backend(older: Any) -> None:
    """Old: lambdas over `keras.backend`; the functions are those of `jax.numpy`."""
    K = keras.backend
    with older("keras.backend.exp", "keras.backend.square", "keras.backend.mean"):
        exponential = keras.layers.Lambda(lambda x: K.exp(x))
        spread = keras.layers.Lambda(lambda x: K.mean(K.square(x - K.mean(x, axis=1, keepdims=True)), axis=1))
        x = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
        model = keras.models.Sequential([keras.layers.Dense(3, input_shape=[5]), exponential])
        np.testing.assert_allclose(spread(x), x.var(axis=1), rtol=1e-5)
        np.testing.assert_allclose(model.predict(x), np.exp(model.layers[0](x)), rtol=1e-5)
    assert model.output_shape == (None, 3)


def test_weights_tied_to_another_layer() -> None:
    """Old: a decoder that uses the encoder's kernels, transposed; only its biases are its own."""

    class DenseTranspose(keras.layers.Layer):
        def __init__(self, dense: Any, activation: Any = None, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.dense = dense
            self.activation = keras.activations.get(activation)

        def build(self, batch_input_shape: Any) -> None:
            size = self.dense.weights[0].shape[0]
            self.biases = self.add_weight(name="bias", shape=[size], initializer="zeros")
            super().build(batch_input_shape)

        def call(self, inputs: Any) -> Any:
            return self.activation(inputs @ jnp.transpose(self.dense.weights[0].value) + self.biases)

    dense_1, dense_2 = keras.layers.Dense(16, "selu"), keras.layers.Dense(6, "selu")
    encoder = keras.models.Sequential([keras.layers.Flatten(input_shape=[8, 8]), dense_1, dense_2])
    decoder = keras.models.Sequential([DenseTranspose(dense_2, "selu"), DenseTranspose(dense_1, "sigmoid")])
    tied = keras.models.Sequential([encoder, decoder])
    tied.build((None, 8, 8))
    assert sum(v.size for v in tied.trainable_variables) == (64 * 16 + 16) + (16 * 6 + 6) + 16 + 64
    X = np.random.default_rng(0).random((64, 8, 8)).astype(np.float32)
    before = dense_1.get_weights()[0]
    tied.compile(loss="mse", optimizer=keras.optimizers.SGD(0.5))
    loss = tied.fit(X, X.reshape(64, 64), epochs=5, verbose=0).history["loss"]
    assert loss[-1] < loss[0]
    assert np.abs(dense_1.get_weights()[0] - before).max() > 1e-4
