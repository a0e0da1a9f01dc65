"""Members under `vmap`, as on an accelerator, have the same learning curves as alone."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fitwell as fw
from fitwell.errors import NonFiniteWarning
from fitwell.population import scheduling
from fitwell.population.vmap_rule import use_vmap_rule
from tests.population.test_single_members import (
    POLICIES,
    STRUCTURES,
    callbacks,
    dense,
    normalised,
    rows,
    same,
    solo,
)


@pytest.fixture(autouse=True)
def stacks(monkeypatch):
    """Train every group under `vmap`, and count the dispatches and their widths."""
    widths = []

    def counted(requests, width):
        widths.append(width)
        return answer(requests, width)

    answer = scheduling.run_vmapped
    monkeypatch.setattr(scheduling, "run_vmapped", counted)
    with use_vmap_rule(lambda fit, members: True):
        yield widths


@pytest.mark.parametrize("name", [name for name in STRUCTURES if name != "subclass"])
def test_structures(name, stacks):
    build, kind = STRUCTURES[name]
    x, y, validation = rows(kind)
    settings = {"epochs": 4, "batch_size": 8, "validation_data": validation}
    population = fw.Population(build, [{"rate": 0.03}, {"rate": 0.1}], seeds=[1, 2])
    population.fit(x, y, verbose=0, **settings)
    assert set(stacks) == {4}
    for member in population.members:
        same(member, *solo(build, member.setting, member.seed, x, y, **settings))


@pytest.mark.parametrize("name", POLICIES)
def test_policies(name, stacks):
    x, y, validation = rows("rows")
    settings = {"epochs": 12, "batch_size": 8, "validation_data": validation}
    population = fw.Population(dense, fw.grid(rate=[0.02, 0.1, 0.3]), seeds=[0, 4])
    population.fit(x, y, verbose=0, callbacks=POLICIES[name](), **settings)
    assert stacks
    for member in population.members:
        model, history = solo(dense, member.setting, member.seed, x, y, POLICIES[name], **settings)
        same(member, model, history)
        assert member.model.optimizer.learning_rate == pytest.approx(model.optimizer.learning_rate)


def test_members_with_other_decisions_are_in_other_stacks(stacks):
    """Policies that differ in more than numbers are different programs, even with equal states."""
    x, y, validation = rows("rows")
    settings = {"epochs": 6, "batch_size": 8, "validation_data": validation}

    def choose(setting):
        return [fw.callbacks.EarlyStopping(mode=setting["mode"], patience=1)]

    population = fw.Population(dense, fw.grid(mode=["min", "max"])).fit(
        x, y, callbacks=choose, verbose=0, **settings
    )
    for member in population.members:
        alone = solo(dense, member.setting, 0, x, y, lambda member=member: choose(member.setting), **settings)
        same(member, *alone)


def test_folds(stacks):
    x, y, _ = rows("rows")
    population = fw.Population(normalised).fit(x, y, folds=5, epochs=4, batch_size=8, verbose=0)
    stacked = [history.history for history in population.history]
    assert set(stacks) == {5}
    with use_vmap_rule(lambda fit, members: False):
        in_turn = fw.Population(normalised).fit(x, y, folds=5, epochs=4, batch_size=8, verbose=0)
    for one, other in zip(stacked, in_turn.history, strict=True):
        for name, values in one.items():
            np.testing.assert_allclose(values, other.history[name], rtol=2e-5, err_msg=name)


def test_nan_ends_one_member_only():
    x, y, validation = rows("rows")
    settings = {"epochs": 30, "batch_size": 8, "validation_data": validation}
    population = fw.Population(dense, fw.grid(rate=[0.02, 1e4, 0.05]))
    with pytest.warns(NonFiniteWarning, match=r"1 of 3 members"):
        population.fit(x, y, verbose=0, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonFiniteWarning)
        for member in population.members:
            same(member, *solo(dense, member.setting, 0, x, y, **settings))


def test_members_that_read_rows_of_their_own_are_not_stacked(stacks):
    """With `steps_per_epoch` batches are read one by one, in the order of the seed of each member."""
    x, y, _ = rows("rows")
    settings = {"epochs": 5, "batch_size": 8, "steps_per_epoch": 3}
    population = fw.Population(dense, fw.grid(rate=[0.02, 0.05]), seeds=[0, 4])
    with use_vmap_rule(lambda fit, members: fit.supports_vmap):
        population.fit(x, y, verbose=0, **settings)
    for member in population.members:
        same(member, *solo(dense, member.setting, member.seed, x, y, **settings))
    assert not stacks


@pytest.mark.slow
def test_stopped_members_leave_the_stack_when_that_pays(stacks, monkeypatch):
    x, y, validation = rows("rows")

    def choose(setting):
        return [fw.callbacks.EarlyStopping(patience=setting["patience"], min_delta=1e9)]

    settings = {"validation_data": validation, "epochs": 400}
    monkeypatch.setattr(scheduling, "worth_compiling", lambda spared, compiling: True)
    patient = fw.grid(patience=[1, 1, 1, 300], rate=[0.001])
    population = fw.Population(dense, patient).fit(x, y, callbacks=choose, verbose=0, **settings)
    assert population.results["epochs"].tolist() == [2, 2, 2, 301]
    assert (stacks[0], stacks[-1]) == (4, 1)
    model, history = solo(
        dense, population.members[3].setting, 0, x, y, lambda: choose({"patience": 300}), **settings
    )
    same(population.members[3], model, history)


@pytest.mark.slow
def test_a_member_that_fails_ends_its_stack():
    """The other members stop and keep their progress, as in threads."""
    x, y, validation = rows("rows")

    class Breaks(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2 and self.model.optimizer.learning_rate == pytest.approx(0.1):
                raise ZeroDivisionError("mine")

    best = callbacks.EarlyStopping(patience=50, restore_best_weights=True)
    population = fw.Population(dense, fw.grid(rate=[0.02, 0.1, 0.05]))
    with pytest.raises(ZeroDivisionError) as caught:
        population.fit(x, y, epochs=20, validation_data=validation, callbacks=[best, Breaks()], verbose=0)
    assert caught.value.__notes__ == ["The error occurred in member rate=0.1, seed 0."]
    assert population.results["status"].tolist() == ["interrupted"] * 3
    assert population.results["epochs"][1] == 3
    for number in (0, 2):
        member = population.members[number]
        assert member.restored_epoch is not None
        found = member.model.evaluate(*validation, verbose=0, return_dict=True)["loss"]
        assert found == pytest.approx(min(member.history.history["val_loss"]), rel=1e-5)
