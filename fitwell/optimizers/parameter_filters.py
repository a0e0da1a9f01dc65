"""An optimizer's settings for individual parameters: learning rate multipliers and weight decay exclusions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fitwell._param_validation import Real, validate_param
from fitwell._variables import HyperparameterMixin, Variable
from fitwell.errors import ErrorCollector, InvalidArgument, did_you_mean

__all__ = [
    "Multiplier",
    "ParameterFilters",
]


class Multiplier(HyperparameterMixin):
    """A factor of the learning rate or of the weight decay for all parameters under one path."""

    hyperparameters = ("factor",)

    def __init__(self, option: str, prefix: str, factor: float) -> None:
        self.option = option
        self.prefix = prefix
        self.set_factor(factor)

    def set_factor(self, factor: float) -> None:
        """Check and set the factor."""
        self.factor = validate_param(self.option, repr(self.prefix), factor, Real(0))

    def distance(self, paths: Iterable[str]) -> int | None:
        """Return how many levels below `prefix` the nearest path is, or None if no path is at or below `prefix`."""
        below = [
            path[len(self.prefix) :].count("/") for path in paths if f"{path}/".startswith(f"{self.prefix}/")
        ]
        return min(below, default=None)


class ParameterFilters(HyperparameterMixin):
    """The learning rate multipliers and weight decay exclusions for individual parameters.

    A model refers to its parameters by position (``"layers.0/kernel"``). Users refer to them by the name of a
    layer (``"dense/kernel"``) or of the model that contains it (``"base/dense/kernel"``). After
    `bind_variables`, both kinds of paths work.
    """

    def __init__(self) -> None:
        self.multipliers: tuple[Multiplier, ...] = ()
        self.decay_multipliers: tuple[Multiplier, ...] = ()
        self.excluded: tuple[Variable | str, ...] = ()
        self.excluded_pattern: re.Pattern[str] | None = None
        self.variables: dict[str, Variable] = {}
        self.aliases: dict[int, list[str]] = {}

    def set_learning_rate_factors(self, factors: Mapping[Any, float]) -> None:
        """Set the multipliers of the learning rate, as a dict that maps path prefixes to factors."""
        self.multipliers = _assign_factors("learning_rate_multipliers", self.multipliers, factors)

    def set_weight_decay_factors(self, factors: Mapping[Any, float]) -> None:
        """Set the multipliers of the weight decay, as a dict that maps path prefixes to factors."""
        self.decay_multipliers = _assign_factors("weight_decay_multipliers", self.decay_multipliers, factors)

    def exclude_from_weight_decay(self, variables: Iterable[Variable | str], names: Iterable[str]) -> None:
        """Exclude parameters from weight decay.

        Args:
            variables: Variables to exclude, or their paths.
            names: Regular expressions. A variable whose name matches one of them is excluded too.
        """
        self.excluded = tuple(variables)
        patterns = list(names)
        self.excluded_pattern = re.compile("|".join(patterns)) if patterns else None

    def learning_rate_multiplier(self, path: str) -> Multiplier | None:
        """Return the learning rate multiplier of the parameter at `path`, or None."""
        return self._closest(self.multipliers, path)

    def weight_decay_multiplier(self, path: str) -> Multiplier | None:
        """Return the weight decay multiplier of the parameter at `path`, or None."""
        return self._closest(self.decay_multipliers, path)

    def _closest(self, multipliers: tuple[Multiplier, ...], path: str) -> Multiplier | None:
        """Return the multiplier whose prefix is closest to the parameter at `path`, or None.

        A variable's prefix is closer than its layer's prefix, which is closer than the prefix of the model
        that contains the layer.
        """
        distances = {m: m.distance(self._paths(path)) for m in multipliers}
        covering = [
            (distance, -len(m.prefix), m) for m, distance in distances.items() if distance is not None
        ]
        return min(covering, key=lambda found: found[:2])[-1] if covering else None

    def uses_weight_decay(self, path: str) -> bool:
        """Return True if weight decay applies to the parameter at `path`."""
        paths, variable = self._paths(path), self.variables.get(path)
        if any(spared is variable or _path(spared) in paths for spared in self.excluded):
            return False
        name = path.rsplit("/", 1)[-1]
        return self.excluded_pattern is None or self.excluded_pattern.search(name) is None

    def bind_variables(
        self, variables: Mapping[str, Variable], names: Iterable[tuple[str, Variable]], where: str
    ) -> None:
        """Set the variable for each path, and register additional `names` for the variables.

        Raise an `InvalidArgument` that lists all multipliers and exclusions that match no variable.
        """
        self.variables = dict(variables)
        self.aliases = {}
        for name, variable in names:
            self.aliases.setdefault(id(variable), []).extend(_path_suffixes(name))
        problems = ErrorCollector(where)
        every = [path for known in variables for path in self._paths(known)]
        holders = list(dict.fromkeys(holder for path in every for holder in _parent_paths(path)))
        for multiplier in (*self.multipliers, *self.decay_multipliers):
            if multiplier.distance(every) is None:
                hint = (
                    did_you_mean(multiplier.prefix, [*every, *holders])
                    or f". The known paths are: {', '.join(holders)}."
                )
                problems.add(f"{multiplier.option}: there is no parameter under {multiplier.prefix!r}{hint}")
        for spared in self.excluded:
            if _path(spared) not in every and all(spared is not known for known in variables.values()):
                hint = did_you_mean(_path(spared), every)
                problems.add(f"exclude_from_weight_decay: there is no parameter {_path(spared)!r}{hint}")
        problems.raise_if_any()

    def _paths(self, path: str) -> tuple[str, ...]:
        known = self.variables.get(path)
        return (path,) if known is None else (path, known.path, *self.aliases.get(id(known), ()))


def _path(variable: Variable | str) -> str:
    return variable if isinstance(variable, str) else variable.path


def _prefix(option: str, key: Any) -> str:
    """Return the path prefix for a multiplier's key, which is a path or an object with a path or a name."""
    name = key if isinstance(key, str) else getattr(key, "path", None) or getattr(key, "name", None)
    if not isinstance(name, str):
        raise InvalidArgument(
            f"{option}: keys must be layers, their names, or paths such as 'dense/kernel', got {key!r}"
        )
    return name


def _path_suffixes(name: str) -> list[str]:
    """Return the path and its suffixes, such as ``["base/dense/kernel", "dense/kernel"]``."""
    parts = name.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts) - 1)]


def _parent_paths(path: str) -> list[str]:
    """Return the paths of the objects that contain the variable at `path`, such as ``["base", "base/dense"]``."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _assign_factors(
    option: str, multipliers: tuple[Multiplier, ...], given: Mapping[Any, float]
) -> tuple[Multiplier, ...]:
    """Return multipliers with new factors.

    The same objects are returned for the same prefixes, so that new factors do not trigger recompilation.
    """
    factors = {_prefix(option, key): factor for key, factor in given.items()}
    if list(factors) != [multiplier.prefix for multiplier in multipliers]:
        return tuple(Multiplier(option, prefix, factor) for prefix, factor in factors.items())
    for multiplier in multipliers:
        multiplier.set_factor(factors[multiplier.prefix])
    return multipliers
