"""Batches, inputs, weights and class weights in every form that Keras takes, each checked by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import fitwell as fw
from fitwell import layers
from fitwell.errors import DataError, InvalidArgument, ShapeError

# Small cases on purpose: a learning rate of 0, constant weights or targets.
pytestmark = pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning")

Z = np.zeros(4)


def dense(width: int = 5) -> Any:
    """A model whose output is the sum of a row, and which does not learn."""
    model = fw.Sequential(
        [layers.Input((width,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")]
    )
    model.compile(fw.optimizers.SGD(0.0), "mae", weighted_metrics=["mae"])
    return model


def of_any_length() -> Any:
    model = fw.Sequential(
        [layers.Input((None, 3)), layers.Conv1D(1, 1, kernel_initializer="ones"), layers.GlobalMaxPooling1D()]
    )
    model.compile(fw.optimizers.SGD(0.0), "mae")
    return model


def loss_of(model: Any, batches: Any, verb: str) -> float:
    if verb == "fit":
        return float(model.fit(iter(batches), verbose=0).history["loss"][0])
    found = model.evaluate(iter(batches), verbose=0, return_dict=True)
    return float(found["loss"])


both = pytest.mark.parametrize("verb", ["fit", "evaluate"])


@both
@pytest.mark.parametrize("columns", [1, 4, 6])
def test_a_batch_of_another_width_is_refused_with_its_number(verb: str, columns: int) -> None:
    batches = [(np.ones((4, 5)), Z), (np.ones((4, 5)), Z), (np.full((4, columns), 2.0), Z)]
    with pytest.raises(ShapeError, match=r"batch 3: .*expected shape \(batch, 5\), got \(4, " + str(columns)):
        loss_of(dense(), batches, verb)


@both
def test_a_batch_of_other_targets_is_refused_with_its_number(verb: str) -> None:
    with pytest.raises(ShapeError, match=r"batch 2: targets of shape \(4, 2\)"):
        loss_of(dense(), [(np.ones((4, 5)), Z), (np.ones((4, 5)), np.zeros((4, 2)))], verb)
    with pytest.raises(DataError, match=r"batch 2: the loss MeanAbsoluteError needs targets"):
        loss_of(dense(), [(np.ones((4, 5)), Z), np.ones((4, 5))], verb)
    with pytest.raises(DataError, match=r"batch 2: all arrays must have the same number of rows"):
        loss_of(dense(), [(np.ones((4, 5)), Z), (np.ones((3, 5)), Z)], verb)


@both
def test_lengths_may_change_from_batch_to_batch(verb: str) -> None:
    values = [1.0, 2.0, 4.0, 8.0, 1.0]
    rows = [np.full((4, length, 3), value) for length, value in zip((5, 9, 9, 1, 5), values, strict=True)]
    assert loss_of(of_any_length(), [(x, Z) for x in rows], verb) == pytest.approx(3 * np.mean(values))


@both
def test_sizes_and_lengths_may_change_at_once(verb: str) -> None:
    sizes, lengths = (2, 4, 3, 4, 5, 1), (5, 9, 5, 1, 2, 9)
    batches = [
        (np.full((rows, length, 3), float(rows)), np.zeros(rows))
        for rows, length in zip(sizes, lengths, strict=True)
    ]
    expected = 3 * np.average(sizes, weights=sizes)
    assert loss_of(of_any_length(), batches, verb) == pytest.approx(expected, rel=1e-6)


@both
def test_weights_may_begin_late_and_end_early(verb: str) -> None:
    x = np.ones((4, 5))
    batches = [(x, Z), (x, Z[:, None], np.arange(4.0)), (x, Z, None), (x, Z, np.full((4, 1), 3.0))]
    assert loss_of(dense(), batches, verb) == pytest.approx(5 * (1 + 1.5 + 1 + 3) / 4)


class Loader:
    """Like PyTorch's DataLoader: lists, and a length that may not be known."""

    def __init__(self, batches: list[Any]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Any]:
        return iter(self.batches)

    def __len__(self) -> int:
        raise TypeError("the data set has no length")


@both
def test_batches_may_be_lists(verb: str) -> None:
    x = np.ones((4, 5))
    source = Loader([[x, Z], [2 * x, Z, np.ones(4)], [x[:3], [0.0, 0.0, 0.0]]])
    model = dense()
    if verb == "fit":
        found = model.fit(source, epochs=2, verbose=0).history["loss"][1]
    else:
        found = model.evaluate(source, verbose=0)[0]
    assert found == pytest.approx((4 * 5 + 4 * 10 + 3 * 5) / 11)


def test_predict_takes_batches_of_x_of_x_and_y_and_lists_of_inputs() -> None:
    x = np.ones((4, 5))
    for item in ([x], (x,), [x, Z], (x, Z), (x, Z, Z), x, x.tolist()):
        np.testing.assert_array_equal(dense().predict(iter([item])), np.full((4, 1), 5.0))
    model = two_inputs()
    np.testing.assert_array_equal(model.predict(iter([[Z[:, None], Z]])), np.zeros((4, 1)))


def test_predict_says_what_cannot_be_joined() -> None:
    model = fw.Sequential([layers.Input((None, 3)), layers.Conv1D(2, 1)])
    with pytest.raises(
        DataError, match=r"batch 1 have shape \(1, 4, 2\), but the outputs of batch 2 have shape \(1, 7, 2\)"
    ):
        model.predict(iter([np.ones((1, 4, 3)), np.ones((1, 7, 3))]))
    with pytest.raises(DataError, match="does not contain any batches"):
        model.predict(iter([]))
    with pytest.raises(ShapeError, match="batch 2: .*expected shape"):
        dense().predict(iter([np.ones((4, 5)), np.ones((4, 3))]))


def two_inputs() -> Any:
    a, b = layers.Input((1,), name="a"), layers.Input((1,), name="b")
    model = fw.Model([a, b], layers.Dense(1, kernel_initializer="ones")(layers.Concatenate()([a, b])))
    model.compile(fw.optimizers.SGD(0.0), "mae")
    return model


@pytest.mark.parametrize(
    ("shape", "given"), [((1,), (6,)), ((4, 4, 1), (6, 4, 4)), ((5,), (6, 5, 1)), ((3, 1), (6, 3))]
)
def test_a_last_axis_of_one_is_given_or_taken(shape: tuple[int, ...], given: tuple[int, ...]) -> None:
    model = fw.Sequential([layers.Input(shape), layers.Flatten(), layers.Dense(1, kernel_initializer="ones")])
    model.compile(fw.optimizers.SGD(0.0), "mae")
    x, total = np.ones(given), float(np.prod(given[1:]))
    assert model.fit(x, np.zeros(6), validation_data=(x, np.zeros((6, 1))), verbose=0).history == {
        "loss": [total],
        "val_loss": [total],
    }
    assert model.evaluate(iter([(x, np.zeros(6))]), verbose=0) == total
    np.testing.assert_array_equal(model.predict(x), np.full((6, 1), total))
    with pytest.raises(ShapeError):
        model.predict(np.ones((*given, 2)))


def test_a_dict_or_frame_of_columns_is_a_dict_of_inputs() -> None:
    frame = pd.DataFrame({"b": np.full(8, 2.0), "a": np.ones(8)})
    for x in (frame, dict(frame), [frame["a"], frame["b"]]):
        assert two_inputs().evaluate(x, np.zeros(8), verbose=0) == 3.0


def test_a_population_takes_one_dimensional_inputs() -> None:
    def build(hp: Any) -> Any:
        return dense(1)

    population = fw.Population(build, members=[{}, {}], seeds=[0])
    population.fit(np.arange(6.0), np.zeros(6), epochs=1, folds=2, verbose=0)
    assert population.predict(np.arange(3.0)).ravel().tolist() == [0.0, 1.0, 2.0] * len(population)


# --- weights ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        lambda w: w[:, None],
        lambda w: w.reshape(-1, 1, 1),
        lambda w: pd.DataFrame({"w": w}),
        lambda w: pd.Series(w, index=range(10, 14)),
        list,
        lambda w: [w],
    ],
)
def test_forms_of_one_weight_a_row(form: Callable[[Any], Any]) -> None:
    weights = np.arange(4.0)
    found = dense().evaluate(np.ones((4, 5)), np.arange(4.0), sample_weight=form(weights), verbose=0)
    errors = 5 - np.arange(4.0)
    assert found == pytest.approx([np.mean(weights * errors), np.average(errors, weights=weights)])


@pytest.mark.parametrize("targets", [(7, 4), (7, 4, 1)])
@pytest.mark.parametrize("batch_size", [7, 3])
def test_weights_of_time_steps(targets: tuple[int, ...], batch_size: int) -> None:
    model = fw.Sequential([layers.Input((4, 3)), layers.Dense(1, kernel_initializer="ones")])
    model.compile(fw.optimizers.SGD(0.0), "mse", weighted_metrics=["mse", fw.metrics.RootMeanSquaredError()])
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(7, 4, 3)), generator.normal(size=(7, 4))
    weights = generator.uniform(size=(7, 4))
    square = np.square(x.sum(-1) - y)
    expected = [np.mean(weights * square), np.average(square, weights=weights)]
    expected.append(expected[1] ** 0.5)
    data = (x, y.reshape(targets), weights)
    assert model.evaluate(
        *data[:2], sample_weight=weights, batch_size=batch_size, verbose=0
    ) == pytest.approx(expected, rel=1e-5)
    history = model.fit(
        *data[:2], sample_weight=weights, batch_size=batch_size, verbose=0, validation_data=data
    )
    assert [values[0] for values in history.history.values()] == pytest.approx(expected * 2, rel=1e-5)


def test_weights_of_pixels_and_their_classes() -> None:
    model = fw.Sequential(
        [layers.Input((6, 6, 1)), layers.Conv2D(3, 1, activation="softmax", kernel_initializer="zeros")]
    )
    model.compile(fw.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    weights = np.random.default_rng(0).uniform(size=(4, 6, 6))
    found = model.evaluate(np.ones((4, 6, 6)), np.zeros((4, 6, 6), int), sample_weight=weights, verbose=0)
    assert found == pytest.approx(np.log(3) * weights.mean(), rel=1e-5)
    with pytest.raises(DataError, match=r"one per position with shape \(rows, 6, 6\), got shape \(4, 6, 5\)"):
        model.evaluate(
            np.ones((4, 6, 6)), np.zeros((4, 6, 6), int), sample_weight=weights[:, :, 1:], verbose=0
        )


# --- weights of classes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [float, np.float32, np.int64, bool, int])
def test_classes_may_be_written_as_any_numbers(kind: Any) -> None:
    y = np.array([0.0, 1.0, 1.0, 1.0])
    weights = {kind(0): 2.0, kind(1): 3}
    found = dense().fit(np.ones((4, 5)), y, class_weight=weights, verbose=0).history["loss"]
    assert found == pytest.approx([(2 * 5 + 3 * 4 * 3) / 4])


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({0.5: 1.0}, "got 0.5"),
        ({"a": 1.0}, "class_codes"),
        ("balanced", "a dict"),
        ([1.0, 2.0], "dict\\(enumerate"),
        ({0: float("nan")}, "finite"),
        ({0: -1.0}, ">= 0"),
        ({-1: 2.0}, "does not contain that class"),
    ],
)
def test_class_weights_that_cannot_be_meant(weights: Any, words: str) -> None:
    with pytest.raises(InvalidArgument, match=f"class_weight: .*{words}"):
        dense().fit(np.ones((4, 5)), Z, class_weight=weights, verbose=0)


def test_class_weights_of_one_hot_rows_and_of_rows_that_are_not() -> None:
    model = fw.Sequential(
        [layers.Input((2,)), layers.Dense(3, activation="softmax", kernel_initializer="zeros")]
    )
    model.compile(fw.optimizers.SGD(0.0), "categorical_crossentropy")
    y = np.eye(3)[[0, 1, 2, 2]]
    found = model.fit(np.ones((4, 2)), y, class_weight={0.0: 2.0, 2: 3.0}, verbose=0).history["loss"]
    assert found == pytest.approx([np.log(3) * (2 + 1 + 3 + 3) / 4], rel=1e-5)
    with pytest.raises(InvalidArgument, match="class 3, but the one-hot targets have 3 columns"):
        model.fit(np.ones((4, 2)), y, class_weight={3: 2.0}, verbose=0)
    with pytest.raises(InvalidArgument, match="one class per row"):
        model.fit(np.ones((4, 2)), y + y[::-1], class_weight={0: 2.0}, verbose=0)


def test_a_call_gives_or_takes_a_last_axis_of_one_as_predict_does() -> None:
    x = np.arange(6.0)
    for model in (dense(1), two_inputs()):
        given: Any = x if len(model.inputs) == 1 else [x, x]
        np.testing.assert_allclose(model(given), model.predict(given))
    np.testing.assert_allclose(dense()(np.ones((4, 5, 1))), np.full((4, 1), 5.0))
    model = fw.Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ShapeError, match="np.newaxis"):
        model.fit(x, x, verbose=0)


def test_a_tensor_that_cannot_be_read_says_why() -> None:
    class Tensor:
        shape = (4, 5)

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            raise RuntimeError("use tensor.detach().numpy() instead")

    with pytest.raises(DataError, match=r"x: cannot convert a Tensor to an array: use tensor.detach"):
        dense().evaluate(Tensor(), Z, verbose=0)
