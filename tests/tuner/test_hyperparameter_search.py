"""End-to-end tests of `search` on tiny problems."""

from __future__ import annotations

import re
import sqlite3
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
from fitwell.errors import FileError, FitwellError, InvalidArgument, MissingExtra, StateError
from fitwell.tuner import storage as storages
from fitwell.tuner import visualization
from fitwell.tuner.pruners import rungs
from fitwell.tuner.samplers import SAMPLERS
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


@pytest.mark.parametrize(
    "sampler",
    [pytest.param(name, marks=[pytest.mark.slow] * (name == "gp")) for name in SAMPLERS if name != "grid"],
)
def test_every_sampler_goes_on_from_the_storage(sampler: str, tmp_path: Path) -> None:
    """Adaptive samplers need finished trials, so there are more trials than random startup trials."""
    if sampler == "gp":
        pytest.importorskip(
            "torch", reason="Optuna's Gaussian process is written in PyTorch: .[bench] has it"
        )
    settings: dict[str, Any] = {"sampler": sampler, "epochs": 1, "batch": 6}
    search(tmp_path / "a.db", 6, **settings)
    result = search(tmp_path / "a.db", 14, **settings)
    table = result.trials
    assert list(table["state"]) == ["complete"] * 14 and table["learning_rate"].nunique() == 14


def test_what_optuna_says_while_it_draws_is_not_shown(
    caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    def named(setting: dict[str, Any]) -> fw.Model:
        return build({"learning_rate": setting["learning_rate"]})

    # CMA-ES has something to say of every choice.
    space = SPACE | {"name": tuner.Choice(["one", "other"])}
    settings: dict[str, Any] = {"epochs": 1, "batch": 6, "storage": ":memory:", "verbose": 0}
    optuna.logging.enable_propagation()
    request.addfinalizer(optuna.logging.disable_propagation)
    tuner.search(named, space, data(), trials=13, sampler="cmaes", **settings)
    assert not caplog.records


def test_a_search_in_two_calls_is_that_in_one(tmp_path: Path) -> None:
    search(tmp_path / "a.db", 2, sampler="tpe")
    two = search(tmp_path / "a.db", 6, sampler="tpe").trials
    one = search(":memory:", 6, sampler="tpe").trials
    np.testing.assert_array_equal(two["learning_rate"], one["learning_rate"])


def test_a_grid_is_gone_through_once_whatever_the_calls(tmp_path: Path) -> None:
    def linear(setting: dict[str, Any]) -> fw.Model:
        return build({"learning_rate": setting["rate"] * setting.get("factor", 1)})

    space = {"rate": tuner.Choice([0.01, 0.05]), "factor": tuner.Int(1, 2, when={"rate": 0.05})}
    settings: dict[str, Any] = {"sampler": "grid", "epochs": 1, "storage": tmp_path / "a.db", "verbose": 0}
    tuner.search(linear, space, data(), trials=2, **settings)
    table = tuner.search(linear, space, data(), **settings).trials
    points = [
        {k: v for k, v in row.items() if v == v} for row in table[["rate", "factor"]].to_dict("records")
    ]
    assert points == [{"rate": 0.01}, {"rate": 0.05, "factor": 1}, {"rate": 0.05, "factor": 2}]


@pytest.mark.parametrize("pruner", ["hyperband", "median"])
def test_pruned_trials_stop_at_a_rung_and_the_best_is_complete(pruner: str) -> None:
    result = search(":memory:", 16, epochs=9, pruner=pruner, batch=4)
    table = result.trials
    pruned = [trial for trial in result.study.get_trials() if trial.state.name == "PRUNED"]
    assert pruned and set(table["state"]) == {"pruned", "complete"}
    assert {max(trial.intermediate_values) for trial in pruned} <= set(rungs(9))
    assert table["state"][table["value"].idxmin()] == "complete"


def test_rungs_do_not_change_the_curves() -> None:
    plain = search(":memory:", 3).trials["value"]
    watched = search(":memory:", 3, pruner="median").trials["value"]
    np.testing.assert_allclose(plain, watched, rtol=1e-6)


def test_a_trial_whose_loss_becomes_nan_is_the_worst() -> None:
    space = {"learning_rate": tuner.Choice([0.05, 1e6])}
    with pytest.warns(fw.errors.NonFiniteWarning) as warned:
        result = tuner.search(build, space, data(), sampler="grid", epochs=40, storage=":memory:", verbose=0)
    words = r"1 trial had no finite value, the first is trial 1 with learning_rate=1000000.0 \(NaN in epoch"
    assert len(warned) == 1 and re.search(words, str(warned[0].message))
    assert warned[0].filename == __file__
    assert list(result.trials["value"]) == [result.best_value, np.inf]
    assert "NaN in epoch" in result.trials["reason"][1]
    assert result.best_params == {"learning_rate": 0.05}
    assert len(result.best_models(2)) == len(result.best_hyperparameters(2)) == 1


def test_where_all_trials_became_nan_the_error_says_so() -> None:
    space = {"learning_rate": tuner.Float(1e8, 1e9)}
    with pytest.warns(fw.errors.NonFiniteWarning):
        result = tuner.search(build, space, data(), trials=2, epochs=5, storage=":memory:", verbose=0)
    with pytest.raises(
        StateError,
        match=r"2 trials had no finite value, the first is trial 0 .*learning rates of the space are too large",
    ):
        _ = result.best_params
    assert result.remarks() == []


def test_a_trial_whose_objective_was_never_measured_is_the_worst() -> None:
    run = tuner.Search(build, SPACE, data(), trials=1, epochs=1, validation_freq=2, storage=":memory:")
    table = run.run().trials
    assert table["value"][0] == np.inf and table["reason"][0] == "val_loss was not finite in any epoch"
    assert len(run.run().trials) == 1  # it can be run again


def test_an_objective_that_should_be_large_is_made_large() -> None:
    x, y = data()

    def classifier(hp: tuner.HyperParameters) -> fw.Model:
        model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(1, activation="sigmoid")])
        model.compile(
            loss="binary_crossentropy",
            optimizer=fw.optimizers.SGD(hp.Choice("learning_rate", [1e-6, 1.0])),
            metrics=["accuracy"],
        )
        return model

    result = tuner.search(
        classifier, None, (x, (y > 0).astype(int)), sampler="grid", epochs=5, folds=3, objective="val_accuracy",
        storage=":memory:", verbose=0,
    )  # fmt: skip
    assert result.best_params == {"learning_rate": 1.0} and result.best_value == result.trials["value"].max()
    assert result.study.direction.name == "MAXIMIZE"
    assert len(result.ranking()[0].user_attrs["values"]) == 3
    # After folds the model learns from all rows.
    assert result.best_model().evaluate(x, (y > 0).astype(int), verbose=0)[1] > 0.9


def test_settings_that_the_build_function_refuses_are_drawn_anew() -> None:
    def picky(setting: dict[str, Any]) -> fw.Model:
        if setting["learning_rate"] > 0.01:
            raise tuner.InvalidSetting("too fast")
        return build(setting)

    result = tuner.search(
        picky, SPACE, data(), trials=4, sampler="random", epochs=1, storage=":memory:", verbose=0
    )
    states = list(result.trials["state"])
    assert states.count("complete") == 4 and "refused" in states
    assert set(result.trials["reason"][result.trials["state"] == "refused"]) == {"too fast"}


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("sampler", ["random", "grid"])
def test_a_space_with_no_valid_point_is_said_to_have_none(declared: bool, sampler: str) -> None:
    def impossible(setting: Any) -> fw.Model:
        if not declared:
            setting.Int("kernel", 3, 9)
        raise tuner.InvalidSetting(f"a kernel of {setting['kernel']} is larger than the image")

    space = {"kernel": tuner.Int(3, 9)} if declared else None
    with pytest.raises(InvalidArgument, match=r"no valid point.* a kernel of \d is larger than the image"):
        tuner.search(
            impossible, space, data(), trials=3, sampler=sampler, epochs=1, storage=":memory:", verbose=0
        )


def test_first_settings_come_first_and_a_time_limit_ends_it(tmp_path: Path) -> None:
    result = tuner.search(
        build, SPACE, data(), minutes=0.05, first=[{"learning_rate": 0.02}], epochs=1,
        storage=tmp_path / "a.db", verbose=0,
    )  # fmt: skip
    assert result.trials["learning_rate"][0] == 0.02
    assert len(result.trials) >= 1


def test_first_settings_may_hold_lists_and_must_lie_in_the_space() -> None:
    space = {"act": tuner.Choice(["relu", "tanh"]), "rates": tuner.List(tuner.Float(0.01, 0.1), 1, 3)}

    def several(setting: dict[str, Any]) -> fw.Model:
        return build({"learning_rate": setting["rates"][-1]})

    def first(setting: dict[str, Any]) -> tuner.SearchResult:
        settings: dict[str, Any] = {"epochs": 1, "storage": ":memory:", "verbose": 0}
        return tuner.search(several, space, data(), trials=1, first=[setting], **settings)

    setting = {"act": "tanh", "rates": [0.02, 0.07]}
    assert first(setting).best_params == setting
    for name, value, words in [
        ("act", "gelu", "act='gelu' is not in Choice"),
        ("rates", [0.02, 5.0], r"rates_1=5.0 is not in Float"),
        ("rates", [0.02] * 4, "rates_length=4 is not in Int"),
        ("rates", 0.02, "rates: expected a list of values, got 0.02"),
    ]:
        with pytest.raises(InvalidArgument, match=words):
            first(setting | {name: value})


def test_a_first_setting_holds_nothing_that_its_conditions_exclude() -> None:
    space = SPACE | {"kind": tuner.Choice(["none", "l2"]), "l2": tuner.Float(0, 1, when={"kind": "l2"})}
    words = "the space has no hyperparameter 'l2' under these conditions in .*; leave it out"
    with pytest.raises(InvalidArgument, match=words):
        tuner.search(
            build, space, data(), trials=1, first=[{"kind": "none", "l2": 0.1}], storage=":memory:", verbose=0
        )


def test_an_error_of_the_build_function_is_its_own_and_leaves_no_trial_behind(tmp_path: Path) -> None:
    """A build function that defines the space is called while trials are claimed."""
    missing = [tmp_path / "weights.npz"]

    def loads(hp: tuner.HyperParameters) -> fw.Model:
        rate = hp.Float("learning_rate", 1e-3, 1e-1, log=True)
        if rate > 0.04 and missing:  # the second trial
            missing[0].read_bytes()
        return build({"learning_rate": rate})

    settings: dict[str, Any] = {"trials": 3, "storage": tmp_path / "a.db", "epochs": 1, "verbose": 0}
    with pytest.raises(FileNotFoundError, match="weights.npz"):
        tuner.search(loads, None, data(), sampler="random", **settings)
    missing.clear()
    table = tuner.search(loads, None, data(), sampler="random", **settings).trials
    assert list(table["state"]) == ["complete"] * 3


def test_a_grid_is_drawn_once_however_many_batches_there_are() -> None:
    calls = []

    def counted(hp: tuner.HyperParameters) -> fw.Model:
        calls.append(hp)
        return build({"learning_rate": 0.01 * hp.Int("tenth", 1, 12)})

    search_all = {"sampler": "grid", "storage": ":memory:", "epochs": 1, "batch": 2, "verbose": 0}
    assert len(tuner.search(counted, None, data(), **search_all).trials) == 12
    assert len(calls) == 4 * 12  # for the grid, for the trial, to train it, for the table


@pytest.mark.parametrize("name", ["a.db", "a.journal"])
def test_results_of_a_study_that_was_overwritten_are_not_those_of_the_next(name: str, tmp_path: Path) -> None:
    before = search(tmp_path / name, 1, epochs=1)
    search(tmp_path / name, 1, epochs=1, overwrite=True)
    with pytest.raises(StateError, match=f"'search' in .*{name} was deleted, probably by overwrite=True"):
        _ = before.best_value


def test_ctrl_c_gives_trials_back_and_the_next_call_takes_them_up(tmp_path: Path) -> None:
    presses = iter([False, False, True])

    def press(epoch: int, logs: Any) -> None:
        if next(presses, False):
            raise KeyboardInterrupt

    callback = fw.callbacks.LambdaCallback(on_epoch_end=press)
    settings: dict[str, Any] = {
        "epochs": 2,
        "batch": 4,
        "storage": tmp_path / "a.db",
        "verbose": 0,
        "trials": 4,
    }
    with pytest.raises(KeyboardInterrupt):
        tuner.search(build, SPACE, data(), callbacks=[callback], **settings)
    left = optuna.load_study(study_name="search", storage=f"sqlite:///{tmp_path / 'a.db'}").get_trials()
    assert "RUNNING" in {trial.state.name for trial in left}
    result = tuner.search(build, SPACE, data(), **settings)
    assert list(result.trials["state"]) == ["complete"] * 4
    params = {trial.number: trial.params for trial in left}
    assert all(
        trial.params == params[trial.number] for trial in result.study.get_trials() if trial.number in params
    )


# --- mistakes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"trials": None}, "pass a limit: trials=50, or minutes=5"),
        ({"trials": 0}, "trials must be an integer of at least 1 or None, got 0"),
        ({"minutes": -1}, "minutes must be a finite number above 0 or None, got -1"),
        ({"sampler": "tpa"}, "unknown sampler 'tpa', did you mean 'tpe'"),
        ({"pruner": "hyperbond"}, "unknown pruner 'hyperbond', did you mean 'hyperband'"),
        ({"objective": "val_los"}, "objective='val_los', did you mean 'val_loss'"),
        (
            {"objective": "val_my_score"},
            r"cannot be inferred from its name.*Objective\('val_my_score', 'max'\)",
        ),
        ({"objective": "val_accuracy"}, r"'val_accuracy' is not measured.* model.compile\(metrics"),
        ({"objective": 3}, "expected the name of a metric such as 'val_loss'"),
        ({"epoch": 3}, "there is no argument 'epoch', did you mean 'epochs'"),
        ({"trials": None, "trails": 3}, "there is no argument 'trails', did you mean 'trials'"),
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
        ({"seed": 0.5}, "seed must be an integer of at least 0, got 0.5"),
        ({"first": {"learning_rate": 0.01}}, "first must be a list of items, each a dict"),
        ({"first": [{"rate": 1.0}]}, "the space has no hyperparameter 'rate'"),
        ({"verbose": 3}, "verbose must be 0"),
        ({"storage": "search.txt"}, "expected a file that ends in .db"),
        ({"storage": "mysql://here/db"}, "a URL postgresql://"),
        (
            {"storage": "postgresql+pg8000://me:secret@here/db"},
            r"postgresql\+pg8000://me:\*\*\*@here/db needs a driver, pg8000, .* pip install pg8000",
        ),
        ({"storage": "nowhere/search.db"}, "there is no folder .*nowhere"),
    ],
)
def test_mistakes_are_explained(settings: dict[str, Any], words: str) -> None:
    given = {"trials": 2, "storage": ":memory:", "epochs": 1, "verbose": 0} | settings
    with pytest.raises(FitwellError, match=words):
        tuner.search(build, SPACE, data(), **given)


def test_a_build_function_without_a_model_is_told_for_which_setting() -> None:
    with pytest.raises(
        InvalidArgument, match=r"build\({'units': 3}\) must return a compiled model, got None"
    ):
        tuner.search(
            lambda setting: None, {"units": tuner.Int(3, 3)}, data(), trials=1, storage=":memory:", verbose=0
        )


def test_a_sampler_whose_library_is_missing_says_so_before_any_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="'gp' needs torch, .* pip install torch"):
        tuner.search(build, SPACE, data(), trials=1, sampler="gp", storage=":memory:")


def test_whole_numbers_may_be_those_of_numpy(tmp_path: Path) -> None:
    one: Any = np.int64(1)
    settings: dict[str, Any] = {
        "trials": one,
        "repeats": one,
        "epochs": one,
        "seed": one,
        "storage": tmp_path / "a.db",
    }
    assert len(tuner.search(build, SPACE, data(), **settings).trials) == 1


def test_data_must_be_a_pair() -> None:
    with pytest.raises(InvalidArgument, match="x must be arrays, not a generator"):
        tuner.search(build, SPACE, (iter([data()]), None), trials=2)
    with pytest.raises(InvalidArgument, match=r"data must be a tuple \(x, y\)"):
        tuner.search(build, SPACE, data()[0], trials=2)


def test_a_study_begun_otherwise_is_not_mixed(tmp_path: Path) -> None:
    search(tmp_path / "a.db", 1)
    with pytest.raises(
        InvalidArgument, match=r"created with other settings.*epochs: 4 then, 5 now.*overwrite=True"
    ):
        search(tmp_path / "a.db", 2, epochs=5)
    assert len(search(tmp_path / "a.db", 2, epochs=5, overwrite=True).trials) == 2
    with pytest.raises(InvalidArgument, match="seed: 0 then, 7 now"):
        search(tmp_path / "a.db", 2, epochs=5, seed=7)


def test_no_trial_yet_is_no_best() -> None:
    class Stopped(Exception):
        pass

    def broken(setting: Any) -> fw.Model:
        raise Stopped

    run = tuner.Search(broken, SPACE, data(), trials=2, storage=":memory:", verbose=0)
    with pytest.raises(Stopped):
        run.run()
    with pytest.raises(StateError, match="no trial has a finite value yet"):
        _ = run.result.best_params


def test_a_locked_storage_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.db"
    search(path, 1)
    monkeypatch.setattr(storages, "LOCK_TIMEOUT", 0.1)
    with sqlite3.connect(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(FileError, match=r"a\.db is locked: another program has been writing to it"):
            search(path, 2)
        other.rollback()
    assert len(search(path, 2).trials) == 2  # nothing was lost


def test_a_storage_that_is_gone_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    gone = fw.callbacks.LambdaCallback(on_train_end=lambda logs: path.unlink(missing_ok=True))
    with pytest.raises(FileError, match=r"a\.db (is gone: the file was deleted|cannot be used)"):
        tuner.search(
            build, SPACE, data(), trials=9, batch=1, epochs=1, storage=path, callbacks=[gone], verbose=0
        )


@pytest.mark.parametrize("name", ["a.db", "a.journal"])
def test_a_storage_in_whose_place_another_was_put_is_explained(tmp_path: Path, name: str) -> None:
    """Otherwise the trials would be written to a deleted file."""

    def replace(logs: Any) -> None:
        path.rename(tmp_path / "old")
        search(path, 1)

    path = tmp_path / name
    replaced = fw.callbacks.LambdaCallback(on_train_end=replace)
    with pytest.raises(FileError, match=r"is gone: the file was deleted or replaced"):
        tuner.search(build, SPACE, data(), trials=1, epochs=1, storage=path, callbacks=[replaced], verbose=0)
    assert len(search(path, 1).trials) == 1


def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("a table, but not this kind\n" * 50)
    with pytest.raises(FileError, match="is not a SQLite database"):
        search(path, 1)


def test_what_is_not_done_in_time_is_left_for_the_next_call(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"storage": tmp_path / "a.db", "epochs": 1000}
    late = search(trials=1, sleep=0.1, minutes=0.1, **settings)
    assert list(late.trials["state"]) == ["running"]
    result = search(trials=1, **settings)
    assert list(result.trials["state"]) == ["complete"]
    assert result.study.get_trials()[0].params == late.study.get_trials()[0].params
