"""Checks of the arguments that `compare` receives."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from fitwell.errors import InvalidArgument, did_you_mean
from fitwell.models import Model

__all__ = ["check_arguments"]


def check_arguments(candidates: Any, data: Any, test_data: Any, baseline: Any, callbacks: Any) -> None:
    """Raise `InvalidArgument` if an argument is not valid."""
    if not isinstance(candidates, Mapping) or len(candidates) < 2:
        raise InvalidArgument(
            "compare: candidates must be a dict that maps the names of at least two candidates to functions that build "
            "a compiled model"
        )
    for name, build in candidates.items():
        _check_candidate(name, build)
    for name, value in (("data", data), ("test_data", test_data)):
        if (not isinstance(value, list | tuple) or len(value) != 2) and (value is not None or name == "data"):
            raise InvalidArgument(f"compare: {name} must be a pair (x, y)")
    if isinstance(callbacks, Mapping):
        _check_callbacks(candidates, callbacks)
    if baseline is not None and baseline not in candidates:
        raise InvalidArgument(
            f"compare: baseline={baseline!r} is not a candidate{did_you_mean(str(baseline), candidates) or '.'} "
            f"The candidates are: {', '.join(candidates)}."
        )


def _check_candidate(name: Any, build: Any) -> None:
    if not isinstance(name, str):
        raise InvalidArgument(f"compare: names of candidates must be strings, got {name!r}; write '{name}'")
    if isinstance(build, Model):
        raise InvalidArgument(
            f"compare: {name!r} is a model; pass the function that builds it, because each repeat trains a new model"
        )
    if not callable(build):
        raise InvalidArgument(
            f"compare: {name!r} must be a function that builds a compiled model, got {build!r}"
        )
    required = [
        parameter.name
        for parameter in inspect.signature(build).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if required:
        raise InvalidArgument(
            f"compare: the function {name!r} is called without arguments, but it requires {', '.join(required)}; "
            "write lambda: build(...) or functools.partial(build, ...)"
        )


def _check_callbacks(candidates: Mapping[str, Any], callbacks: Mapping[str, Any]) -> None:
    for name in [*candidates, *callbacks]:
        if name not in callbacks or name not in candidates:
            raise InvalidArgument(
                f"compare: if callbacks is a dict, it must contain one list for each candidate, but {name!r} is "
                f"{'not a candidate' if name in callbacks else 'missing'}"
            )
