"""The KerasTuner interface, used as in the guide of KerasTuner."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fitwell as fw
from fitwell import tuner as kt
from fitwell.errors import InvalidArgument, StateError
from fitwell.tuner.tuners import count_hyperband_trials
from tests.tuner.search_worker import data


def build_model(hp: kt.HyperParameters) -> fw.Model:
    model = fw.Sequential([fw.Input((2,))])
    if hp.Boolean("hidden", default=True):
        with hp.conditional_scope("hidden", [True]):
            model.add(fw.layers.Dense(hp.Choice("units", [4]), activation="relu"))
    model.add(fw.layers.Dense(1))
    rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    model.compile(loss="mse", optimizer=fw.optimizers.SGD(rate), metrics=["mae"])
    return model


def test_random_search_as_in_the_guide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x, y = data()
    validation = (x[30:], y[30:])
    tuner = kt.RandomSearch(
        build_model,
        objective=kt.Objective("val_mae", direction="min"),
        max_trials=4,
        executions_per_trial=2,
        directory=tmp_path,
        project_name="line",
    )
    tuner.search_space_summary()
    assert "learning_rate: Float(low=0.001, high=0.1, log=True" in capsys.readouterr().out
    tuner.search(x[:30], y[:30], epochs=3, validation_data=validation, verbose=0)

    best = tuner.get_best_hyperparameters()[0]
    table = tuner.result.trials
    assert best.get("learning_rate") == table["learning_rate"][table["value"].idxmin()]
    assert ("units" in best) == best["hidden"]
    first, second = tuner.get_best_models(num_models=2)
    losses = [model.evaluate(*validation, verbose=0)[1] for model in (first, second)]
    best_two = [min(trial.user_attrs["values"]) for trial in tuner.result.ranking()[:2]]
    np.testing.assert_allclose(losses, best_two, rtol=1e-4)
    assert tuner.hypermodel.build(best).count_params() == first.count_params()
    tuner.results_summary(2)
    said = capsys.readouterr().out
    assert "Showing 2 best trials by val_mae (min)" in said
    assert f"Score: {table['value'].min()}" in said
    assert (tmp_path / "line" / "study.db").exists()


def test_a_tuner_goes_on_in_its_folder_unless_told_to_overwrite(tmp_path: Path) -> None:
    x, y = data()
    numbers = []
    for trials, overwrite in ((2, False), (3, False), (1, True)):
        tuner = kt.RandomSearch(build_model, max_trials=trials, directory=tmp_path, overwrite=overwrite)
        tuner.search(x, y, epochs=1, verbose=0)
        numbers.append(len(tuner.result.trials))
    assert numbers == [2, 3, 1]


def test_choices_that_were_changed_since_are_explained(tmp_path: Path) -> None:
    def tuner(units: list[int], trials: int) -> kt.RandomSearch:
        def build(hp: kt.HyperParameters) -> fw.Model:
            model = fw.Sequential(
                [fw.Input((2,)), fw.layers.Dense(hp.Choice("units", units)), fw.layers.Dense(1)]
            )
            model.compile(loss="mse", optimizer="sgd")
            return model

        found = kt.RandomSearch(build, max_trials=trials, directory=tmp_path)
        found.search(*data(), epochs=1, verbose=0)
        return found

    tuner([2, 3], 4)
    with pytest.raises(
        InvalidArgument, match=r"contains a trial with the value [23], which is not in Choice.*overwrite=True"
    ):
        tuner([4, 5], 4).get_best_hyperparameters()
    with pytest.raises(InvalidArgument, match=r"units: Choice.*4\].* is not compatible.*overwrite=True"):
        tuner([2, 3, 4], 6)


def test_a_hypermodel_is_an_object_with_build(tmp_path: Path) -> None:
    class Line(kt.HyperModel):
        def build(self, hp: kt.HyperParameters) -> fw.Model:
            return build_model(hp)

    tuner = kt.GridSearch(Line(), directory=tmp_path, max_trials=2)
    tuner.search(*data(), epochs=1, verbose=0)
    assert list(tuner.result.trials["state"]) == ["complete"] * 2
    with pytest.raises(InvalidArgument, match=r"Line.fit is not supported"):
        Line.fit = lambda self, hp, model, *args: model.fit(*args)  # type: ignore[attr-defined]
        kt.GridSearch(Line(), directory=tmp_path, overwrite=True).search(*data(), epochs=1, verbose=0)
    with pytest.raises(NotImplementedError, match=r"HyperModel.build\(hp\) must be implemented"):
        kt.HyperModel().build(kt.HyperParameters())


def test_hyperband_begins_as_many_trials_as_its_brackets() -> None:
    # Li et al. 2018, table 1: for R = 81 and eta = 3 the brackets begin with 81, 34, 15, 8 and 5 settings.
    assert count_hyperband_trials(81, 3) == 81 + 34 + 15 + 8 + 5


def test_hyperband_gives_trials_up(tmp_path: Path) -> None:
    tuner = kt.Hyperband(build_model, max_epochs=9, directory=tmp_path)
    tuner.search(*data(), verbose=0)
    table = tuner.result.trials
    assert len(table) == count_hyperband_trials(9, 3) == 17
    assert set(table["state"]) == {"complete", "pruned"}


def test_mistakes_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StateError, match=r"RandomSearch: call search\(x, y, ...\) first"):
        kt.RandomSearch(build_model).get_best_models()
    with pytest.raises(InvalidArgument, match="RandomSearch does not support tune_new_entries"):
        kt.RandomSearch(build_model, tune_new_entries=False)
    with pytest.raises(
        InvalidArgument, match="Own.run_trial is not supported, because all trials are trained"
    ):
        type("Own", (kt.RandomSearch,), {"run_trial": lambda self, trial: 0.0})(build_model)
    with pytest.raises(InvalidArgument, match="factor must be 3, the only supported value, got 4"):
        kt.Hyperband(build_model, factor=4)
    with pytest.raises(InvalidArgument, match="max_epochs must be an integer of at least 1, got 0"):
        kt.Hyperband(build_model, max_epochs=0)
    with pytest.raises(InvalidArgument, match="hyperband_iterations must be a finite number above 0, got 0"):
        kt.Hyperband(build_model, hyperband_iterations=0)
    with pytest.raises(InvalidArgument, match="at most max_epochs=9 epochs; remove epochs=5"):
        kt.Hyperband(build_model, max_epochs=9, directory=tmp_path).search(*data(), epochs=5)
