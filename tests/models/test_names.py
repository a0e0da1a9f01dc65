"""The names of metrics in logs are those of Keras 3, in whatever form they were given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras.src.trainers.compile_utils import get_metric

import fitwell as fw
from fitwell.callbacks.metric_mode import infer_mode
from fitwell.errors import InvalidArgument, StateError
from fitwell.losses.base import loss_registry as losses
from fitwell.metrics.base import metric_registry as metrics

import keras  # isort: skip

X = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
Y = (X[:, :1] > 0).astype(np.float32)


def model_with(asked: Any, **settings: Any) -> Any:
    model = fw.Sequential([fw.layers.Dense(1, activation="sigmoid", input_shape=(3,))])
    model.compile("sgd", "binary_crossentropy", metrics=asked, **settings)
    return model


def RMSE(y_true: Any, y_pred: Any) -> Any:
    return (y_true - y_pred) ** 2


def coeffDetermination(y_true: Any, y_pred: Any) -> Any:
    return y_true - y_pred


# They have arguments without a default, which a name cannot give.
INCOMPLETE = {
    "MeanMetricWrapper": "fn",
    "LossMetric": "loss",
    "PrecisionAtRecall": "recall",
    "RecallAtPrecision": "precision",
    "SensitivityAtSpecificity": "specificity",
    "SpecificityAtSensitivity": "sensitivity",
}
# They take values, not targets and predictions.
OF_VALUES = ["Mean", "Sum"]
NAMES = sorted(
    {*metrics.names(), *losses.names(), "accuracy", "acc", "Accuracy", "ACC"} - {*INCOMPLETE, *OF_VALUES}
)


@pytest.mark.parametrize(("name", "argument"), INCOMPLETE.items())
def test_a_name_of_what_needs_arguments_is_refused_in_words(name: str, argument: str) -> None:
    with pytest.raises(
        InvalidArgument, match=rf"{name} has no default for {argument}.*{name}\({argument}=\.\.\.\)"
    ):
        model_with([name])


@pytest.mark.parametrize("name", OF_VALUES)
def test_a_name_of_what_takes_values_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="takes values and weights"):
        _ = model_with([name]).metrics_names


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_logged_as_it_is_written(name: str) -> None:
    assert model_with([name]).metrics_names == ["loss", name]


@pytest.mark.parametrize("name", ["AUC", "MSE", "BinaryAccuracy", "root_mean_squared_error", "accuracy"])
def test_it_is_so_in_keras(name: str) -> None:
    assert get_metric(name, Y, Y).name == name


@pytest.mark.parametrize("function", [RMSE, coeffDetermination, lambda t, p: t - p])
def test_a_function_is_called_as_in_keras(function: Any) -> None:
    assert model_with([function]).metrics_names == ["loss", get_metric(function, Y, Y).name]


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda lib: lib.metrics.AUC(), "auc"),
        (lambda lib: lib.metrics.AUC(name="AUC of mine"), "AUC of mine"),
        (lambda lib: lib.metrics.RootMeanSquaredError, "root_mean_squared_error"),
        (lambda lib: lib.losses.MeanSquaredError(), "mean_squared_error"),
        (lambda lib: lib.losses.mean_squared_error, "mean_squared_error"),
    ],
)
def test_objects_and_classes_are_called_as_in_keras(make: Any, name: str) -> None:
    keras.backend.clear_session()
    assert get_metric(make(keras), Y, Y).name == name
    assert model_with([make(fw)]).metrics_names == ["loss", name]


def test_names_before_a_fit_are_those_after_it() -> None:
    asked = ["AUC", "auc", "mse", fw.metrics.MeanSquaredError(name="mse"), "Precision"]
    model = model_with(asked, weighted_metrics=["mse", "MSE"])
    before = model.metrics_names
    assert before == ["loss", "AUC", "auc", "mse", "mse_1", "Precision", "weighted_mse", "MSE"]
    history = model.fit(X, Y, validation_data=(X, Y), verbose=0).history
    assert model.metrics_names == before
    assert set(history) == {*before, *(f"val_{name}" for name in before)}
    assert list(model.evaluate(X, Y, verbose=0, return_dict=True)) == before


def test_a_metric_called_like_the_loss_does_not_take_its_place() -> None:
    model = model_with([fw.metrics.MeanSquaredError(name="loss")])
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    p = model.predict(X)
    assert list(found) == ["loss", "loss_1"]
    assert found["loss"] == pytest.approx(float(-np.mean(np.log(np.where(Y == 1, p, 1 - p)))), rel=1e-5)
    assert found["loss_1"] == pytest.approx(float(np.mean((p - Y) ** 2)), rel=1e-5)


def test_names_of_several_outputs_before_and_after() -> None:
    entrance = fw.Input((3,))
    model = fw.Model(
        entrance, [fw.layers.Dense(1, name="a")(entrance), fw.layers.Dense(1, name="b")(entrance)]
    )
    model.compile("sgd", "mse", metrics={"a": ["MAE"], "b": ["mae", RMSE]})
    names = ["loss", "a_loss", "b_loss", "a_MAE", "b_mae", "b_rmse"]
    assert model.metrics_names == names
    assert list(model.evaluate(X, [Y, Y], verbose=0, return_dict=True)) == names
    assert model.metrics_names == names


def test_a_metric_of_several_results_is_known_by_them_before_the_fit() -> None:
    class Both(fw.metrics.Mean):  # type: ignore[misc]
        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            super().update_state(y_pred - y_true)

        def result(self) -> Any:
            return {"one": self.total, "two": self.count}

    model = model_with([Both(), "mse"])
    assert model.metrics_names == ["loss", "one", "two", "mse"]
    assert list(model.evaluate(X, Y, verbose=0, return_dict=True)) == model.metrics_names


def test_a_loaded_model_has_the_names_of_the_one_saved(tmp_path: Any) -> None:
    model = model_with(["AUC", "Precision", "mse"])
    for suffix in (".keras", ".h5"):
        model.save(tmp_path / f"m{suffix}")
        assert fw.models.load_model(tmp_path / f"m{suffix}").metrics_names == [
            "loss",
            "AUC",
            "Precision",
            "mse",
        ]


def test_a_subclass_tells_its_names_when_its_outputs_are_known() -> None:
    class Own(fw.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.out = fw.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.out(inputs)

    model = Own()
    model.compile("sgd", "mse", metrics=["MAE"])
    with pytest.raises(StateError, match="known only after the first fit or evaluate"):
        _ = model.metrics_names
    model.evaluate(X, Y, verbose=0)
    assert model.metrics_names == ["loss", "MAE"]


@pytest.mark.parametrize(
    ("name", "mode"),
    [("val_TruePositives", "max"), ("val_FalseNegatives", "min"), ("TopKCategoricalAccuracy", "max"),
     ("val_LogCoshError", "min"), ("val_leaf_1_score", None), ("val_AUC", "max"), ("val_KLDivergence", "min")],
)  # fmt: skip
def test_names_of_classes_tell_what_is_better(name: str, mode: str | None) -> None:
    assert infer_mode(name) == mode


# --- the order of values in lists --------------------------------------------------------------------------


def two_outputs(lib: Any, *, named: bool = False) -> Any:
    x = lib.Input((3,))
    z, a = lib.layers.Dense(1, name="z")(x), lib.layers.Dense(1, name="a")(x)
    model = lib.Model(x, {"z": z, "a": a} if named else [z, a])
    model.set_weights([np.full(w.shape, 0.1 * i, np.float32) for i, w in enumerate(model.get_weights(), 1)])
    model.compile("sgd", "mse", metrics={"z": ["mae"], "a": ["cosine_similarity"]})
    return model


@pytest.mark.parametrize("named", [False, True])
def test_values_of_several_outputs_are_keras_values_by_name(named: bool) -> None:
    """Lists of them follow `metrics_names`, in which Keras's metrics of outputs are not."""
    targets: Any = {"z": Y, "a": 1.0 - Y} if named else [Y, 1.0 - Y]
    ours, theirs = two_outputs(fw, named=named), two_outputs(keras, named=named)
    expected = theirs.evaluate(X, targets, verbose=0, return_dict=True)
    found = ours.evaluate(X, targets, verbose=0)
    outputs = ["a", "z"] if named else ["z", "a"]
    metric_of = {"z": "z_mae", "a": "a_cosine_similarity"}
    order = ["loss", *(f"{name}_loss" for name in outputs), *(metric_of[name] for name in outputs)]
    assert ours.metrics_names == order
    np.testing.assert_allclose(found, [expected[name] for name in order], rtol=1e-5)
    np.testing.assert_allclose(ours.test_on_batch(X, targets), found, rtol=1e-6)
    in_keras = ["loss", *(f"{name}_loss" for name in outputs), "a_cosine_similarity", "z_mae"]
    listed = theirs.evaluate(X, targets, verbose=0)
    np.testing.assert_allclose(listed, [expected[name] for name in in_keras], rtol=1e-5)
    history = ours.fit(X, targets, epochs=1, verbose=0, shuffle=False).history
    assert list(history) == order
    assert list(theirs.fit(X, targets, epochs=1, verbose=0, shuffle=False).history) == sorted(order)


def test_values_of_one_output_stand_as_in_keras() -> None:
    found = {}
    for lib in (fw, keras):
        model = lib.Sequential([lib.Input((3,)), lib.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=["mape", "mae", lib.metrics.RootMeanSquaredError()])
        model.set_weights([np.ones((3, 1), np.float32), np.zeros(1, np.float32)])
        found[lib] = [[float(v) for v in of(X, Y)] for of in (model.test_on_batch, model.train_on_batch)]
    np.testing.assert_allclose(found[fw], found[keras], rtol=1e-4)
