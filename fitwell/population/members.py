"""The members of a population: a setting of hyperparameters, a seed, the model built from both."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fitwell import random
from fitwell.arguments import Each, Integer, check, checked
from fitwell.errors import InvalidArgument, noting
from fitwell.history import History
from fitwell.layers.base import fresh_names
from fitwell.models.model import Model

Setting = dict[str, Any]
Build = Callable[[Setting], Model]

# Columns of the table of results, which no hyperparameter can be called.
RESERVED = ("member", "seed", "fold", "epochs", "stopped_epoch", "status")


def grid(**values: Iterable[Any]) -> list[Setting]:
    """Return one setting for every combination of `values`, the last name varying fastest.

    >>> grid(learning_rate=[0.01, 0.1], units=[10])
    [{'learning_rate': 0.01, 'units': 10}, {'learning_rate': 0.1, 'units': 10}]
    """
    lists = {name: _as_list(name, choices) for name, choices in values.items()}
    return [dict(zip(lists, chosen, strict=True)) for chosen in itertools.product(*lists.values())]


class Drawn(list[Setting]):
    """Settings drawn at random, which know the hyperparameters that were drawn on a logarithmic scale, or not.

    log: for each one that was drawn from a distribution.
    """

    def __init__(self, settings: Iterable[Setting], log: Mapping[str, bool]) -> None:
        super().__init__(settings)
        self.log = dict(log)


# What SciPy calls the distributions that are even in the logarithm.
_LOGARITHMIC = ("loguniform", "reciprocal", "lognorm")


@checked(
    count=Integer(1).said("the number of settings, an integer of at least 1"), random_state=Integer(0) | None
)
def draw(count: int, /, *, random_state: int | None = None, **spaces: Any) -> list[Setting]:
    """Return `count` settings drawn at random.

    spaces: for each hyperparameter what to draw from: a distribution of `scipy.stats`, such as
        ``loguniform(1e-4, 1e-1)``, or a list of values that are equally likely.
    random_state: the same number gives the same settings.

    >>> draw(2, random_state=0, units=[10, 30, 100])
    [{'units': 100}, {'units': 30}]
    """
    generator = np.random.default_rng(random_state)
    columns, log = {}, {}
    for name, space in spaces.items():
        if hasattr(space, "rvs"):
            log[name] = getattr(getattr(space, "dist", None), "name", None) in _LOGARITHMIC
            columns[name] = _draw_numbers(name, space, count, generator)
        else:
            choices = _as_list(name, space)
            columns[name] = [choices[i] for i in generator.integers(len(choices), size=count)]
    return Drawn(({name: column[i] for name, column in columns.items()} for i in range(count)), log)


def _draw_numbers(name: str, distribution: Any, count: int, generator: np.random.Generator) -> list[Any]:
    try:
        drawn = distribution.rvs(size=count, random_state=generator)
    except TypeError as error:
        raise InvalidArgument(
            f"{name}: {type(distribution).__name__} cannot be drawn from ({error}); a distribution is given with its "
            f"numbers, as in {name}=scipy.stats.loguniform(1e-4, 1e-1)"
        ) from error
    numbers: list[Any] = np.asarray(drawn).tolist()
    return numbers


def _as_list(name: str, choices: Any) -> list[Any]:
    if isinstance(choices, str | bytes | Mapping) or not isinstance(choices, Iterable):
        raise InvalidArgument(
            f"{name}: expected a list of values, got {choices!r}; write {name}=[{choices!r}]"
        )
    values = choices.tolist() if isinstance(choices, np.ndarray) else list(choices)
    if not values:
        raise InvalidArgument(f"{name}: the list of values is empty")
    return values


@dataclass(eq=False)
class Member:
    """One model of a population.

    setting: what `build` was given. fold: the number of the fold it is trained on, or None.
    stream: the seeds it draws from, as a model trained alone after ``set_random_seed(seed)`` would.
    history, status: of the last `fit` that it took part in.
    stopped_epoch: the epoch (from 0) after which a callback ended it.
    restored_epoch: the epoch whose weights it kept, when that was asked for.
    """

    setting: Setting
    seed: int
    model: Model
    stream: random.SeedStream
    fold: int | None = None
    history: History = field(default_factory=History)
    status: str = "not trained"
    stopped_epoch: int | None = None
    restored_epoch: int | None = None

    def wait(self) -> None:
        """Note that a `fit` begins, which may end before this member's turn comes."""
        if self.status != "not trained":
            self.status = "interrupted"

    def begin(self, history: History) -> None:
        """Note that a run begins, whose logs go to `history`."""
        self.history = history
        self.status = "running"
        self.stopped_epoch = self.restored_epoch = None

    @property
    def where(self) -> str:
        """What tells the member apart, for people: ``learning_rate=0.01, seed 3, fold 2``."""
        return where(self.setting, self.seed, self.fold)


def where(setting: Setting, seed: int, fold: int | None) -> str:
    """Return what tells a member apart from others, for people."""
    parts = [f"{name}={value!r}" for name, value in setting.items()]
    parts.append(f"seed {seed}")
    return ", ".join(parts if fold is None else [*parts, f"fold {fold}"])


def named(member: str) -> AbstractContextManager[None]:
    """Let errors from inside the block say which member it was."""
    return noting(f"This was member {member}.")


def make_member(build: Build, setting: Setting, seed: int, fold: int | None = None) -> Member:
    """Build one member under its seed."""
    stream = random.SeedStream(seed)
    # Names that count from the beginning are the same in every member, and so are the columns of results.
    with named(where(setting, seed, fold)), random.drawing_from(stream), fresh_names():
        model = checked_model(build(copied(setting)), f"build({setting!r})")
    return Member(setting, seed, model, stream, fold)


def checked_model(model: Any, maker: str) -> Model:
    """Return what a build function returned, if it can be trained; `maker`: the function, for people."""
    if not isinstance(model, Model):
        hint = ": does it end with `return model`?" if model is None else ""
        raise InvalidArgument(f"{maker} must return a compiled model, got {model!r}{hint}")
    if not model.compiled:
        raise InvalidArgument(
            f"{maker} returned a model that is not compiled: call model.compile(optimizer=..., loss=...) before "
            "returning it"
        )
    return model


def copied(setting: Mapping[str, Any]) -> Setting:
    """Return a copy for a function of the user, which may take its lists apart."""
    return {name: _copied(value) for name, value in setting.items()}


def _copied(value: Any) -> Any:
    return [_copied(part) for part in value] if isinstance(value, list) else value


def check_settings(members: Any) -> list[Setting]:
    """Return `members` as a list of settings; they may have different hyperparameters."""
    if isinstance(members, Mapping) or not isinstance(members, Sequence):
        hint = "; for all combinations of lists write fw.grid(...)" if isinstance(members, Mapping) else ""
        raise InvalidArgument(f"members: expected a list of dicts of hyperparameters, got {members!r}{hint}")
    if not members:
        raise InvalidArgument("members: the list is empty; leave it out to vary seeds only")
    for member in members:
        if not isinstance(member, Mapping) or not all(isinstance(name, str) for name in member):
            raise InvalidArgument(f"members: expected dicts from names to values, got {member!r}")
        for name in member:
            if name in RESERVED:
                raise InvalidArgument(
                    f"members: a hyperparameter cannot be called {name!r}, which is a column of the results; "
                    "the names taken are " + ", ".join(RESERVED)
                )
    return [dict(member) for member in members]


def check_seeds(seeds: Any) -> list[int]:
    """Return `seeds` as a list of different integers."""
    if isinstance(seeds, int | np.integer) and not isinstance(seeds, bool):
        raise InvalidArgument(
            f"seeds: expected a list of seeds, got {seeds!r}; write [{seeds}] for this one seed, or "
            f"range({seeds}) for {seeds} of them"
        )
    if isinstance(seeds, Iterable) and not isinstance(seeds, str | bytes | Mapping):
        seeds = list(seeds)
    found = list(check("Population", "seeds", seeds, Each(Integer(0), least=1)))
    if len(set(found)) < len(found):
        raise InvalidArgument(f"seeds: expected different seeds, at least one, got {found!r}")
    return found
