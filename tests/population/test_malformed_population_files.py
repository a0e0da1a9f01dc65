"""Damaged population files raise a clear error before a model is built."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell.errors import FileError, FitwellError
from fitwell.saving.checkpoint_file import read_checkpoint, write_checkpoint

X = np.ones((12, 4), np.float32)
LARGEST = 2000


def build(setting: dict[str, Any]) -> Any:
    """Return a model of some `units`; no test of this file may make a large one."""
    units = int(setting["units"])
    model = fw.Sequential([fw.Input((4,)), fw.layers.Dense(units), fw.layers.Dense(1)])
    assert sum(weight.size for weight in model.get_weights()) < LARGEST
    model.compile(fw.optimizers.SGD(setting["rate"], momentum=0.9), "mse")
    return model


def fit(population: fw.Population, epochs: int = 1) -> fw.Population:
    """Train for an epoch."""
    population.fit(X, X[:, :1], epochs=epochs, validation_split=0.5, verbose=0)
    return population


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the tree of a file with two members."""
    path = tmp_path_factory.mktemp("population") / "p.fit"
    fit(fw.Population(build, fw.grid(rate=[0.1, 0.2], units=[3]))).save(path)
    saved: dict[str, Any] = read_checkpoint(path)
    return saved


def _first(tree: Any) -> Any:
    return tree["groups"][0]["members"][0]


EDITS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "is not a population file": lambda tree: tree.update(format="other"),
    "groups is empty": lambda tree: tree["groups"].clear(),
    r"groups\[0\].members is empty": lambda tree: tree["groups"][0]["members"].clear(),
    r"groups\[0\].state is empty": lambda tree: tree["groups"][0]["state"].clear(),
    "the build function failed for the saved setting": lambda tree: _first(tree).update(setting={}),
    r"KeyError: 'units'": lambda tree: _first(tree).update(setting={"rate": 0.1}),
    r"ValueError: invalid literal": lambda tree: _first(tree)["setting"].update(units="\x1b[2J"),
    r"setting.units is \{\}, expected a number": lambda tree: _first(tree)["setting"].update(units={}),
    "more than the file can contain": lambda tree: _first(tree)["setting"].update(units=10**9),
    r"groups\[0\].example.y does not contain arrays with": lambda tree: tree["groups"][0]["example"].update(y=[]),
    r"groups\[0\].example.x does not contain arrays with": lambda tree: tree["groups"][0]["example"].update(x=None),
    r"groups\[0\].example.x does not": lambda tree: tree["groups"][0]["example"].update(x=np.zeros((2, 4))),
    r"logs.loss is \[\], expected a list of length 2": lambda tree: _first(tree)["logs"].update(loss=[]),
    r"expected a 1-dimensional array": lambda tree: _first(tree)["logs"].update(loss=[np.zeros((2, 3))] * 2),
    "the epochs in its history are invalid": lambda tree: _first(tree)["logs"]["loss"].__setitem__(
        0, np.array([7], np.int64)
    ),
    "seed is -1": lambda tree: _first(tree).update(seed=-1),
    f"seed is {10**30}": lambda tree: _first(tree).update(seed=10**30),
    "only some of its members have a fold": lambda tree: _first(tree).update(fold=1),
    f"fold is {10**12}": lambda tree: _first(tree).update(fold=10**12),
    "stopped_epoch is -3": lambda tree: _first(tree).update(stopped_epoch=-3),
    "its members are not numbered consecutively": lambda tree: _first(tree).update(place=1),
    "drawn is -1": lambda tree: _first(tree).update(drawn=-1),
    "the step count or the epoch": lambda tree: tree["groups"][0]["state"].update({"['epoch']": np.int32([-1, 1])}),
    "does not have one state for each member": lambda tree: (
        tree["groups"][0]["state"].update({"['seed']": np.uint32([1])})
    ),
    r"is int64 \(\) in the file": lambda tree: tree["groups"][0]["state"].update({"['step']": np.int64([1, 1])}),
}  # fmt: skip


def _load(tmp_path: Path, tree: Any) -> Any:
    write_checkpoint(tmp_path / "odd.fit", tree)
    return fw.Population.load(tmp_path / "odd.fit", build)


@pytest.mark.parametrize("told", EDITS)
def test_odd_values_are_told_in_words(tmp_path: Path, tree: dict[str, Any], told: str) -> None:
    odd = copy.deepcopy(tree)
    EDITS[told](odd)
    with pytest.raises(FileError, match=told) as caught:
        _load(tmp_path, odd)
    assert len(str(caught.value)) < 700
    assert "\x1b" not in str(caught.value)


def test_what_was_saved_comes_back_and_goes_on(tmp_path: Path, tree: dict[str, Any]) -> None:
    loaded = _load(tmp_path, copy.deepcopy(tree))
    assert [member.history.history.keys() for member in loaded.members] == [
        {"loss": 0, "val_loss": 0}.keys()
    ] * 2
    straight = fit(fw.Population(build, fw.grid(rate=[0.1, 0.2], units=[3])))
    assert fit(loaded).results.equals(fit(straight).results)


def _spots(tree: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place, *(spot for key, part in parts for spot in _spots(part, (*place, key)))]


ODD: list[Any] = [
    None, True, -1, 0, 10**30, float("nan"), "x", [], {}, [[]], {"x": 1}, np.zeros(3), np.zeros((2, 2), np.int32),
    np.float32(3), np.int32([-5, -5]), np.zeros(0, np.int64), "\x1b[2J", [np.zeros(1, int), np.zeros(1)],
]  # fmt: skip


def test_odd_values_anywhere_are_refused_or_harmless(tmp_path: Path, tree: dict[str, Any]) -> None:
    draw = random.Random(0)
    refused = 0
    for spot in draw.choices(_spots(tree)[1:], k=80):
        odd = copy.deepcopy(tree)
        part = odd
        for key in spot[:-1]:
            part = part[key]
        part[spot[-1]] = draw.choice(ODD)
        try:
            population = _load(tmp_path, odd)
            population.results.to_csv()
            fit(population)
        except FitwellError as error:
            assert "\x1b" not in str(error)
            refused += 1
    assert refused > 40


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "none/p.fit", "."])
def test_names_that_cannot_be_are_told_in_words(
    tmp_path: Path, tree: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    population = _load(tmp_path, copy.deepcopy(tree))
    with pytest.raises(FileError):
        population.save(name)
    with pytest.raises(FileError):
        fw.Population.load(name, build)
