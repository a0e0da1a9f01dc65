"""Train populations of random make-up and compare every member with the model that is trained alone.

Run by hand, for as many as one likes::

    python tests/population/fuzz.py --first 0 --count 100

Each number is one population: its layers, optimizer, callbacks, division of the rows, arguments of `fit` and
layout are drawn from it, and so are the two settings of its members, in which every number may differ; each is
trained under two seeds. Half of the populations are fitted twice, half are stacked. Whole curves have to agree, and
for members in turn the weights at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import fitwell as fw
from fitwell.population.vmap_rule import use_vmap_rule

layers, optimizers, callbacks = fw.layers, fw.optimizers, fw.callbacks
Setting = dict[str, Any]

LAYERS: dict[str, Callable[[Setting], Any]] = {
    "dense": lambda s: layers.Dense(6, "tanh", kernel_regularizer=fw.regularizers.L1L2(s["l1"], s["l2"])),
    "relu": lambda s: layers.Dense(5, "relu", kernel_constraint=fw.constraints.MaxNorm(0.5 * s["factor"])),
    "active": lambda s: layers.Dense(5, "gelu", activity_regularizer=fw.regularizers.L2(s["l2"])),
    "batch norm": lambda s: layers.BatchNormalization(momentum=s["momentum"]),
    "layer norm": lambda s: layers.LayerNormalization(epsilon=1e-3 * s["factor"]),
    "dropout": lambda s: layers.Dropout(s["rate"]),
    "alpha dropout": lambda s: layers.AlphaDropout(s["rate"]),
    "noise": lambda s: layers.GaussianNoise(s["rate"]),
    "leaky": lambda s: layers.LeakyReLU(s["rate"]),
}
SCHEDULES = ("decay", "cosine")
OPTIMIZERS: dict[str, Callable[[Setting], Any]] = {
    "sgd": lambda s: optimizers.SGD(s["speed"]),
    "nesterov": lambda s: optimizers.SGD(s["speed"], momentum=0.5 * s["momentum"], nesterov=True),
    "adam": lambda s: optimizers.Adam(s["speed"], beta_1=0.9 * s["momentum"], clipnorm=0.1 * s["factor"]),
    "adamw": lambda s: optimizers.AdamW(s["speed"], weight_decay=s["l2"]),
    "rmsprop": lambda s: optimizers.RMSprop(s["speed"], rho=s["momentum"]),
    "nadam": lambda s: optimizers.Nadam(s["speed"]),
    "adagrad": lambda s: optimizers.Adagrad(s["speed"]),
    "averaged": lambda s: optimizers.SGD(s["speed"], use_ema=True, ema_momentum=s["momentum"]),
    "accumulating": lambda s: optimizers.Adam(s["speed"], gradient_accumulation_steps=3),
    "decay": lambda s: optimizers.SGD(
        optimizers.schedules.ExponentialDecay(s["speed"], 10 * s["factor"], 0.7)
    ),
    "cosine": lambda s: optimizers.Adam(optimizers.schedules.CosineDecay(s["speed"], 15 * s["factor"])),
}
CALLBACKS: dict[str, Callable[[Setting, str], Any]] = {
    "stopping": lambda s, monitor: callbacks.EarlyStopping(
        monitor, patience=s["factor"], min_delta=0.01 * s["factor"], restore_best_weights=True
    ),
    "plateau": lambda s, monitor: callbacks.ReduceLROnPlateau(monitor, factor=0.3 * s["factor"], patience=1),
    "by epoch": lambda s, monitor: callbacks.LearningRateScheduler(lambda epoch, rate: rate * s["momentum"]),
}
TASKS: dict[str, tuple[int, str | None, Callable[[Setting], Any], Callable[[], Any]]] = {
    "regression": (1, None, lambda s: fw.losses.Huber(delta=s["factor"]), lambda: "mae"),
    "binary": (
        1,
        "sigmoid",
        lambda s: fw.losses.BinaryCrossentropy(label_smoothing=0.1 * s["rate"]),
        lambda: fw.metrics.AUC(num_thresholds=20),
    ),
    "classes": (3, "softmax", lambda s: "sparse_categorical_crossentropy", lambda: "accuracy"),
}


@dataclass
class Case:
    """A population to train: its parts by name, its rows, and the arguments of `fit`."""

    task: str
    body: list[str]
    optimizer: str
    watching: list[str]
    settings: list[Setting]
    splits: list[tuple[np.ndarray, np.ndarray]] | None
    arguments: dict[str, Any]
    x: np.ndarray
    y: np.ndarray
    fits: int
    stacked: bool

    def build(self, setting: Setting) -> Any:
        """Return the compiled model of a member."""
        units, activation, loss, metric = TASKS[self.task]
        body = [LAYERS[name](setting) for name in self.body]
        model = fw.Sequential([fw.Input(self.x.shape[1:]), *body, layers.Dense(units, activation)])
        model.compile(OPTIMIZERS[self.optimizer](setting), loss(setting), metrics=[metric()])
        return model

    def callbacks(self, setting: Setting) -> list[Any]:
        """Return new callbacks of a member."""
        validated = self.splits or {"validation_data", "validation_split"} & set(self.arguments)
        return [CALLBACKS[name](setting, "val_loss" if validated else "loss") for name in self.watching]

    def __str__(self) -> str:
        shown = {n: v if np.isscalar(v) else "…" for n, v in self.arguments.items()}
        parts = (self.task, len(self.x), self.body, self.optimizer, self.watching, shown)
        return f"{parts}, splits {self.splits is not None}, {self.fits} fits, stacked {self.stacked}"


def draw(number: int) -> Case:
    """Return the case of this number."""
    choose, normal = random.Random(number), np.random.default_rng(number)
    rows = choose.choice([37, 64, 90])
    x = normal.normal(size=(rows, choose.choice([2, 5]))).astype(np.float32)
    scores = x @ normal.normal(size=(x.shape[1], 3))
    task = choose.choice(list(TASKS))
    targets = {"regression": scores[:, :1], "binary": scores[:, 0] > 0, "classes": scores.argmax(axis=1)}
    y = targets[task].astype(np.float32 if task == "regression" else np.int32)
    optimizer = choose.choice(list(OPTIMIZERS))
    watching = ["stopping"] if choose.random() < 0.4 else []
    if optimizer not in SCHEDULES and choose.random() < 0.5:
        watching.append(choose.choice(["plateau", "by epoch"]))
    arguments: dict[str, Any] = {"batch_size": choose.choice([4, 7, 16, 32, 200])}
    arguments["epochs"] = choose.choice([2, 3, 6])
    splits = None
    divided = choose.choice(["not", "fraction", "data", "splits"])
    if divided == "fraction":
        arguments["validation_split"] = 0.25
    elif divided == "data":
        arguments["validation_data"] = (x[:11], y[:11])
    elif divided == "splits":
        every = np.arange(rows)
        splits = [(every[:-9], every[-9:]), (every[20:], every[:13])]
    if divided in ("fraction", "data") and choose.random() < 0.3:
        arguments["validation_freq"] = 2
    if divided != "splits" and choose.random() < 0.2:
        arguments["steps_per_epoch"] = 3
    if divided != "not" and choose.random() < 0.2:
        arguments["validation_batch_size"] = 5
    if choose.random() < 0.2:
        arguments["shuffle"] = False
    if choose.random() < 0.2:
        arguments["initial_epoch"] = 1
    if choose.random() < 0.2:
        arguments["sample_weight"] = normal.uniform(0.1, 2, rows).astype(np.float32)
    elif task == "classes" and choose.random() < 0.3:
        arguments["class_weight"] = {0: 1.0, 1: 2.5, 2: 0.3}

    def setting() -> Setting:
        return {
            "speed": choose.choice([0.003, 0.03, 0.1]),
            "l1": choose.choice([0.0, 0.01]),
            "l2": choose.choice([0.0, 1e-3, 0.1]),
            "rate": choose.choice([0.1, 0.3]),
            "momentum": choose.choice([0.6, 0.9]),
            "factor": choose.choice([1, 2]),
        }

    settings = [setting(), setting()]
    if choose.random() < 0.2:
        settings[1]["speed"] = 1e20  # goes NaN, sooner or later
    body = choose.choices(list(LAYERS), k=choose.choice([1, 2, 3]))
    fits, stacked = choose.choice([1, 2]), choose.random() < 0.5
    return Case(task, body, optimizer, watching, settings, splits, arguments, x, y, fits, stacked)


def train_together(case: Case) -> tuple[Any, list[list[dict[str, list[float]]]]]:
    """Return the population, and for every fit the curves of every member."""
    rule = use_vmap_rule(lambda fit, members: fit.supports_vmap)
    with rule if case.stacked else contextlib.nullcontext():
        population = fw.Population(case.build, case.settings, seeds=[3, 8])
        curves = []
        for _ in range(case.fits):
            population.fit(
                case.x, case.y, verbose=0, callbacks=case.callbacks, splits=case.splits, **case.arguments
            )
            curves.append([history.history for history in population.history])
    return population, curves


def train_alone(case: Case, setting: Setting, seed: int, fold: int | None) -> tuple[Any, list[Any]]:
    """Return one model, and its curves for every fit."""
    arguments, x, y = dict(case.arguments), case.x, case.y
    if fold is not None and case.splits is not None:
        learned, held_out = case.splits[fold]
        parts = [case.x, case.y, *([arguments["sample_weight"]] if "sample_weight" in arguments else [])]
        arguments["validation_data"] = tuple(part[held_out] for part in parts)
        x, y, *weights = (part[learned] for part in parts)
        arguments |= {"sample_weight": weights[0]} if weights else {}
    fw.utils.set_random_seed(seed)
    model = case.build(dict(setting))
    fits = range(case.fits)
    return model, [
        model.fit(x, y, verbose=0, callbacks=case.callbacks(setting), **arguments).history for _ in fits
    ]


def differences(case: Case) -> list[str]:
    """Return the differences between members and models trained alone."""
    population, curves = train_together(case)
    found = []
    for number, member in enumerate(population.members):
        model, alone = train_alone(case, member.setting, member.seed, member.fold)
        where = f"member {number} ({member.label}, {member.status})"
        for mine, own in zip((curve[number] for curve in curves), alone, strict=True):
            if list(mine) != list(own):
                found.append(f"{where}: columns {list(mine)}, alone {list(own)}")
                continue
            found += [
                f"{where}: {name} {mine[name]}, alone {own[name]}"
                for name in mine
                if len(mine[name]) != len(own[name])
                or not np.allclose(mine[name], own[name], rtol=2e-4, atol=2e-4, equal_nan=True)
            ]
        # The gradient of what has no effect, such as a bias before batch norm, is rounding, and Adam's step on it is
        # as long as any: stacks, which round in another way, end with other such weights.
        pairs = zip(member.model.get_weights(), model.get_weights(), strict=True)
        if not case.stacked and not all(
            np.allclose(a, b, rtol=2e-3, atol=2e-4, equal_nan=True) for a, b in pairs
        ):
            found.append(f"{where}: other weights at the end")
    return found


def main() -> None:
    """Train populations, and print those that differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=20)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    wrong = 0
    for number in range(options.first, options.first + options.count):
        case = draw(number)
        found = differences(case)
        wrong += bool(found)
        if found:
            print(f"{number}: {case}", *found, sep="\n    ", flush=True)
    print(f"{options.count} populations, {wrong} with members that differ from models trained alone")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
