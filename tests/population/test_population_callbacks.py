"""Callbacks of members, interruptions and failures."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

import fitwell as fw
from fitwell._engine import devices
from fitwell.errors import InvalidArgument
from tests.population.conftest import dense


def test_observers_of_epochs_get_copies(regression):
    class Losses(fw.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seen = 0

        def on_epoch_end(self, epoch, logs=None):
            self.seen += 1
            found[id(self.model)] = self.seen

    found = {}
    x, y, _ = regression
    population = fw.Population(dense, seeds=[0, 1]).fit(x, y, epochs=3, callbacks=[Losses()], verbose=0)
    assert found == {id(member.model): 3 for member in population.members}


def test_a_callback_meets_the_models_of_members_only(regression):
    met = []

    class Asks(fw.callbacks.Callback):
        def set_model(self, model):
            met.append(model.optimizer.learning_rate)
            super().set_model(model)

    x, y, _ = regression
    template = Asks()
    population = fw.Population(dense, fw.grid(learning_rate=[0.01, 0.05]))
    population.fit(x, y, callbacks=[template], verbose=0)
    assert set(met) == {0.01, 0.05}
    # The model that it observed before is neither forgotten nor copied for each member.
    alone = dense({})
    alone.fit(x, y, callbacks=[template], verbose=0)
    copies = []

    class Counted(fw.Sequential):
        def __deepcopy__(self, memo):
            copies.append(self)
            return self

    template.model = Counted([fw.layers.Dense(1)])
    population.fit(x, y, callbacks=template, verbose=0)
    assert not copies and isinstance(template.model, Counted)


def test_each_member_may_write_files_of_its_own(regression, tmp_path):
    x, y, _ = regression

    def choose(setting):
        name = str(tmp_path / str(setting["learning_rate"]))
        return [fw.callbacks.CSVLogger(name + ".csv"), fw.callbacks.ModelCheckpoint(name + ".keras")]

    population = fw.Population(dense, fw.grid(learning_rate=[0.01, 0.05]))
    population.fit(x, y, epochs=2, callbacks=choose, verbose=0)
    for rate, member in zip((0.01, 0.05), population.members, strict=True):
        losses = np.genfromtxt(tmp_path / f"{rate}.csv", delimiter=",", names=True)["loss"]
        assert losses.tolist() == member.history.history["loss"]
        saved = fw.models.load_model(tmp_path / f"{rate}.keras")
        np.testing.assert_array_equal(saved.predict(x), member.model.predict(x))


@pytest.mark.filterwarnings("ignore:cannot infer from the name")
def test_a_fit_that_is_refused_leaves_what_was_found_before(regression):
    x, y, _ = regression
    population = fw.Population(dense, seeds=[0, 1]).fit(x, y, epochs=2, verbose=0)
    before = population.results
    with pytest.raises(InvalidArgument, match="'los' is not measured"):
        population.fit(x, y, callbacks=[fw.callbacks.EarlyStopping("los")], verbose=0)
    assert population.results.equals(before)


def test_ctrl_c_keeps_what_was_learned(regression):
    x, y, _ = regression
    started = threading.Event()

    class Waits(fw.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 3:
                started.set()

    def interrupt():
        started.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt, daemon=True).start()
    population = fw.Population(dense, seeds=range(5))
    try:
        with pytest.raises(KeyboardInterrupt):
            population.fit(x, y, epochs=100_000, callbacks=[Waits()], verbose=0)
    finally:
        signal.signal(signal.SIGINT, before)
    status = population.results["status"].tolist()
    assert status[0] == "interrupted"
    assert status[-1] == "not trained"
    learned = population.member(0).evaluate(x, y, verbose=0)
    assert learned < population.member(4).evaluate(x, y, verbose=0)
    assert len(population.history[0].epoch) == population.results["epochs"][0] >= 4


def test_progress_says_how_many_are_done(trained, regression, capsys):
    x, y, validation = regression
    trained.fit(x, y, epochs=5, initial_epoch=4, validation_data=validation)
    assert "6/6" in (line := capsys.readouterr().out)
    assert "best val_loss" in line


class Breaks(fw.callbacks.Callback):
    """Callback that fails in the third epoch of a member with learning rate 0.1."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2 and self.model.optimizer.learning_rate == pytest.approx(0.1):
            raise ZeroDivisionError("mine")


def test_a_failing_member_ends_the_run(regression, monkeypatch):
    monkeypatch.setattr(devices, "cpu_count", lambda: 1)  # one member after another
    x, y, _ = regression
    population = fw.Population(dense, fw.grid(learning_rate=[0.1, 0.05]))
    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        population.fit(x, y, callbacks=[Breaks()], epochs=100, verbose=0)
    assert caught.value.__notes__ == ["The error occurred in member learning_rate=0.1, seed 0."]
    assert population.results["epochs"][0] == 3
    assert population.results["status"][0] == "interrupted"
    assert population.results["status"][1] == "not trained"


def test_a_run_that_fails_leaves_members_as_they_were_whose_turn_did_not_come(regression, monkeypatch):
    monkeypatch.setattr(devices, "cpu_count", lambda: 1)
    x, y, _ = regression
    population = fw.Population(dense, fw.grid(learning_rate=[0.1, 0.05])).fit(x, y, epochs=5, verbose=0)
    before = population.results
    with pytest.raises(ZeroDivisionError):
        population.fit(x, y, callbacks=[Breaks()], epochs=100, verbose=0)
    after = population.results
    assert after["status"][1] == "interrupted"
    assert after.drop(columns="status").loc[1].equals(before.drop(columns="status").loc[1])
    # Its score belongs to its present weights, so it still takes part in a ranking.
    assert population.members[1].model.evaluate(x, y, verbose=0) < before["loss"][1]
    assert np.isfinite(after["loss"]).all()
