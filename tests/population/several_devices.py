"""Script of `test_devices` for a process with four CPU devices: populations on all devices and on one."""

from __future__ import annotations

import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import jax
import numpy as np

import fitwell as fw
from fitwell._data.loaders import Batch
from fitwell._engine.batch_access import Validation
from fitwell._engine.compile_cache import CompileCache
from fitwell.errors import NonFiniteWarning
from fitwell.population import scheduling
from fitwell.population.vmap_rule import use_vmap_rule

DEVICES = jax.local_devices()
RATES = [0.02, 0.1, 1e6]  # the last one ends in NaN


@contextmanager
def programs_watched():
    """Yield the set of devices that compiled programs run on inside the block; their rows must be there too."""
    used, find = set(), CompileCache.get

    def watched(cache, key, function, arguments, *options):
        program = find(cache, key, function, arguments, *options)
        places = jax.tree.leaves(program.compiled.output_shardings)[0].device_set
        rows = [part for part in arguments if isinstance(part, Batch | Validation)]
        assert all(leaf.devices() == places for leaf in jax.tree.leaves(rows) if isinstance(leaf, jax.Array))
        used.update(places)
        return program

    with mock.patch.object(CompileCache, "get", watched):
        yield used


def build(setting):
    """Build a network that compiles fast: each device compiles it separately."""
    hidden = fw.layers.Dense(setting.get("units", 5), activation="relu")
    model = fw.Sequential([fw.Input((3,)), hidden, fw.layers.Dense(1)])
    model.compile(loss="mse", optimizer=fw.optimizers.SGD(setting["rate"]))
    return model


def rows():
    """Return 46 rows of 3 features with one target."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(46, 3)).astype(np.float32)
    return x, (x[:, :1] - x[:, 1:2] * x[:, 2:]).astype(np.float32)


def train(members, device=None, stacked=False, population=None, **settings):
    """Return a population, trained on all devices or on one, and the devices that were used."""
    population = population or fw.Population(build, members, seeds=range(3))
    stopping = fw.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    rule = use_vmap_rule(lambda fit, members: stacked)
    # Devices of a CPU share its cores, so they are left alone by themselves.
    slots = mock.patch.object(scheduling, "thread_devices", lambda: DEVICES)
    place = jax.default_device(device) if device else slots
    with warnings.catch_warnings(), rule, place, programs_watched() as used:
        warnings.simplefilter("ignore", NonFiniteWarning)
        population.fit(*rows(), epochs=9, batch_size=8, verbose=0, callbacks=[stopping], **settings)
    return population, used


def same(one, other, exact):
    """Compare every curve, every status, and every array of the training state."""
    assert one.results["status"].tolist() == other.results["status"].tolist()
    for a, b in zip(one.members, other.members, strict=True):
        assert a.history.epoch == b.history.epoch
        states = [
            (dict(member.history.history), member.model._session.init_train_state([])) for member in (a, b)
        ]
        for x, y in zip(*map(jax.tree.leaves, states), strict=True):
            np.testing.assert_allclose(x, y, **({"rtol": 0} if exact else {"rtol": 2e-4, "atol": 1e-6}))


def in_turn_to_the_bit():
    """Groups of different structure, folds, early stopping and NaN, and all methods of the result."""
    members = fw.grid(units=[4, 6], rate=RATES)
    all_over, used = train(members, folds=2)
    assert used == set(DEVICES)
    arrays = jax.tree.leaves([member.model._session.train_state for member in all_over.members])
    assert set.union(*(leaf.devices() for leaf in arrays if isinstance(leaf, jax.Array))) <= {DEVICES[0]}
    alone, used = train(members, DEVICES[2], folds=2)
    assert used == {DEVICES[2]}
    same(all_over, alone, exact=True)
    statuses = all_over.results["status"].str[:3]
    assert set(statuses) >= {"NaN", "sto"}, statuses.tolist()

    x, y = rows()
    np.testing.assert_array_equal(all_over.predict(x), alone.predict(x))
    mean = all_over.ensemble(top=5).predict(x).mean
    np.testing.assert_array_equal(mean, alone.ensemble(top=5).predict(x).mean)
    assert all_over.evaluate(x, y).equals(alone.evaluate(x, y))

    with tempfile.TemporaryDirectory() as folder:
        all_over.save(Path(folder) / "population.fw")
        read = fw.Population.load(Path(folder) / "population.fw", build)
        all_over.best().save(Path(folder) / "model.keras")
        model = fw.models.load_model(Path(folder) / "model.keras")
    np.testing.assert_array_equal(model.predict(x), alone.best().predict(x))

    train(None, population=all_over, folds=2)
    train(None, DEVICES[1], population=alone, folds=2)
    train(None, population=read, folds=2)
    same(all_over, alone, exact=True)
    same(all_over, read, exact=True)
    # One member continues by itself.
    for population in (all_over, alone):
        population.member(0).fit(x, y, epochs=2, verbose=0)
    same(all_over, alone, exact=True)


def stacks_to_rounding():
    """One group in four vmap chunks, one of them with a member that diverges."""
    members = fw.grid(rate=[0.02, 0.05, *RATES[1:]])
    stacked, used = train(members, stacked=True, validation_split=0.3)
    assert used == set(DEVICES)
    in_turn, _ = train(members, DEVICES[0], validation_split=0.3)
    same(stacked, in_turn, exact=False)


if __name__ == "__main__":
    assert len(DEVICES) == 4, DEVICES
    in_turn_to_the_bit()
    stacks_to_rounding()
