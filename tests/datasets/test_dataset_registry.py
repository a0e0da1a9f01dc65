"""Every data set registers itself, and the command line, its help and the README list what is registered."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import fitwell
from fitwell.cli import main
from fitwell.cli.datasets import DataOptions, load_data
from fitwell.datasets import TableDataset, register
from fitwell.datasets._dataset_registry import DATASETS
from fitwell.errors import InvalidArgument
from fitwell.report.figures import plot_worst_images

README = Path(__file__).parents[2] / "README.md"


def test_every_module_registers_one_data_set() -> None:
    modules = [module.name for module in pkgutil.iter_modules(fitwell.datasets.__path__)]
    public = [name for name in modules if not name.startswith("_")]
    assert list(DATASETS) == sorted(public)
    assert sorted(fitwell.datasets.__all__) == sorted(
        [*public, "DatasetNotFound", "ImageDataset", "TableDataset", "register"]
    )
    for name, dataset in DATASETS.items():
        load = dataset.load
        function = getattr(load, "func", load)
        assert dataset.name == name and inspect.getmodule(function) is getattr(fitwell.datasets, name)


def test_the_readme_and_the_help_list_the_data_sets(capsys: pytest.CaptureFixture[str]) -> None:
    listed = re.search(r"`fitwell\.datasets\.\{(.*?)\}", README.read_text())
    assert listed is not None and listed[1].split(", ") == list(DATASETS)
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert f"a folder with one folder of images per class, or {', '.join(DATASETS)}" in text


def test_a_name_belongs_to_one_module() -> None:
    digits, mnist = DATASETS["digits"], DATASETS["mnist"]
    other = TableDataset("mnist", digits.load, ["a"], "b")
    with pytest.raises(
        InvalidArgument, match="a data set named 'mnist' is already registered; use a different name"
    ):
        register(other)
    assert DATASETS["mnist"] is mnist


def test_other_objects_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="expected an ImageDataset or a TableDataset, got 'mnist'"):
        register("mnist")  # type: ignore[arg-type]


def test_a_reloaded_module_replaces_its_data_set() -> None:
    before = DATASETS["mnist"]
    importlib.reload(fitwell.datasets.mnist)
    assert DATASETS["mnist"] is not before and DATASETS["mnist"].load is fitwell.datasets.mnist.load_data


def test_color_images_are_prepared_and_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (100, 32, 32, 3), np.uint8)
    y = np.arange(100, dtype=np.uint8)[:, None] % 10
    small = dataclasses.replace(DATASETS["cifar10"], load=lambda: ((x, y), (x[:20], y[:20])))
    monkeypatch.setitem(DATASETS, "cifar10", small)
    prepared = load_data("cifar10", DataOptions())
    assert prepared.test.x.shape == (20, 32, 32, 3) and prepared.test.x.max() == 1
    assert prepared.target.decode(np.eye(10)[prepared.test.true])[:3] == ["airplane", "automobile", "bird"]
    assert plot_worst_images(prepared.test.x[:2], ["bird?", "cat?"])
