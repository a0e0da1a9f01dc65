"""Rows that are read from disk batch by batch: no more of them in memory at once than the budget allows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fitwell as fw

_EVALUATE = """
import sys, threading, time
import numpy as np, fitwell as fw
rows, width, mega = 2**17, 512, 2**20
with open(sys.argv[1], "wb") as file: file.truncate(rows * width * 4)
x = np.memmap(sys.argv[1], dtype="f4", mode="r", shape=(rows, width))
y = np.zeros((rows, 1), "f4")
fw.config.set_memory_budget(128 * mega)
model = fw.Sequential([fw.Input((width,)), fw.layers.Dense(1)])
model.compile("sgd", "mse")
model.evaluate(np.zeros((2048, width), "f4"), y[:2048], batch_size=2048, verbose=0)
def anonymous():
    return next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("RssAnon"))
before, peak = anonymous(), [0]
def watch():
    while True:
        peak[0] = max(peak[0], anonymous())
        time.sleep(0.005)
threading.Thread(target=watch, daemon=True).start()
model.evaluate(x, y, batch_size=2048, verbose=0)
print(peak[0] - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells what a process holds")
def test_a_memory_map_takes_no_more_than_the_budget(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", _EVALUATE, str(tmp_path / "rows")]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=200, check=True)
    # Sixteen batches at once took 7 blocks of 256 MiB: more than the 256 MiB of all rows.
    assert int(done.stdout) < 128


def test_how_many_batches_travel_together_changes_no_number(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    x = np.memmap(tmp_path / "rows", np.float32, "w+", shape=(200, 8))
    x[:] = draw.normal(size=x.shape)
    y = draw.normal(size=(200, 1)).astype(np.float32)
    results = []
    budget = fw.config.memory_budget()
    try:
        for bytes_allowed in (1, 3000, 6000, budget):
            fw.config.set_memory_budget(bytes_allowed)
            fw.utils.set_random_seed(0)
            model = fw.Sequential([fw.Input((8,)), fw.layers.Dense(4, "tanh"), fw.layers.Dense(1)])
            model.compile("adam", "mse")
            history = model.fit(x, y, batch_size=16, epochs=2, verbose=0).history["loss"]
            results.append([*history, *np.ravel(model.predict(x, verbose=0))])
    finally:
        fw.config.set_memory_budget(budget)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    np.testing.assert_allclose(results[0], results[3], rtol=1e-5)
