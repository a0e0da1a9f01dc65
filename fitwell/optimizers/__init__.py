"""Optimizers: pure `init` and `update` over dictionaries of parameters, behind the Keras face."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from fitwell import registry
from fitwell.errors import InvalidArgument
from fitwell.optimizers import schedules
from fitwell.optimizers.adaptive import Adadelta, Adagrad
from fitwell.optimizers.base import Optimizer, optimizers
from fitwell.optimizers.core import Options
from fitwell.optimizers.gradient_descent import SGD
from fitwell.optimizers.moments import Adam, Adamax, AdamW, Nadam
from fitwell.optimizers.optax_adapter import OptaxOptimizer, is_transformation
from fitwell.optimizers.root_mean_square import RMSprop
from fitwell.optimizers.settings import Settings
from fitwell.spellings import warn_older

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Nadam",
    "RMSprop",
    "OptaxOptimizer",
    "Optimizer",
    "Options",
    "Settings",
    "schedules",
    "get",
    "serialize",
    "deserialize",
]

_OLDER_NAMES = {
    optimizer.__name__.lower(): optimizer
    for optimizer in (SGD, RMSprop, Adagrad, Adadelta, Adam, Adamax, Nadam)
}


def __getattr__(name: str) -> Any:
    """Find the classes by the names in lower case that Keras 2 had for them: ``optimizers.adam(lr=0.001)``."""
    if name not in _OLDER_NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    optimizer = _OLDER_NAMES[name]
    warn_older(f"fitwell.optimizers.{name}", f"fitwell.optimizers.{optimizer.__name__}")
    return optimizer


def get(identifier: Any) -> Optimizer:
    """Return the optimizer that `identifier` stands for.

    A name (``"sgd"``), a class, an optimizer, a configuration ``{"class_name": ..., "config": {...}}``, or
    an `optax.GradientTransformation`. The error for an unknown name suggests the nearest.
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str | Mapping) or (
        inspect.isclass(identifier) and issubclass(identifier, Optimizer)
    ):
        optimizer: Optimizer = optimizers.get(identifier)
        return optimizer
    if not inspect.isclass(identifier) and is_transformation(identifier):
        return OptaxOptimizer(identifier)
    raise InvalidArgument(
        "expected an optimizer, its name or configuration, or an optax.GradientTransformation, "
        f"got {identifier!r}"
    )


def serialize(optimizer: Optimizer) -> Any:
    """Return `optimizer` as plain data, ``{"class_name", "config"}``, without its slots."""
    return registry.serialize(optimizer)


def deserialize(config: Mapping[str, Any]) -> Optimizer:
    """Return the optimizer that `serialize` wrote."""
    optimizer: Optimizer = optimizers.from_config(config)
    return optimizer
