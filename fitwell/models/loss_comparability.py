"""Whether the losses of several models can be compared: not if they contain different regularization terms."""

from __future__ import annotations

from collections.abc import Collection

from fitwell._registry import describe_object
from fitwell.errors import warn
from fitwell.models.model import Model

__all__ = ["RegularizerSet", "regularizers_of", "warn_if_regularizers_differ"]

RegularizerSet = frozenset[str]


def regularizers_of(model: Model) -> RegularizerSet:
    """Return a description of every regularizer that is part of the loss of `model`."""
    found = [variable.regularizer for variable in model.variables]
    found += [layer.activity_regularizer for _, layer in model._flatten_layers()]
    return frozenset(describe_object(penalty) for penalty in found if penalty is not None)


def warn_if_regularizers_differ(penalties: Collection[RegularizerSet], metric: str, where: str) -> bool:
    """Warn, and return True, if models with different `penalties` are ranked by the loss, which contains them."""
    if metric.removeprefix("val_") != "loss" or len(set(penalties)) < 2:
        return False
    measured = metric.replace("loss", "mse")
    warn(
        f"{where} ranks by {metric}, which contains the penalties of the regularizers, and these differ: a strong "
        "penalty looks bad whatever it does for the predictions. Add the loss to the metrics, as in "
        f"compile(loss='mse', metrics=['mse']), and rank by {measured!r}",
    )
    return True
