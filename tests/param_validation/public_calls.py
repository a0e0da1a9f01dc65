"""A valid call of every public object, which the test of wrong values modifies."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

import fitwell
from fitwell import layers

X = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4)
Y = (X.sum(1, keepdims=True) > 0).astype("float32")
IMAGES = np.ones((2, 6, 6, 3), "float32")
LABELS = np.arange(8) % 3

MODULES = [
    "activations",
    "backend",
    "callbacks",
    "comparison",
    "config",
    "constraints",
    "datasets",
    "estimators",
    "events",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "population",
    "regularizers",
    "saving",
    "schedules",
    "tabular",
    "tuner",
    "utils",
    "wrappers",
]


# Objects that calls return. Users do not create them.
RETURNED = {"population.Ensemble", "population.Prediction", "tuner.PBTResult"}


def model() -> Any:
    """Return a small compiled model."""
    network = fitwell.Sequential([layers.Dense(1, input_shape=(4,), name="dense")])
    network.compile("sgd", "mse")
    return network


def build(settings: Any = None) -> Any:
    """Return `model`, as the `build` function of a population or a search."""
    return model()


RATE = {"initial_learning_rate": 0.1, "decay_steps": 10}
GRADED = {"y_true": Y, "y_pred": Y}

# The required arguments of each call.
NEEDED: dict[str, dict[str, Any]] = {
    "activations.threshold": {"threshold": 0.1, "default_value": 0.0},
    "backend.set_epsilon": {"value": 1e-7},
    "backend.set_floatx": {"value": "float32"},
    "callbacks.CSVLogger": {"filename": "log.csv"},
    "callbacks.BackupAndRestore": {"backup_dir": "backup"},
    "callbacks.LearningRateScheduler": {"schedule": lambda epoch: 0.1},
    "callbacks.ModelCheckpoint": {"filepath": "a.keras"},
    "callbacks.EarlyStopping": {},
    "datasets.ImageDataset": {"name": "mine", "load": lambda: None},
    "datasets.TableDataset": {
        "name": "mine",
        "load": lambda: None,
        "feature_names": ["x"],
        "target_name": "y",
    },
    "config.set_memory_budget": {"size": 2**30},
    "initializers.FixupNormal": {"branches": 2},
    "layers.Activation": {"activation": "relu"},
    "layers.CategoryEncoding": {"num_tokens": 3},
    "layers.Dot": {"axes": 1},
    "layers.Embedding": {"input_dim": 3, "output_dim": 2},
    "layers.Input": {"shape": (4,)},
    "layers.InputLayer": {"shape": (4,)},
    "layers.Lambda": {"function": lambda x: x},
    "layers.Permute": {"dims": (2, 1)},
    "layers.RepeatVector": {"n": 2},
    "layers.Rescaling": {"scale": 2.0},
    "layers.Reshape": {"target_shape": (2, 2)},
    "layers.GaussianNoise": {"stddev": 0.1},
    "layers.NTKDense": {"units": 2},
    "layers.PiecewiseLinearEncoding": {"bin_edges": [[0.0, 1.0]]},
    "layers.quantile_bin_edges": {"x": np.eye(3)},
    "layers.ParametricActivation": {"activation": "relu"},
    "losses.LossFunctionWrapper": {"fn": lambda y_true, y_pred: y_pred},
    "metrics.MeanMetricWrapper": {"fn": lambda y_true, y_pred: y_pred},
    "metrics.LossMetric": {"loss": "mse"},
    "metrics.SensitivityAtSpecificity": {"specificity": 0.5},
    "metrics.SpecificityAtSensitivity": {"sensitivity": 0.5},
    "metrics.PrecisionAtRecall": {"recall": 0.5},
    "metrics.RecallAtPrecision": {"precision": 0.5},
    "optimizers.Optimizer": {"learning_rate": 0.1},
    "optimizers.OptaxOptimizer": {"tx": SimpleNamespace(init=lambda p: (), update=lambda g, s, p: (g, s))},
    "schedules.ExponentialRange": {"initial_learning_rate": 0.1, "end_learning_rate": 1.0, "steps": 5},
    "schedules.InverseTimeDecay": {**RATE, "decay_rate": 0.5},
    "schedules.CosineLog": RATE,
    "schedules.FlatCosineDecay": RATE,
    "schedules.CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 10},
    "schedules.OneCycle": {"max_learning_rate": 0.1, "total_steps": 20},
    "schedules.OneCycleMomentum": {"total_steps": 20},
    "schedules.PiecewiseConstantDecay": {"boundaries": [1, 2], "values": [3.0, 2.0, 1.0]},
    "schedules.Warmup": {"after": 0.1, "warmup_steps": 5},
    "population.Population": {"build": build, "members": [{}]},
    "population.sample": {"count": 2, "random_state": 0, "rate": [0.1, 0.2]},
    "utils.to_categorical": {"x": [0, 1, 2]},
    "utils.class_codes": {"value": ["a", "b"]},
    "utils.normalize": {"x": X},
    "utils.pad_sequences": {"sequences": [[1], [2, 3]]},
    "utils.set_random_seed": {"seed": 0},
}
for _name in ("ExponentialDecay", "PowerDecay", "LinearDecay", "PolynomialDecay", "CosineDecay"):
    NEEDED[f"schedules.{_name}"] = RATE
for _name in [
    "Dropout",
    "AlphaDropout",
    "GaussianDropout",
    "MCDropout",
    "MCAlphaDropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
]:
    NEEDED[f"layers.{_name}"] = {"rate": 0.5}
for _name in ("RandomBrightness", "RandomContrast", "RandomRotation"):
    NEEDED[f"layers.{_name}"] = {"factor": 0.1}
NEEDED["layers.RandomTranslation"] = {"height_factor": 0.1, "width_factor": 0.1}
NEEDED["layers.RandomZoom"] = {"height_factor": 0.1}
NEEDED["layers.Dense"] = {"units": 2}
for _name in ("SimpleRNN", "LSTM", "GRU", "SimpleRNNCell", "LSTMCell", "GRUCell"):
    NEEDED[f"layers.{_name}"] = {"units": 2}
NEEDED["layers.RNN"] = {"cell": fitwell.layers.LSTMCell(2)}
NEEDED["layers.StackedRNNCells"] = {"cells": [fitwell.layers.LSTMCell(2)]}
NEEDED["layers.Bidirectional"] = {"layer": fitwell.layers.LSTM(2)}
NEEDED["layers.TimeDistributed"] = NEEDED["layers.Wrapper"] = {"layer": fitwell.layers.Dense(2)}
for _name in ("Conv1D", "Conv2D", "Conv1DTranspose", "Conv2DTranspose", "SeparableConv1D", "SeparableConv2D"):
    NEEDED[f"layers.{_name}"] = {"filters": 2, "kernel_size": 3}
NEEDED["layers.DepthwiseConv1D"] = NEEDED["layers.DepthwiseConv2D"] = {"kernel_size": 3}


NEEDED |= {
    "backend.variable": {"value": 1.0},
    "backend.get_value": {"x": 1.0},
    "backend.batch_get_value": {"tensors": [1.0]},
    "callbacks.CallbackList": {"callbacks": [], "model": None, "params": {}},
    "compare.compare": {},
    "events.create_file_writer": {"logdir": "events"},
    "events.EventWriter": {"log_dir": "events"},
    "initializers.compute_fans": {"shape": (2, 3)},
    "models.clone_model": {"model": model()},
    "models.lsuv": {"model": model(), "x": X},
    "models.save_model": {"model": model(), "filepath": "a.keras"},
    "saving.save_weights": {"model": model(), "filepath": "a.weights.h5"},
    "saving.to_json": {"model": model()},
    "tuner.Choice": {"values": [1, 2]},
    "tuner.Fixed": {"value": 1},
    "tuner.Float": {"low": 0.1, "high": 1.0},
    "tuner.Int": {"low": 1, "high": 9},
    "tuner.List": {"domain": fitwell.tuner.Int(1, 9), "min_length": 1, "max_length": 2},
    "tuner.Objective": {"name": "val_loss", "direction": "min"},
    "utils.plot_model": {"model": model()},
}
for _name in ("RandomSearch", "BayesianOptimization", "GridSearch", "Hyperband"):
    NEEDED[f"tuner.{_name}"] = {"hypermodel": build}


def public() -> Iterator[tuple[str, Any]]:
    """Yield ``("module.name", object)`` for everything that can be called, each once."""
    seen: set[int] = set()
    for module_name in MODULES:
        module = importlib.import_module(f"fitwell.{module_name}")
        names = getattr(module, "__all__", None) or [
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
        ]
        for name in names:
            value = getattr(module, name)
            if callable(value) and id(value) not in seen and f"{module_name}.{name}" not in RETURNED:
                seen.add(id(value))
                yield f"{module_name}.{name}", value
