"""Error messages of populations, and the limits of sharing between members."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import fitwell as fw
from fitwell import random
from fitwell._engine import compile_cache
from fitwell.errors import InvalidArgument, StateError
from tests.population.conftest import dense


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"build": 3}, "build must be a function"),
        ({"build": lambda setting: None}, "end the function with `return model`"),
        ({"build": lambda setting: fw.Sequential([fw.layers.Dense(1)])}, "not compiled; call model.compile"),
        ({"members": {"rate": [1, 2]}}, r"expected a list of dicts .*use fw.grid"),
        ({"members": []}, "the list is empty"),
        ({"members": [3]}, "expected dicts with strings as keys"),
        ({"members": [{"seed": 3}]}, "cannot be named 'seed'"),
        ({"seeds": 5}, r"write \[5\] for this single seed, or range\(5\)"),
        ({"seeds": [1, 1]}, "expected distinct seeds"),
        ({"seeds": None}, "seeds must be a list of one or more items"),
        ({"seeds": [-1]}, "each an integer of at least 0"),
    ],
)
def test_mistakes_in_the_making(arguments, message):
    with pytest.raises(InvalidArgument, match=message):
        fw.Population(**({"build": dense} | arguments))


def test_what_learns_belongs_to_one_member(regression):
    x, y, _ = regression
    optimizer, hidden = fw.optimizers.SGD(), fw.layers.Dense(2, name="hidden")

    def build(setting):
        layer = hidden if setting["layer"] else fw.layers.Dense(2)
        model = fw.Sequential([layer, fw.layers.Dense(1)])
        model.compile(loss="mse", optimizer=optimizer if setting["optimizer"] else "sgd")
        return model

    for layer, shared, message in [
        (1, 0, "seed 0 and .*seed 1 share weights, such as .*kernel"),
        (0, 1, "share the same SGD object"),
    ]:
        population = fw.Population(build, [{"layer": layer, "optimizer": shared}], seeds=[0, 1])
        with pytest.raises(InvalidArgument, match=message):
            population.fit(x, y, verbose=0)
    hidden.trainable = False
    fw.Population(build, [{"layer": 1, "optimizer": 0}], seeds=[0, 1]).fit(x, y, verbose=0)


def test_members_that_share_a_layer_which_does_not_learn_are_one_program(regression):
    x, y, _ = regression
    scaler = fw.layers.Normalization()
    scaler.adapt(x)

    def build(setting):
        model = fw.Sequential(
            [fw.Input((3,)), scaler, fw.layers.Dropout(setting["rate"]), fw.layers.Dense(1)]
        )
        model.compile(loss="mse", optimizer="sgd")
        return model

    population = fw.Population(build, fw.grid(rate=[0.0, 0.1, 0.3])).fit(x, y, epochs=3, verbose=0)
    assert [len(group.members) for group in population._groups] == [3]
    with random.seed_scope(0):
        alone = build({"rate": 0.3}).fit(x, y, epochs=3, verbose=0)
    np.testing.assert_allclose(population.history[2].history["loss"], alone.history["loss"], rtol=1e-5)


@pytest.mark.filterwarnings("ignore:cannot infer from the name")
def test_mistakes_in_fitting(trained, regression):
    x, y, _ = regression
    population = fw.Population(dense, seeds=[0, 1])

    class ByBatch(fw.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    class Locked(fw.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.lock = threading.Lock()

    monitors = iter(["loss", "val_los"])  # the second member's is wrong
    for arguments, message in [
        ({"callbacks": [ByBatch()]}, "ByBatch has batch hooks, .* use epoch hooks instead"),
        (
            {"callbacks": [Locked()]},
            "a copy of Locked, which cannot be copied .*_thread.lock.*on_train_begin",
        ),
        ({"callbacks": fw.callbacks.EarlyStopping}, "expected Callback objects, .*add parentheses"),
        (
            {"callbacks": [fw.callbacks.CSVLogger("log.csv")]},
            "seed 0 and seed 1 would both write to CSVLogger's filename, 'log.csv'",
        ),
        ({"callbacks": [fw.callbacks.EarlyStopping("val_los")]}, "monitor='val_los' is not measured"),
        (
            {"callbacks": lambda setting: [fw.callbacks.EarlyStopping(next(monitors), mode="min")]},
            "monitor='val_los' is not measured",
        ),
        ({"epochs": -1}, "epochs must be an integer"),
        ({"x": None}, "x is missing"),
        ({"x": iter([(x, y)]), "y": None}, "x must be an array or a collection of arrays, not a generator"),
        ({"validation_data": iter([(x, y)])}, r"validation_data must be \(x, y\)"),
    ]:
        with pytest.raises(InvalidArgument, match=message):
            population.fit(**({"x": x, "y": y, "verbose": 0} | arguments))
        assert population.members[0].status == "not trained"
    with pytest.raises(StateError, match="not trained yet"):
        population.best()
    with pytest.raises(InvalidArgument, match="'val_los' was not measured. Did you mean 'val_loss'"):
        trained.best("val_los")
    for number in (6, -7, 0.5, True):
        with pytest.raises(InvalidArgument, match=f"expected an index from -6 to 5, got {number}"):
            trained.member(number)


def test_a_rate_that_callbacks_decide_is_history_and_no_metric(regression):
    x, y, _ = regression
    plateau = fw.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0)
    population = fw.Population(dense, fw.grid(learning_rate=[0.01, 0.1]))
    population.fit(x, y, epochs=3, callbacks=[plateau], verbose=0)
    assert population.results["learning_rate"].tolist() == [0.01, 0.1]
    assert "best_learning_rate" not in population.results
    np.testing.assert_allclose(population.history[1].history["learning_rate"], [0.1, 0.1, 0.05], rtol=1e-6)


def test_how_long_to_train_may_be_a_hyperparameter(regression):
    x, y, validation = regression
    population = fw.Population(dense, [{"length": 2}, {"length": 5}, {"length": 0}], seeds=[4])
    traced = compile_cache.compile_stats.traced
    population.fit(x, y, epochs=lambda setting: setting["length"], validation_data=validation, verbose=0)
    assert (
        compile_cache.compile_stats.traced - traced <= 1
    )  # none where a test before this one trained such a network
    assert population.results["epochs"].tolist() == [2, 5, 0]
    assert population.results["status"].tolist() == ["finished"] * 3
    alone = fw.Population(dense, [{"length": 2}], seeds=[4])
    alone.fit(x, y, epochs=2, validation_data=validation, verbose=0)
    assert population.history[0].history == alone.history[0].history
    assert population.history[1].history["loss"][:2] == alone.history[0].history["loss"]


def test_a_length_that_is_no_count_is_refused(regression):
    x, y, _ = regression
    population = fw.Population(dense, [{"length": 2}, {"length": 2.5}])
    with pytest.raises(InvalidArgument, match="epochs must be an integer of at least 0, got 2.5"):
        population.fit(x, y, epochs=lambda setting: setting["length"], verbose=0)
    assert population.results["epochs"].tolist() == [0, 0]
