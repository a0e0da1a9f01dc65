"""Whether a larger or a smaller value of a metric is the better one."""

from __future__ import annotations

from fitwell._param_validation import Options, String, validate_param
from fitwell._registry import snake_case
from fitwell.errors import InvalidArgument, warn

MODE = Options("auto", "min", "max")
MONITOR = String().described_as("the name of a metric, such as 'val_loss'")
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


def infer_mode(metric: str) -> str | None:
    """Return ``"min"`` or ``"max"`` as the name of a metric tells, None when it does not tell.

    The last word that is known decides, because outputs stand before their metrics.

    >>> told_by_name("val_top_k_categorical_accuracy"), told_by_name("accounts_mse"), told_by_name("my_score")
    ('max', 'min', None)
    """
    # "TruePositives" is logged as it was written, and tells as much as "true_positives".
    name = snake_case(metric)
    places = {mode: max(name.rfind(word) for word in words) for mode, words in _NAME_PARTS.items()}
    last = max(places, key=lambda mode: places[mode])
    return last if places[last] >= 0 else None


def resolve_mode(monitor: str, mode: str) -> str:
    """Return ``"min"`` or ``"max"``; ``"auto"`` is decided by the metric's name, ``"min"`` where it tells nothing.

    That is a guess, as in Keras of old, and the user is told of it.
    """
    if mode != "auto":
        return mode
    told = infer_mode(monitor)
    if told is None:
        warn(
            f"whether a larger or a smaller {monitor!r} is the better one, its name does not tell; it is "
            "taken for one to be made small: say mode='max' or mode='min'",
        )
    return told or "min"


def require_mode(metric: str, mode: str, where: str) -> str:
    """Return ``"min"`` or ``"max"``; a metric whose name does not tell is refused, for a ranking cannot be guessed."""
    mode = validate_param(where, "mode", mode, MODE)
    told = infer_mode(metric) if mode == "auto" else mode
    if told is None:
        raise InvalidArgument(
            f"{where}: whether a larger or a smaller {metric!r} is the better one, its name does not tell; add "
            "mode='max' or mode='min'"
        )
    return told
