"""Comparison of `fitwell.search` with scikit-learn's `RandomizedSearchCV` over its MLP, with the same wall time.

``python -m benchmarks.search [--seconds 30] [--seeds 0 1 2] [--data digits wine]`` prints a Markdown table. Scores are
measured on rows that neither search saw. Both searches use the same search space and three folds, and refit the best
setting on all training rows within the time limit. For fitwell, the scores of this model and of the ensemble of its ten
best settings are shown. fitwell's learning rate decreases to zero, as is recommended to users. With Adam, scikit-learn
does not have a schedule, but it may stop early.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.stats import loguniform
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import RandomizedSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

FOLDS = 3
EPOCHS = {"RandomizedSearchCV": 100, "fitwell": 60}
HIDDEN = [(30,), (100,), (64, 32)]
ACTIVATIONS = ["relu", "tanh"]
RATES = (1e-4, 3e-2)
PENALTIES = (1e-6, 1e-1)

TOP = 10
# The part of the time after which fitwell ends the search: refitting the ten best takes the rest.
SEARCHING = 0.85

Rows = tuple[np.ndarray, np.ndarray]
Predictors = list[Callable[[Any], Any]]


def load(name: str, seed: int) -> tuple[Rows, Rows, bool]:
    """Return training and test rows, scaled by the training rows, and whether the target is a class."""
    if name == "california":
        from fitwell.datasets import california_housing

        (x, y), (more, y_more) = california_housing.load_data()
        x, y = np.concatenate([x, more]), np.concatenate([y, y_more])
    else:
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    classes = name in ("digits", "breast_cancer", "wine")
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.25, random_state=seed, stratify=y if classes else None
    )
    scaler = StandardScaler().fit(x_train)
    x_train, x_test = (scaler.transform(part).astype(np.float32) for part in (x_train, x_test))
    if not classes:
        mean, deviation = y_train.mean(), y_train.std()
        y_train, y_test = (((part - mean) / deviation).astype(np.float32) for part in (y_train, y_test))
    return (x_train, y_train), (x_test, y_test), classes


def randomized(train: Rows, classes: bool, seconds: float, seed: int) -> tuple[Predictors, int]:
    """Search with scikit-learn until time is up; return what predicts, and how many settings were tried."""
    kind = MLPClassifier if classes else MLPRegressor
    space = {
        "hidden_layer_sizes": HIDDEN,
        "activation": ACTIVATIONS,
        "learning_rate_init": loguniform(*RATES),
        "alpha": loguniform(*PENALTIES),
        "early_stopping": [False, True],
    }
    began = time.perf_counter()
    best, tried, took = None, 0, 0.0
    # One more round, and the refit, must fit into the time.
    while not tried or time.perf_counter() - began + 1.4 * took < seconds:
        start = time.perf_counter()
        # Two settings at a time keep both cores busy.
        search = RandomizedSearchCV(
            kind(max_iter=EPOCHS["RandomizedSearchCV"], random_state=seed),
            space,
            n_iter=2,
            cv=FOLDS,
            n_jobs=-1,
            refit=False,
            random_state=1000 * seed + tried,
        ).fit(*train)
        took = time.perf_counter() - start
        tried += 2
        if best is None or search.best_score_ > best.best_score_:
            best = search
    model = kind(max_iter=EPOCHS["RandomizedSearchCV"], random_state=seed, **best.best_params_).fit(*train)
    return [model.predict], tried


def ours(train: Rows, classes: bool, seconds: float, seed: int) -> tuple[Predictors, int]:
    """Do the same with fitwell."""
    import fitwell as fw

    x, y = train
    outputs = len(np.unique(y)) if classes else 1

    def build(setting: dict[str, Any]) -> fw.Model:
        penalty = fw.regularizers.l2(setting["l2"])
        model = fw.Sequential([fw.Input(x.shape[1:])])
        for units in setting["hidden"]:
            model.add(
                fw.layers.Dense(
                    units,
                    activation=setting["activation"],
                    kernel_initializer="he_normal" if setting["activation"] == "relu" else "glorot_uniform",
                    kernel_regularizer=penalty,
                )
            )
        model.add(fw.layers.Dense(outputs, activation="softmax" if classes else "linear"))
        model.compile(loss=loss, optimizer=fw.optimizers.Nadam(setting["learning_rate"]), metrics=[loss])
        return model

    def falling_rate(setting: dict[str, Any]) -> list[fw.callbacks.Callback]:
        def rate(epoch: int) -> float:
            return setting["learning_rate"] * (1 + math.cos(math.pi * epoch / EPOCHS["fitwell"])) / 2

        return [fw.callbacks.LearningRateScheduler(rate)]

    loss = "sparse_categorical_crossentropy" if classes else "mse"
    batch_size = 64 if len(x) < 5000 else 256
    result = fw.search(
        build,
        {
            "hidden": fw.tuner.Choice(HIDDEN),
            "activation": fw.tuner.Choice(ACTIVATIONS),
            "learning_rate": fw.tuner.Float(*RATES, log=True),
            "l2": fw.tuner.Float(*PENALTIES, log=True),
        },
        (x, y),
        objective=f"val_{loss}",
        minutes=SEARCHING * seconds / 60,
        folds=FOLDS,
        epochs=EPOCHS["fitwell"],
        batch_size=batch_size,
        callbacks=falling_rate,
        storage=":memory:",
        seed=seed,
        verbose=0,
    )
    ensemble = result.ensemble(TOP)
    model = ensemble.models[0]  # that of `result.best_model()`

    def answer(said: Any) -> Any:
        return said.argmax(axis=1) if classes else said[:, 0]

    predictors: Predictors = [
        lambda rows: answer(model.predict(rows, verbose=0)),
        lambda rows: answer(ensemble.predict(rows).mean),
    ]
    return predictors, int((result.trials["state"] == "complete").sum())


CONTENDERS = ["RandomizedSearchCV", "fitwell", f"fitwell, ensemble of {TOP}"]


def measure(name: str, seconds: float, seeds: list[int]) -> Iterator[dict[str, Any]]:
    """Yield one row for every seed and contender: score on the test rows, settings tried, seconds."""
    for seed in seeds:
        train, (x_test, y_test), classes = load(name, seed)
        names = iter(CONTENDERS)
        for search in (randomized, ours):
            began = time.perf_counter()
            predictors, tried = search(train, classes, seconds, seed)
            took = time.perf_counter() - began
            for predict in predictors:
                score = (accuracy_score if classes else r2_score)(y_test, predict(x_test))
                yield {"who": next(names), "seed": seed, "score": score, "tried": tried, "seconds": took}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--data", nargs="+", default=["digits", "breast_cancer", "wine", "diabetes", "california"]
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    print("| data | seed | " + " | ".join(f"{who}: score, tried, s" for who in CONTENDERS) + " |")
    print("| --- " * (2 + len(CONTENDERS)) + "|")
    for name in options.data:
        rows = list(measure(name, options.seconds, options.seeds))
        for seed in options.seeds:
            cells = [
                f"{row['score']:.4f}, {row['tried']}, {row['seconds']:.0f}"
                for row in rows
                if row["seed"] == seed
            ]
            print(f"| {name} | {seed} | " + " | ".join(cells) + " |", flush=True)
        means = [np.mean([row["score"] for row in rows if row["who"] == who]) for who in CONTENDERS]
        print(f"| {name} | mean | " + " | ".join(f"**{mean:.4f}**" for mean in means) + " |", flush=True)


if __name__ == "__main__":
    main()
