"""fitwell, a neural network library with the Keras API. It uses JAX to compile a whole run into one program.

>>> import fitwell as keras
>>> model = keras.Sequential([keras.layers.Dense(10, activation="softmax", input_shape=(784,))])
>>> model.count_params()
7850
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fitwell._version import __version__
from fitwell.config import set_default_xla_flags

set_default_xla_flags()  # before anything imports jax

from fitwell import (  # noqa: E402
    activations,
    backend,
    callbacks,
    config,
    constraints,
    errors,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    regularizers,
    saving,
    schedules,
    tree,
    utils,
)
from fitwell._variables import Variable  # noqa: E402
from fitwell.initializers import Initializer  # noqa: E402
from fitwell.layers import Input, Layer  # noqa: E402
from fitwell.layers.keras_tensor import KerasTensor  # noqa: E402
from fitwell.losses import Loss  # noqa: E402
from fitwell.metrics import Metric  # noqa: E402
from fitwell.models import Model, Sequential  # noqa: E402
from fitwell.optimizers import Optimizer  # noqa: E402
from fitwell.regularizers import Regularizer  # noqa: E402

if TYPE_CHECKING:
    from fitwell import datasets, estimators, events, preprocessing, tabular, tuner, wrappers
    from fitwell.comparison import compare
    from fitwell.keras_names import install_as_keras
    from fitwell.population import Population, grid, sample
    from fitwell.tuner import search

__all__ = [
    "__version__",
    # Classes
    "Initializer",
    "Input",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Population",
    "Regularizer",
    "Sequential",
    "Variable",
    # Functions
    "compare",
    "grid",
    "install_as_keras",
    "sample",
    "search",
    # Modules
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "errors",
    "estimators",
    "events",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "regularizers",
    "saving",
    "schedules",
    "tabular",
    "tree",
    "tuner",
    "utils",
    "wrappers",
]

# These are imported on first use, because a third of all modules is needed only for training many models, and
# because the estimators import scikit-learn.
_LAZY_MODULES = ("datasets", "estimators", "events", "preprocessing", "tabular", "tuner", "wrappers")
_LAZY_NAMES = {
    "Population": "fitwell.population",
    "compare": "fitwell.comparison",
    "draw": "fitwell.population",  # the deprecated name for `sample`
    "grid": "fitwell.population",
    "install_as_keras": "fitwell.keras_names",
    "sample": "fitwell.population",
    "search": "fitwell.tuner",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY_MODULES:
        return importlib.import_module(f"fitwell.{name}")
    if name in _LAZY_NAMES:
        return getattr(importlib.import_module(_LAZY_NAMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(ipython: Any) -> None:
    """Let ``import keras`` give fitwell in a notebook. IPython calls this function for ``%load_ext fitwell``."""
    importlib.import_module("fitwell.keras_names").install_as_keras()


def __dir__() -> list[str]:
    return sorted(__all__)
