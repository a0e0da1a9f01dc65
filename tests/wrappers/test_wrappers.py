"""The wrappers follow scikit-learn's conventions."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.utils.estimator_checks import check_estimator

import fitwell
from fitwell import Sequential, layers, losses, optimizers
from fitwell._engine import compile_cache
from fitwell.errors import DataError, InvalidArgument
from fitwell.wrappers import KerasClassifier, KerasRegressor

# Small cases on purpose: a learning rate of 0, constant weights or targets.
pytestmark = pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning")

X, y = load_iris(return_X_y=True)
X = (X - X.mean(0)) / X.std(0)
NAMES = np.array(["setosa", "versicolor", "virginica"])[y]


def build(width: int = 8, outputs: int = 3, loss: str = "sparse_categorical_crossentropy") -> Any:
    fitwell.utils.set_random_seed(0)
    last = layers.Dense(outputs, "softmax" if outputs > 1 else "sigmoid")
    model = Sequential([layers.Dense(width, "relu"), last])
    model.compile(optimizers.Adam(0.03), loss)
    return model


def build_line(outputs: int = 1) -> Any:
    fitwell.utils.set_random_seed(0)
    model = Sequential([layers.Dense(outputs)])
    model.compile(optimizers.Adam(0.1), "mse")
    return model


class Binary(KerasClassifier):
    """A binary classifier with one sigmoid unit, declared in its tags."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator",
    [
        Binary(build, outputs=1, loss="binary_crossentropy", epochs=30),
        KerasRegressor(build_line, epochs=30),
    ],
)
def test_scikit_learns_own_checks(estimator: Any) -> None:
    expected = {
        "check_sample_weight_equivalence_on_dense_data": "rows of weight 0 take their place in a batch",
        "check_classifier_not_supporting_multiclass": "the error about the outputs has a different message",
        "check_regressors_train": "it requires a score (R²) above 0.5, which here is minus the loss",
    }
    results = check_estimator(estimator, on_fail=None, on_skip=None, expected_failed_checks=expected)
    assert {r["check_name"]: str(r["exception"]) for r in results if r["status"] == "failed"} == {}


def test_settings_are_parameters() -> None:
    estimator = KerasClassifier(build, width=4, epochs=2)
    assert estimator.get_params() == {"build_fn": build, "width": 4, "epochs": 2}
    copy = clone(estimator).set_params(width=5)
    assert (copy.get_params()["width"], estimator.get_params()["width"]) == (5, 4)
    with pytest.raises(InvalidArgument):
        copy.set_params(widht=6)
    assert copy.get_params() == {"build_fn": build, "width": 5, "epochs": 2}
    fitted = copy.fit(X, y)
    assert fitted is copy
    assert fitted.model.layers[0].units == 5
    assert len(fitted.history_.epoch) == 2
    assert len(fitted.fit(X, y, epochs=3).history_.epoch) == 3


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "categorical_crossentropy", "mse"])
def test_labels_are_encoded_for_the_loss(loss: str) -> None:
    estimator = KerasClassifier(build, loss=loss, epochs=10).fit(X, NAMES, validation_data=(X, NAMES))
    assert estimator.classes_.tolist() == sorted(set(NAMES))
    assert estimator.score(X, NAMES) > 0.85
    assert (estimator.predict(X) == NAMES).mean() == estimator.score(X, NAMES)
    np.testing.assert_allclose(estimator.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
    assert estimator.history_.history["val_loss"][-1] < estimator.history_.history["val_loss"][0]


def test_one_sigmoid_and_one_hot_rows() -> None:
    two = NAMES != "virginica"
    estimator = KerasClassifier(build, outputs=1, loss="binary_crossentropy", epochs=10).fit(
        X[two], NAMES[two]
    )
    p = estimator.predict_proba(X)
    np.testing.assert_allclose(p[:, 1], estimator.model.predict(X)[:, 0], rtol=1e-6)
    assert estimator.score(X[two], NAMES[two]) > 0.95
    one_hot = KerasClassifier(build, loss="categorical_crossentropy", epochs=10).fit(X, np.eye(3)[y])
    assert (one_hot.predict(X) == y).mean() > 0.85

    assert one_hot.score(X, np.eye(3)[y]) == one_hot.score(X, y)


@pytest.mark.parametrize(
    ("loss", "outputs"),
    [
        (losses.BinaryCrossentropy(from_logits=True), 1),
        (losses.SparseCategoricalCrossentropy(from_logits=True), 2),
        ("hinge", 1),
    ],
)
def test_outputs_that_are_no_probabilities_become_some(loss: Any, outputs: int) -> None:
    def build_plain() -> Any:
        fitwell.utils.set_random_seed(1)
        model = Sequential([layers.Dense(outputs)])
        model.compile("sgd", loss)
        return model

    is_other = NAMES != "setosa"
    estimator = KerasClassifier(build_plain, epochs=1).fit(X, is_other)
    z = estimator.model.predict(X).astype(np.float64)
    z = z[:, 0] if outputs == 1 else z[:, 1] - z[:, 0]
    p = (1 + z) / 2 if loss == "hinge" else 1 / (1 + np.exp(-z))
    np.testing.assert_allclose(estimator.predict_proba(X)[:, 1], p, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(estimator.predict(X), z > 0)


def test_several_labels_a_row() -> None:
    labels = (X[:, :3] > 0).astype(int)

    def build_sigmoids() -> Any:
        fitwell.utils.set_random_seed(0)
        model = Sequential([layers.Dense(3, "sigmoid")])
        model.compile(optimizers.Adam(0.1), "binary_crossentropy")
        return model

    estimator = KerasClassifier(build_sigmoids, epochs=20).fit(X, labels)
    np.testing.assert_array_equal(estimator.predict(X), estimator.model.predict(X) > 0.5)
    assert estimator.score(X, labels) > 0.8


def test_weights_of_rows_and_classes() -> None:
    weights = np.linspace(0, 1, len(X))
    by_name = {"setosa": 0.5, "versicolor": 1.0, "virginica": 3.0}
    settings = {"epochs": 2, "verbose": 0}
    estimator = KerasClassifier(build, class_weight=by_name, **settings).fit(X, NAMES, sample_weight=weights)
    model = build()
    model.fit(X, y, sample_weight=weights, class_weight={0: 0.5, 1: 1.0, 2: 3.0}, **settings)
    np.testing.assert_allclose(estimator.predict_proba(X), model.predict(X), rtol=1e-5)
    fewer = np.r_[0:50, 50:60, 100:105]
    estimator = KerasClassifier(build, class_weight="balanced", **settings).fit(X[fewer], NAMES[fewer])
    model = build()
    model.fit(X[fewer], y[fewer], class_weight={0: 65 / 150, 1: 65 / 30, 2: 65 / 15}, **settings)
    np.testing.assert_allclose(estimator.predict_proba(X), model.predict(X), rtol=1e-5)
    line = KerasRegressor(build_line, epochs=2).fit(X, y)
    expected = -np.mean(weights * (line.predict(X) - y) ** 2)
    assert line.score(X, y, sample_weight=weights) == pytest.approx(expected, rel=1e-5)


def test_labels_to_validate_with_may_stand_in_the_constructor() -> None:
    held_out = (X[::5], NAMES[::5])
    first = KerasClassifier(build, epochs=2, validation_data=held_out).fit(X, NAMES)
    second = KerasClassifier(build, epochs=2).fit(X, NAMES, validation_data=held_out)
    assert first.history_.history["val_loss"] == second.history_.history["val_loss"]


def test_a_loss_of_ones_own_is_given_class_numbers() -> None:
    def entropy(y_true: Any, y_pred: Any) -> Any:
        return losses.sparse_categorical_crossentropy(y_true, y_pred)

    own, known = (
        KerasClassifier(build, epochs=2, loss=loss).fit(X, NAMES)
        for loss in (entropy, "sparse_categorical_crossentropy")
    )
    np.testing.assert_allclose(own.predict_proba(X), known.predict_proba(X), rtol=1e-5)


def test_folds_of_unequal_size_compile_once() -> None:
    folds = KFold(4)
    assert {len(test) for _, test in folds.split(X)} == {37, 38}
    before = compile_cache.compile_stats.compiled
    search = GridSearchCV(KerasRegressor(build_line, epochs=2), {"epochs": [1, 2]}, cv=folds, refit=False)
    search.fit(X, y)
    assert compile_cache.compile_stats.compiled - before <= 2  # one program to train, one to score


def test_several_numbers_per_row() -> None:
    targets = np.stack([y, -y], axis=1)
    assert KerasRegressor(build_line, outputs=2, epochs=1).fit(X, targets).predict(X).shape == (150, 2)


def test_score_takes_what_evaluate_and_predict_take() -> None:
    line, estimator = (
        KerasRegressor(build_line, epochs=1).fit(X, y),
        KerasClassifier(build, epochs=1).fit(X, y),
    )
    assert line.score(X, y, verbose=0, batch_size=10) == pytest.approx(line.score(X, y), rel=1e-5)
    assert estimator.score(X, y, verbose=0, batch_size=7) == estimator.score(X, y)


def test_partial_fit_goes_on_epoch_by_epoch() -> None:
    """One batch per epoch, so that two calls of `fit` visit the rows like two epochs."""
    settings: dict[str, Any] = {"batch_size": 150, "shuffle": False}
    whole = KerasClassifier(build, epochs=3, **settings).fit(X, NAMES)
    parts = KerasClassifier(build, epochs=7, **settings).partial_fit(X, NAMES, classes=np.unique(NAMES))
    parts.partial_fit(X, NAMES).partial_fit(X, NAMES, epochs=1)
    np.testing.assert_allclose(parts.predict_proba(X), whole.predict_proba(X), rtol=1e-5)
    setosas = KerasClassifier(build, class_weight={"setosa": 2.0}).partial_fit(
        X[:50], NAMES[:50], list("ab") + ["setosa"]
    )
    assert setosas.classes_.tolist() == ["a", "b", "setosa"]
    assert (
        KerasClassifier(build, loss="categorical_crossentropy").partial_fit(X, np.eye(3)[y]).score(X, y) > 0
    )
    line = KerasRegressor(build_line, **settings).partial_fit(X, y).partial_fit(X, y)
    expected = KerasRegressor(build_line, epochs=2, **settings).fit(X, y).predict(X)
    np.testing.assert_allclose(line.predict(X), expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(InvalidArgument, match="width was None when the model was built and cannot become 9"):
        parts.set_params(width=9).partial_fit(X, NAMES)
    with pytest.raises(DataError, match="not among the labels passed to fit"):
        setosas.partial_fit(X, NAMES)
    with pytest.raises(InvalidArgument, match="classes were .* cannot become"):
        setosas.partial_fit(X, NAMES, classes=NAMES)


def test_a_pickle_predicts_the_same() -> None:
    estimator = KerasClassifier(build, width=5, epochs=2).fit(X, NAMES)
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
    assert again.classes_.tolist() == estimator.classes_.tolist()
    changed = pickle.loads(pickle.dumps(estimator.set_params(width=7)))
    np.testing.assert_array_equal(changed.predict_proba(X), estimator.predict_proba(X))
    assert changed.get_params()["width"] == 7
    with pytest.raises(NotFittedError):
        pickle.loads(pickle.dumps(clone(estimator))).predict(X)


@pytest.mark.parametrize(
    ("attempt", "error", "words"),
    [
        (
            lambda: KerasClassifier(build, widht=3),
            InvalidArgument,
            "no argument 'widht'. Did you mean 'width'",
        ),
        (lambda: KerasClassifier(build).set_params(epoch=3), InvalidArgument, "Did you mean 'epochs'"),
        (lambda: KerasClassifier().fit(X, y), InvalidArgument, "must be a function .* got None"),
        (
            lambda: KerasClassifier(build()).fit(X, y),
            InvalidArgument,
            "must be a function .* got <Sequential",
        ),
        (
            lambda: KerasClassifier(model=build).fit(X, y),
            InvalidArgument,
            "pass the function as build_fn, not as model",
        ),
        (lambda: KerasClassifier(build, older=1), InvalidArgument, "has no argument 'older'"),
        (lambda: KerasClassifier(build).partial_fit(X, y), InvalidArgument, "classes=np.unique"),
        (
            lambda: KerasClassifier(build, class_weight="balanced").partial_fit(X, y, [0, 1, 2]),
            InvalidArgument,
            "'balanced' needs all rows",
        ),
        (lambda: KerasClassifier(lambda: Sequential()).fit(X, y), InvalidArgument, r"call model\.compile"),
        (lambda: KerasRegressor(lambda: None).fit(X, y), InvalidArgument, "compiled model, got None"),
        (lambda: KerasRegressor(build_line).fit(X, y, epoch=2), InvalidArgument, "Did you mean 'epochs'"),
        (
            lambda: KerasClassifier(build, outputs=2).fit(X, y),
            DataError,
            "3 classes, but the model has 2 outputs",
        ),
        (
            lambda: KerasClassifier(build).fit(X, NAMES, validation_data=(X[:1], ["rose"])),
            DataError,
            r"\['rose'\] are not among the labels passed to fit",
        ),
        (
            lambda: KerasClassifier(build).fit(X, np.stack([y, y, y], axis=1)),
            DataError,
            "labels in multiple columns must be zeros and ones",
        ),
        (
            lambda: KerasClassifier(build, class_weight="balanced").fit(X, X[:, :3] > 0),
            InvalidArgument,
            "class_weight requires a single label per row",
        ),
        (lambda: KerasRegressor(build_line).predict(X), NotFittedError, "not fitted yet"),
    ],
)
def test_errors(attempt: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        attempt()


def test_scikit_learn_is_not_imported_before_it_is_needed() -> None:
    seen = "print('sklearn' in sys.modules)"
    code = f"import sys, fitwell; {seen}; fitwell.wrappers.KerasRegressor; {seen}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]
