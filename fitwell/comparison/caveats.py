"""Sentences about a comparison's caveats, such as losses that are not comparable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fitwell import losses
from fitwell._registry import describe_object
from fitwell.models import Model
from fitwell.models.loss_comparability import regularizers_of
from fitwell.population import Population

__all__ = [
    "note_constant_weights",
    "note_incomparable_losses",
    "note_non_finite_runs",
]


def note_constant_weights(initial: Mapping[str, Population]) -> list[str]:
    """Return a note for each candidate that has the same initial weights in two repeats."""
    notes = []
    for name, population in initial.items():
        one, other = (member.model.get_weights() for member in population.members)
        if len(one) == len(other) and all(map(np.array_equal, one, other)):
            notes.append(
                f"{name} has the same initial weights in every repeat, so the results apply only to these weights. "
                "Remove the seeds of its initializers to vary the weights."
            )
    return notes


def note_incomparable_losses(examples: Mapping[str, Model], metric: str) -> list[str]:
    """Return notes that explain why the candidates' losses are not comparable, if `metric` is the loss."""
    if metric != "loss":
        return []
    notes = []
    if len({_loss_key(model.loss) for model in examples.values()}) > 1:
        notes.append(
            "The candidates were compiled with different losses, so their losses are not comparable. Compile all "
            "candidates with the same metric, as in compile(metrics=['mae']), and compare that metric."
        )
    if any(regularizers_of(model) for model in examples.values()):
        notes.append(
            "The loss includes the penalties (regularizers), so a strong penalty raises the loss even if it improves "
            "the predictions. Add the loss to the metrics, as in compile(loss='mse', metrics=['mse']), and compare "
            "that metric."
        )
    return notes


def _loss_key(loss: Any) -> str:
    found = losses.get(loss) if isinstance(loss, str) else loss
    # Functions are compared by identity, because all lambdas have the same name.
    return describe_object(found) if hasattr(found, "get_config") else repr(found)


def note_non_finite_runs(trained: Mapping[str, Population]) -> list[str]:
    """Return a note for each candidate whose loss became non-finite in at least one repeat."""
    notes = []
    for name, population in trained.items():
        non_finite = sum(member.status.startswith("NaN") for member in population.members)
        if non_finite:
            notes.append(
                f"In {non_finite} of {len(population)} repeats, the loss of {name} became non-finite, so its last "
                "finite weights were evaluated."
            )
    return notes
