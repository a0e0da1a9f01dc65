"""Results of a search: the best trials and models, ensembles and plots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import optuna
import pytest
from sklearn.model_selection import KFold

import fitwell as fw
from fitwell import tuner
from fitwell._engine import compile_cache
from fitwell.errors import InvalidArgument
from fitwell.tuner import visualization
from tests.tuner.search_worker import SPACE, build, data, search

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def found() -> tuner.SearchResult:
    """Return a search with six trials of two repeats each."""
    return search(":memory:", 6, repeats=2)


def test_a_trials_value_is_the_mean_over_seeds_of_the_best_epoch_of_solo_runs(
    found: tuner.SearchResult,
) -> None:
    x, y = data()
    split = found._trainer._arguments["splits"][0]
    row = found.trials.loc[3]
    best = []
    for seed in (0, 1):
        fw.utils.set_random_seed(seed)
        model = build({"learning_rate": row["learning_rate"]})
        history = model.fit(
            x[split[0]], y[split[0]], epochs=4, verbose=0, validation_data=(x[split[1]], y[split[1]])
        )
        best.append(min(history.history["val_loss"]))
    assert row["value"] == pytest.approx(np.mean(best), rel=1e-5)
    assert row["sd"] == pytest.approx(np.std(best, ddof=1), rel=1e-4)


def test_the_best_is_the_best_of_the_table(found: tuner.SearchResult) -> None:
    table = found.trials
    assert len(table) == 6 and set(table["state"]) == {"complete"}
    assert found.best_value == table["value"].min()
    assert found.best_params == {"learning_rate": table["learning_rate"][table["value"].idxmin()]}
    assert found.study.best_value == found.best_value


def test_the_best_model_has_the_weights_of_its_best_epoch(found: tuner.SearchResult) -> None:
    x, y = data()
    rows = found._trainer._arguments["splits"][0][1]
    loss = found.best_model().evaluate(x[rows], y[rows], verbose=0)
    assert loss == pytest.approx(min(found.ranking()[0].user_attrs["values"]), rel=1e-5)


def test_the_best_model_of_a_search_that_another_process_finished(tmp_path: Path) -> None:
    whole = search(tmp_path / "a.db", 3)
    loaded = search(tmp_path / "a.db", 3)  # nothing is left to train
    for one, other in zip(whole.best_model().get_weights(), loaded.best_model().get_weights()):
        np.testing.assert_array_equal(one, other)


def test_a_model_without_an_input_shape_draws_its_weights_under_the_seed_of_its_trial() -> None:
    def unbuilt(setting: dict[str, Any]) -> fw.Model:
        model = fw.Sequential([fw.layers.Dense(1)])
        model.compile(loss="mse", optimizer=fw.optimizers.SGD(setting["learning_rate"]))
        return model

    x, y = data()
    settings: dict[str, Any] = {"first": [{"learning_rate": 0.1}], "storage": ":memory:", "verbose": 0}
    found = tuner.search(unbuilt, SPACE, (x, y), trials=1, epochs=2, **settings)
    rows = found._trainer._arguments["splits"][0][1]
    assert found.best_model().evaluate(x[rows], y[rows], verbose=0) == pytest.approx(
        found.best_value, rel=1e-5
    )


def test_the_best_epoch_is_one_that_was_validated() -> None:
    table = search(":memory:", 1, epochs=6, validation_freq=2, folds=2).trials
    assert table["best_epoch"][0] == 5


def test_a_search_with_a_splitter_of_ones_own_goes_on(tmp_path: Path) -> None:
    class Halves:
        def get_n_splits(self, x: Any) -> int:
            return 2

        def split(self, x: Any, y: Any = None, groups: Any = None) -> Any:
            halves = np.split(np.arange(len(x)), 2)
            return [(halves[0], halves[1]), (halves[1], halves[0])]

    for trials in (1, 2):
        table = search(tmp_path / "a.db", trials, folds=Halves(), epochs=1).trials
    assert list(table["state"]) == ["complete"] * 2


def test_all_trials_have_the_folds_of_a_splitter_without_a_seed() -> None:
    space = {"name": tuner.Choice(["one", "other"])}
    values = tuner.search(
        lambda setting: build({"learning_rate": 0.01}), space, data(), sampler="grid", batch=1, epochs=1,
        folds=KFold(2, shuffle=True), storage=":memory:", verbose=0,
    ).trials["value"]  # fmt: skip
    assert values[0] == values[1]


def test_an_ensemble_of_the_best_answers_with_their_mean(found: tuner.SearchResult) -> None:
    x, _ = data()
    outputs = [model.predict(x) for model in found.best_models(2)]
    mean, spread = found.ensemble(top=2).predict(x)
    np.testing.assert_allclose(mean, np.mean(outputs, axis=0), rtol=1e-6)
    np.testing.assert_allclose(spread, np.std(outputs, axis=0), rtol=1e-4, atol=1e-7)
    assert len(found.ensemble(top=1000)) == len(found.ranking())
    with pytest.raises(InvalidArgument, match="at least 1, got 0"):
        found.ensemble(top=0)


def test_the_best_models_are_trained_again_together_and_are_those_of_each_alone() -> None:
    x, y = data()
    result = search(":memory:", 5, folds=2, epochs=6)
    traced = compile_cache.compile_stats.traced
    together = result.best_models(4)
    assert compile_cache.compile_stats.traced - traced == 1
    for model, trial in zip(together, result.ranking(), strict=False):
        epochs = round(np.mean(trial.user_attrs["best epochs"])) + 1
        fw.utils.set_random_seed(0)
        alone = build(trial.params)
        alone.fit(x, y, epochs=epochs, verbose=0)
        for one, other in zip(model.get_weights(), alone.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)


def test_of_several_repeats_each_best_model_is_that_of_its_best_seed() -> None:
    def curved(setting: dict[str, Any]) -> fw.Model:
        model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(setting["units"], "tanh"), fw.layers.Dense(1)])
        model.compile(loss="mse", optimizer=fw.optimizers.SGD(0.05))
        return model

    x, y = data()
    space = {"units": tuner.Choice([1, 2, 3, 5])}
    result = tuner.search(
        curved, space, (x, y), sampler="grid", repeats=3, epochs=6, storage=":memory:", verbose=0
    )
    rows = result._trainer._arguments["splits"][0][1]
    values = [trial.user_attrs["values"] for trial in result.ranking()]
    # Were it one seed for all, this would show less.
    assert len({int(np.argmin(of_trial)) for of_trial in values}) > 1
    losses = [model.evaluate(x[rows], y[rows], verbose=0) for model in result.best_models(4)]
    assert losses == pytest.approx([min(of_trial) for of_trial in values], rel=1e-5)


def test_folds_are_judged_at_the_one_epoch_at_which_they_are_best_on_average() -> None:
    x, y = data()
    space = {"learning_rate": tuner.Choice([0.08, 0.3, 0.5])}
    settings: dict[str, Any] = {
        "folds": KFold(3, shuffle=True, random_state=5),
        "epochs": 12,
        "batch_size": 8,
    }
    result = tuner.search(build, space, (x, y), sampler="grid", storage=":memory:", verbose=0, **settings)
    differ = 0
    for trial in result.ranking():
        population = fw.Population(build, [dict(trial.params)]).fit(x, y, verbose=0, **settings)
        curves = np.array([history.history["val_loss"] for history in population.history])
        best = int(curves.mean(axis=0).argmin())
        assert trial.value == pytest.approx(curves[:, best].mean(), rel=1e-6)
        assert trial.user_attrs["values"] == pytest.approx(curves[:, best].tolist(), rel=1e-6)
        assert result.trials.loc[trial.number, "best_epoch"] == best
        differ += curves.min(axis=1).mean() < curves[:, best].mean()
    assert differ  # else the best epoch of each fold would do as well


def test_how_many_of_the_best_is_at_least_one(found: tuner.SearchResult) -> None:
    for ask in (found.best_models, found.best_hyperparameters, found.ensemble):
        with pytest.raises(InvalidArgument, match="must be an integer of at least 1, got -1"):
            ask(-1)


def test_it_is_drawn(found: tuner.SearchResult) -> None:
    history, effect = found.plot()
    assert history.get_xlabel() == "trial" and effect.get_xlabel() == "learning_rate"
    assert effect.get_xscale() == "log"
    assert sorted(effect.lines[0].get_ydata()) == sorted(found.trials["value"])
    steps = np.asarray(history.lines[1].get_ydata())
    np.testing.assert_array_equal(steps, np.minimum.accumulate(found.trials["value"]))


@pytest.mark.parametrize("direction", ["min", "max"])
def test_the_picture_shows_all_but_the_worst_tenth(direction: str) -> None:
    study = optuna.create_study(direction={"min": "minimize", "max": "maximize"}[direction])
    sign = 1 if direction == "min" else -1
    choices = optuna.distributions.CategoricalDistribution(
        ["a (64, 64, 64)", "b (64, 64, 64)", "c (64, 64, 64)"]
    )
    for number in range(30):
        value = sign * (number if number < 28 else 1000.0)
        params: dict[str, Any] = {"kind": choices.choices[number % 3]}
        study.add_trial(
            optuna.trial.create_trial(value=value, params=params, distributions={"kind": choices})
        )
    for axes in visualization.plot_search(study.get_trials(), tuner.Objective("val_score", direction)):
        low, high = sorted(sign * limit for limit in axes.get_ylim())
        assert low < 0 and 26 < high < 40
    left, right = axes.get_xlim()
    assert left < -0.15 and right > 2.15  # where the points are moved to
    few = visualization.plot_search(study.get_trials()[:3], tuner.Objective("val_score", direction))[0]
    assert max(sign * limit for limit in few.get_ylim()) > 2
