"""Compare every metric, in two batches, with Keras 3, scikit-learn and closed forms."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import keras
import numpy as np
import pytest
from sklearn import metrics as sk

from fitwell import metrics
from tests.agreement import agree
from tests.metrics.cases import (
    CASES,
    DATA,
    ROWS,
    bits,
    chances,
    guesses,
    labels,
    many_bits,
    names_of,
    one_hot,
    real,
    shares,
    weights,
)

CUTS = [0, 120, ROWS]


def fed(
    metric: Any, y_true: Any, y_pred: Any, sample_weight: Any = None, cuts: list[int] = CUTS
) -> np.ndarray:
    """Return the result after batches of different sizes."""
    for start, stop in pairwise(cuts):
        given = None if sample_weight is None else sample_weight[start:stop]
        metric.update_state(y_true[start:stop], y_pred[start:stop], sample_weight=given)
    return np.asarray(metric.result())


@pytest.mark.parametrize(("name", "arguments", "data"), CASES, ids=names_of(CASES))
def test_equals_keras(name: str, arguments: dict[str, Any], data: str) -> None:
    for given in (None, weights):
        expected = fed(getattr(keras.metrics, name)(**arguments), *DATA[data], given)
        actual = fed(getattr(metrics, name)(**arguments), *DATA[data], given)
        assert actual.shape == expected.shape
        agree(actual, expected, row=f"metrics/{name}", against="Keras", rtol=2e-6, atol=1e-6)
        assert np.any(actual != 0)


@pytest.mark.parametrize("weighted", [False, True])
def test_equals_scikit_learn(weighted: bool) -> None:
    w = weights if weighted else None
    flat, scores = bits[:, 0], chances[:, 0]
    decided = scores > 0.5
    chosen = shares.argmax(1)
    table = [
        (metrics.BinaryAccuracy(), (bits, chances), sk.accuracy_score(flat, decided, sample_weight=w)),
        (metrics.Precision(), (bits, chances), sk.precision_score(flat, decided, sample_weight=w)),
        (metrics.Recall(), (bits, chances), sk.recall_score(flat, decided, sample_weight=w)),
        (metrics.F1Score(), (bits, chances), [sk.f1_score(flat, decided, sample_weight=w)]),
        (metrics.R2Score(), (real, guesses), sk.r2_score(real, guesses, sample_weight=w)),
        (metrics.MeanSquaredError(), (real, guesses), sk.mean_squared_error(real, guesses, sample_weight=w)),
        (
            metrics.MeanAbsoluteError(),
            (real, guesses),
            sk.mean_absolute_error(real, guesses, sample_weight=w),
        ),
        (
            metrics.RootMeanSquaredError(),
            (real, guesses),
            np.sqrt(sk.mean_squared_error(real, guesses, sample_weight=w)),
        ),
        (
            metrics.SparseCategoricalCrossentropy(),
            (labels, shares),
            sk.log_loss(labels, shares, sample_weight=w),
        ),
        (
            metrics.SparseTopKCategoricalAccuracy(k=3),
            (labels, shares),
            sk.top_k_accuracy_score(labels, shares, k=3, sample_weight=w),
        ),
        (metrics.ConfusionMatrix(), (labels, shares), sk.confusion_matrix(labels, chosen, sample_weight=w)),
        (metrics.ConfusionMatrix(), (one_hot, shares), sk.confusion_matrix(labels, chosen, sample_weight=w)),
        (metrics.ConfusionMatrix(), (bits, chances), sk.confusion_matrix(flat, decided, sample_weight=w)),
        (metrics.Hinge(), (2 * bits - 1, chances), sk.hinge_loss(flat, scores, sample_weight=w)),
    ]
    for average in (None, "micro", "macro", "weighted"):
        for beta in (0.5, 1.0, 3.0):
            expected = sk.fbeta_score(labels, chosen, beta=beta, average=average, sample_weight=w)
            table.append((metrics.FBetaScore(average, beta), (one_hot, shares), expected))
            table.append((metrics.FBetaScore(average, beta), (labels, shares), expected))
        expected = sk.f1_score(many_bits, shares > 0.2, average=average, sample_weight=w)
        table.append((metrics.F1Score(average, 0.2), (many_bits, shares), expected))
    for metric, data, expected in table:
        row = f"metrics/{type(metric).__name__}"
        agree(fed(metric, *data, w), expected, row=row, against="scikit-learn", rtol=3e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_areas_approach_scikit_learn(weighted: bool) -> None:
    """With thresholds between all predictions, the area under the ROC curve is exact."""
    w = weights if weighted else None
    between = np.unique(chances)
    thresholds = (between[:-1] + between[1:]) / 2
    expected = sk.roc_auc_score(bits[:, 0], chances[:, 0], sample_weight=w)
    actual = fed(metrics.AUC(thresholds=thresholds), bits, chances, w)
    agree(actual, expected, row="metrics/AUC", against="scikit-learn", rtol=1e-5)
    assert float(fed(metrics.AUC(num_thresholds=2000), bits, chances, w)) == pytest.approx(expected, abs=1e-3)
    expected = sk.average_precision_score(bits[:, 0], chances[:, 0], sample_weight=w)
    assert float(fed(metrics.AUC(num_thresholds=2000, curve="PR"), bits, chances, w)) == pytest.approx(
        expected, abs=0.02
    )


def test_adjusted_r2() -> None:
    r2 = sk.r2_score(real[:, 0], guesses[:, 0])
    expected = 1 - (1 - r2) * (ROWS - 1) / (ROWS - 3 - 1)
    actual = fed(metrics.R2Score(num_regressors=3), real[:, :1], guesses[:, :1])
    agree(actual, expected, row="metrics/R2Score", against="scikit-learn", rtol=1e-6)
    assert float(fed(keras.metrics.R2Score(num_regressors=3), real[:, :1], guesses[:, :1])) == pytest.approx(
        expected, rel=1e-5
    )
    # Too few rows for this number of regressors: the plain score.
    few = metrics.R2Score(num_regressors=5)
    few.update_state([1.0, 2.0, 3.0], [1.1, 2.0, 2.7])
    assert float(few.result()) == pytest.approx(sk.r2_score([1, 2, 3], [1.1, 2.0, 2.7]), rel=1e-6)


def test_r2_of_a_large_mean() -> None:
    """Targets around 1e5 with spread 1: a difference of squares would keep no digit of float32."""
    y, p = 1e5 + real[:, :1], 1e5 + guesses[:, :1]
    expected = sk.r2_score(y.astype(np.float64), p.astype(np.float64))
    assert float(fed(metrics.R2Score(), y, p)) == pytest.approx(expected, abs=2e-3)


def test_r2_of_constant_targets() -> None:
    for guess, expected in ((1.0, 1.0), (2.0, 0.0)):
        metric = metrics.R2Score()
        metric.update_state(np.ones((4, 1)), np.full((4, 1), guess))
        assert float(metric.result()) == expected == sk.r2_score(np.ones(4), np.full(4, guess))


def test_mean_and_sum() -> None:
    values = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    for by in (None, np.array([1.0, 0, 2, 3]), np.arange(12.0).reshape(4, 3)):
        for name in ("Mean", "Sum"):
            ours, theirs = (getattr(lib, name)() for lib in (metrics, keras.metrics))
            for metric in (ours, theirs):
                metric.update_state(values, sample_weight=by)
                metric.update_state(values[:2] + 1)
                metric.update_state(3.0)
            agree(ours.result(), theirs.result(), row=f"metrics/{name}", against="Keras", rtol=1e-6)
    assert float(metrics.Mean().result()) == 0
    assert float(metrics.Mean()([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])) == 2  # Keras's documentation
    assert float(metrics.Sum()([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])) == 4


@pytest.mark.parametrize("weighted", [False, True])
def test_sign_accuracy_is_that_of_the_signs(weighted: bool) -> None:
    """Labels -1 and 1, or 0 and 1; scikit-learn is given which side of 0 both lie on."""
    w, scores = weights if weighted else None, chances - 0.5
    expected = sk.accuracy_score(bits[:, 0], scores[:, 0] > 0, sample_weight=w)
    for given in (bits, 2 * bits - 1):
        actual = fed(metrics.SignAccuracy(), given, scores, w)
        agree(actual, expected, row="metrics/SignAccuracy", against="scikit-learn", rtol=1e-6)


def test_published_numbers_of_keras_documentation() -> None:
    assert float(metrics.AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])) == 0.75
    assert float(metrics.Precision()([0, 1, 1, 1], [1, 0, 1, 1])) == pytest.approx(2 / 3)
    assert float(metrics.Recall()([0, 1, 1, 1], [1, 0, 1, 1])) == pytest.approx(2 / 3)
    assert float(metrics.SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])) == 0.5
    assert float(metrics.PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])) == 0.5
    assert float(metrics.RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])) == 0.5
    scores = metrics.FBetaScore(beta=2.0, threshold=0.5)(
        [[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
    )
    np.testing.assert_allclose(scores, [0.38461, 0.90909, 0.83333], atol=1e-4)
    assert float(metrics.R2Score()([[1], [4], [3]], [[2], [4], [4]])) == pytest.approx(0.5714, abs=1e-4)


@pytest.mark.filterwarnings("ignore:metric.reset_states")
def test_books_example_of_a_streaming_metric() -> None:
    """Precision over two batches is 50 %, not the mean of 80 % and 0 %."""
    precision = metrics.Precision()
    assert float(precision([0, 1, 1, 1, 0, 1, 0, 1], [1, 1, 0, 1, 0, 1, 0, 1])) == pytest.approx(0.8)
    assert float(precision([0, 1, 0, 0, 1, 0, 1, 1], [1, 0, 1, 1, 0, 0, 0, 0])) == pytest.approx(0.5)
    assert float(precision.true_positives[0]) == 4
    assert float(precision.false_positives[0]) == 4
    precision.reset_states()
    assert float(precision.result()) == 0
