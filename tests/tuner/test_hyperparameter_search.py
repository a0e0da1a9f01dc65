"""End-to-end tests of `search` on tiny problems."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

import fitwell as fw
from fitwell import tuner
from fitwell.errors import InvalidArgument, StateError
from fitwell.tuner.pruners import rungs
from fitwell.tuner.samplers import SAMPLERS
from tests.tuner.search_worker import SPACE, build, data, search


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
    words = r"1 trial had no finite value: trial 1 with learning_rate=1000000.0 \(NaN in epoch"
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
        match=r"2 trials had no finite value; the first was trial 0 .*learning rates in the space are too large",
    ):
        _ = result.best_params
    assert result.remarks() == []


@pytest.mark.filterwarnings("ignore::fitwell.errors.NonFiniteWarning")
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
    with pytest.raises(InvalidArgument, match=r"no valid setting.* a kernel of \d is larger than the image"):
        tuner.search(
            impossible, space, data(), trials=3, sampler=sampler, epochs=1, storage=":memory:", verbose=0
        )


@pytest.mark.slow
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
        ("act", "gelu", "act='gelu' is not in the domain Choice"),
        ("rates", [0.02, 5.0], r"rates_1=5.0 is not in the domain Float"),
        ("rates", [0.02] * 4, "rates_length=4 is not in the domain Int"),
        ("rates", 0.02, "rates: expected a list of values, got 0.02"),
    ]:
        with pytest.raises(InvalidArgument, match=words):
            first(setting | {name: value})


def test_a_first_setting_holds_nothing_that_its_conditions_exclude() -> None:
    space = SPACE | {"kind": tuner.Choice(["none", "l2"]), "l2": tuner.Float(0, 1, when={"kind": "l2"})}
    words = "contains 'l2', which is not a hyperparameter for these values of the other hyperparameters; remove it"
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
