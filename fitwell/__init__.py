"""fitwell: train neural networks well. The Keras API on JAX, whole runs compiled.

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

set_default_xla_flags()  # must come before anything that imports jax

from fitwell import (  # noqa: E402
    activations,
    backend,
    callbacks,
    config,
    constraints,
    datasets,
    events,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    utils,
    wrappers,
)
from fitwell.comparison import compare  # noqa: E402
from fitwell.layers import Input  # noqa: E402
from fitwell.models import Model, Sequential  # noqa: E402
from fitwell.population import Population, draw, grid  # noqa: E402

if TYPE_CHECKING:
    from fitwell import tuner
    from fitwell.tuner import search

__all__ = [
    "__version__",
    "Input",
    "Model",
    "Population",
    "Sequential",
    "activations",
    "backend",
    "callbacks",
    "compare",
    "config",
    "constraints",
    "datasets",
    "draw",
    "events",
    "grid",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "regularizers",
    "search",
    "tuner",
    "utils",
    "wrappers",
]


def __getattr__(name: str) -> Any:
    # A tenth of all code is the search, which most programs never begin: it is read when one does.
    if name not in ("search", "tuner"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = importlib.import_module("fitwell.tuner")
    return found.search if name == "search" else found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
