"""Functions that create population settings, either from all combinations of values or by random sampling."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fitwell._deprecation import warn_deprecated
from fitwell._param_validation import Integer, validate_params
from fitwell.errors import InvalidArgument
from fitwell.population.members import Setting

__all__ = ["SampledSettings", "grid", "sample"]


def grid(**values: Iterable[Any]) -> list[Setting]:
    """Return one setting for each combination of hyperparameter values.

    Args:
        **values (Iterable): List of values for each hyperparameter.

    Returns:
        list[dict]: The settings. The last hyperparameter varies fastest.

    Raises:
        InvalidArgument: If an argument is a single value instead of a list, or if a list is empty.

    Example:
        >>> import fitwell as fw
        >>> fw.grid(learning_rate=[0.01, 0.1], units=[10])
        [{'learning_rate': 0.01, 'units': 10}, {'learning_rate': 0.1, 'units': 10}]

    Source: scikit-learn `ParameterGrid`.
    """
    lists = {name: _as_list(name, choices) for name, choices in values.items()}
    return [dict(zip(lists, chosen, strict=True)) for chosen in itertools.product(*lists.values())]


class SampledSettings(list[Setting]):
    """A list of sampled settings that also stores which hyperparameters have a logarithmic scale.

    Args:
        settings (Iterable[dict]): The settings.
        log (Mapping[str, bool]): For each hyperparameter that was sampled from a distribution, whether the
            distribution is logarithmic.
    """

    def __init__(self, settings: Iterable[Setting], log: Mapping[str, bool]) -> None:
        super().__init__(settings)
        self.log = dict(log)


# Names of SciPy distributions for which the logarithm of the value is uniformly or normally distributed.
_LOGARITHMIC = ("loguniform", "reciprocal", "lognorm")


@validate_params(
    count=Integer(1).described_as("the number of settings, an integer of at least 1"),
    random_state=Integer(0) | None,
)
def sample(count: int, /, *, random_state: int | None = None, **spaces: Any) -> list[Setting]:
    """Return randomly sampled settings.

    Args:
        count (int): Number of settings, at least 1.
        random_state (int | None): Seed. The same seed gives the same settings. Default: None, which means a random
            seed.
        **spaces (distribution | list): For each hyperparameter, a distribution from `scipy.stats`, such as
            ``loguniform(1e-4, 1e-1)``, or a list of equally likely values.

    Returns:
        list[dict]: The settings.

    Raises:
        InvalidArgument: If a space is not a distribution or a list of values.

    Example:
        >>> import fitwell as fw
        >>> fw.sample(2, random_state=0, units=[10, 30, 100])
        [{'units': 100}, {'units': 30}]

    Source: scikit-learn `ParameterSampler`.
    """
    generator = np.random.default_rng(random_state)
    columns, log = {}, {}
    for name, space in spaces.items():
        if hasattr(space, "rvs"):
            log[name] = getattr(getattr(space, "dist", None), "name", None) in _LOGARITHMIC
            columns[name] = _sample_distribution(name, space, count, generator)
        else:
            choices = _as_list(name, space)
            columns[name] = [choices[i] for i in generator.integers(len(choices), size=count)]
    return SampledSettings(({name: column[i] for name, column in columns.items()} for i in range(count)), log)


def draw(count: int, /, *, random_state: int | None = None, **spaces: Any) -> list[Setting]:
    """Return randomly sampled settings. This function is a deprecated alias of `sample`."""
    warn_deprecated("fw.draw", "fw.sample")
    return sample(count, random_state=random_state, **spaces)


def _sample_distribution(
    name: str, distribution: Any, count: int, generator: np.random.Generator
) -> list[Any]:
    try:
        values = distribution.rvs(size=count, random_state=generator)
    except TypeError as error:
        raise InvalidArgument(
            f"{name}: cannot sample from {type(distribution).__name__} ({error}); pass a distribution with "
            f"parameters, such as {name}=scipy.stats.loguniform(1e-4, 1e-1)"
        ) from error
    numbers: list[Any] = np.asarray(values).tolist()
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
