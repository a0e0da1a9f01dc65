"""Metrics that users write, and metrics by name, function, loss and configuration."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import fitwell
from fitwell import losses, metrics
from fitwell._registry import custom_objects
from fitwell.errors import InvalidArgument, ShapeError, UnknownName
from tests.metrics.cases import CASES, OWN, guesses, labels, names_of, real, shares

# Small cases on purpose: a learning rate of 0, constant weights or targets.
pytestmark = pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning")


def create_huber(threshold: float = 1.0) -> Any:
    def huber_fn(y_true: Any, y_pred: Any) -> Any:
        error = y_true - y_pred
        small = jnp.abs(error) < threshold
        return jnp.where(small, error**2 / 2, threshold * jnp.abs(error) - threshold**2 / 2)

    return huber_fn


class HuberMetric(metrics.Metric):
    """As in the books, with Keras 2's way to name weights."""

    def __init__(self, threshold: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = threshold
        self.huber_fn = create_huber(threshold)
        self.total = self.add_weight("total", initializer="zeros")
        self.count = self.add_weight("count", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        metric = self.huber_fn(y_true, y_pred)
        self.total.assign_add(jnp.sum(metric))
        self.count.assign_add(jnp.asarray(y_true.size, jnp.float32))

    def result(self) -> Any:
        return self.total / self.count

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "threshold": self.threshold}


def test_a_users_metric() -> None:
    metric = HuberMetric(2.0)
    assert metric.name == "huber_metric"
    assert [variable.path for variable in metric.variables] == ["huber_metric/total", "huber_metric/count"]
    # The book's numbers.
    assert float(metric(np.array([[2.0]]), np.array([[10.0]]))) == 14.0
    assert float(metric(np.array([[0.0], [5.0]]), np.array([[1.0], [9.25]]))) == pytest.approx(7.0)
    metric.reset_state()
    assert float(metric.total.numpy()) == 0
    again = HuberMetric.from_config(metric.get_config())
    assert again.threshold == 2.0
    assert metric.get_config() == {"name": "huber_metric", "dtype": "float32", "threshold": 2.0}


def test_a_users_subclass_of_mean() -> None:
    class Error(metrics.Mean):
        def __init__(self, threshold: float = 1.0, name: str = "HuberMetric", dtype: Any = None) -> None:
            self.threshold = threshold
            self.huber_fn = create_huber(threshold)
            super().__init__(name=name, dtype=dtype)

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            super().update_state(self.huber_fn(y_true, y_pred), sample_weight)

    metric = Error(1.0)
    metric.update_state(real, guesses, sample_weight=np.arange(len(real)))
    expected = np.average(np.asarray(metric.huber_fn(real, guesses)).mean(-1), weights=np.arange(len(real)))
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


def test_ways_to_add_weights() -> None:
    metric = metrics.Metric()
    made = [
        metric.add_weight("a"),
        metric.add_weight("b", (2,)),
        metric.add_weight(name="c", shape=(2, 3), initializer="ones"),
        metric.add_weight((4,), "zeros", "int32", "d"),
        metric.add_variable(shape=(), initializer="zeros", name="e", aggregation="sum"),
        metric.add_weight(),
        metric.add_weight(name="g", shape=3, dtype="float32"),
    ]
    assert [v.name for v in made] == ["a", "b", "c", "d", "e", "variable_5", "g"]
    assert [v.shape for v in made] == [(), (2,), (2, 3), (4,), (), (), (3,)]
    assert [str(v.dtype) for v in made][2:4] == ["float32", "int32"]
    assert made[2].numpy().sum() == 6
    assert all(one is other for one, other in zip(metric.variables, made, strict=True))
    assert not any(v.trainable for v in made)
    with pytest.raises(InvalidArgument, match="add_weight has no argument 'regularizer'"):
        metric.add_weight("h", regularizer="l2")


def test_metrics_inside_a_metric() -> None:
    class Both(metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="both")
            self.parts = [metrics.MeanSquaredError(), metrics.MeanAbsoluteError()]
            self.own = self.add_weight("own")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            for part in self.parts:
                part.update_state(y_true, y_pred, sample_weight)

        def result(self) -> Any:
            return self.parts[0].result() - self.parts[1].result() ** 2

    metric = Both()
    assert len(metric.variables) == 9
    error = real - guesses
    expected = (error**2).mean() - np.abs(error).mean() ** 2
    assert float(metric(real, guesses)) == pytest.approx(expected, rel=1e-5)
    metric.reset_state()
    assert float(metric.parts[0].count) == 0


def test_a_users_function() -> None:
    def by_row(y_true: Any, y_pred: Any) -> Any:
        return jnp.abs(y_true - y_pred)

    def at_once(y_true: Any, y_pred: Any) -> Any:
        return jnp.mean(jnp.abs(y_true - y_pred))

    y, p = np.array([0, 1, 5]), np.array([[0.5], [3.0], [5.0]], np.float32)
    for function in (by_row, at_once):
        metric = metrics.get(function)
        assert metric.name == function.__name__
        metric.update_state(y, p)
        metric.update_state(y[:1], p[:1])
        assert float(metric.result()) == pytest.approx(3.0 / 4)
    metric = metrics.get(by_row)
    assert float(metric(y, p, sample_weight=[1, 0, 1])) == pytest.approx(0.25)
    scaled = metrics.MeanMetricWrapper(lambda y, p, scale: scale * jnp.abs(y - p), scale=2.0)
    assert scaled.name == "lambda"
    assert float(scaled(y, p)) == pytest.approx(5 / 3)
    with custom_objects({"by_row": by_row}):
        assert metrics.deserialize(metrics.serialize(metrics.get(by_row))).fn is by_row


# --- accuracy -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("true", "pred", "loss", "kind"),
    [
        ((None, 1), (None, 1), None, metrics.BinaryAccuracy),
        ((None,), (None, 1), "binary_crossentropy", metrics.BinaryAccuracy),
        ((None,), (None,), "mse", metrics.BinaryAccuracy),
        ((None,), (None, 10), "sparse_categorical_crossentropy", metrics.SparseCategoricalAccuracy),
        ((None, 1), (None, 10), None, metrics.SparseCategoricalAccuracy),
        ((None, 7), (None, 7, 10), None, metrics.SparseCategoricalAccuracy),
        ((None, 10), (None, 10), "categorical_crossentropy", metrics.CategoricalAccuracy),
        ((None, 10), (None, 10), "mse", metrics.CategoricalAccuracy),
        ((None,), (None, 1), "hinge", metrics.SignAccuracy),
        ((None,), (None, 1), losses.SquaredHinge(), metrics.SignAccuracy),
        ((None,), (None, 1), "perceptron", metrics.SignAccuracy),
        ((None,), (None, 1), losses.BinaryCrossentropy(from_logits=True), metrics.SignAccuracy),
        ((None,), (None, 10), losses.SparseCategoricalCrossentropy(True), metrics.SparseCategoricalAccuracy),
    ],
)
def test_accuracy_is_chosen(true: Any, pred: Any, loss: Any, kind: type) -> None:
    chosen = metrics.accuracy_for(true, pred, loss)
    assert type(chosen) is kind
    assert chosen.name == "accuracy"
    by_name = metrics.get("acc", loss, true, pred)
    assert type(by_name) is kind
    assert by_name.name == "acc"


def test_accuracies_by_hand() -> None:
    np.testing.assert_array_equal(
        metrics.sparse_categorical_accuracy([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]), [0, 1]
    )
    np.testing.assert_array_equal(metrics.categorical_accuracy([[0, 0, 1]], [[0.1, 0.9, 0.8]]), [0])
    np.testing.assert_array_equal(
        metrics.binary_accuracy([[1], [1], [0]], [[0.98], [1], [0.6]])[:, 0], [1, 1, 0]
    )
    np.testing.assert_array_equal(metrics.binary_accuracy([1, 0], [0.5, 0.5]), [0, 1])
    np.testing.assert_array_equal(metrics.sign_accuracy([-1, 1, 0, 1], [-0.2, 0.1, -3, -1]), [1, 1, 1, 0])
    # Ties go to the first class, and an undefined prediction is never right.
    np.testing.assert_array_equal(metrics.sparse_categorical_accuracy([0, 1], np.zeros((2, 3))), [1, 0])
    np.testing.assert_array_equal(metrics.sparse_categorical_accuracy([0], np.full((1, 3), np.nan)), [0])
    ids = metrics.sparse_top_k_categorical_accuracy(
        [2, 1], [[1, 0, 3, 2], [1, 0, 2, 3]], k=2, from_sorted_ids=True
    )
    np.testing.assert_array_equal(ids, [0, 1])


@pytest.mark.parametrize("rank", [1, 2])
def test_class_numbers_as_a_column(rank: int) -> None:
    expected = (shares.argmax(1) == labels).astype(np.float32)
    given = labels if rank == 1 else labels[:, None]
    np.testing.assert_array_equal(metrics.sparse_categorical_accuracy(given, shares), expected)


def test_vector_and_column_are_never_broadcast() -> None:
    y, p = np.array([0.0, 1, 1, 0]), np.array([[0.2], [0.9], [0.4], [0.3]])
    for name in (
        "BinaryAccuracy",
        "MeanSquaredError",
        "RootMeanSquaredError",
        "Precision",
        "AUC",
        "F1Score",
        "R2Score",
    ):
        one, two = getattr(metrics, name)(), getattr(metrics, name)()
        np.testing.assert_allclose(one(y, p), two(y[:, None], p), rtol=1e-6)
    with pytest.raises(ShapeError, match=r"targets of shape \(3,\) do not match"):
        metrics.BinaryAccuracy()(np.ones(3), np.ones((3, 2)))
    with pytest.raises(ShapeError, match="precision: labels of shape .*one-hot"):
        metrics.Precision()(labels, shares)
    with pytest.raises(ShapeError, match=r"sample weights of shape \(3,\)"):
        metrics.MeanSquaredError()(y, p, sample_weight=np.ones(3))
    with pytest.raises(ShapeError, match=r"sample weights of shape \(3,\)"):
        metrics.Precision()(y, p, sample_weight=np.ones(3))


# --- names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "arguments", "_"), CASES + OWN, ids=names_of(CASES + OWN))
def test_round_trip(name: str, arguments: dict[str, Any], _: str) -> None:
    made = getattr(metrics, name)(**arguments, name="mine")
    again = metrics.deserialize(metrics.serialize(made))
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()


@pytest.mark.parametrize("name", sorted({case[0] for case in CASES}))
def test_names_and_configurations_of_keras(name: str) -> None:
    arguments = next(case[1] for case in CASES if case[0] == name)
    theirs = getattr(keras.metrics, name)(**arguments)
    ours = getattr(metrics, name)(**arguments)
    assert ours.name == theirs.name.rstrip("_0123456789") or ours.name == theirs.name
    read = metrics.deserialize(keras.metrics.serialize(theirs))
    assert type(read) is type(ours)
    given = {
        key: value for key, value in theirs.get_config().items() if key in ours.get_config() and key != "name"
    }
    for key, value in given.items():
        kept = ours.get_config()[key]
        assert kept == (pytest.approx(value) if isinstance(value, float | list) else value)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("mse", metrics.MeanSquaredError),
        ("MAE", metrics.MeanAbsoluteError),
        ("mape", metrics.MeanAbsolutePercentageError),
        ("mean_absolute_error", metrics.MeanAbsoluteError),
        ("RootMeanSquaredError", metrics.RootMeanSquaredError),
        ("auc", metrics.AUC),
        ("AUC", metrics.AUC),
        ("f1_score", metrics.F1Score),
        ("r2_score", metrics.R2Score),
        ("cosine_similarity", metrics.CosineSimilarity),
        ("sparse_categorical_accuracy", metrics.SparseCategoricalAccuracy),
        ("top_k_categorical_accuracy", metrics.TopKCategoricalAccuracy),
        ("accuracy", metrics.Accuracy),
        ("huber", metrics.LossMetric),
        ("categorical_focal_crossentropy", metrics.LossMetric),
    ],
)
def test_found_by_name(name: str, kind: type) -> None:
    metric = metrics.get(name)
    assert type(metric) is kind
    assert metric.name == name


def test_losses_as_metrics() -> None:
    loss = losses.Huber(0.5, reduction="sum")
    metric = metrics.get(loss)
    metric.update_state(real[:150], guesses[:150])
    metric.update_state(real[150:], guesses[150:])
    expected = losses.Huber(0.5)(real, guesses)
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-6)
    assert metrics.get(losses.mean_absolute_error)(real, guesses) == pytest.approx(
        np.abs(real - guesses).mean(), rel=1e-5
    )


def test_other_identifiers() -> None:
    assert metrics.get(None) is None
    made = metrics.Precision()
    assert metrics.get(made) is made
    assert isinstance(metrics.get(metrics.Recall), metrics.Recall)
    assert metrics.Mean("loss").name == "loss"
    assert metrics.Metric("float64", "x").dtype == "float64"  # Keras 3's order
    assert metrics.Metric("float64", "x").name == "x"
    assert metrics.Metric("x", "float64").dtype == "float64"


def test_words_of_errors() -> None:
    with pytest.raises(UnknownName, match="unknown metric 'acuracy'. Did you mean 'accuracy'"):
        metrics.get("acuracy")
    with pytest.raises(UnknownName, match="unknown metric 'hubr'. Did you mean 'huber'"):
        metrics.get("hubr")
    for build, words in (
        (lambda: metrics.get(3), "expected a name such as 'accuracy'"),
        (
            lambda: metrics.Precision(thresholds=1.5),
            "thresholds must be a number from 0 to 1 or a list .*, got 1.5",
        ),
        (lambda: metrics.AUC(curve="DET"), "curve must be .* got 'DET'"),
        (lambda: metrics.AUC(summation_method="simpson"), "summation_method must be .* got 'simpson'"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds must be an integer of at least 2, got 1"),
        (lambda: metrics.AUC(num_labels=3), "num_labels requires multi_label=True"),
        (lambda: metrics.SensitivityAtSpecificity(1.5), "specificity must be a number from 0 to 1, got 1.5"),
        (
            lambda: metrics.PrecisionAtRecall(0.5, num_thresholds=0),
            "num_thresholds must be an integer of at least 1, got 0",
        ),
        (
            lambda: metrics.F1Score(average="mean"),
            "average must be 'micro', 'macro' or 'weighted' or None, got 'mean'",
        ),
        (lambda: metrics.FBetaScore(beta=0), "beta must be a finite number above 0, got 0"),
        (
            lambda: metrics.F1Score(threshold=2),
            "threshold must be a number above 0 and at most 1 or None, got 2",
        ),
        (lambda: metrics.TopKCategoricalAccuracy(k=0), "k must be an integer of at least 1, got 0"),
        (lambda: metrics.R2Score(class_aggregation="sum"), "class_aggregation must be"),
        (
            lambda: metrics.R2Score(num_regressors=-1),
            "num_regressors must be an integer of at least 0, got -1",
        ),
    ):
        with pytest.raises(InvalidArgument, match=words):
            build()
    with pytest.raises(
        ShapeError, match=r"requires predictions of shape \[batch, labels\], got shape \(5,\)"
    ):
        metrics.AUC(multi_label=True)(np.ones(5), np.ones(5))
    with pytest.raises(ShapeError, match="class_id requires predictions"):
        metrics.Precision(class_id=1)(np.ones(5), np.ones(5))


class Positives(metrics.Metric):
    """As in Keras's documentation: the result is the variable itself."""

    def __init__(self, name: str = "positives", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.seen = self.add_variable(shape=(), initializer="zeros", name="seen")

    def update_state(self, y_true: Any, y_pred: Any) -> None:
        self.seen.assign(self.seen + jnp.sum(y_true))

    def result(self) -> Any:
        return self.seen


class Ratios(metrics.Metric):
    """Several results, and a variable that is compared with a number."""

    def __init__(self) -> None:
        super().__init__(name="ratios")
        self.total = self.add_weight(shape=(2,), name="total")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.total.assign_add(jnp.stack([jnp.sum(y_true - y_pred), jnp.float32(y_true.shape[0])]))

    def result(self) -> Any:
        empty = self.total[1] == 0
        return {
            "bias": jnp.where(empty, 0, self.total[0] / self.total[1]),
            "rows": self.total.sum() - self.total[0],
        }


class Squares(metrics.Mean):
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(jnp.square(y_true - y_pred), sample_weight)


def own_model(**compiled: Any) -> Any:
    model = fitwell.Sequential(
        [fitwell.layers.Input((2,)), fitwell.layers.Dense(1, kernel_initializer="ones")]
    )
    model.compile(fitwell.optimizers.SGD(0.0), "mse", **compiled)
    return model


OWN_X = np.random.default_rng(0).normal(size=(37, 2)).astype(np.float32)
OWN_Y = (np.arange(37) % 2).astype(np.float32)
OWN_ERRORS = OWN_Y - OWN_X.sum(axis=1)


@pytest.mark.parametrize("shape", [(37,), (37, 1)])
def test_own_metrics_see_what_losses_see(shape: tuple[int, ...]) -> None:
    model = own_model(metrics=[Positives(), Ratios(), Squares(name="squares"), lambda y, p: (y - p) ** 2])
    expected = {
        "loss": np.mean(OWN_ERRORS**2),
        "positives": 18.0,
        "bias": OWN_ERRORS.mean(),
        "rows": 37.0,
        "squares": np.mean(OWN_ERRORS**2),
        "lambda": np.mean(OWN_ERRORS**2),
    }
    data = OWN_X, OWN_Y.reshape(shape)
    history = model.fit(*data, batch_size=8, epochs=2, validation_data=data, verbose=0).history
    for name, value in expected.items():
        np.testing.assert_allclose(history[name], [value] * 2, rtol=1e-5)
        np.testing.assert_allclose(history[f"val_{name}"], [value] * 2, rtol=1e-5)
    evaluated = model.evaluate(*data, batch_size=10, verbose=0, return_dict=True)
    assert evaluated == pytest.approx(expected, rel=1e-5)


def test_own_metrics_of_several_outputs() -> None:
    inputs = fitwell.layers.Input((2,))
    model = fitwell.Model(inputs, [fitwell.layers.Dense(1, name=name)(inputs) for name in ("p", "q")])
    model.compile("sgd", "mse", metrics={"p": [Ratios()], "q": [Positives(), Ratios()]})
    found = model.evaluate(OWN_X, [OWN_Y, 1 - OWN_Y], verbose=0, return_dict=True)
    assert list(found)[3:] == ["p_bias", "p_rows", "q_positives", "q_bias", "q_rows"]
    assert found["q_positives"] == 19.0


def test_what_a_metric_may_not_return() -> None:
    class Nothing(Positives):
        def result(self) -> Any:
            return None

    class Loss(Positives):
        def result(self) -> Any:
            return {"loss": self.seen}

    with pytest.raises(InvalidArgument, match="'positives': result.. must return a number .* got NoneType"):
        own_model(metrics=[Nothing()]).evaluate(OWN_X, OWN_Y, verbose=0)
    with pytest.raises(InvalidArgument, match="two metric results have the name 'loss'"):
        own_model(metrics=[Loss()]).evaluate(OWN_X, OWN_Y, verbose=0)


def test_a_weighted_metric_of_ones_own() -> None:
    weights = np.linspace(0, 1, 37)
    found = own_model(weighted_metrics=[Squares(name="squares")]).evaluate(
        OWN_X, OWN_Y, sample_weight=weights, verbose=0
    )
    assert found[1] == pytest.approx(np.average(OWN_ERRORS**2, weights=weights), rel=1e-5)
    with pytest.raises(InvalidArgument, match=r"weighted_metrics: Positives.update_state .*sample_weight"):
        own_model(weighted_metrics=[Positives()]).evaluate(OWN_X, OWN_Y, sample_weight=weights, verbose=0)
