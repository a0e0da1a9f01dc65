"""`TrainState`: everything that a run changes, as one pytree."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from fitwell._typing import Array

__all__ = ["TrainState", "field_of_file", "initial_counters", "path_in_file"]


@jax.tree_util.register_dataclass
@dataclass
class TrainState:
    """The whole state of a training run. Saving it gives a checkpoint; mapping over it trains a population.

    trainable: weights that gradients update, by path in the model.
    non_trainable: variables that layers update themselves, such as moving means, and frozen weights.
    opt_state: the state of the optimizer.
    hyperparams: every hyperparameter that is an argument, by path: learning rates, regularization factors, momenta,
        noise levels.
    metrics: the accumulators of the current epoch, in the arrays that the program chooses.
    policies: the states of compiled policies, by name.
    seed: of the run; permutations and noise derive from it with the epoch and the step.
    step: the number of updates.
    epoch: the number of finished epochs.
    first_nonfinite_step: the step whose loss was not finite, or -1; later steps make no update.
    stop: whether a policy ended the run.
    """

    trainable: dict[str, Array]
    non_trainable: dict[str, Array]
    opt_state: Any
    hyperparams: dict[str, Array]
    metrics: dict[str, Array]
    policies: dict[str, Any]
    seed: Array
    step: Array
    epoch: Array
    first_nonfinite_step: Array
    stop: Array

    @property
    def variables(self) -> dict[str, Array]:
        """All variables that a forward pass reads, frozen weights included."""
        return self.trainable | self.non_trainable

    def replace(self, **changes: Any) -> TrainState:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)


# Files keep the field names of the first version of their format.
_FIELDS_OF_FILES = {
    "statistics": "non_trainable",
    "slots": "opt_state",
    "hyper": "hyperparams",
    "bad_step": "first_nonfinite_step",
}


def field_of_file(name: str) -> str:
    """Return the field of `TrainState` that files call `name`."""
    fields = TrainState.__dataclass_fields__
    return name if name in fields else _FIELDS_OF_FILES.get(name, name)


def path_in_file(path: str) -> str:
    """Return the name in files of a path in a `TrainState`, such as ``trainable['dense/kernel']``."""
    names = {field: name for name, field in _FIELDS_OF_FILES.items()}
    return re.sub(r"^\w+", lambda found: names.get(found[0], found[0]), path)


def initial_counters(seed: int, step: int = 0, epoch: int = 0) -> dict[str, Any]:
    """Return the scalar fields of a new state."""
    return {
        "seed": np.uint32(seed),
        "step": np.int32(step),
        "epoch": np.int32(epoch),
        "first_nonfinite_step": np.int32(-1),
        "stop": np.bool_(False),
    }
