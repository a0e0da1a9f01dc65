"""Compare every loss with Keras 3 (values, reductions, sample weights), or with closed forms if Keras lacks it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from scipy import special, stats

from fitwell import losses
from tests.agreement import agree
from tests.losses.cases import CASES, DATA, IDS, ROWS, bits, labels, one_hot, probabilities, real, signs

REDUCTIONS = ["sum_over_batch_size", "sum", "none", None, "mean", "mean_with_sample_weight"]


@pytest.mark.parametrize(("name", "arguments", "data"), CASES, ids=IDS)
@pytest.mark.parametrize("reduction", ["none", "sum_over_batch_size"])
def test_equals_keras(name: str, arguments: dict[str, Any], data: str, reduction: str) -> None:
    y_true, y_pred = DATA[data]
    expected = getattr(keras.losses, name)(**arguments, reduction=reduction)(y_true, y_pred)
    actual = getattr(losses, name)(**arguments, reduction=reduction)(y_true, y_pred)
    # Absolute: Keras's log-cosh of small errors has no more digits than this.
    agree(actual, expected, row=f"losses/{name}", against="Keras", rtol=3e-6, atol=3e-7)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weights", ["none", "rows", "column", "some zero"])
@pytest.mark.parametrize("name", ["MeanSquaredError", "CosineSimilarity"])
def test_reductions_and_weights_equal_keras(name: str, weights: str, reduction: str | None) -> None:
    given = np.random.default_rng(3).gamma(1, 1, ROWS).astype(np.float32)
    sample_weight = {"none": None, "rows": given, "column": given[:, None], "some zero": given * (given > 1)}[
        weights
    ]
    expected = getattr(keras.losses, name)(reduction=reduction)(*real, sample_weight=sample_weight)
    actual = getattr(losses, name)(reduction=reduction)(*real, sample_weight=sample_weight)
    # Without reduction, Keras turns the values into a column if the weights are one.
    expected = np.asarray(expected).reshape(actual.shape)
    agree(actual, expected, row=f"losses/{name}", against="Keras, weighted", rtol=2e-6, atol=1e-7)


def test_ignored_class_with_weights_equals_keras() -> None:
    weights = np.arange(1, ROWS + 1, dtype=np.float32)
    ours, theirs = (lib.SparseCategoricalCrossentropy(ignore_class=2) for lib in (losses, keras.losses))
    expected = float(theirs(labels, probabilities, sample_weight=weights))
    actual, row = ours(labels, probabilities, sample_weight=weights), "losses/SparseCategoricalCrossentropy"
    agree(actual, expected, row=row, against="Keras, weighted", rtol=1e-6)
    everything = np.full(ROWS, 2)
    assert float(ours(everything, probabilities)) == 0 == float(theirs(everything, probabilities))


FUNCTIONS = [
    ("mean_squared_error", "real"),
    ("mean_absolute_error", "real"),
    ("mean_absolute_percentage_error", "real"),
    ("mean_squared_logarithmic_error", "positive"),
    ("huber", "real"),
    ("log_cosh", "real"),
    ("poisson", "positive"),
    ("cosine_similarity", "real"),
    ("kl_divergence", "soft"),
    ("hinge", "signs"),
    ("squared_hinge", "signs"),
    ("categorical_hinge", "one_hot_logits"),
    ("binary_crossentropy", "bits"),
    ("categorical_crossentropy", "one_hot"),
    ("sparse_categorical_crossentropy", "sparse"),
    ("binary_focal_crossentropy", "bits"),
    ("categorical_focal_crossentropy", "one_hot"),
]


@pytest.mark.parametrize(("name", "data"), FUNCTIONS)
def test_functions_give_one_value_per_row(name: str, data: str) -> None:
    actual = getattr(losses, name)(*DATA[data])
    assert actual.shape == (ROWS,)
    expected = np.asarray(getattr(keras.losses, name)(*DATA[data]))
    row = f"losses/{type(losses.get(name)).__name__}"
    agree(actual, expected, row=row, against="Keras", rtol=3e-6, atol=3e-7)
    # Rows may be the steps of sequences: the default axis is the last, whatever comes before it.
    folded = [array.reshape(2, ROWS // 2, *array.shape[1:]) for array in DATA[data]]
    np.testing.assert_allclose(getattr(losses, name)(*folded), expected.reshape(2, -1), rtol=3e-6, atol=3e-7)


def test_published_numbers_of_keras_documentation() -> None:
    y_true, y_pred = [[0.0, 1.0], [0.0, 0.0]], [[0.6, 0.4], [0.4, 0.6]]
    assert float(losses.BinaryCrossentropy()(y_true, y_pred)) == pytest.approx(0.815, abs=1e-3)
    assert float(losses.Hinge()(y_true, y_pred)) == pytest.approx(1.3, abs=1e-6)
    assert float(losses.Huber()(y_true, y_pred)) == pytest.approx(0.155, abs=1e-6)
    expected = 1.177
    sparse = losses.SparseCategoricalCrossentropy()
    assert float(sparse([1, 2], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]])) == pytest.approx(expected, abs=1e-3)


def test_closed_forms_of_our_own() -> None:
    y, z = DATA["signs"]
    expected = np.maximum(0, -y * z).mean(-1)
    agree(losses.perceptron(y, z), expected, row="losses/PerceptronLoss", against="closed form", rtol=1e-6)
    np.testing.assert_allclose(losses.perceptron(bits, z), expected, rtol=1e-6)
    p = probabilities.astype(np.float64)
    expected = -(one_hot * np.log(p) + (1 - one_hot) * np.log1p(-p)).sum(-1)
    np.testing.assert_allclose(losses.per_class_crossentropy(one_hot, probabilities), expected, rtol=1e-5)
    for from_logits in (False, True):
        given = DATA["one_hot_logits"][1] if from_logits else probabilities
        actual = losses.per_class_crossentropy(one_hot, given, from_logits)
        agree(actual, expected, row="losses/PerClassCrossentropy", against="closed form", rtol=1e-5)


def test_against_scipy() -> None:
    """References that know nothing of neural networks."""
    y, z = (array.astype(np.float64) for array in real)
    expected = special.huber(0.7, y - z).mean(-1)
    agree(losses.huber(y, z, 0.7), expected, row="losses/Huber", against="SciPy", rtol=1e-5)
    p, q = (array.astype(np.float64) for array in DATA["soft"])
    expected = stats.entropy(p, q, axis=-1)
    agree(losses.kl_divergence(p, q), expected, row="losses/KLDivergence", against="SciPy", rtol=1e-4)
    counts, rates = np.array([[0.0, 1, 4]]), np.array([[0.5, 2, 3]])
    likelihood = -stats.poisson.logpmf(counts, rates) - special.gammaln(counts + 1)
    expected = likelihood.mean(-1)
    agree(losses.poisson(counts, rates), expected, row="losses/Poisson", against="SciPy", rtol=1e-5)
    b, s = bits.astype(np.float64), DATA["bits_logits"][1].astype(np.float64)
    expected = -special.xlogy(b, special.expit(s)) - special.xlogy(1 - b, special.expit(-s))
    actual = losses.binary_crossentropy(b, s, from_logits=True)
    agree(actual, expected.mean(-1), row="losses/BinaryCrossentropy", against="SciPy", rtol=1e-5)


def test_log_cosh_of_small_errors() -> None:
    """e²/2 - e⁴/12, where ``|e| + log1p(exp(-2|e|)) - log 2`` has lost its digits."""
    error = np.array([[1e-4], [1e-3], [1e-2], [0.1]], np.float32)
    expected = (error.astype(np.float64) ** 2 / 2 - error.astype(np.float64) ** 4 / 12)[:, 0]
    actual = losses.log_cosh(np.zeros_like(error), error)
    agree(actual, expected, row="losses/LogCosh", against="its series at 0", rtol=2e-5)


def test_focal_without_focus_is_crossentropy() -> None:
    ours = losses.BinaryFocalCrossentropy(gamma=0.0)(*DATA["bits"])
    assert float(ours) == pytest.approx(float(losses.BinaryCrossentropy()(*DATA["bits"])), rel=1e-6)
    ours = losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=0.0)(*DATA["one_hot"])
    assert float(ours) == pytest.approx(float(losses.CategoricalCrossentropy()(*DATA["one_hot"])), rel=1e-6)


def test_labels_of_a_hinge_do_not_depend_on_the_batch() -> None:
    together = losses.hinge(signs, real[0][:, :1] * np.ones((1, 4), np.float32))
    apart = [
        losses.hinge(signs[i : i + 1], real[0][i : i + 1, :1] * np.ones((1, 4), np.float32))
        for i in range(ROWS)
    ]
    np.testing.assert_allclose(together, np.concatenate(apart), rtol=1e-6)
