"""Registry of data sets for `fitwell train NAME`, its help text and its error messages.

Each data set module in this package ends with a call that registers its data set::

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

    Attributes:
        name: The module's name, which is also the data set's name in `fitwell train NAME`.
        load: A function that returns ``(x_train, y_train), (x_test, y_test)``. Labels are integers starting at 0.
        max_pixel: The pixel value that becomes 1.
        class_names: The classes' names, or None if the labels themselves are the names.
    """

    name: str
    load: Callable[[], tuple[Pair, Pair]]
    max_pixel: float = 255.0
    class_names: Sequence[str] | None = None


@dataclass(frozen=True)
class TableDataset:
    """A data set of numeric columns with a numeric target.

    Attributes:
        name: The module's name, which is also the data set's name in `fitwell train NAME`.
        load: A function that returns ``(x_train, y_train), (x_test, y_test)``.
        feature_names: The names of x's columns.
        target_name: The name of y.
    """

    name: str
    load: Callable[[], tuple[Pair, Pair]]
    feature_names: Sequence[str]
    target_name: str


Dataset = ImageDataset | TableDataset

DATASETS: dict[str, Dataset] = {}
"""A dict that maps names to registered data sets, in the alphabetical order of their modules."""


def register(dataset: Dataset) -> None:
    """Add `dataset` to `DATASETS`. If its module is reloaded, the new data set replaces the previous one.

    Raises:
        ValueError: If a different module has already registered a data set with the same name.
    """
    if dataset.name in DATASETS and _module(DATASETS[dataset.name]) != _module(dataset):
        raise ValueError(f"a data set named {dataset.name!r} is already registered; use a different name")
    DATASETS[dataset.name] = dataset


def _module(dataset: Dataset) -> str:
    load = dataset.load
    function = load.func if isinstance(load, functools.partial) else load
    return str(function.__module__)


__all__ = ["DATASETS", "Dataset", "ImageDataset", "TableDataset", "register"]
