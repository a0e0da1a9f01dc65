"""Members of a population, each with a hyperparameter setting, a seed and a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fitwell import random
from fitwell._history import History
from fitwell._param_validation import Integer, ListOf, validate_param
from fitwell.errors import InvalidArgument, add_error_note
from fitwell.layers.auto_name import name_counter_scope
from fitwell.models.model import Model

__all__ = [
    "RESERVED_COLUMNS",
    "Build",
    "Member",
    "Setting",
    "build_member",
    "check_seeds",
    "check_settings",
    "copy_setting",
    "label_errors",
    "member_label",
    "require_compiled_model",
]

Setting = dict[str, Any]
Build = Callable[[Setting], Model]

# Columns of the results table, which cannot be used as names of hyperparameters.
RESERVED_COLUMNS = ("member", "seed", "fold", "epochs", "stopped_epoch", "status")


@dataclass(eq=False)
class Member:
    """One model of a population.

    Attributes:
        setting: The hyperparameters passed to `build`.
        seed: The member's seed.
        model: The model that `build` returned.
        stream: The member's random stream. It produces the same numbers as if the model were trained alone after
            ``set_random_seed(seed)``.
        fold: The 0-based number of the validation fold, or None.
        history: The history of the last `fit`.
        status: "not trained", "running", "finished", "stopped", "interrupted" or "NaN in epoch …".
        stopped_epoch: The 0-based epoch after which a callback stopped the member, or None.
        restored_epoch: The 0-based epoch whose weights were restored, or None.
    """

    setting: Setting
    seed: int
    model: Model
    stream: random.SeedGenerator
    fold: int | None = None
    history: History = field(default_factory=History)
    status: str = "not trained"
    stopped_epoch: int | None = None
    restored_epoch: int | None = None

    def mark_waiting(self) -> None:
        """If the member was trained before, set its status to "interrupted" until its training continues."""
        if self.status != "not trained":
            self.status = "interrupted"

    def mark_running(self, history: History) -> None:
        """Mark the member as running, and set the history that its training fills."""
        self.history = history
        self.status = "running"
        self.stopped_epoch = self.restored_epoch = None

    @property
    def label(self) -> str:
        """A human-readable label of the member, such as ``learning_rate=0.01, seed 3, fold 2``."""
        return member_label(self.setting, self.seed, self.fold)


def member_label(setting: Setting, seed: int, fold: int | None) -> str:
    """Return a human-readable label for the member with this setting, seed and fold."""
    parts = [f"{name}={value!r}" for name, value in setting.items()]
    parts.append(f"seed {seed}")
    return ", ".join(parts if fold is None else [*parts, f"fold {fold}"])


def label_errors(member: str) -> AbstractContextManager[None]:
    """Return a context manager that adds a member's label to errors."""
    return add_error_note(f"The error occurred in member {member}.")


def build_member(build: Build, setting: Setting, seed: int, fold: int | None = None) -> Member:
    """Build one member's model with its random stream, and return the member."""
    stream = random.SeedGenerator(seed)
    # Restart the counters in layer names, so that all members have the same layer names and result columns.
    with (
        label_errors(member_label(setting, seed, fold)),
        random.use_seed_generator(stream),
        name_counter_scope(),
    ):
        model = require_compiled_model(build(copy_setting(setting)), f"build({setting!r})")
    return Member(setting, seed, model, stream, fold)


def require_compiled_model(model: Any, maker: str) -> Model:
    """Return `model` after checking that it is a compiled model.

    Args:
        model: The object that the build function returned.
        maker: The name of the build function for error messages.

    Returns:
        The model.

    Raises:
        InvalidArgument: If the object is not a model, or if the model is not compiled.
    """
    if not isinstance(model, Model):
        hint = "; end the function with `return model`" if model is None else ""
        raise InvalidArgument(f"{maker} must return a compiled model, got {model!r}{hint}")
    if not model.compiled:
        raise InvalidArgument(
            f"{maker} returned a model that is not compiled; call model.compile(optimizer=..., loss=...) before "
            "returning it"
        )
    return model


def copy_setting(setting: Mapping[str, Any]) -> Setting:
    """Copy a setting and its lists, so that a user's function may modify them."""
    return {name: _copy_value(value) for name, value in setting.items()}


def _copy_value(value: Any) -> Any:
    return [_copy_value(part) for part in value] if isinstance(value, list) else value


def check_settings(members: Any) -> list[Setting]:
    """Check the argument `members` of `Population`, and return it as a list of settings."""
    if isinstance(members, Mapping) or not isinstance(members, Sequence):
        hint = "; use fw.grid(...) for all combinations of values" if isinstance(members, Mapping) else ""
        raise InvalidArgument(f"members: expected a list of dicts of hyperparameters, got {members!r}{hint}")
    if not members:
        raise InvalidArgument("members: the list is empty; to vary only the seeds, omit this argument")
    for member in members:
        if not isinstance(member, Mapping) or not all(isinstance(name, str) for name in member):
            raise InvalidArgument(
                f"members: expected dicts with strings as keys (the names of hyperparameters), got {member!r}"
            )
        for name in member:
            if name in RESERVED_COLUMNS:
                raise InvalidArgument(
                    f"members: a hyperparameter cannot be named {name!r}, because this is a column of the results; "
                    "the reserved names are " + ", ".join(RESERVED_COLUMNS)
                )
    return [dict(member) for member in members]


def check_seeds(seeds: Any) -> list[int]:
    """Check the argument `seeds` of `Population`, and return it as a list of distinct integers."""
    if isinstance(seeds, int | np.integer) and not isinstance(seeds, bool):
        raise InvalidArgument(
            f"seeds: expected a list of seeds, got {seeds!r}; write [{seeds}] for this single seed, or "
            f"range({seeds}) for {seeds} seeds"
        )
    if isinstance(seeds, Iterable) and not isinstance(seeds, str | bytes | Mapping):
        seeds = list(seeds)
    numbers = list(validate_param("Population", "seeds", seeds, ListOf(Integer(0), least=1)))
    if len(set(numbers)) < len(numbers):
        raise InvalidArgument(f"seeds: expected distinct seeds, got {numbers!r}")
    return numbers
