"""Saved populations: loaded ones continue, and damaged files are explained."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

import fitwell as fw
from fitwell.errors import FileError, InvalidArgument, StateError
from fitwell.saving.checkpoint_file import write_checkpoint
from tests.population.conftest import dense


def test_a_saved_population_goes_on_as_if_nothing_had_happened(regression, tmp_path):
    def build(setting):
        hidden = fw.layers.Dense(*setting["widths"])
        stack = [fw.Input((3,)), hidden, fw.layers.BatchNormalization(), fw.layers.Dropout(0.2)]
        model = fw.Sequential([*stack, fw.layers.Dense(1)])
        model.compile(loss="mse", optimizer=fw.optimizers.Adam(setting["rate"]))
        return model

    def plateau():
        return [fw.callbacks.ReduceLROnPlateau(monitor="loss", patience=0, min_delta=100.0, factor=0.5)]

    x, y, _ = regression
    population = fw.Population(build, fw.grid(rate=[0.01, 0.1], widths=[[np.int64(4)]]), seeds=[1, 2])
    population.fit(x, y, epochs=3, callbacks=plateau(), verbose=0)
    file = tmp_path / "population.fit"
    population.save(file)
    with zipfile.ZipFile(file) as archive:
        json.loads(archive.read("manifest.json"))
    loaded = fw.Population.load(file, build)
    assert loaded.results.equals(population.results)
    assert repr(loaded.members[0].setting) == "{'rate': 0.01, 'widths': [4]}"
    np.testing.assert_array_equal(loaded.predict(x), population.predict(x))
    assert loaded.member(0).optimizer.learning_rate == population.member(0).optimizer.learning_rate < 0.01
    for one in (loaded, population):
        one.fit(x, y, epochs=5, initial_epoch=3, verbose=0)
    for one, other in zip(loaded.history, population.history, strict=True):
        assert one.history == other.history


def test_files_that_do_not_fit(trained, tmp_path):
    file = tmp_path / "population.fit"
    trained.save(file)
    with pytest.raises(FileError, match="already exists"):
        trained.save(file, overwrite=False)
    with pytest.raises(FileError, match="the folder .* does not exist"):
        trained.save(tmp_path / "nowhere" / "population.fit")
    with pytest.raises(FileError, match="the file .* does not exist"):
        fw.Population.load(tmp_path / "other.fit", dense)

    def wider(setting):
        model = fw.Sequential([fw.Input((3,)), fw.layers.Dense(6, activation="tanh"), fw.layers.Dense(1)])
        model.compile(loss="mse", optimizer="sgd")
        return model

    message = (
        r"for learning_rate=0.01, seed 3, .*layers.0/bias.* is float32 \(5,\) in the file but float32 \(6,\)"
    )
    with pytest.raises(FileError, match=message):
        fw.Population.load(file, wider)
    with pytest.raises(InvalidArgument, match="build must be a function"):
        fw.Population.load(file, 3)
    population = fw.Population(lambda setting: dense({}), [{"activation": np.tanh}])
    with pytest.raises(StateError, match="not trained yet"):
        population.save(file)
    population.fit(np.zeros((4, 3)), np.zeros(4), verbose=0)
    with pytest.raises(InvalidArgument, match="hyperparameter activation=.* cannot be written"):
        population.save(file)


@pytest.mark.parametrize(
    "damage",
    [
        lambda tree: tree.pop("groups"),
        lambda tree: tree.update(groups={"x": 1}),
        lambda tree: tree["groups"][0]["members"][0].pop("seed"),
        lambda tree: tree["groups"][0]["members"][0].update(setting=[1]),
        lambda tree: tree["groups"][0]["members"][0].update(fold="one"),
        lambda tree: tree["groups"][0]["members"][0].update(more=1),
        lambda tree: tree["groups"][0]["members"].pop(),
        lambda tree: tree["groups"][0].update(state={"['seed']": np.float32(0)}),
        lambda tree: tree["groups"][0].update(example=None),
    ],
)
def test_a_file_made_by_hand_is_explained(trained, tmp_path, damage):
    tree = trained.to_tree()
    damage(tree)
    write_checkpoint(tmp_path / "made.fit", tree)
    with pytest.raises(FileError, match="damaged"):
        fw.Population.load(tmp_path / "made.fit", dense)
