"""Members of a population, each with a setting of hyperparameters, a seed and a model."""

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

# Columns of the results table. Hyperparameters cannot have these names.
RESERVED_COLUMNS = ("member", "seed", "fold", "epochs", "stopped_epoch", "status")


@dataclass(eq=False)
class Member:
    """One model of a population.

    Attributes:
        setting: Hyperparameters passed to `build`.
        seed: Seed of the member.
        model: The model that `build` returned.
        stream: Random stream, equal to that of a model trained alone after ``set_random_seed(seed)``.
        fold: Number of the validation fold, or None.
        history: History of the last `fit`.
        status: "not trained", "running", "finished", "stopped", "interrupted" or "NaN in epoch …".
        stopped_epoch: Epoch (from 0) after which a callback stopped the member, or None.
        restored_epoch: Epoch whose weights were restored, or None.
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
        """Mark the member as waiting: `fit` may end before the member is trained."""
        if self.status != "not trained":
            self.status = "interrupted"

    def mark_running(self, history: History) -> None:
        """Mark the member as running, and write its logs to `history`."""
        self.history = history
        self.status = "running"
        self.stopped_epoch = self.restored_epoch = None

    @property
    def label(self) -> str:
        """Human-readable label of the member: ``learning_rate=0.01, seed 3, fold 2``."""
        return member_label(self.setting, self.seed, self.fold)


def member_label(setting: Setting, seed: int, fold: int | None) -> str:
    """Return the human-readable label of a member."""
    parts = [f"{name}={value!r}" for name, value in setting.items()]
    parts.append(f"seed {seed}")
    return ", ".join(parts if fold is None else [*parts, f"fold {fold}"])


def label_errors(member: str) -> AbstractContextManager[None]:
    """Add the label of a member to errors that are raised inside the block."""
    return add_error_note(f"This was member {member}.")


def build_member(build: Build, setting: Setting, seed: int, fold: int | None = None) -> Member:
    """Build one member with its seed."""
    stream = random.SeedGenerator(seed)
    # Layer names restart at the same count, so all members have the same names and result columns.
    with (
        label_errors(member_label(setting, seed, fold)),
        random.use_seed_generator(stream),
        name_counter_scope(),
    ):
        model = require_compiled_model(build(copy_setting(setting)), f"build({setting!r})")
    return Member(setting, seed, model, stream, fold)


def require_compiled_model(model: Any, maker: str) -> Model:
    """Return `model`, or raise if it is not a compiled model.

    maker: human-readable name of the build function.
    """
    if not isinstance(model, Model):
        hint = ": does it end with `return model`?" if model is None else ""
        raise InvalidArgument(f"{maker} must return a compiled model, got {model!r}{hint}")
    if not model.compiled:
        raise InvalidArgument(
            f"{maker} returned a model that is not compiled: call model.compile(optimizer=..., loss=...) before "
            "returning it"
        )
    return model


def copy_setting(setting: Mapping[str, Any]) -> Setting:
    """Return a copy of a setting and its lists, for a user function that may modify them."""
    return {name: _copy_value(value) for name, value in setting.items()}


def _copy_value(value: Any) -> Any:
    return [_copy_value(part) for part in value] if isinstance(value, list) else value


def check_settings(members: Any) -> list[Setting]:
    """Validate `members` and return a list of settings, which may have different hyperparameters."""
    if isinstance(members, Mapping) or not isinstance(members, Sequence):
        hint = "; for all combinations of lists write fw.grid(...)" if isinstance(members, Mapping) else ""
        raise InvalidArgument(f"members: expected a list of dicts of hyperparameters, got {members!r}{hint}")
    if not members:
        raise InvalidArgument("members: the list is empty; leave it out to vary seeds only")
    for member in members:
        if not isinstance(member, Mapping) or not all(isinstance(name, str) for name in member):
            raise InvalidArgument(f"members: expected dicts from names to values, got {member!r}")
        for name in member:
            if name in RESERVED_COLUMNS:
                raise InvalidArgument(
                    f"members: a hyperparameter cannot be named {name!r}, which is a column of the results; "
                    "the reserved names are " + ", ".join(RESERVED_COLUMNS)
                )
    return [dict(member) for member in members]


def check_seeds(seeds: Any) -> list[int]:
    """Validate `seeds` and return a list of different integers."""
    if isinstance(seeds, int | np.integer) and not isinstance(seeds, bool):
        raise InvalidArgument(
            f"seeds: expected a list of seeds, got {seeds!r}; write [{seeds}] for this one seed, or "
            f"range({seeds}) for {seeds} of them"
        )
    if isinstance(seeds, Iterable) and not isinstance(seeds, str | bytes | Mapping):
        seeds = list(seeds)
    numbers = list(validate_param("Population", "seeds", seeds, ListOf(Integer(0), least=1)))
    if len(set(numbers)) < len(numbers):
        raise InvalidArgument(f"seeds: expected different seeds, at least one, got {numbers!r}")
    return numbers
