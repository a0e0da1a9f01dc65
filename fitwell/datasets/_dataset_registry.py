"""Registry of data sets for `fitwell train NAME`, its help text and its error messages."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from fitwell._param_validation import CallableRule, ListOf, Real, String, validate_param
from fitwell.datasets._train_test_split import Pair
from fitwell.errors import InvalidArgument

_RULES = {
    "name": String(),
    "load": CallableRule("a function that returns (x_train, y_train), (x_test, y_test)"),
    "max_pixel": Real(0, closed="right"),
    "class_names": ListOf(String()) | None,
    "feature_names": ListOf(String()),
    "target_name": String(),
}


def _validate(dataset: ImageDataset | TableDataset) -> None:
    for field in fields(dataset):
        value = validate_param(
            type(dataset).__name__, field.name, getattr(dataset, field.name), _RULES[field.name]
        )
        object.__setattr__(dataset, field.name, value)


@dataclass(frozen=True)
class ImageDataset:
    """A data set of images with one label each.

    Args:
        name (str): The module's name, which is also the data set's name in ``fitwell train NAME``.
        load (Callable): A function that returns ``(x_train, y_train), (x_test, y_test)``. Labels are integers
            starting at 0.
        max_pixel (float): The pixel value that becomes 1. Default: 255.
        class_names (Sequence[str] | None): The classes' names. Default: None, which means that the labels themselves
            are the names.

    Raises:
        InvalidArgument: If an argument does not have the type described above, or if `max_pixel` is not above 0.

    Example:
        >>> import fitwell as fw
        >>> fw.datasets.ImageDataset("digits", fw.datasets.digits.load_data, max_pixel=16).name
        'digits'
    """

    name: str
    load: Callable[[], tuple[Pair, Pair]]
    max_pixel: float = 255.0
    class_names: Sequence[str] | None = None

    def __post_init__(self) -> None:
        _validate(self)


@dataclass(frozen=True)
class TableDataset:
    """A data set of numeric columns with a numeric target.

    Args:
        name (str): The module's name, which is also the data set's name in ``fitwell train NAME``.
        load (Callable): A function that returns ``(x_train, y_train), (x_test, y_test)``.
        feature_names (Sequence[str]): The names of x's columns.
        target_name (str): The name of y.

    Raises:
        InvalidArgument: If an argument does not have the type described above.

    Example:
        >>> import fitwell as fw
        >>> load = fw.datasets.california_housing.load_data
        >>> fw.datasets.TableDataset("houses", load, ["longitude", "latitude"], "price").target_name
        'price'
    """

    name: str
    load: Callable[[], tuple[Pair, Pair]]
    feature_names: Sequence[str]
    target_name: str

    def __post_init__(self) -> None:
        _validate(self)


Dataset = ImageDataset | TableDataset

DATASETS: dict[str, Dataset] = {}
"""A dict that maps names to registered data sets, in the alphabetical order of their modules."""


def register(dataset: Dataset) -> None:
    """Register a data set, so that `fitwell train NAME` can load it.

    If a data set's module is reloaded, the new data set replaces the previous one.

    Args:
        dataset (ImageDataset | TableDataset): The data set.

    Raises:
        InvalidArgument: If `dataset` is neither an `ImageDataset` nor a `TableDataset`, or if a different module has
            already registered a data set with the same name.

    Example:
        The module `fitwell.datasets.digits` ends with this call:

        >>> from fitwell.datasets import ImageDataset, digits, register
        >>> register(ImageDataset("digits", digits.load_data, max_pixel=16))
    """
    if not isinstance(dataset, Dataset):
        raise InvalidArgument(
            f"datasets.register: expected an ImageDataset or a TableDataset, got {dataset!r}"
        )
    if dataset.name in DATASETS and _module(DATASETS[dataset.name]) != _module(dataset):
        raise InvalidArgument(
            f"datasets.register: a data set named {dataset.name!r} is already registered; use a different name"
        )
    DATASETS[dataset.name] = dataset


def _module(dataset: Dataset) -> str:
    load = dataset.load
    function = load.func if isinstance(load, functools.partial) else load
    return str(function.__module__)


__all__ = ["DATASETS", "Dataset", "ImageDataset", "TableDataset", "register"]
