"""What the reader of a comparison must know of its candidates, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fitwell import losses
from fitwell.models import Model
from fitwell.models.penalties import penalties_of
from fitwell.population import Population
from fitwell.registry import told


def about_first_weights(begun: Mapping[str, Population]) -> list[str]:
    """Return which candidates begin with the same weights in two repeats, so that these do not vary."""
    notes = []
    for name, population in begun.items():
        one, other = (member.model.get_weights() for member in population.members)
        if len(one) == len(other) and all(map(np.array_equal, one, other)):
            notes.append(
                f"{name} begins with the same weights in every repeat, so what is found holds for these: layers whose "
                "initializers have no seed draw them anew."
            )
    return notes


def about_losses(examples: Mapping[str, Model], metric: str) -> list[str]:
    """Return why the losses of these candidates are not one measure, when `metric` is the loss."""
    if metric != "loss":
        return []
    notes = []
    if len({_told(model.loss) for model in examples.values()}) > 1:
        notes.append(
            "The candidates were compiled with different losses, so the loss of one is another measure than that of "
            "the other: name one metric in all of them, as in compile(metrics=['mae']), and compare by it."
        )
    if any(penalties_of(model) for model in examples.values()):
        notes.append(
            "The loss contains the penalties (regularizers): a strong one looks bad whatever it does for the "
            "predictions. Name the loss among the metrics too, as in compile(loss='mse', metrics=['mse']), and "
            "compare by that."
        )
    return notes


def _told(loss: Any) -> str:
    found = losses.get(loss) if isinstance(loss, str) else loss
    # Of functions the very object counts: two lambdas have one name.
    return told(found) if hasattr(found, "get_config") else repr(found)


def about_lost_runs(trained: Mapping[str, Population]) -> list[str]:
    """Return in how many repeats the loss of a candidate was no longer finite."""
    notes = []
    for name, population in trained.items():
        lost = sum(member.status.startswith("NaN") for member in population.members)
        if lost:
            notes.append(
                f"In {lost} of {len(population)} repeats the loss of {name} was no longer finite: "
                "its last good weights were judged."
            )
    return notes
