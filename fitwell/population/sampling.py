"""Settings for a population: all combinations of values, or random samples."""

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
    """Return one setting for every combination of values.

    Args:
        **values (Iterable): The values of each hyperparameter.

    Returns:
        list[dict]: The settings; the last hyperparameter varies fastest.

    Raises:
        InvalidArgument: If a list of values is empty or not a list.

    Example:
        >>> import fitwell as fw
        >>> fw.grid(learning_rate=[0.01, 0.1], units=[10])
        [{'learning_rate': 0.01, 'units': 10}, {'learning_rate': 0.1, 'units': 10}]

    Source: scikit-learn `ParameterGrid`.
    """
    lists = {name: _as_list(name, choices) for name, choices in values.items()}
    return [dict(zip(lists, chosen, strict=True)) for chosen in itertools.product(*lists.values())]


class SampledSettings(list[Setting]):
    """List of sampled settings, with the scale of each hyperparameter.

    Args:
        settings (Iterable[dict]): The settings.
        log (Mapping[str, bool]): Whether each hyperparameter that has a distribution is logarithmic.
    """

    def __init__(self, settings: Iterable[Setting], log: Mapping[str, bool]) -> None:
        super().__init__(settings)
        self.log = dict(log)


# SciPy names of distributions that are uniform or normal in the logarithm.
_LOGARITHMIC = ("loguniform", "reciprocal", "lognorm")


@validate_params(
    count=Integer(1).described_as("the number of settings, an integer of at least 1"),
    random_state=Integer(0) | None,
)
def sample(count: int, /, *, random_state: int | None = None, **spaces: Any) -> list[Setting]:
    """Return settings sampled at random.

    Args:
        count (int): Number of settings, at least 1.
        random_state (int | None): Seed; the same seed gives the same settings. Default: None, a random seed.
        **spaces (distribution | list): For each hyperparameter a distribution of `scipy.stats`, such as
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
    """Deprecated name of `sample`."""
    warn_deprecated("fw.draw", "fw.sample")
    return sample(count, random_state=random_state, **spaces)


def _sample_distribution(
    name: str, distribution: Any, count: int, generator: np.random.Generator
) -> list[Any]:
    try:
        values = distribution.rvs(size=count, random_state=generator)
    except TypeError as error:
        raise InvalidArgument(
            f"{name}: cannot sample from {type(distribution).__name__} ({error}); pass a distribution with its "
            f"parameters, as in {name}=scipy.stats.loguniform(1e-4, 1e-1)"
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
