"""Beginners' mistakes are met before training with what to write; what is meant so is not."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import optax
import pytest

import fitwell as fw
from fitwell.errors import MistakeWarning

L = fw.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
LABEL = (X[:, 0] > 0).astype(int)
CLASS = np.arange(60) % 3
ONE_HOT = np.eye(3, dtype=np.float32)[CLASS]
SEVERAL = np.stack([X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > 0], 1).astype(np.float32)
VALUE = 5 * X[:, 0] - 2


def mistakes_in(
    layers: Any, loss: Any, y: Any, x: Any = X, metrics: Any = None, optimizer: Any = "sgd", **fit: Any
) -> list[str]:
    """Return the warnings of a fit of no epochs: they come before the first."""
    model = fw.Sequential(layers) if isinstance(layers, list) else layers
    model.compile(loss=loss, optimizer=optimizer, metrics=metrics)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model.fit(x, y, epochs=0, verbose=0, **fit)
    assert all(warning.filename == __file__ for warning in seen)
    return [str(warning.message) for warning in seen if warning.category is MistakeWarning]


def dense(units: int, activation: Any = None, **settings: Any) -> Any:
    return L.Dense(units, activation=activation, input_shape=(4,), **settings)


BINARY, SPARSE, CATEGORICAL = (
    "binary_crossentropy",
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
)
MISTAKES = {
    "one softmax unit": ([dense(1, "softmax")], BINARY, LABEL, "softmax over one unit.*sigmoid"),
    "one softmax unit, values": ([dense(1, "softmax")], "mse", LABEL, "softmax over one unit"),
    "one softmax unit as a layer": ([dense(1), L.Softmax()], BINARY, LABEL, "softmax over one unit"),
    "classes, linear": ([dense(3)], SPARSE, CLASS, "activation='softmax', or .* from_logits=True"),
    "one-hot, linear": ([dense(3)], CATEGORICAL, ONE_HOT, "uses no activation; use activation='softmax'"),
    "labels, linear": ([dense(1)], BINARY, LABEL, "uses no activation; use activation='sigmoid'"),
    "labels, tanh": ([dense(1, "tanh")], BINARY, LABEL, "uses tanh"),
    "classes, relu": ([dense(3, "relu")], SPARSE, CLASS, "uses relu"),
    "labels, relu layer": ([dense(1), L.ReLU()], BINARY, LABEL, "uses relu"),
    "distributions, linear": ([dense(3)], "kl_divergence", ONE_HOT, "activation='softmax'"),
    "logits of relu": ([dense(1, "relu")], fw.losses.BinaryCrossentropy(from_logits=True), LABEL, "remove the act"),
    "softmax, judged by itself": ([dense(3, "softmax")], BINARY, ONE_HOT, "use loss='categorical_crossentropy'"),
    "softmax, several labels": ([dense(3, "softmax")], BINARY, SEVERAL, "use activation='sigmoid'"),
    "several labels, one class": ([dense(3, "softmax")], CATEGORICAL, SEVERAL, "sum to 1 in every row.*'sigmoid'"),
    "sigmoid, values": ([dense(1, "sigmoid")], "mse", VALUE, "from 0 to 1, but the targets range from"),
    "tanh, values": ([dense(1, "tanh")], "mae", VALUE, "from -1 to 1, but the targets"),
    "relu, values below 0": ([dense(1, "relu")], "mse", VALUE, "of at least 0, but the targets"),
    "softmax, values": ([dense(3, "softmax")], "mse", X[:, :3], "from 0 to 1, but the targets"),
    "hinge of class numbers": ([dense(1)], "hinge", CLASS, "expects labels -1 and 1"),
    "logarithms of values below 0": ([dense(1)], "msle", VALUE, "expects targets of at least 0"),
    "counts below 0": ([dense(1, "exponential")], "poisson", VALUE - 3, "expects targets of at least 0"),
    "percent of nothing": ([dense(1)], "mape", LABEL, "divides by the targets, but some of them are 0"),
    "targets not scaled": ([dense(1)], "mse", 2e5 + 1e5 * VALUE, "scale them"),
    "all kernels zero": (
        [dense(5, "relu", kernel_initializer="zeros"), L.Dense(1, "sigmoid", kernel_initializer="zeros")],
        BINARY, LABEL, "filled with a single value.*randomly",
    ),
    "all kernels one": (
        [dense(5, "tanh", kernel_initializer="ones"), L.Dense(1, kernel_initializer="ones")],
        "mse", VALUE, "filled with a single value",
    ),
    "constant targets": ([dense(1)], "mse", np.full(60, 3.0), r"of all rows are the same, \[3.0\]"),
    "one class alone": ([dense(3, "softmax")], SPARSE, np.ones(60, int), r"of all rows are the same, \[1\]"),
    "nothing learns": ([dense(1, trainable=False)], "mse", VALUE, "no layer is trainable"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_met_with_what_to_write(name: str) -> None:
    layers, loss, y, words = MISTAKES[name]
    found = mistakes_in(layers, loss, y)
    assert len(found) == 1
    assert re.search(words, found[0])


MEANT = {
    "labels": ([dense(1, "sigmoid")], BINARY, LABEL),
    "classes": ([dense(3, "softmax")], SPARSE, CLASS),
    "one-hot": ([dense(3, "softmax")], CATEGORICAL, ONE_HOT),
    "smoothed": ([dense(3, "softmax")], CATEGORICAL, 0.9 * ONE_HOT + 0.1 / 3),
    "several labels": ([dense(3, "sigmoid")], BINARY, SEVERAL),
    "one-hot, each by itself": ([dense(3, "sigmoid")], BINARY, ONE_HOT),
    "logits of classes": ([dense(3)], fw.losses.SparseCategoricalCrossentropy(from_logits=True), CLASS),
    "logits of labels": ([dense(1)], fw.losses.BinaryCrossentropy(from_logits=True), LABEL),
    "activation as a layer": ([dense(3), L.Activation("softmax")], SPARSE, CLASS),
    "values": ([dense(8, "relu"), L.Dense(1)], "mse", VALUE),
    "values of a sigmoid": ([dense(1, "sigmoid")], "mse", LABEL),
    "values of a relu": ([dense(1, "relu")], "mse", np.abs(VALUE)),
    "perceptron": ([dense(1)], "hinge", 2 * LABEL - 1),
    "margins of 0 and 1": ([dense(1, "tanh")], "hinge", LABEL),
    "counts": ([dense(1, "exponential")], "poisson", CLASS),
    "one zero kernel": ([dense(1, kernel_initializer="zeros")], "mse", VALUE),
    "last kernel zero": ([dense(5, "relu"), L.Dense(1, kernel_initializer="zeros")], "mse", VALUE),
    "one unit after another": (
        [dense(1, kernel_initializer="ones"), L.Dense(1, kernel_initializer="ones")], "mse", VALUE,
    ),
    "an activation of one's own": ([dense(3, lambda z: z)], SPARSE, CLASS),
    "a loss of one's own": ([dense(1, "sigmoid")], lambda t, p: (t - p) ** 2, VALUE),
}  # fmt: skip


@pytest.mark.parametrize("name", MEANT)
def test_what_is_meant_so_is_not(name: str) -> None:
    layers, loss, y = MEANT[name]
    assert mistakes_in(layers, loss, y) == []


@pytest.mark.parametrize(
    ("loss", "y", "metrics", "is_warned"),
    [("mse", VALUE, ["accuracy"], True), ("mse", LABEL, ["accuracy"], False), ("mse", VALUE, ["mae"], False)],
)
def test_accuracy_of_values(loss: str, y: Any, metrics: Any, is_warned: bool) -> None:
    found = mistakes_in([dense(1)], loss, y, metrics=metrics)
    assert ["counts correct classes" in text for text in found] == [True] * is_warned


def test_relus_of_zero_kernels_never_learn() -> None:
    def layers(activation: str, bias: str = "zeros") -> list[Any]:
        return [
            dense(5, activation, kernel_initializer="zeros", bias_initializer=bias),
            L.Dense(1, activation="sigmoid"),
        ]

    (found,) = mistakes_in(layers("relu"), BINARY, LABEL)
    assert "every ReLU and its gradient are 0" in found and "he_normal" in found
    assert (
        mistakes_in(layers("tanh"), BINARY, LABEL) == mistakes_in(layers("relu", "ones"), BINARY, LABEL) == []
    )
    model = fw.Sequential(layers("relu"))
    model.compile("sgd", BINARY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, LABEL, epochs=3, verbose=0)
    assert not model.get_weights()[0].any()


def test_accuracy_of_several_soft_labels() -> None:
    for soft, is_warned in ((0.9 * SEVERAL + 0.05, True), (0.9 * ONE_HOT + 0.1 / 3, False), (SEVERAL, False)):
        found = mistakes_in([dense(3, "sigmoid")], BINARY, soft, metrics=["accuracy"])
        assert ["accuracy compares the largest" in text for text in found] == [True] * is_warned


@pytest.mark.parametrize(("scale", "is_warned"), [(1.0, False), (255.0, False), (1e6, True)])
def test_inputs_of_huge_scale(scale: float, is_warned: bool) -> None:
    assert [
        "the inputs are as large as" in text for text in mistakes_in([dense(1)], "mse", VALUE, x=scale * X)
    ] == [True] * is_warned
    norm = L.Normalization(input_shape=(4,))
    norm.adapt(scale * X)
    assert mistakes_in([norm, L.Dense(1)], "mse", VALUE, x=scale * X) == []
    assert mistakes_in([L.BatchNormalization(input_shape=(4,)), L.Dense(1)], "mse", VALUE, x=scale * X) == []


def test_a_learning_rate_of_zero_unless_a_callback_may_raise_it() -> None:
    assert len(mistakes_in([dense(1)], "mse", VALUE, optimizer=fw.optimizers.SGD(0.0))) == 1
    rise = fw.callbacks.LearningRateScheduler(lambda epoch: 0.1 * epoch)
    assert mistakes_in([dense(1)], "mse", VALUE, optimizer=fw.optimizers.SGD(0.0), callbacks=[rise]) == []


def test_sorted_rows_of_which_the_last_are_split_off() -> None:
    order = np.argsort(np.tile(CLASS, 4), kind="stable")
    x, y = np.tile(X, (4, 1))[order], np.tile(CLASS, 4)[order]
    for target, loss in ((y, SPARSE), (np.eye(3)[y], CATEGORICAL)):
        found = mistakes_in([dense(3, "softmax")], loss, target, x=x, validation_split=0.2)
        assert (
            len(found) == 1 and "all belong to class 2, unlike" in found[0]
        )  # class 2 begins before the cut
        found = mistakes_in([dense(3, "softmax")], loss, target, x=x, validation_split=0.4)
        assert len(found) == 1 and "classes that the rows before them lack (2)" in found[0]
    assert mistakes_in([dense(1)], "mse", y, x=x, validation_split=0.4) == []


def test_a_rare_class_that_the_last_rows_have_none_of_is_not_taken_for_sorted() -> None:
    rare = np.zeros(100)
    rare[::9] = 1  # 12 of 100: that none is among 20 happens once in fifteen times
    rare[80:] = 0
    x = RNG.normal(size=(100, 4))
    assert mistakes_in([dense(1, "sigmoid")], BINARY, rare, x=x, validation_split=0.2) == []
    halves = np.arange(100) >= 50
    (found,) = mistakes_in([dense(1, "sigmoid")], BINARY, halves, x=x, validation_split=0.2)
    assert "all belong to class 1, unlike" in found


def test_margins_that_cannot_be_negative() -> None:
    for activation in ("sigmoid", "relu"):
        (found,) = mistakes_in([dense(1, activation)], "hinge", 2 * LABEL - 1)
        assert f"uses {activation}, which never returns values below 0; use activation='tanh'" in found


def test_what_compile_settled_is_judged_and_not_what_trainable_says_since() -> None:
    """An adversarial network: the discriminator is compiled before it is frozen for the other model."""
    model = fw.Sequential([dense(1, "sigmoid")])
    model.compile("sgd", BINARY)
    model.trainable = False
    before = model.get_weights()[0]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model.train_on_batch(X, LABEL)
    assert [str(warning.message).split(" (")[0] for warning in seen] == [
        "trainable was changed after compile"
    ]
    assert not np.allclose(before, model.get_weights()[0])


def test_constant_targets_of_one_batch_say_nothing() -> None:
    """An adversarial network learns from batches of one label."""
    model = fw.Sequential([dense(1, "sigmoid")])
    model.compile("sgd", BINARY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.train_on_batch(X, np.ones(60))


def test_numbers_of_an_embedding_are_not_taken_for_inputs_of_huge_scale() -> None:
    ids, rest = fw.Input((1,)), fw.Input((4,))
    looked_up = L.Flatten()(L.Embedding(60_000, 2)(ids))
    model = fw.Model([ids, rest], L.Dense(1)(L.Concatenate()([looked_up, rest])))
    assert mistakes_in(model, "mse", VALUE, x=[np.arange(60)[:, None] * 1000, X]) == []


def test_any_optimizer_of_optax_will_do() -> None:
    assert mistakes_in([dense(1)], "mse", VALUE, optimizer=optax.sgd(0.1)) == []


def test_outputs_are_named_where_there_are_several() -> None:
    entrance = fw.Input((4,))
    good, bad = L.Dense(3, "softmax", name="good")(entrance), L.Dense(3, name="bad")(entrance)
    found = mistakes_in(fw.Model(entrance, [good, bad]), [SPARSE, SPARSE], [CLASS, CLASS])
    assert len(found) == 1 and found[0].startswith(
        "output 'bad': sparse_categorical_crossentropy expects probab"
    )


def test_models_within_models_and_subclasses_are_seen_through() -> None:
    inner = fw.Sequential([dense(3)])
    assert len(mistakes_in([fw.Input((4,)), inner], SPARSE, CLASS)) == 1

    class Own(fw.Model):  # type: ignore[misc]
        def __init__(self, activation: Any) -> None:
            super().__init__()
            self.hidden, self.out = L.Dense(5, "relu"), L.Dense(3, activation)

        def call(self, inputs: Any) -> Any:
            return self.out(self.hidden(inputs))

    assert len(mistakes_in(Own(None), SPARSE, CLASS)) == 1
    assert mistakes_in(Own("softmax"), SPARSE, CLASS) == []


def test_it_is_said_once_for_a_model_and_once_for_a_population() -> None:
    model = fw.Sequential([dense(3)])
    model.compile("sgd", SPARSE)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model.fit(X, CLASS, epochs=1, verbose=0)
        model.fit(X, CLASS, epochs=1, verbose=0)
        model.train_on_batch(X, CLASS)
    assert len(seen) == 1

    def build(setting: Any) -> Any:
        member = fw.Sequential([dense(3)])
        member.compile(fw.optimizers.SGD(setting["rate"]), SPARSE)
        return member

    population = fw.Population(build, [{"rate": 0.1}, {"rate": 0.2}], seeds=range(2))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        population.fit(X, CLASS, epochs=1, verbose=0)
    assert [w.category for w in seen] == [MistakeWarning]


@pytest.mark.parametrize(
    ("first", "epochs", "is_warned"), [(10, 5, True), (5, 5, False), (10, 0, False), (2, 3, False)]
)
def test_epochs_that_end_before_they_begin(first: int, epochs: int, is_warned: bool) -> None:
    model = fw.Sequential([dense(1)])
    model.compile("sgd", "mse")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model.fit(X, VALUE, epochs=epochs, initial_epoch=first, verbose=0)
    messages = [str(warning.message) for warning in seen if "nothing is trained" in str(warning.message)]
    assert len(messages) == is_warned
    assert all(text.endswith(f"use epochs={first + epochs}") for text in messages)
