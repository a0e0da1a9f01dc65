"""Which parameters get what: multipliers of the learning rate, exclusions from weight decay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from fitwell.errors import Problems, nearest
from fitwell.variables import Hyperparametric, Variable


class Multiplier(Hyperparametric):
    """The factor on the learning rate of the parameters under one path."""

    hyperparameters = ("factor",)

    def __init__(self, prefix: str, factor: float) -> None:
        self.prefix = prefix
        self.factor = factor

    def covers(self, paths: Iterable[str]) -> bool:
        """Return whether one of a parameter's `paths` is `prefix`, or lies under it."""
        return any(path == self.prefix or path.startswith(self.prefix + "/") for path in paths)


class Reach(Hyperparametric):
    """What an optimizer treats differently from parameter to parameter.

    A model may address its parameters by position (``"layers.0/kernel"``) and its user by name
    (``"dense/kernel"``): once `recognise` has seen the variables, either will do.
    """

    def __init__(self) -> None:
        self.multipliers: tuple[Multiplier, ...] = ()
        self.spared: tuple[Variable | str, ...] = ()
        self.spared_names: re.Pattern[str] | None = None
        self.known: dict[str, Variable] = {}

    @property
    def factors(self) -> dict[str, float]:
        """The multipliers, ``{path prefix: factor}``; with the same prefixes, setting them is no new structure."""
        return {multiplier.prefix: multiplier.factor for multiplier in self.multipliers}

    @factors.setter
    def factors(self, factors: Mapping[str, float]) -> None:
        if list(factors) == [multiplier.prefix for multiplier in self.multipliers]:
            for multiplier in self.multipliers:
                multiplier.factor = factors[multiplier.prefix]
        else:
            self.multipliers = tuple(Multiplier(prefix, factor) for prefix, factor in factors.items())

    def spare(self, variables: Iterable[Variable | str], names: Iterable[str]) -> None:
        """Let weight decay leave out `variables` (or paths), and those whose name contains one of `names`."""
        self.spared = tuple(variables)
        patterns = list(names)
        self.spared_names = re.compile("|".join(patterns)) if patterns else None

    def multiplier(self, path: str) -> Multiplier | None:
        """Return the multiplier with the longest prefix that covers the parameter at `path`, if any."""
        covering = [m for m in self.multipliers if m.covers(self._paths(path))]
        return max(covering, key=lambda m: len(m.prefix), default=None)

    def decays(self, path: str) -> bool:
        """Return whether weight decay applies to the parameter at `path`."""
        paths, variable = self._paths(path), self.known.get(path)
        if any(spared is variable or _path(spared) in paths for spared in self.spared):
            return False
        name = path.rsplit("/", 1)[-1]
        return self.spared_names is None or self.spared_names.search(name) is None

    def recognise(self, variables: Mapping[str, Variable], where: str) -> None:
        """Learn which variable is behind each path; `InvalidArgument` names what matches none of them."""
        self.known = dict(variables)
        problems = Problems(where)
        every = [path for known in variables for path in self._paths(known)]
        for multiplier in self.multipliers:
            if not multiplier.covers(every):
                hint = nearest(multiplier.prefix, [*every, *(path.rsplit("/", 1)[0] for path in every)])
                problems.add(f"learning_rate_multipliers: no parameter under {multiplier.prefix!r}{hint}")
        for spared in self.spared:
            if _path(spared) not in every and all(spared is not known for known in variables.values()):
                hint = nearest(_path(spared), every)
                problems.add(f"exclude_from_weight_decay: no parameter {_path(spared)!r}{hint}")
        problems.raise_any()

    def _paths(self, path: str) -> tuple[str, ...]:
        known = self.known.get(path)
        return (path,) if known is None else (path, known.path)


def _path(variable: Variable | str) -> str:
    return variable if isinstance(variable, str) else variable.path
