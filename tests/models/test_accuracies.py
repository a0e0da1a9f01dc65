"""Which accuracy "accuracy" is, by the targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fitwell as fw

X = np.random.default_rng(1).normal(size=(200, 4)).astype(np.float32)
SEVERAL = np.stack([X[:, 0] > 0, X[:, 1] > 0.5, X[:, 2] > -0.5], 1).astype(np.float32)
ONE_HOT = np.eye(3, dtype=np.float32)[np.arange(200) % 3]
AT_MOST_ONE = np.where(X[:, :1] > 0, ONE_HOT, 0)


def model_for(loss: Any, activation: Any = "sigmoid") -> Any:
    fw.utils.set_random_seed(0)
    model = fw.Sequential([fw.layers.Dense(3, activation=activation, input_shape=(4,))])
    model.compile("sgd", loss, metrics=["accuracy"], weighted_metrics=["acc"])
    return model


def measured(model: Any, y: Any, weights: Any = None) -> tuple[float, float]:
    found = model.evaluate(X, y, sample_weight=weights, verbose=0, return_dict=True)
    return found["accuracy"], found["acc"]


@pytest.mark.parametrize("loss", ["binary_crossentropy", "mse", fw.losses.BinaryFocalCrossentropy()])
def test_several_labels_of_a_row_are_counted_one_by_one(loss: Any) -> None:
    model = model_for(loss)
    weights = np.random.default_rng(2).uniform(size=200)
    right = np.mean((model.predict(X) > 0.5) == SEVERAL, axis=1)
    plain, weighted = measured(model, SEVERAL, weights)
    assert plain == pytest.approx(right.mean(), rel=1e-5)
    assert weighted == pytest.approx(np.average(right, weights=weights), rel=1e-5)


def test_rows_with_at_most_one_label_are_so_too_where_each_is_judged_by_itself() -> None:
    model = model_for("binary_crossentropy")
    right = np.mean((model.predict(X) > 0.5) == AT_MOST_ONE)
    assert measured(model, AT_MOST_ONE)[0] == pytest.approx(right, rel=1e-5)


def test_logits_of_several_labels_are_split_at_zero() -> None:
    model = model_for(fw.losses.BinaryCrossentropy(from_logits=True), None)
    assert measured(model, SEVERAL)[0] == pytest.approx(np.mean((model.predict(X) > 0) == SEVERAL), rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "activation", "y"),
    [
        ("binary_crossentropy", "sigmoid", ONE_HOT),
        ("categorical_crossentropy", "softmax", ONE_HOT),
        ("categorical_crossentropy", "softmax", AT_MOST_ONE),
        ("mse", "sigmoid", ONE_HOT),
        ("mse", "sigmoid", 0.8 * ONE_HOT + 0.1),
    ],
)
def test_one_class_of_each_row_is_the_one_of_the_argmax_as_in_keras(
    loss: str, activation: str, y: Any
) -> None:
    model = model_for(loss, activation)
    right = np.mean(model.predict(X).argmax(axis=1) == y.argmax(axis=1))
    assert measured(model, y)[0] == pytest.approx(right, rel=1e-5)


def test_of_several_outputs_each_has_its_own() -> None:
    entrance = fw.Input((4,))
    heads = [fw.layers.Dense(3, activation, name=name)(entrance) for activation, name in
             (("sigmoid", "many"), ("softmax", "one"))]  # fmt: skip
    model = fw.Model(entrance, heads)
    model.compile("sgd", ["binary_crossentropy", "categorical_crossentropy"], metrics=["accuracy"])
    found = model.evaluate(X, [SEVERAL, ONE_HOT], verbose=0, return_dict=True)
    many, one = model.predict(X)
    assert found["many_accuracy"] == pytest.approx(np.mean((many > 0.5) == SEVERAL), rel=1e-5)
    assert found["one_accuracy"] == pytest.approx(np.mean(one.argmax(1) == ONE_HOT.argmax(1)), rel=1e-5)


def test_batches_of_a_generator_are_judged_by_the_first() -> None:
    model = model_for("binary_crossentropy")
    batches = ((X[i : i + 50], SEVERAL[i : i + 50]) for i in range(0, 200, 50))
    found = model.evaluate(batches, steps=4, verbose=0, return_dict=True)
    assert found["accuracy"] == pytest.approx(np.mean((model.predict(X) > 0.5) == SEVERAL), rel=1e-5)
