"""Functions that find out whether smaller or larger values of a metric are better."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fitwell._param_validation import Options, String, validate_param
from fitwell._registry import snake_case
from fitwell.errors import InvalidArgument
from fitwell.metrics import Metric

__all__ = ["MODE", "MONITOR", "infer_mode", "require_mode"]

# Keras appends a number if a model has more than one metric of the same class, such as auc and auc_1.
_NUMBER = re.compile(r"_\d+$")

MODE = Options("auto", "min", "max")
MONITOR = String().described_as("the name of a metric, such as 'val_loss'")

# Parts of metric names that are not class names, such as abbreviations and function names.
_NAME_PARTS = {
    "max": (
        "acc",
        "auc",
        "precision",
        "recall",
        "f1",
        "fbeta",
        "r2",
        "top_k",
        "iou",
        "io_u",
        "cosine_similarity",
        "cosinesimilarity",
        "cosine_proximity",
        "sensitivity",
        "specificity",
        "true_positives",
        "true_negatives",
    ),
    "min": (
        "loss",
        "error",
        "entropy",
        "divergence",
        "hinge",
        "huber",
        "poisson",
        "perceptron",
        "log_cosh",
        "logcosh",
        "mse",
        "mae",
        "mape",
        "msle",
        "bce",
        "cce",
        "kld",
        "false_positives",
        "false_negatives",
    ),
}


def infer_mode(metric: str, model: Any = None) -> str | None:
    """Return ``"min"`` or ``"max"`` for a logged name, or None if the mode cannot be inferred.

    If a metric of `model` has this name, its `Metric.direction` decides. Otherwise, if the name ends with the
    name of a metric class, the direction of that class decides. Otherwise, of all
    strings in `_NAME_PARTS` (such as ``"acc"``) that the name contains, the one closest to its end decides,
    because a logged name may consist of an output's name followed by the metric's name.

    >>> infer_mode("val_top_k_categorical_accuracy"), infer_mode("accounts_mse"), infer_mode("my_score")
    ('max', 'min', None)
    """
    session = getattr(model, "_session_or_none", None)
    direction: str | None = None if session is None else session.metric_direction(metric)
    if direction is not None:
        return direction
    # A metric may be logged under its class name. For example, "TruePositives" counts as "true_positives".
    name = snake_case(metric)
    direction = _class_direction(_NUMBER.sub("", name))
    if direction is not None:
        return direction
    positions = {mode: max(name.rfind(part) for part in parts) for mode, parts in _NAME_PARTS.items()}
    last = max(positions, key=lambda mode: positions[mode])
    return last if positions[last] >= 0 else None


def _class_direction(name: str) -> str | None:
    """Return the direction of the metric class whose snake-case name is at the end of `name`, or None."""
    found = [(cls, way) for cls, way in _class_directions(Metric) if f"_{name}".endswith(f"_{cls}")]
    return max(found, key=lambda entry: len(entry[0]), default=("", None))[1]


def _class_directions(base: type[Metric]) -> Iterator[tuple[str, str]]:
    """Yield the name and the direction of each subclass of `base` that has a direction."""
    for cls in base.__subclasses__():
        direction = getattr(cls, "direction", None)
        if direction is not None:
            yield snake_case(cls.__name__), direction
        yield from _class_directions(cls)


def require_mode(metric: str, mode: str, where: str) -> str:
    """Return ``"min"`` or ``"max"``.

    If `mode` is ``"auto"``, the result is inferred from the name. If that fails, raise `InvalidArgument`.
    """
    mode = validate_param(where, "mode", mode, MODE)
    inferred = infer_mode(metric) if mode == "auto" else mode
    if inferred is None:
        raise InvalidArgument(
            f"{where}: cannot infer from the name {metric!r} whether smaller or larger values are better; pass "
            "mode='max' or mode='min'"
        )
    return inferred
