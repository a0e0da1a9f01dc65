"""Optimizers with Keras's interface, built on the pure functions `init` and `update`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from fitwell import _registry
from fitwell._deprecation import deprecated_module_getattr
from fitwell.errors import InvalidArgument
from fitwell.optimizers import schedules
from fitwell.optimizers.adadelta import Adadelta
from fitwell.optimizers.adagrad import Adagrad
from fitwell.optimizers.adam import Adam
from fitwell.optimizers.adamax import Adamax
from fitwell.optimizers.adamw import AdamW
from fitwell.optimizers.base import Optimizer, optimizer_registry
from fitwell.optimizers.nadam import Nadam
from fitwell.optimizers.optax_optimizer import OptaxOptimizer, is_transformation
from fitwell.optimizers.optimizer_options import OptimizerOptions
from fitwell.optimizers.rmsprop import RMSprop
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters
from fitwell.optimizers.sgd import SGD

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
    "OptimizerOptions",
    "StepHyperparameters",
    "schedules",
    "get",
    "serialize",
    "deserialize",
]

# Keras 2 also had lowercase names for these classes, as in ``optimizers.adam(lr=0.001)``.
_KERAS_2_NAMES = ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam")
# The lowercase names are also module names. Importing a module makes it an attribute of the package, which would
# hide the deprecated name, so the attribute is removed here.
for _name in (*_KERAS_2_NAMES, "AdamW"):
    globals().pop(_name.lower(), None)
_RENAMED = {"Settings": "StepHyperparameters", "Options": "OptimizerOptions"}
__getattr__ = deprecated_module_getattr(
    __name__, __name__, {name.lower(): name for name in _KERAS_2_NAMES} | _RENAMED
)


def get(identifier: Any) -> Optimizer:
    """Return the optimizer that an identifier specifies.

    Args:
        identifier (str | type | dict | Optimizer | optax.GradientTransformation): A name such as ``"sgd"``, a class, an
            optimizer, a configuration ``{"class_name": ..., "config": {...}}``, or an Optax transformation.

    Returns:
        Optimizer: The optimizer.

    Raises:
        UnknownName: if no optimizer has this name. The message suggests the closest name.
        InvalidArgument: if `identifier` is none of the above.

    Example:
        >>> import fitwell as fw
        >>> fw.optimizers.get("sgd").learning_rate
        0.01
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str | Mapping) or (
        inspect.isclass(identifier) and issubclass(identifier, Optimizer)
    ):
        optimizer: Optimizer = optimizer_registry.get(identifier)
        return optimizer
    if not inspect.isclass(identifier) and is_transformation(identifier):
        return OptaxOptimizer(identifier)
    raise InvalidArgument(
        "expected an optimizer, its name or configuration, or an optax.GradientTransformation, "
        f"got {identifier!r}"
    )


def serialize(optimizer: Optimizer) -> Any:
    """Convert an optimizer to plain data, without its state.

    Args:
        optimizer (Optimizer): The optimizer.

    Returns:
        dict: ``{"class_name": ..., "config": ...}``, which `deserialize` reads.

    Example:
        >>> import fitwell as fw
        >>> config = fw.optimizers.serialize(fw.optimizers.Adam(0.01))
        >>> config["class_name"], type(fw.optimizers.deserialize(config)).__name__
        ('Adam', 'Adam')
    """
    return _registry.serialize(optimizer)


def deserialize(config: Mapping[str, Any]) -> Optimizer:
    """Create an optimizer from the result of `serialize`.

    Args:
        config (dict): The result of `serialize`.

    Returns:
        Optimizer: The optimizer.

    Example:
        >>> import fitwell as fw
        >>> config = fw.optimizers.serialize(fw.optimizers.Adam(0.01))
        >>> config["class_name"], type(fw.optimizers.deserialize(config)).__name__
        ('Adam', 'Adam')
    """
    optimizer: Optimizer = optimizer_registry.from_config(config)
    return optimizer


def __dir__() -> list[str]:
    return sorted(__all__)
