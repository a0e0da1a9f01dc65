"""A check that models are not ranked by losses that include different regularization penalties."""

from __future__ import annotations

from collections.abc import Collection

from fitwell._registry import describe_object
from fitwell.errors import warn
from fitwell.models.model import Model

__all__ = ["RegularizerSet", "regularizers_of", "warn_if_regularizers_differ"]

RegularizerSet = frozenset[str]


def regularizers_of(model: Model) -> RegularizerSet:
    """Return a description of every regularizer that contributes to the model's loss."""
    found = [variable.regularizer for variable in model.variables]
    found += [layer.activity_regularizer for _, layer in model._flatten_layers()]
    return frozenset(describe_object(penalty) for penalty in found if penalty is not None)


def warn_if_regularizers_differ(penalties: Collection[RegularizerSet], metric: str, where: str) -> bool:
    """Warn and return True if models with different regularizers are ranked by their losses, else return False.

    Args:
        penalties: The regularizers of each model.
        metric: The name of the metric that the models are ranked by.
        where: The name of the function that ranks them, for the warning.
    """
    if metric.removeprefix("val_") != "loss" or len(set(penalties)) < 2:
        return False
    measured = metric.replace("loss", "mse")
    warn(
        f"{where} ranks by {metric}, which includes regularization penalties that differ between the models. A strong "
        "penalty makes a model rank lower even if it improves the predictions. Add the loss to the metrics, for "
        f"example with compile(loss='mse', metrics=['mse']), and rank by {measured!r}",
    )
    return True
