"""What a user does with a population, and the mistakes a user makes."""

from __future__ import annotations

import dataclasses

import fitwell as fw
from fitwell.engine import compiling
from tests.population.conftest import dense


def test_settings_times_seeds(regression):
    x, y, validation = regression
    population = fw.Population(dense, fw.grid(learning_rate=[0.01, 0.1]), seeds=range(3))
    returned = population.fit(x, y, epochs=4, validation_data=validation, verbose=0)
    assert returned is population
    results = population.results
    assert results["learning_rate"].tolist() == [0.01] * 3 + [0.1] * 3
    assert results["seed"].tolist() == [0, 1, 2] * 2
    assert results["epochs"].tolist() == [4] * 6
    assert results["status"].tolist() == ["finished"] * 6
    assert results["stopped_epoch"].isna().all()
    for row, history in zip(results.itertuples(), population.history, strict=True):
        assert row.val_loss == history.history["val_loss"][-1]
        assert row.best_loss == min(history.history["loss"])


def test_one_structure_is_traced_and_compiled_once(regression):
    def build(setting):
        model = fw.Sequential([fw.Input((3,)), fw.layers.Dense(11, activation="tanh"), fw.layers.Dense(1)])
        model.compile(loss="mse", optimizer=fw.optimizers.SGD(setting["learning_rate"]))
        return model

    x, y, validation = regression
    before = dataclasses.replace(compiling.statistics)
    population = fw.Population(build, fw.grid(learning_rate=[0.01, 0.02, 0.1]), seeds=range(4))
    population.fit(x, y, epochs=3, validation_data=validation, verbose=0)
    assert compiling.statistics.traced - before.traced == 1
    assert compiling.statistics.compiled - before.compiled == 1
