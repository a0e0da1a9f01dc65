"""Bad input is refused in words that say what was expected, what came, where, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import layers
from fitwell.errors import DataError, FitwellError, InvalidArgument, ShapeError, StateError, UnknownName

X = np.random.default_rng(1).normal(size=(12, 4)).astype(np.float32)
LABELS = np.arange(12) % 3
VALUES = X[:, :1] * 2


def classifier(
    loss: str = "sparse_categorical_crossentropy", units: int = 3, activation: str = "softmax"
) -> Any:
    model = fitwell.Sequential(
        [
            layers.Dense(5, "relu", input_shape=(4,), name="hidden"),
            layers.Dense(units, activation, name="out"),
        ]
    )
    model.compile(loss=loss, optimizer="sgd")
    return model


def regressor() -> Any:
    model = fitwell.Sequential([layers.Dense(1, input_shape=(4,), name="only")])
    model.compile(loss="mse", optimizer="sgd")
    return model


def with_value(value: float, row: int = 7, column: int = 2) -> np.ndarray:
    x = X.copy()
    x[row, column] = value
    return x


class WithAStep(fitwell.Model):
    def train_step(self, state: Any, data: Any) -> Any:
        raise AssertionError


def ending_early() -> Any:
    for _ in range(3):
        yield X[:4], VALUES[:4]


Case = tuple[Callable[[], Any], type[FitwellError], list[str]]
CASES: dict[str, Case] = {
    "wrong width": (
        lambda: regressor().fit(X[:, :3], VALUES, verbose=0),
        ShapeError,
        ["'only'", "(batch, 4)", "(12, 3)"],
    ),
    "wrong rank": (
        lambda: regressor().fit(X.reshape(12, 2, 2), VALUES, verbose=0),
        ShapeError,
        ["'only'", "(batch, 4)", "(12, 2, 2)"],
    ),
    "one row without its batch axis": (
        lambda: regressor().predict(X[0]),
        ShapeError,
        ["(batch, 4)", "(4,)", "x[np.newaxis]"],
    ),
    "wrong width in predict": (
        lambda: regressor().predict(X[:, :2]),
        ShapeError,
        ["'only'", "(batch, 4)", "(12, 2)"],
    ),
    "wrong width in evaluate": (
        lambda: regressor().evaluate(X[:, :2], VALUES, verbose=0),
        ShapeError,
        ["'only'", "(batch, 4)", "(12, 2)"],
    ),
    "wrong width of an eager call": (
        lambda: regressor()(X[:, :2]),
        ShapeError,
        ["'only'", "(batch, ..., 4)", "(12, 2)"],
    ),
    "wrong width of a validation": (
        lambda: regressor().fit(X, VALUES, validation_data=(X[:, :2], VALUES), verbose=0),
        ShapeError,
        ["'only'", "(batch, 4)", "(12, 2)"],
    ),
    "label too large": (
        lambda: classifier().fit(X, LABELS + 1, verbose=0),
        DataError,
        ["between 0 and 2", "3 output units", "got 3", "start at 0"],
    ),
    "label negative": (
        lambda: classifier().fit(X, LABELS - 1, verbose=0),
        DataError,
        ["between 0 and 2", "got -1"],
    ),
    "label in validation": (
        lambda: classifier().fit(X, LABELS, validation_data=(X, LABELS * 2), verbose=0),
        DataError,
        ["between 0 and 2", "got 4"],
    ),
    "label no whole number": (
        lambda: classifier().fit(X, LABELS + 0.5, verbose=0),
        DataError,
        ["integer class indices", "0.5"],
    ),
    "one-hot for sparse": (
        lambda: classifier().fit(X, np.eye(3)[LABELS], verbose=0),
        ShapeError,
        ["(12, 3)", "categorical_crossentropy"],
    ),
    "class numbers for one-hot": (
        lambda: classifier("categorical_crossentropy").fit(X, LABELS, verbose=0),
        DataError,
        ["(rows, 3)", "(12,)", "sparse_categorical_crossentropy", "to_categorical"],
    ),
    "class numbers for binary with many outputs": (
        lambda: classifier("binary_crossentropy", 3, "sigmoid").fit(X, LABELS, verbose=0),
        ShapeError,
        ["(12,)", "(rows, 3)", "sparse_categorical_crossentropy"],
    ),
    "sparse with one output": (
        lambda: classifier(units=1).fit(X, LABELS, verbose=0),
        InvalidArgument,
        ["width 1", "softmax", "binary_crossentropy"],
    ),
    "categorical with one output": (
        lambda: classifier("categorical_crossentropy", 1).fit(X, LABELS, verbose=0),
        InvalidArgument,
        ["width 1", "binary_crossentropy"],
    ),
    "binary targets of -1 and 1": (
        lambda: classifier("binary_crossentropy", 1, "sigmoid").fit(X, np.sign(X[:, 0]), verbose=0),
        DataError,
        ["from 0 to 1", "-1 to 1"],
    ),
    "too many targets for a regression": (
        lambda: regressor().fit(X, X[:, :2], verbose=0),
        ShapeError,
        ["(12, 2)", "(rows, 1)"],
    ),
    "x and y of different lengths": (
        lambda: regressor().fit(X, VALUES[:-2], verbose=0),
        DataError,
        ["x: 12 rows", "y: 10 rows"],
    ),
    "weights of another length": (
        lambda: regressor().fit(X, VALUES, sample_weight=np.ones(11), verbose=0),
        DataError,
        ["sample_weight: 11 rows", "x: 12 rows"],
    ),
    "weights of a wrong shape": (
        lambda: regressor().fit(X, VALUES, sample_weight=np.ones((12, 2)), verbose=0),
        DataError,
        ["sample_weight", "(rows,)", "(12, 2)"],
    ),
    "NaN in x": (
        lambda: regressor().fit(with_value(np.nan), VALUES, verbose=0),
        DataError,
        ["x: found 1 NaN", "row 7, column 2"],
    ),
    "infinity in x": (
        lambda: regressor().fit(with_value(np.inf), VALUES, verbose=0),
        DataError,
        ["x: found 1 infinite value", "row 7, column 2"],
    ),
    "NaN in y": (
        lambda: regressor().fit(X, with_value(np.nan)[:, 2:3], verbose=0),
        DataError,
        ["y: found 1 NaN", "row 7"],
    ),
    "NaN in a weight": (
        lambda: regressor().fit(X, VALUES, sample_weight=with_value(np.nan)[:, 2], verbose=0),
        DataError,
        ["sample_weight: found 1 NaN"],
    ),
    "strings in x": (
        lambda: regressor().fit(np.array([["a", "b", "c", "d"]] * 12), VALUES, verbose=0),
        DataError,
        ["x:", "'a'", "class_codes"],
    ),
    "strings in y": (
        lambda: classifier().fit(X, np.array(["cat", "dog", "cow"] * 4), verbose=0),
        DataError,
        ["y:", "'cat'", "class_codes"],
    ),
    "an empty set": (
        lambda: regressor().fit(X[:0], VALUES[:0], verbose=0),
        DataError,
        ["x:", "no rows"],
    ),
    "an empty set to predict": (lambda: regressor().predict(X[:0]), DataError, ["x:", "no rows"]),
    "ragged lists": (
        lambda: regressor().fit([[1.0, 2, 3, 4], [1.0, 2]], [1.0, 2], verbose=0),
        DataError,
        ["x:", "must have the same shape"],
    ),
    "no x": (lambda: regressor().fit(None, VALUES, verbose=0), InvalidArgument, ["x is missing"]),
    "no y": (lambda: regressor().fit(X, verbose=0), DataError, ["MeanSquaredError needs targets", "pass y"]),
    "batch size 0": (
        lambda: regressor().fit(X, VALUES, batch_size=0, verbose=0),
        InvalidArgument,
        ["batch_size", "at least 1", "0"],
    ),
    "batch size no whole number": (
        lambda: regressor().fit(X, VALUES, batch_size=2.5, verbose=0),
        InvalidArgument,
        ["batch_size", "2.5"],
    ),
    "batch size 0 to predict": (
        lambda: regressor().predict(X, batch_size=0),
        InvalidArgument,
        ["batch_size", "at least 1"],
    ),
    "batch size 0 to evaluate": (
        lambda: regressor().evaluate(X, VALUES, batch_size=0, verbose=0),
        InvalidArgument,
        ["batch_size", "at least 1"],
    ),
    "negative epochs": (
        lambda: regressor().fit(X, VALUES, epochs=-1, verbose=0),
        InvalidArgument,
        ["epochs", "-1"],
    ),
    "validation split of 1": (
        lambda: regressor().fit(X, VALUES, validation_split=1.0, verbose=0),
        InvalidArgument,
        ["validation_split", "at least 0 and below 1"],
    ),
    "validation split that leaves nothing": (
        lambda: regressor().fit(X, VALUES, validation_split=0.99, verbose=0),
        InvalidArgument,
        ["validation_split=0.99", "12 rows"],
    ),
    "validation data of one array": (
        lambda: regressor().fit(X, VALUES, validation_data=X, verbose=0),
        InvalidArgument,
        ["validation_data must be (x, y)"],
    ),
    "verbose 7": (
        lambda: regressor().fit(X, VALUES, verbose=7),
        InvalidArgument,
        ["verbose must be 0"],
    ),
    "a generator that ends early": (
        lambda: regressor().fit(ending_early(), steps_per_epoch=2, epochs=2, verbose=0),
        DataError,
        ["ended after 1 of 2 batches in epoch 2", "loop forever"],
    ),
    "a generator used up after one epoch": (
        lambda: regressor().fit(ending_early(), epochs=2, verbose=0),
        DataError,
        ["yielded no batches in epoch 2", "steps_per_epoch"],
    ),
    "a generator of nothing": (
        lambda: regressor().fit(iter(()), verbose=0),
        DataError,
        ["did not yield any batches"],
    ),
    "a generator of wrong tuples": (
        lambda: regressor().fit(iter([(X, VALUES, VALUES[:, 0], 1)]), verbose=0),
        DataError,
        ["(x, y, sample_weight)", "got a tuple or list of 4 items"],
    ),
    "a generator and y": (
        lambda: regressor().fit(ending_early(), VALUES, verbose=0),
        InvalidArgument,
        ["yield (x, y, sample_weight)"],
    ),
    "a generator and a batch size": (
        lambda: regressor().fit(ending_early(), batch_size=4, verbose=0),
        InvalidArgument,
        ["batch_size", "generator"],
    ),
    "not compiled": (
        lambda: fitwell.Sequential([layers.Dense(1, input_shape=(4,))]).fit(X, VALUES, verbose=0),
        StateError,
        ["must be compiled first", "model.compile("],
    ),
    "no loss": (
        lambda: _compiled(optimizer="sgd").fit(X, VALUES, verbose=0),
        InvalidArgument,
        ["compile: at least one output must have a loss"],
    ),
    "unknown loss": (
        lambda: _compiled(loss="mean_square_error"),
        FitwellError,
        ["unknown loss 'mean_square_error'", "Did you mean 'mean_squared_error'?"],
    ),
    "unknown metric": (
        lambda: _compiled(loss="mse", metrics=["acuracy"]),
        FitwellError,
        ["unknown metric 'acuracy'", "Did you mean 'accuracy'?"],
    ),
    "unknown loss and metric at once": (
        lambda: _compiled(loss="msee", metrics=["acuracy"]),
        FitwellError,
        ["2 problems", "'msee'", "'acuracy'"],
    ),
    "unknown optimizer": (
        lambda: _compiled(loss="mse", optimizer="adm"),
        UnknownName,
        ["unknown optimizer 'adm'", "Did you mean 'adam'?"],
    ),
    "unknown activation": (
        lambda: layers.Dense(3, activation="reul"),
        UnknownName,
        ["unknown activation 'reul'", "Did you mean 'relu'?"],
    ),
    "unknown initializer": (
        lambda: layers.Dense(3, kernel_initializer="he_norml"),
        UnknownName,
        ["unknown initializer 'he_norml'", "Did you mean 'he_normal'?"],
    ),
    "unknown layer argument": (
        lambda: layers.Dense(3, kernel_regulariser="l2"),
        InvalidArgument,
        ["Dense has no argument 'kernel_regulariser'", "Did you mean 'kernel_regularizer'?"],
    ),
    "unknown monitor": (
        lambda: regressor().fit(
            X, VALUES, validation_data=(X, VALUES), callbacks=[_stopping("val_los")], verbose=0
        ),
        InvalidArgument,
        ["EarlyStopping", "monitor='val_los'", "Did you mean 'val_loss'?"],
    ),
    "monitor without a validation": (
        lambda: regressor().fit(X, VALUES, callbacks=[_stopping("val_loss")], verbose=0),
        InvalidArgument,
        ["monitor='val_loss'", "pass validation_data or validation_split"],
    ),
    "a class as a callback": (
        lambda: regressor().fit(X, VALUES, callbacks=[fitwell.callbacks.EarlyStopping], verbose=0),
        InvalidArgument,
        ["callbacks", "add parentheses"],
    ),
    "a class as a layer": (
        lambda: fitwell.Sequential([layers.Flatten]),
        InvalidArgument,
        ["Sequential: layers must be a list", "add parentheses"],
    ),
    "no units": (lambda: layers.Dense(0), InvalidArgument, ["units", "an integer of at least 1", "0"]),
    "units no number": (lambda: layers.Dense("ten"), InvalidArgument, ["units", "'ten'"]),
    "dropout in percent": (lambda: layers.Dropout(50), InvalidArgument, ["0 to 1", "50"]),
    "loss weights for one output": (
        lambda: _compiled(loss="mse", loss_weights=[1.0, 2.0]).fit(X, VALUES, verbose=0),
        InvalidArgument,
        ["loss_weights must have one entry for each of the outputs"],
    ),
    "an unknown output": (
        lambda: _compiled(loss={"onyl": "mse"}).fit(X, VALUES, verbose=0),
        InvalidArgument,
        ["unknown output 'onyl'", "Did you mean 'only'?"],
    ),
    "a missing input": (
        lambda: _two_inputs().fit([X], VALUES, verbose=0),
        DataError,
        ["2 inputs (wide, deep)", "1 array"],
    ),
    "a misspelt input": (
        lambda: _two_inputs().fit({"wide": X, "dep": X}, VALUES, verbose=0),
        DataError,
        ["x has no entry 'deep'", "'wide', 'deep'"],
    ),
    "a wrong width of the second input": (
        lambda: _two_inputs().fit([X, X[:, :2]], VALUES, verbose=0),
        ShapeError,
        ["input 'deep'", "(batch, 4)", "(12, 2)"],
    ),
    "set_weights too few": (
        lambda: regressor().set_weights([np.zeros((4, 1))]),
        ShapeError,
        ["2 weights", "got 1"],
    ),
    "set_weights of a wrong shape": (
        lambda: regressor().set_weights([np.zeros((3, 1)), np.zeros(1)]),
        ShapeError,
        ["only/kernel", "(4, 1)", "(3, 1)"],
    ),
    "an unknown layer name": (
        lambda: classifier().get_layer("hiden"),
        UnknownName,
        ["'hiden'", "Did you mean 'hidden'?"],
    ),
    "two layers of one name": (
        lambda: fitwell.Sequential([layers.Dense(1, name="a"), layers.Dense(1, name="a")]),
        InvalidArgument,
        ["two layers have the name 'a'"],
    ),
    "summary before the shape is known": (
        lambda: fitwell.Sequential([layers.Dense(1)]).summary(),
        StateError,
        ["not built yet", "input shape"],
    ),
    "run_eagerly": (lambda: _compiled(loss="mse", run_eagerly=True), InvalidArgument, ["run_eagerly=True"]),
    "an input that is not drawn": (
        lambda: fitwell.Model(inputs=X, outputs=VALUES),
        InvalidArgument,
        ["inputs must be results of Input"],
    ),
    "an output that depends on another input": (
        lambda: _loose_graph(),
        InvalidArgument,
        ["the outputs depend on input 'second'"],
    ),
    "a bool of a symbol": (
        lambda: bool(fitwell.Input((3,))),
        InvalidArgument,
        ["has no value while the model is being built"],
    ),
    "weights before building": (
        lambda: fitwell.Sequential([layers.Dense(1)]).layers[0].get_weights(),
        StateError,
        ["no weights yet"],
    ),
    "class weight of a class that is not a number": (
        lambda: classifier().fit(X, LABELS, class_weight={"cat": 1.0}, verbose=0),
        InvalidArgument,
        ["class_weight", "'cat'"],
    ),
    "class weight of a class that cannot be": (
        lambda: classifier().fit(X, LABELS, class_weight={-1: 5.0}, verbose=0),
        InvalidArgument,
        ["class_weight", "-1"],
    ),
    "class weights of several labels per row": (
        lambda: classifier().fit(X, np.zeros((12, 5, 1)), class_weight={0: 2.0}, verbose=0),
        InvalidArgument,
        ["one class per row", "(12, 5, 1)"],
    ),
    "a training step of Keras": (
        lambda: WithAStep().compile(loss="mse"),
        InvalidArgument,
        ["WithAStep", "train_step", "never calls", "add_loss"],
    ),
    "steps per epoch of 0": (
        lambda: regressor().fit(X, VALUES, steps_per_epoch=0, verbose=0),
        InvalidArgument,
        ["steps", "at least 1"],
    ),
}


def _compiled(**arguments: Any) -> Any:
    model = fitwell.Sequential([layers.Dense(1, input_shape=(4,), name="only")])
    model.compile(**arguments)
    return model


def _stopping(monitor: str) -> Any:
    return fitwell.callbacks.EarlyStopping(monitor)


def _two_inputs() -> Any:
    wide, deep = fitwell.Input((4,), name="wide"), fitwell.Input((4,), name="deep")
    model = fitwell.Model(
        inputs=[wide, deep], outputs=layers.Dense(1)(layers.concatenate([wide, layers.Dense(3)(deep)]))
    )
    model.compile(loss="mse", optimizer="sgd")
    return model


def _loose_graph() -> Any:
    first, second = fitwell.Input((4,), name="first"), fitwell.Input((4,), name="second")
    return fitwell.Model(inputs=first, outputs=layers.Dense(1)(layers.concatenate([first, second])))


@pytest.mark.filterwarnings("ignore:cannot infer from the name")
@pytest.mark.parametrize("name", CASES)
def test_words(name: str) -> None:
    action, error, words = CASES[name]
    with pytest.raises(error) as caught:
        action()
    message = str(caught.value)
    for word in words:
        assert word in message, f"{word!r} is not in: {message}"


def test_a_refused_fit_leaves_the_weights_alone() -> None:
    model = classifier()
    before = model.get_weights()
    for x, y in ((X, LABELS + 1), (X[:, :2], LABELS), (with_value(np.nan), LABELS)):
        with pytest.raises(FitwellError):
            model.fit(x, y, verbose=0)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("loss", ["mse", "mae", "binary_crossentropy"])
@pytest.mark.parametrize("extra", [{}, {"sample_weight": np.arange(12) / 6.0}])
def test_targets_with_and_without_a_last_axis_are_the_same(loss: str, extra: dict[str, Any]) -> None:
    """``[n]`` against ``[n, 1]``: broadcasting would compare every target with every prediction."""
    y = (X[:, 0] > 0).astype(np.float32)
    results = []
    for targets in (y, y[:, None], y.tolist()):
        fitwell.utils.set_random_seed(0)
        model = fitwell.Sequential([layers.Dense(1, "sigmoid", input_shape=(4,))])
        model.compile(loss=loss, optimizer="sgd", metrics=["mae", "accuracy"])
        history = model.fit(X, targets, epochs=2, batch_size=5, verbose=0, **extra).history
        results.append((model.get_weights()[0].tolist(), history, model.evaluate(X, targets, verbose=0)))
    assert results[0] == results[1] == results[2]
    predictions = 1 / (1 + np.exp(-(X @ np.array(results[0][0])[:, 0] + model.get_weights()[1])))
    assert results[0][2][1] == pytest.approx(np.abs(predictions - y).mean(), rel=1e-4)


def test_class_numbers_with_a_last_axis_are_the_same() -> None:
    results = []
    for targets in (LABELS, LABELS[:, None], LABELS.astype(np.float32), LABELS.astype(np.uint8)):
        fitwell.utils.set_random_seed(0)
        model = classifier()
        results.append(model.fit(X, targets, epochs=2, batch_size=5, verbose=0).history)
    assert all(result == results[0] for result in results)
