"""Validation of search arguments, and the settings that must be the same when a study is continued."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from fitwell._data.fingerprint import fingerprint
from fitwell._data.loaders import Batch
from fitwell.errors import InvalidArgument, did_you_mean
from fitwell.models.data_adapters import is_batch_iterable
from fitwell.population import Population
from fitwell.tuner.domains import strip_addresses
from fitwell.tuner.objective import Objective
from fitwell.tuner.search_space import SearchSpace

__all__ = ["check_data", "check_fit_arguments", "check_trials", "study_config"]

# Arguments of `Population.fit` that the search sets itself, or that are also arguments of `search`.
_SEARCH_ARGUMENTS = frozenset(
    {"self", "x", "y", "verbose", "initial_epoch", "epochs", "callbacks", "sample_weight"}
)


def check_trials(trials: int | None, minutes: float | None, sampler: str) -> int | None:
    """Check that the search has a limit, and return the number of trials."""
    if trials is None:
        if minutes is None and sampler != "grid":
            raise InvalidArgument("search: the search needs a limit; pass trials=50, minutes=5, or both")
        return None
    return trials


def check_data(data: Any) -> tuple[Any, Any, Any]:
    """Check `data`, and return the inputs, the targets, and the sample weights (or None)."""
    if not isinstance(data, tuple) or len(data) not in (2, 3):
        hint = (
            "; if there is no space, pass the data by keyword: search(build, data=(x, y))"
            if data is None
            else ""
        )
        raise InvalidArgument(
            f"search: data must be a tuple (x, y) or (x, y, sample_weight), got {type(data).__name__}{hint}"
        )
    if is_batch_iterable(data[0]):
        raise InvalidArgument(
            "search: x must be an array or a collection of arrays, not a generator, because every trial reads the "
            "rows again"
        )
    return data[0], data[1], data[2] if len(data) == 3 else None


def study_config(
    objective: Objective,
    space: SearchSpace,
    data: Sequence[Any],
    epochs: int,
    repeats: int,
    seed: int,
    fit: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the settings that must match for trials to be comparable, in the form that the study stores."""
    domains = space.domains
    return {
        "objective": objective.description,
        "epochs": epochs,
        "repeats": repeats,
        "seed": seed,
        "data": fingerprint(
            Batch(x=_leaf_arrays(data[0]), y=_leaf_arrays(data[1]), weights=_leaf_arrays(data[2]))
        ),
        "space": None
        if domains is None
        else {name: domain.stored_repr() for name, domain in domains.items()},
        "fit": {name: _config_value(value) for name, value in sorted(fit.items())},
    }


def _leaf_arrays(data: Any) -> list[Any]:
    # Treat a list of numbers, or a list of rows, as one array.
    leaves = jax.tree.leaves(data, is_leaf=lambda part: isinstance(part, list) and not _holds_arrays(part))
    return [np.asarray(leaf) for leaf in leaves]


def _holds_arrays(data: list[Any]) -> bool:
    return bool(data) and all(hasattr(part, "shape") and len(part.shape) > 0 for part in data)


def check_fit_arguments(fit: Mapping[str, Any], search_signature: inspect.Signature) -> None:
    """Check that each name in `fit` is an argument that a search can pass to `Population.fit`."""
    known = [name for name in inspect.signature(Population.fit).parameters if name not in _SEARCH_ARGUMENTS]
    for name in fit:
        if name not in known:
            own = [name for name in search_signature.parameters if name != "fit"]
            raise InvalidArgument(
                f"search: there is no argument {name!r}{did_you_mean(name, [*own, *known]) or '.'}"
            )


def _config_value(value: Any) -> str:
    """Return a string that identifies an argument's value and is the same in every process."""
    if value is None or isinstance(value, str | int | float):
        return repr(value)
    if isinstance(value, tuple | list | np.ndarray):
        return str(fingerprint(Batch(_leaf_arrays(value))))
    return strip_addresses(repr(value))  # such as a scikit-learn splitter, whose repr contains its settings
