"""Loading of a command's data from a table file or a standard data set."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fitwell._data.pixel_preprocessor import PixelPreprocessor
from fitwell._data.splits import split_rows
from fitwell._data.table_preprocessor import TablePreprocessor
from fitwell._data.table_reader import PARQUET_SUFFIXES, TEXT_SUFFIXES, is_table_file
from fitwell._data.target import ClassTarget, fit_target
from fitwell._file_io import check_path
from fitwell._typing import NumpyArray
from fitwell.cli.data_options import DataOptions
from fitwell.cli.prepared_data import DataSplit, PreparedData
from fitwell.cli.table_data import load_table, prepare_splits
from fitwell.datasets._dataset_registry import DATASETS, Dataset, ImageDataset, TableDataset
from fitwell.errors import FileError, InvalidArgument, did_you_mean

__all__ = ["holds_images", "load_data"]


def holds_images(data: str, images: str | None) -> bool:
    """Return whether the data consists of images.

    Args:
        data: The name of a standard data set, or the path of a table or of a folder with images.
        images: The table's column with the paths of images, or None.
    """
    return images is not None or isinstance(DATASETS.get(data), ImageDataset) or _is_folder(data)


def _is_folder(data: str) -> bool:
    return data not in DATASETS and check_path(data, "the data").is_dir()


def load_data(data: str, data_options: DataOptions) -> PreparedData:
    """Load and prepare `data`: the name of a standard data set, or the path of a table or of a folder with images."""
    if data in DATASETS:
        _check_table_options(data, data_options)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            prepared = _load_dataset(DATASETS[data], data_options)
        # Convert the loader's warnings to notes, which appear both on the screen and in the report.
        notes = [f"Warning: {warning.message}." for warning in caught]
        return dataclasses.replace(prepared, notes=notes + prepared.notes)
    if _is_folder(data):
        from fitwell.cli.image_data import load_image_folder

        return load_image_folder(Path(data), data_options)
    if is_table_file(data):
        if data_options.images is not None:
            from fitwell.cli.image_data import load_image_table

            return load_image_table(Path(data), data_options)
        if data_options.image_size is not None:
            raise InvalidArgument("--image-size only applies to image files; add --images COLUMN, or omit it")
        return load_table(Path(data), data_options)
    known = ", ".join(DATASETS)
    suffixes = ", ".join(TEXT_SUFFIXES + PARQUET_SUFFIXES)
    if Path(data).exists():
        raise FileError(f"{data} is not a table; expected a file whose name ends in one of {suffixes}")
    raise InvalidArgument(
        f"unknown data set {data!r}{did_you_mean(data, DATASETS) or '.'} Known data sets: {known}; "
        f"the name of a table file must end in one of {suffixes}"
    )


def _check_table_options(data: str, data_options: DataOptions) -> None:
    """Raise `InvalidArgument` if an option that only applies to tables is given."""
    for name, value in (
        ("target", data_options.target),
        ("task", data_options.task),
        ("test-fraction", data_options.test_fraction),
        ("keep", data_options.keep or None),
        ("drop", data_options.drop or None),
        ("type", data_options.types or None),
        ("sep", data_options.separator),
        ("images", data_options.images),
        ("image-size", data_options.image_size),
    ):
        if value is not None:
            raise InvalidArgument(f"--{name} only applies to tables, not to the data set {data}")


def _load_dataset(dataset: Dataset, data_options: DataOptions) -> PreparedData:
    if isinstance(dataset, ImageDataset):
        return _load_images(dataset, data_options)
    return _load_columns(dataset, data_options)


def _load_images(dataset: ImageDataset, data_options: DataOptions) -> PreparedData:
    (x, y), (x_test, y_test) = dataset.load()
    y, y_test = y.reshape(-1).astype(np.int32), y_test.reshape(-1).astype(np.int32)
    target = ClassTarget("label", list(dataset.class_names or range(int(y.max()) + 1)))
    preprocessor = PixelPreprocessor(target, list(x.shape[1:]), dataset.max_pixel)
    validation_fraction = data_options.holdout_fractions[0]
    split = split_rows(len(x), classes=y, validation=validation_fraction, test=0, seed=data_options.seed)
    pixels = " x ".join(map(str, x.shape[1:]))
    notes = [
        f"Loaded {dataset.name}: {len(x):,} images of {pixels} pixels for training and {len(x_test):,} for testing.",
        f"Held out {len(split.validation):,} of the training images for validation, stratified by class "
        f"(seed {data_options.seed}); {len(split.train):,} remain for training.",
    ]

    def prepare(images: NumpyArray, labels: NDArray[np.int32]) -> DataSplit:
        return DataSplit(preprocessor.transform_images(images), labels, labels)

    return PreparedData(
        dataset.name,
        preprocessor,
        prepare(x[split.train], y[split.train]),
        prepare(x[split.validation], y[split.validation]),
        prepare(x_test, y_test),
        notes + preprocessor.notes,
    )


def _load_columns(dataset: TableDataset, data_options: DataOptions) -> PreparedData:
    import pandas as pd

    (x, y), (x_test, y_test) = dataset.load()
    columns, target_name = list(dataset.feature_names), dataset.target_name
    table = pd.DataFrame(x, columns=columns).assign(**{target_name: y})
    test = pd.DataFrame(x_test, columns=columns).assign(**{target_name: y_test})
    validation_fraction = data_options.holdout_fractions[0]
    split = split_rows(len(table), validation=validation_fraction, test=0, seed=data_options.seed)
    train = table.iloc[split.train]
    notes = [f"Loaded {dataset.name}: {len(x):,} rows for training and {len(x_test):,} for testing."]
    if len(split.validation):
        notes.append(
            f"Held out {len(split.validation):,} of the training rows for validation (seed {data_options.seed}); "
            f"{len(split.train):,} remain for training."
        )
    folds = data_options.use_folds
    target = fit_target(target_name, train[target_name], train[target_name], "regression", clip=folds)
    preprocessor = TablePreprocessor.fit(train, target, to_normal=folds)
    return prepare_splits(dataset.name, preprocessor, train, table.iloc[split.validation], test, notes)
