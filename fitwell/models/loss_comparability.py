"""Losses of several models, which cannot be compared when they contain different penalties."""

from __future__ import annotations

from collections.abc import Collection

from fitwell._registry import describe_object
from fitwell.errors import warn
from fitwell.models.model import Model

RegularizerSet = frozenset[str]


def regularizers_of(model: Model) -> RegularizerSet:
    """Return every penalty that is part of the loss of `model`, in words."""
    found = [variable.regularizer for variable in model.variables]
    found += [layer.activity_regularizer for _, layer in model._flatten_layers()]
    return frozenset(describe_object(penalty) for penalty in found if penalty is not None)


def warn_if_regularizers_differ(penalties: Collection[RegularizerSet], metric: str, where: str) -> bool:
    """Warn, and return True, when models with these `penalties` are ranked by the loss, which contains them."""
    if metric.removeprefix("val_") != "loss" or len(set(penalties)) < 2:
        return False
    measured = metric.replace("loss", "mse")
    warn(
        f"{where} goes by {metric}, which contains the penalties (regularizers), and these differ: a strong penalty "
        "looks bad whatever it does for the predictions. Name the loss among the metrics too, as in "
        f"compile(loss='mse', metrics=['mse']), and go by {measured!r}",
    )
    return True
