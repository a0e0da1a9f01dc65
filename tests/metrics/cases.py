"""Data, and every built-in metric with suitable arguments and data."""

from __future__ import annotations

from typing import Any

import numpy as np

RNG = np.random.default_rng(0)
ROWS = 200

bits = (RNG.random((ROWS, 1)) > 0.5).astype(np.float32)
chances = np.clip(0.6 * RNG.random((ROWS, 1)) + 0.3 * bits, 0, 1).astype(np.float32)
labels = RNG.integers(0, 6, ROWS)
one_hot = np.eye(6, dtype=np.float32)[labels]
shares = RNG.dirichlet(np.ones(6), ROWS).astype(np.float32)
shares = ((shares + 0.2 * one_hot) / 1.2).astype(np.float32)
many_bits = (RNG.random((ROWS, 6)) > 0.6).astype(np.float32)
real = RNG.normal(3, 2, (ROWS, 2)).astype(np.float32)
guesses = (real + RNG.normal(0, 1, (ROWS, 2))).astype(np.float32)
positive = np.abs(real)
weights = RNG.gamma(1, 1, ROWS).astype(np.float32)

DATA: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "binary": (bits, chances),
    "one_hot": (one_hot, shares),
    "sparse": (labels, shares),
    "multi": (many_bits, shares),
    "real": (real, guesses),
    "positive": (positive, np.abs(guesses)),
    "signs": (2 * bits - 1, chances - 0.5),
    "exact": (labels, np.where(RNG.random(ROWS) < 0.7, labels, 0)),
}

# Name, arguments, data; all in Keras too.
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("Accuracy", {}, "exact"),
    ("BinaryAccuracy", {}, "binary"),
    ("BinaryAccuracy", {"threshold": 0.3}, "binary"),
    ("CategoricalAccuracy", {}, "one_hot"),
    ("SparseCategoricalAccuracy", {}, "sparse"),
    ("TopKCategoricalAccuracy", {"k": 2}, "one_hot"),
    ("TopKCategoricalAccuracy", {}, "one_hot"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "sparse"),
    ("MeanSquaredError", {}, "real"),
    ("RootMeanSquaredError", {}, "real"),
    ("MeanAbsoluteError", {}, "real"),
    ("MeanAbsolutePercentageError", {}, "real"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("LogCoshError", {}, "real"),
    ("CosineSimilarity", {}, "real"),
    ("Poisson", {}, "positive"),
    ("KLDivergence", {}, "one_hot"),
    ("Hinge", {}, "signs"),
    ("SquaredHinge", {}, "signs"),
    ("CategoricalHinge", {}, "one_hot"),
    ("BinaryCrossentropy", {}, "binary"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "binary"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "one_hot"),
    ("SparseCategoricalCrossentropy", {}, "sparse"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "sparse"),
    ("TruePositives", {}, "binary"),
    ("FalsePositives", {}, "multi"),
    ("TrueNegatives", {"thresholds": 0.2}, "multi"),
    ("FalseNegatives", {"thresholds": [0.1, 0.7]}, "binary"),
    ("Precision", {}, "binary"),
    ("Precision", {"thresholds": [0.2, 0.5, 0.9]}, "binary"),
    ("Precision", {"class_id": 2, "thresholds": 0.2}, "one_hot"),
    ("Precision", {"top_k": 2}, "one_hot"),
    ("Recall", {}, "binary"),
    ("Recall", {"thresholds": [0.2, 0.5, 0.9]}, "multi"),
    ("Recall", {"class_id": 1, "thresholds": 0.2}, "one_hot"),
    ("Recall", {"top_k": 2}, "one_hot"),
    ("Recall", {"top_k": 3, "class_id": 2}, "one_hot"),
    ("SensitivityAtSpecificity", {"specificity": 0.7}, "binary"),
    ("SpecificityAtSensitivity", {"sensitivity": 0.7}, "binary"),
    ("PrecisionAtRecall", {"recall": 0.7}, "binary"),
    ("RecallAtPrecision", {"precision": 0.7}, "binary"),
    ("RecallAtPrecision", {"precision": 0.5, "num_thresholds": 1}, "binary"),
    ("AUC", {"num_thresholds": 50, "curve": "ROC", "summation_method": "interpolation"}, "binary"),
    ("AUC", {"curve": "ROC", "summation_method": "minoring"}, "binary"),
    ("AUC", {"curve": "ROC", "summation_method": "majoring"}, "multi"),
    ("AUC", {"curve": "PR"}, "binary"),
    ("AUC", {"curve": "PR", "summation_method": "minoring"}, "binary"),
    ("AUC", {"curve": "PR", "summation_method": "majoring"}, "binary"),
    ("AUC", {"curve": "PRGAIN"}, "binary"),
    ("AUC", {"thresholds": [0.1, 0.35, 0.6]}, "binary"),
    ("AUC", {"from_logits": True}, "binary"),
    ("AUC", {"multi_label": True}, "multi"),
    ("AUC", {"multi_label": True, "curve": "PR", "num_labels": 6}, "multi"),
    ("AUC", {"multi_label": True, "label_weights": [1.0, 2, 3, 4, 5, 6]}, "multi"),
    ("AUC", {"label_weights": [1.0, 2, 3, 4, 5, 6]}, "multi"),
    ("F1Score", {}, "one_hot"),
    ("F1Score", {"average": "micro"}, "one_hot"),
    ("F1Score", {"average": "macro", "threshold": 0.2}, "multi"),
    ("FBetaScore", {"beta": 2.0, "average": "weighted"}, "one_hot"),
    ("FBetaScore", {"beta": 0.5, "threshold": 0.3}, "multi"),
    ("R2Score", {}, "real"),
    ("R2Score", {"class_aggregation": None}, "real"),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, "real"),
]

OWN: list[tuple[str, dict[str, Any], str]] = [
    ("SignAccuracy", {}, "signs"),
    ("ConfusionMatrix", {}, "sparse"),
    ("ConfusionMatrix", {"num_classes": 2}, "binary"),
    ("LossMetric", {"loss": "huber"}, "real"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "sparse"),
    ("R2Score", {"num_regressors": 3}, "real"),
    ("F1Score", {"average": "macro"}, "sparse"),
    ("F1Score", {}, "binary"),
]


def names_of(cases: list[tuple[str, dict[str, Any], str]]) -> list[str]:
    return [f"{name}-{data}-{index}" for index, (name, _, data) in enumerate(cases)]
