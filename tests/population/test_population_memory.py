"""Large populations fit into memory, and free it when they are deleted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_PREAMBLE = """
import gc, json, sys
import numpy as np, psutil
import fitwell as fw

def build(setting):
    model = fw.Sequential([fw.Input((8,)), fw.layers.Dense(30, activation="relu"), fw.layers.Dense(1)])
    model.compile(loss="mse", optimizer=fw.optimizers.SGD(setting["rate"]))
    return model

generator = np.random.default_rng(0)
x = generator.normal(size=(11610, 8)).astype(np.float32)
y = x[:, :1] + 0.1 * generator.normal(size=(11610, 1)).astype(np.float32)
validation = (x[:3870], y[:3870])
process = psutil.Process()
"""

_THOUSAND = """
population = fw.Population(build, fw.grid(rate=np.geomspace(1e-4, 1e-2, 1000)))
population.fit(x, y, epochs=2, validation_data=validation, verbose=0)
assert population.results["val_loss"].notna().all()
json.dump(process.memory_info().rss, sys.stdout)
"""

_FIFTY = """
sizes = []
for _ in range(50):
    population = fw.Population(build, fw.grid(rate=[0.001, 0.01]))
    population.fit(x[:500], y[:500], folds=2, verbose=0)
    population.predict(x[:100])
    del population
    gc.collect()
    sizes.append(process.memory_info().rss)
json.dump(sizes, sys.stdout)
"""


def run(code):
    """Run a script in a separate process and return its output."""
    command = [sys.executable, "-c", _PREAMBLE + code]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_thousand_members_fit_into_four_gigabytes():
    assert run(_THOUSAND) < 4e9


@pytest.mark.slow
def test_fifty_populations_need_no_more_than_ten():
    sizes = run(_FIFTY)
    assert sizes[-1] - sizes[9] < 30e6
