"""fitwell: train neural networks well. The Keras API on JAX, whole runs compiled.

>>> import fitwell as keras
>>> model = keras.Sequential([keras.layers.Dense(10, activation="softmax", input_shape=(784,))])
>>> model.count_params()
7850
"""

from fitwell.config import prepare_xla

prepare_xla()  # must come before anything that imports jax

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
from fitwell.compare import compare  # noqa: E402
from fitwell.layers import Input  # noqa: E402
from fitwell.models import Model, Sequential  # noqa: E402
from fitwell.population import Population, draw, grid  # noqa: E402
from fitwell.tuner import search  # noqa: E402

__version__ = "0.1.0"

__all__ = [
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
