"""User-defined losses and metrics with missing targets, and messages about mistakes in the data."""

from typing import Any

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import fitwell as fw
from fitwell.errors import DataError, InvalidArgument

X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
Y = np.where(np.arange(48).reshape(24, 2) % 3 == 0, np.nan, X[:, :2]).astype("float32")


def masked(y_true: Any, y_pred: Any) -> Any:
    known = ~jnp.isnan(y_true)
    return jnp.mean(jnp.where(known, jnp.where(known, y_true, 0) - y_pred, 0) ** 2, axis=-1)


class Masked(fw.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return masked(y_true, y_pred)


def dense(library: Any, loss: Any) -> Any:
    model = library.Sequential([library.layers.Input((3,)), library.layers.Dense(2)])
    model.set_weights([np.arange(6).reshape(3, 2) / 6, np.zeros(2)])
    model.compile(library.optimizers.SGD(0.1), loss)
    return model


@pytest.mark.parametrize("loss", [masked, Masked()])
def test_a_loss_of_ones_own_may_leave_missing_targets_out(loss: Any) -> None:
    run = {"batch_size": 7, "epochs": 3, "shuffle": False, "verbose": 0, "validation_data": (X, Y)}
    ours = dense(fw, loss).fit(X, Y, **run).history
    theirs = dense(keras, masked).fit(X, Y, **run).history
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5)


def test_a_loss_of_ours_may_not() -> None:
    with pytest.raises(DataError, match="y: found 16 NaN values among 48 entries"):
        dense(fw, "mse").fit(X, Y, verbose=0)
    with pytest.raises(DataError, match="x: "):
        dense(fw, masked).fit(np.full((24, 3), np.nan), Y, verbose=0)


class Tally(fw.metrics.Metric):
    """A metric in the style of NumPy, which a compiled run cannot repeat."""

    def __init__(self) -> None:
        super().__init__(name="tally")
        self.total, self.count = 0.0, 0

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.total += jnp.sum(jnp.abs(y_true - y_pred))
        self.count += 1

    def result(self) -> Any:
        return self.total / self.count


def test_a_metric_without_variables_is_told_what_to_write() -> None:
    model = dense(fw, "mse")
    model.compile("sgd", "mse", metrics=[Tally()])
    with pytest.raises(InvalidArgument, match="'return self.total / self.count' divides .* self.add_weight"):
        model.evaluate(X, X[:, :2], verbose=0)


def two_inputs() -> Any:
    a, b = fw.layers.Input((3,), name="a"), fw.layers.Input((3,), name="b")
    model = fw.Model([a, b], fw.layers.Dense(1)(fw.layers.Add()([a, b])))
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize(
    ("model", "batch", "words"),
    [
        (
            two_inputs,
            {"a": X, "b": X, "label": X[:, 0]},
            r"x has an unknown entry 'label'\. .* yield \(x, y\)",
        ),
        (two_inputs, {"a": X}, "x has no entry 'b'[.] The model's inputs"),
        (lambda: dense(fw, "mse"), {"x": X, "y": Y}, r"yield \(x, y\)"),
    ],
)
def test_a_dict_that_holds_the_targets_too(model: Any, batch: Any, words: str) -> None:
    for verb in ("fit", "evaluate"):
        with pytest.raises(DataError, match=words):
            getattr(model(), verb)(iter([batch]), verbose=0)


class Penalised(fw.layers.Layer):
    def call(self, inputs: Any) -> Any:
        self.add_loss(jnp.sum(inputs, axis=-1))
        return inputs


def test_a_loss_of_several_numbers_is_refused_in_words() -> None:
    unreduced = dense(fw, fw.losses.MeanSquaredError(reduction="none"))
    penalised = fw.Sequential([fw.layers.Input((3,)), Penalised(), fw.layers.Dense(2)])
    penalised.compile("sgd", "mse")
    for model in (unreduced, penalised):
        with pytest.raises(InvalidArgument, match=r"the loss has shape .24,., .* reduction='none'"):
            model.fit(X, X[:, :2], batch_size=24, verbose=0)


class Shifted(fw.metrics.Metric):
    def __init__(self) -> None:
        super().__init__(name="shifted")
        self.total = self.add_weight()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.total.assign_add(jnp.sum(y_true - 1).astype("float32"))

    def result(self) -> Any:
        return self.total


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32", "float64"])
def test_a_metric_of_ones_own_subtracts_from_small_integers(dtype: str) -> None:
    model = dense(fw, "mse")
    model.compile("sgd", "mse", metrics=[Shifted()])
    assert model.evaluate(X, np.zeros((24, 2), dtype), verbose=0)[1] == -48.0
