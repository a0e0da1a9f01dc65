"""Losses that are also in Keras, with suitable arguments and data."""

from __future__ import annotations

from typing import Any

import numpy as np

RNG = np.random.default_rng(0)
ROWS = 8

real = (RNG.normal(0, 2, (ROWS, 3)).astype(np.float32), RNG.normal(0, 2, (ROWS, 3)).astype(np.float32))
positive = (RNG.gamma(2, 1, (ROWS, 3)).astype(np.float32), RNG.gamma(2, 1, (ROWS, 3)).astype(np.float32))
labels = RNG.integers(0, 5, ROWS)
one_hot = np.eye(5, dtype=np.float32)[labels]
soft = RNG.dirichlet(np.ones(5), ROWS).astype(np.float32)
logits = RNG.normal(0, 2, (ROWS, 5)).astype(np.float32)
probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
bits = RNG.integers(0, 2, (ROWS, 4)).astype(np.float32)
bit_logits = RNG.normal(0, 2, (ROWS, 4)).astype(np.float32)
bit_probabilities = (1 / (1 + np.exp(-bit_logits))).astype(np.float32)
signs = 2 * bits - 1

DATA: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "real": real,
    "positive": positive,
    "one_hot": (one_hot, probabilities),
    "one_hot_logits": (one_hot, logits),
    "soft": (soft, probabilities),
    "sparse": (labels, probabilities),
    "sparse_logits": (labels, logits),
    "bits": (bits, bit_probabilities),
    "bits_logits": (bits, bit_logits),
    "signs": (signs, bit_logits),
}

# Class, arguments, data.
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("MeanSquaredError", {}, "real"),
    ("MeanAbsoluteError", {}, "real"),
    ("MeanAbsolutePercentageError", {}, "real"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "real"),
    ("Huber", {}, "real"),
    ("Huber", {"delta": 0.5}, "real"),
    ("LogCosh", {}, "real"),
    ("Poisson", {}, "positive"),
    ("CosineSimilarity", {}, "real"),
    ("CosineSimilarity", {"axis": 0}, "real"),
    ("KLDivergence", {}, "soft"),
    ("KLDivergence", {}, "one_hot"),
    ("Hinge", {}, "signs"),
    ("Hinge", {}, "bits_logits"),
    ("SquaredHinge", {}, "signs"),
    ("SquaredHinge", {}, "bits_logits"),
    ("CategoricalHinge", {}, "one_hot_logits"),
    ("BinaryCrossentropy", {}, "bits"),
    ("BinaryCrossentropy", {"from_logits": True}, "bits_logits"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, "bits"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, "bits_logits"),
    ("BinaryCrossentropy", {"axis": 0}, "bits"),
    ("BinaryFocalCrossentropy", {}, "bits"),
    ("BinaryFocalCrossentropy", {"gamma": 1.5, "from_logits": True}, "bits_logits"),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.3}, "bits"),
    ("BinaryFocalCrossentropy", {"label_smoothing": 0.1, "gamma": 3.0}, "bits"),
    ("CategoricalCrossentropy", {}, "one_hot"),
    ("CategoricalCrossentropy", {}, "soft"),
    ("CategoricalCrossentropy", {"from_logits": True}, "one_hot_logits"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "one_hot"),
    ("CategoricalFocalCrossentropy", {}, "one_hot"),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "gamma": 1.0}, "one_hot_logits"),
    ("CategoricalFocalCrossentropy", {"alpha": 0.7, "label_smoothing": 0.1}, "one_hot"),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4, 0.5]}, "one_hot"),
    ("CategoricalGeneralizedCrossEntropy", {}, "sparse"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.8}, "sparse"),
    ("SparseCategoricalCrossentropy", {}, "sparse"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "sparse_logits"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "sparse"),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 2}, "sparse_logits"),
]

IDS = [f"{name}-{data}-{'-'.join(map(str, arguments))}" for name, arguments, data in CASES]

# Without reference in Keras.
OWN: list[tuple[str, dict[str, Any], str]] = [
    ("PerceptronLoss", {}, "signs"),
    ("PerClassCrossentropy", {}, "one_hot"),
    ("PerClassCrossentropy", {"from_logits": True}, "one_hot_logits"),
]
