"""`TrainState`, a pytree that contains everything that changes during training."""

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
    """The complete state of a training run.

    A checkpoint stores this state, and a population is trained by mapping over multiple states.

    Attributes:
        trainable: The weights that gradients update, keyed by their paths in the model.
        non_trainable: Frozen weights, and variables that layers update themselves, such as moving means.
        opt_state: The optimizer state.
        hyperparams: The hyperparameters that are arguments of the compiled program, keyed by path. Examples are
            learning rates, regularization factors, momenta and noise levels.
        metrics: The metric accumulators of the current epoch.
        policies: The states of the compiled policies, keyed by policy name.
        seed: The seed of the run. Together with the epoch and the step, it determines the permutations and the noise.
        step: The number of updates.
        epoch: The number of finished epochs.
        first_nonfinite_step: The step whose loss was not finite, or -1. No updates are made after this step.
        stop: Whether a policy ended the run.
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
        """All variables that a forward pass reads, including frozen weights."""
        return self.trainable | self.non_trainable

    def replace(self, **changes: Any) -> TrainState:
        """Return a copy in which the given fields are replaced."""
        return dataclasses.replace(self, **changes)


# Files use the field names from the first version of the file format.
_FIELDS_OF_FILES = {
    "statistics": "non_trainable",
    "slots": "opt_state",
    "hyper": "hyperparams",
    "bad_step": "first_nonfinite_step",
}


def field_of_file(name: str) -> str:
    """Convert a field name from a file to the field's current name in `TrainState`."""
    fields = TrainState.__dataclass_fields__
    return name if name in fields else _FIELDS_OF_FILES.get(name, name)


def path_in_file(path: str) -> str:
    """Convert a path in a `TrainState`, such as ``hyperparams['optimizer.momentum']``, to the path that files use."""
    names = {field: name for name, field in _FIELDS_OF_FILES.items()}
    return re.sub(r"^\w+", lambda found: names.get(found[0], found[0]), path)


def initial_counters(seed: int, step: int = 0, epoch: int = 0) -> dict[str, Any]:
    """Return initial values for the scalar fields of `TrainState`."""
    return {
        "seed": np.uint32(seed),
        "step": np.int32(step),
        "epoch": np.int32(epoch),
        "first_nonfinite_step": np.int32(-1),
        "stop": np.bool_(False),
    }
