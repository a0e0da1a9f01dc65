"""Inputs, Lambda, operators of KerasTensors, the layer protocol: tests that the harness of layers does not cover."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fitwell
from fitwell import Input, Model, Sequential, activations, layers
from fitwell._deprecation import reset_deprecation_warnings
from fitwell.errors import FileError, InvalidArgument, ShapeError
from fitwell.layers import deprecated_paths, keras_tensor
from fitwell.layers.base import Layer

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def test_dense_is_the_matrix_product_on_the_last_axis() -> None:
    layer = layers.Dense(3, "tanh")
    deep = np.stack([X, 2 * X], axis=1)
    got = np.asarray(layer(deep))
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(got, np.tanh(deep @ kernel + bias), rtol=1e-4, atol=1e-6)
    assert layer.kernel.path.endswith("/kernel")


def test_inputs_know_their_shape_and_type() -> None:
    assert Input((28, 28)).shape == (None, 28, 28)
    assert Input(5).shape == (None, 5)
    assert Input(shape=[3], name="mine").name == "mine"
    assert Input((3,), dtype="int32").dtype == jnp.int32
    assert Input(batch_shape=(8, 3)).shape == (None, 3)
    with pytest.raises(InvalidArgument, match="shape of one row"):
        Input()


def test_lambda_calls_the_function_and_checks_the_shape_it_promised() -> None:
    model = Sequential(
        [layers.Lambda(lambda x, factor: x * factor, arguments={"factor": 3.0}, input_shape=(4,))]
    )
    np.testing.assert_allclose(model.predict(X), X * 3)
    with pytest.raises(ShapeError, match=r"rows of shape \(2,\), got \(4,\)"):
        layers.Lambda(lambda x: x, output_shape=(2,))(X)
    with pytest.raises(FileError, match="fitwell never loads"):
        layers.Lambda.from_config({"function": "f"})
    with pytest.raises(InvalidArgument, match="must be a function"):
        layers.Lambda(3)


def test_operations_and_items_round_trip_through_their_configuration() -> None:
    inputs = Input((4,))
    model = Model(inputs, (inputs @ np.eye(4, dtype=np.float32))[:, 1:] ** 2 - 1.0)
    again = type(model).from_config(model.get_config())
    np.testing.assert_allclose(model.predict(X), X[:, 1:] ** 2 - 1, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(again.predict(X), model.predict(X), rtol=1e-6)
    with pytest.raises(InvalidArgument, match="whole batch axis"):
        inputs[0]


def test_one_layer_gives_the_same_eagerly_symbolically_and_compiled() -> None:
    layer = layers.Dense(3, "relu")
    inputs = Input((4,))
    model = Model(inputs, layer(inputs))
    eager = np.asarray(layer(X))
    np.testing.assert_allclose(model.predict(X), eager, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.asarray(jax.jit(lambda x: layer(x))(X)), eager, rtol=1e-5, atol=1e-6)
    assert jax.jit(jax.grad(lambda x: jnp.sum(layer(x))))(jnp.asarray(X)).shape == X.shape


def test_weights_of_layers_in_lists_and_dicts_are_found_once() -> None:
    class Nested(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.parts = {"a": layers.Dense(2), "b": [layers.Dense(2), layers.Dense(2)]}
            self.again = self.parts["a"]

        def call(self, inputs: Any) -> Any:
            return self.again(inputs) + self.parts["a"](inputs) + sum(p(inputs) for p in self.parts["b"])

    layer = Nested()
    layer(X)
    assert layer.count_params() == 3 * 10
    paths = [path for path, _ in layer._named_variables()]
    assert len(set(paths)) == len(paths) == 6


def test_names_are_unique_and_speak_of_the_class() -> None:
    one, other = layers.BatchNormalization(), layers.BatchNormalization()
    assert one.name.startswith("batch_normalization")
    assert one.name != other.name
    assert layers.Dense(1, name="mine").name == "mine"


def test_a_constraint_holds_after_every_update() -> None:
    model = Sequential(
        [layers.Dense(3, input_shape=(4,), kernel_constraint=fitwell.constraints.max_norm(0.5))]
    )
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(1.0))
    model.fit(X, 10 * X[:, :3], epochs=3, batch_size=2, verbose=0)
    norms = np.linalg.norm(model.get_weights()[0], axis=0)
    assert norms.max() <= 0.5 + 1e-5
    assert norms.max() > 0.49


def test_a_variable_assigned_in_call_is_kept_by_fit_and_not_by_evaluate() -> None:
    class Counts(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.seen = self.add_weight(name="seen", shape=(), initializer="zeros", trainable=False)
            super().build(input_shape)

        def call(self, inputs: Any, training: bool = False) -> Any:
            if training:
                self.seen.assign_add(1.0)
            return inputs

    model = Sequential([Counts(input_shape=(4,)), layers.Dense(1)])
    model.compile(loss="mse", optimizer="sgd")
    model.fit(X, X[:, :1], batch_size=2, epochs=2, verbose=0)
    assert float(model.layers[0].seen.value) == 6
    model.evaluate(X, X[:, :1], verbose=0)
    model.predict(X)
    assert float(model.layers[0].seen.value) == 6


def test_the_batch_statistics_of_batch_norm_are_those_of_the_formula() -> None:
    layer = layers.BatchNormalization(momentum=0.75, epsilon=0.01)
    got = np.asarray(layer(X, training=True))
    mean, variance = X.mean(axis=0), X.var(axis=0)
    np.testing.assert_allclose(got, (X - mean) / np.sqrt(variance + 0.01), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.25 * mean, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.75 + 0.25 * variance, rtol=1e-5)
    resting = np.asarray(layer(X))
    np.testing.assert_allclose(
        resting,
        (X - layer.moving_mean.numpy()) / np.sqrt(layer.moving_variance.numpy() + 0.01),
        rtol=1e-4,
        atol=1e-5,
    )


def test_batch_norm_of_integers_gives_floats() -> None:
    x = np.array([[0], [1], [5]])
    layer = layers.BatchNormalization()
    np.testing.assert_allclose(layer(x), x / np.sqrt(1 + 1e-3), rtol=1e-6)
    training = layer(x, training=True)
    np.testing.assert_allclose(training, (x - x.mean()) / np.sqrt(x.var() + 1e-3), rtol=1e-6)


@pytest.mark.parametrize(
    "activation", sorted(activations.SHAPE_PRESERVING, key=lambda function: function.__name__)
)
@pytest.mark.parametrize(("inputs", "own"), [("float32", None), ("int32", None), ("float32", "bfloat16")])
@pytest.mark.parametrize("shape", [(4,), (5, 4), (None, 4)])
def test_dense_infers_the_output_spec_that_tracing_gives(
    activation: Any, inputs: str, own: str | None, shape: tuple[int | None, ...]
) -> None:
    layer = layers.Dense(3, activation=activation, dtype=own)
    tensor = Input(shape, dtype=inputs)
    layer(tensor)
    for attempt in (0, 1):
        inferred = layer._compute_output_spec((tensor,), {}, attempt)
        traced = Layer._compute_output_spec(layer, (tensor,), {}, attempt)
        assert (inferred.shape, inferred.dtype) == (traced.shape, traced.dtype)


def test_a_dense_layer_that_computes_something_else_is_traced() -> None:
    class Pairs(layers.Dense):
        def call(self, inputs: Any) -> Any:
            return super().call(inputs).reshape((-1, 2, 3))

    assert Pairs(6)(Input((4,))).shape == (None, 2, 3)
    halves = layers.Dense(6, activation=lambda z: z[:, :2])
    assert halves(Input((4,))).shape == (None, 2)
    assert layers.Dense(6, activation="glu")(Input((4,))).shape == (None, 3)


def test_an_activation_that_cannot_be_hashed_is_traced() -> None:
    @dataclass
    class Scaled:
        factor: float

        def __call__(self, z: Any) -> Any:
            return self.factor * z

    assert layers.Dense(3, activation=Scaled(2.0))(Input((4,))).shape == (None, 3)


def test_row_wise_is_a_deprecated_name_of_supports_padding() -> None:
    reset_deprecation_warnings()
    with pytest.warns(DeprecationWarning, match=r"Layer\.supports_padding"):

        class Old(layers.Layer):
            row_wise = True

    assert Old().supports_padding
    assert Old().row_wise

    class New(layers.Layer):
        pass

    reset_deprecation_warnings()
    with pytest.warns(DeprecationWarning, match=r"Layer\.supports_padding"):
        assert New().row_wise is False
    layer = New()
    reset_deprecation_warnings()
    with pytest.warns(DeprecationWarning, match=r"Layer\.supports_padding"):
        layer.row_wise = True
    assert layer.supports_padding


@pytest.mark.parametrize("path", sorted(deprecated_paths._NAMES))
def test_module_paths_of_keras_2_work_and_warn(path: str) -> None:
    module = importlib.import_module(f"fitwell.layers.{path}")
    for name in module.__all__:
        if name != "preprocessing":
            reset_deprecation_warnings()
            with pytest.warns(DeprecationWarning, match=rf"fitwell\.layers\.{name}"):
                assert getattr(module, name) is getattr(layers, name)


def test_symbolic_tensor_is_a_deprecated_name_of_keras_tensor() -> None:
    reset_deprecation_warnings()
    with pytest.warns(DeprecationWarning, match="KerasTensor"):
        assert keras_tensor.SymbolicTensor is keras_tensor.KerasTensor


@pytest.mark.parametrize("token", [-1, -7, 7, 100])
def test_an_embedding_of_an_id_out_of_range_is_nan(token: int) -> None:
    vectors = np.asarray(layers.Embedding(7, 3)(np.array([[0, token, 6]])))
    assert np.isnan(vectors[0, 1]).all()
    assert np.isfinite(vectors[0, [0, 2]]).all()
