"""Wrappers that turn a model-building function into a scikit-learn estimator."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fitwell._deprecation import add_deprecated_module
from fitwell.wrappers import scikit_learn

if TYPE_CHECKING:
    from fitwell.wrappers.keras_classifier import KerasClassifier
    from fitwell.wrappers.keras_regressor import KerasRegressor

__all__ = ["KerasClassifier", "KerasRegressor", "scikit_learn"]

_MODULES = {"KerasClassifier": "keras_classifier", "KerasRegressor": "keras_regressor"}


def __getattr__(name: str) -> Any:
    # Importing scikit-learn takes a second, so it is deferred until a wrapper is used.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)


# Pickles from earlier versions refer to these modules.
for _name, _new in _MODULES.items():
    add_deprecated_module(f"{__name__}.{_new.removeprefix('keras_')}", f"{__name__}.{_new}", [_name])
