"""Train, save and load many models in a loop; print how much memory each of them leaves allocated.

``python tests/saving/many_models.py --models 1000``. The tests do the same with fewer.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import fitwell
from fitwell import layers

# After this number of models, every program is compiled and every cache is full.
SETTLED = 150

X = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int32)


def one(number: int, folder: Path) -> None:
    """Train, save, load and train model `number`, with different values for each number."""
    model = fitwell.Sequential(
        [
            layers.Dense(16, activation="relu", input_shape=(4,)),
            layers.BatchNormalization(),
            layers.Dropout(0.001 * (number % 500)),
            layers.Dense(2, activation="softmax"),
        ]
    )
    optimizer = fitwell.optimizers.Adam(1e-5 * number)
    model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    model.fit(X, Y, validation_data=(X, Y), verbose=0)
    path = folder / ("model.keras", "model.h5")[number % 2]
    model.save(path)
    loaded = fitwell.models.load_model(path)
    np.testing.assert_array_equal(model.predict(X), loaded.predict(X))
    loaded.fit(X, Y, verbose=0)


def in_use(process: psutil.Process) -> int:
    """Return the bytes of memory in use, without free memory of the C library if that is known."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)
    return int(process.memory_info().rss)


def run(models: int) -> float:
    """Return the bytes that each model after the first `SETTLED` leaves allocated."""
    process = psutil.Process()
    settled = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, models + 1):
            one(number, Path(folder))
            if number in (SETTLED, models):
                before, settled = settled, in_use(process)
    return (settled - before) / (models - SETTLED)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    print(f"{run(parser.parse_args().models):.0f}")
