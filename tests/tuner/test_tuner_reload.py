"""Tuners for existing studies, and objectives that a callback logs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell import tuner as kt
from fitwell.errors import FitwellError, InvalidArgument, StateError

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = X[:, :1].copy()


def build(hp: Any) -> Any:
    model = fw.Sequential([fw.layers.Input((3,)), fw.layers.Dense(1)])
    model.compile(fw.optimizers.SGD(hp.Float("rate", 1e-3, 1e-1, sampling="log")), "mse")
    return model


def make(kind: str, folder: Path, **options: Any) -> Any:
    settings: dict[str, Any] = {"directory": folder, "project_name": "p", "seed": 1} | options
    if kind != "Hyperband":
        settings.setdefault("max_trials", 3)
    return getattr(kt, kind)(build, **settings, **({"max_epochs": 2} if kind == "Hyperband" else {}))


@pytest.mark.parametrize("kind", ["RandomSearch", "Hyperband"])
def test_results_are_read_without_a_search(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = make(kind, tmp_path)
    fit: dict[str, Any] = {"validation_split": 0.25, "verbose": 0} | (
        {} if kind == "Hyperband" else {"epochs": 2}
    )
    first.search(X, Y, **fit)
    values = [hp.values for hp in first.get_best_hyperparameters(2)]
    first.results_summary()
    said = capsys.readouterr().out

    again = make(kind, tmp_path)
    assert [hp.values for hp in again.get_best_hyperparameters(2)] == values
    assert again.result.best_value == first.result.best_value
    assert again.result.trials.equals(first.result.trials)
    again.results_summary()
    assert capsys.readouterr().out == said
    again.hypermodel.build(again.get_best_hyperparameters()[0]).summary()
    with pytest.raises(
        StateError,
        match=r"call search\(x, y, ...\) with the same rows first \(it does not repeat any finished trials\)",
    ):
        again.get_best_models()
    # A search goes on, and there is nothing to go on with.
    again.search(X, Y, **fit)
    assert len(again.result.trials) == len(first.result.trials)
    one, other = first.get_best_models()[0], again.get_best_models()[0]
    np.testing.assert_array_equal(one.get_weights()[0], other.get_weights()[0])


def test_there_must_be_something_to_read(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"RandomSearch: call search\(x, y, ...\) first"):
        make("RandomSearch", tmp_path).get_best_hyperparameters()
    make("RandomSearch", tmp_path).search(X, Y, verbose=0)
    # Begun anew before, and by another name.
    with pytest.raises(StateError, match="first"):
        make("RandomSearch", tmp_path, overwrite=True).results_summary()
    with pytest.raises(StateError, match="first"):
        make("RandomSearch", tmp_path, project_name="q").reload()
    with pytest.raises(InvalidArgument, match=r"has the objective val_loss \(min\), not val_mae \(min\)"):
        make("RandomSearch", tmp_path, objective="val_mae").get_best_hyperparameters()
    # Reading left the study as it was.
    tuner = make("RandomSearch", tmp_path, max_trials=5)
    tuner.reload()
    tuner.search(X, Y, verbose=0)
    assert len(tuner.result.trials) == 5


class Closeness(fw.callbacks.Callback):
    """Callback that logs a custom score: how close the rate is to 0.01."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["val_close"] = -abs(float(self.model.optimizer.learning_rate) - 0.01) + epoch


def test_an_objective_that_a_callback_logs(tmp_path: Path) -> None:
    def space(folder: str) -> dict[str, Any]:
        return {"storage": tmp_path / folder, "epochs": 2, "verbose": 0, "first": [{"rate": 0.0105}]}

    objective = fw.tuner.Objective("val_close", "max")
    given = {"rate": fw.tuner.Float(1e-3, 1e-1, log=True)}

    def model(setting: dict[str, float]) -> Any:
        net = fw.Sequential([fw.layers.Input((3,)), fw.layers.Dense(1)])
        net.compile(fw.optimizers.SGD(setting["rate"]), "mse")
        return net

    for callbacks in ([Closeness()], lambda setting: [Closeness()]):
        name = f"{callable(callbacks)}.db"
        found = fw.search(
            model, given, (X, Y), trials=3, objective=objective, callbacks=callbacks, **space(name)
        )
        assert found.best_params == {"rate": 0.0105}
        np.testing.assert_allclose(found.best_value, 1 - 0.0005, atol=1e-6)
        np.testing.assert_allclose(float(found.best_model().optimizer.learning_rate), 0.0105, rtol=1e-6)
    with pytest.raises(
        FitwellError, match="'val_close' is not measured.* let a callback add them to the logs"
    ):
        fw.search(model, given, (X, Y), trials=3, objective=objective, **space("none.db"))


@pytest.mark.parametrize("again", [False, True])
def test_the_best_trials_are_shown_as_in_kerastuner(
    again: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Including a new tuner for an existing study, without a search."""
    found = make("RandomSearch", tmp_path)
    found.search(X, Y, epochs=2, validation_split=0.25, verbose=0)
    found = make("RandomSearch", tmp_path) if again else found
    best, second, third = found.oracle.get_best_trials(num_trials=5)
    table = found.result.trials["value"]
    assert [best.score, second.score, third.score] == sorted(table)
    assert table[int(best.trial_id)] == best.score == best.metrics.get_last_value("val_loss")
    assert best.hyperparameters.values == found.get_best_hyperparameters()[0].values
    capsys.readouterr()
    best.summary()
    rate = best.hyperparameters.get("rate")
    said = f"Trial {best.trial_id} summary\nHyperparameters:\nrate: {rate}\nScore: {best.score}\n"
    assert capsys.readouterr().out.lstrip("\n") == said
    with pytest.raises(InvalidArgument, match="store only the objective 'val_loss', not 'loss'"):
        best.metrics.get_best_value("loss")


def test_before_a_search_there_are_no_trials(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="call search"):
        make("RandomSearch", tmp_path).oracle.get_best_trials()
