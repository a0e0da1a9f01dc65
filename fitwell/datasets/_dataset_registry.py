"""Registry of the data sets, for `fitwell train NAME`, its help text and its errors.

A module of this package registers its data set itself, at its end::

    register(ImageDataset("mnist", load_data))
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fitwell.datasets._train_test_split import Pair


@dataclass(frozen=True)
class ImageDataset:
    """A data set of images with one label each.

    name: name of the module, and of the data set in `fitwell train NAME`.
    load: returns ``(x_train, y_train), (x_test, y_test)``. Labels are integers from 0.
    max_pixel: pixel value that becomes 1.
    class_names: names of the labels, or None if the label is the name.
    """

    name: str
    load: Callable[[], tuple[Pair, Pair]]
    max_pixel: float = 255.0
    class_names: Sequence[str] | None = None


@dataclass(frozen=True)
class TableDataset:
    """A data set of numeric columns with a numeric target.

    name: name of the module, and of the data set in `fitwell train NAME`.
    load: returns ``(x_train, y_train), (x_test, y_test)``.
    feature_names, target_name: names of the columns of x, and of y.
    """

    name: str
    load: Callable[[], tuple[Pair, Pair]]
    feature_names: Sequence[str]
    target_name: str


Dataset = ImageDataset | TableDataset

DATASETS: dict[str, Dataset] = {}
"""The registered data sets by name, in alphabetical order of their modules."""


def register(dataset: Dataset) -> None:
    """Add `dataset` to `DATASETS`. A module that is reloaded replaces its data set.

    Raises `ValueError` if a data set of another module has the name.
    """
    if dataset.name in DATASETS and _module(DATASETS[dataset.name]) != _module(dataset):
        raise ValueError(f"there is a data set {dataset.name!r} already; give this one another name")
    DATASETS[dataset.name] = dataset


def _module(dataset: Dataset) -> str:
    load = dataset.load
    function = load.func if isinstance(load, functools.partial) else load
    return str(function.__module__)


__all__ = ["DATASETS", "Dataset", "ImageDataset", "TableDataset", "register"]
