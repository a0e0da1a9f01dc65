"""Population-based training."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell import tuner
from fitwell.errors import InvalidArgument
from fitwell.tuner.domains import Domain
from fitwell.tuner.pbt import PBTResult, copy_training_state
from tests.tuner.search_worker import SPACE, build, data, search


def train(storage: Any = ":memory:", **settings: Any) -> PBTResult:
    settings = {"trials": 8, "epochs": 6, "interval": 2, "verbose": 0, "storage": storage} | settings
    return tuner.population_based_training(build, SPACE, data(), **settings)


@pytest.fixture(scope="module")
def trained() -> PBTResult:
    """Return a run of eight members with two exploit steps."""
    return train()


def test_the_worst_quarter_takes_over_from_the_best(trained: PBTResult) -> None:
    schedules = trained.schedules
    assert len(schedules) == 8
    changes = [epoch for schedule in schedules.values() for epoch, _ in schedule[1:]]
    assert set(changes) == {2, 4}
    assert changes.count(4) == 2  # a quarter of eight
    first = {schedule[0][1]["learning_rate"] for schedule in schedules.values()}
    for schedule in schedules.values():
        assert schedule[0][1]["learning_rate"] in first
        for (_, before), (_, after) in itertools.pairwise(schedule):
            ratio = after["learning_rate"] / before["learning_rate"]
            assert min(abs(ratio - 1.2), abs(ratio - 1 / 1.2)) < 1e-9 or after["learning_rate"] in (
                1e-3,
                1e-1,
            )


def test_the_final_figures_are_those_of_the_models(trained: PBTResult) -> None:
    x, y = data()
    rows = trained._trainer._arguments["splits"][0][1]
    for trial, model in zip(trained.ranking()[:3], trained.best_models(3)):
        assert model.evaluate(x[rows], y[rows], verbose=0) == pytest.approx(trial.value, rel=1e-5)
        assert float(model.optimizer.learning_rate) == pytest.approx(
            trained.trials["learning_rate"][trial.number], rel=1e-6
        )
    assert trained.best_value == trained.trials["value"].min()


def test_it_ends_better_than_its_members_alone(trained: PBTResult) -> None:
    """All learning rates are too small for six epochs, so copying the best improves the result."""
    alone = search(":memory:", 8, epochs=6, batch=8).trials
    # The same settings to begin with; then the slow ones are replaced.
    begun = [schedule[0][1]["learning_rate"] for schedule in trained.schedules.values()]
    assert set(begun) <= set(alone["learning_rate"])
    assert np.median(trained.trials["value"]) < np.median(alone["value"])


def test_an_heir_goes_on_as_its_parent_would() -> None:
    x, y = data()

    def make() -> fw.Model:
        fw.utils.set_random_seed(1)
        model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(4, activation="tanh"), fw.layers.Dense(1)])
        model.compile(loss="mse", optimizer=fw.optimizers.Adam(0.01))
        return model

    parent, heir = make(), make()
    parent.fit(x, y, epochs=3, verbose=0)
    copy_training_state(heir, parent)
    after = [model.fit(x, y, epochs=2, verbose=0).history["loss"] for model in (parent, heir)]
    np.testing.assert_allclose(after[0], after[1], rtol=1e-6)
    for one, other in zip(parent.get_weights(), heir.get_weights()):
        np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize(
    ("domain", "value", "possible"),
    [
        (tuner.Float(1e-4, 1.0, log=True), 0.1, {0.12, 0.1 / 1.2}),
        (tuner.Float(0.0, 1.0), 0.0, {0.0, 0.01}),
        (tuner.Float(0.0, 0.5, step=0.1), 0.5, {0.4, 0.5}),
        (tuner.Int(1, 100), 50, {40, 60}),
        (tuner.Int(1, 9, step=2), 1, {1, 3}),
        (tuner.Choice(["a", "b"]), "a", {"a", "b"}),
        (tuner.Fixed(3), 3, {3}),
    ],
)
def test_neighbours(domain: Domain, value: Any, possible: set[Any]) -> None:
    generator = np.random.default_rng(0)
    found = {domain.perturb(value, generator) for _ in range(60)}
    assert all(domain.contains(each) for each in found)
    if isinstance(value, float):
        np.testing.assert_allclose(sorted(found), sorted(possible))
    else:
        assert found == possible


def test_its_trials_are_in_the_study(tmp_path: Path) -> None:
    train(tmp_path / "a.db", trials=4)
    again = train(tmp_path / "a.db", trials=4)  # nothing is left to do
    assert list(again.trials["state"]) == ["complete"] * 4
    steps = [sorted(trial.intermediate_values) for trial in again.study.get_trials()]
    assert steps == [[2, 4, 6]] * 4
    with pytest.raises(fw.errors.StateError, match="was trained by another process"):
        again.best_model()


def test_heirs_without_an_input_shape() -> None:
    def unbuilt(setting: dict[str, Any]) -> fw.Model:
        model = fw.Sequential([fw.layers.Dense(1)])
        model.compile(loss="mse", optimizer=fw.optimizers.SGD(setting["learning_rate"]))
        return model

    settings: dict[str, Any] = {"trials": 4, "epochs": 4, "interval": 2, "storage": ":memory:", "verbose": 0}
    found = tuner.population_based_training(unbuilt, SPACE, data(), **settings)
    assert sum(len(schedule) for schedule in found.schedules.values()) == 5  # one of four took over
    x, y = data()
    rows = found._trainer._arguments["splits"][0][1]
    for trial, model in zip(found.ranking(), found.best_models(4), strict=True):
        assert model.evaluate(x[rows], y[rows], verbose=0) == pytest.approx(trial.value, rel=1e-5)


def test_a_schedule_holds_the_values_that_build_was_given() -> None:
    given: list[Any] = []

    def listen(setting: dict[str, Any]) -> fw.Model:
        given.append(setting["pair"])
        return build(setting)

    space = SPACE | {"pair": tuner.Choice([(1, 2), (3, 4)])}
    found = tuner.population_based_training(
        listen, space, data(), trials=4, epochs=2, interval=1, storage=":memory:", verbose=0
    )
    assert {values["pair"] for schedule in found.schedules.values() for _, values in schedule} <= set(given)


def test_the_trials_of_a_search_are_not_taken_for_a_trained_population(tmp_path: Path) -> None:
    path = tmp_path / "search.db"
    search(path, 8, epochs=6)
    with pytest.raises(
        InvalidArgument,
        match="created with different settings.*method: None then, 'population-based training",
    ):
        train(path)
    train(path, name="population")
    with pytest.raises(
        InvalidArgument, match="created with different settings.*method: 'population.*None now"
    ):
        search(path, 8, epochs=6, name="population")
    with pytest.raises(InvalidArgument, match="interval 2, quantile 0.25' then"):
        train(path, name="population", interval=3)


def test_mistakes_are_explained() -> None:
    with pytest.raises(InvalidArgument, match="callbacks is not supported"):
        train(callbacks=[])
    with pytest.raises(InvalidArgument, match="quantile must be a number above 0 and at most 0.5, got 0.7"):
        train(quantile=0.7)
    with pytest.raises(InvalidArgument, match="interval must be an integer of at least 1, got 0"):
        train(interval=0)

    with pytest.raises(
        InvalidArgument, match=r"quantile \* trials must be at least 1, got 0.25 \* 3; use at least 4 trials"
    ):
        train(trials=3)

    def wide(hp: tuner.HyperParameters) -> fw.Model:
        model = fw.Sequential(
            [fw.Input((2,)), fw.layers.Dense(hp.Choice("units", [2, 3])), fw.layers.Dense(1)]
        )
        model.compile(loss="mse", optimizer="sgd")
        return model

    with pytest.raises(
        InvalidArgument, match="all of them must have weights of the same shapes .* remove widths and depths"
    ):
        tuner.population_based_training(wide, None, data(), trials=6, epochs=2, storage=":memory:", verbose=0)
