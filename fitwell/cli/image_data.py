"""Loading of a command's data from image files: a folder for each class, or a table with a column of paths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fitwell._data.column_types import infer_column_types
from fitwell._data.conversion import isna
from fitwell._data.image_files import IMAGE_SUFFIXES, choose_image_shape, find_images, read_images
from fitwell._data.pixel_preprocessor import PixelPreprocessor
from fitwell._data.splits import Split, split_rows
from fitwell._data.table_reader import read_raw_table
from fitwell._data.target import ClassTarget, Target, fit_target
from fitwell._data.text_format import join_quoted, pluralize
from fitwell.cli.data_options import DataOptions
from fitwell.cli.prepared_data import DataSplit, PreparedData
from fitwell.cli.table_data import MIN_ROWS, check_classes, find_target, infer_target_task, read_target
from fitwell.errors import DataError, FileError, InvalidArgument, did_you_mean

__all__ = ["image_paths", "load_image_folder", "load_image_table"]

# Names of the subfolders of a folder whose images are already divided.
_PARTS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val"),
    "test": ("test", "testing"),
}
_MAX_PIXEL = 255


def load_image_folder(folder: Path, data_options: DataOptions) -> PreparedData:
    """Load the images in a folder with one subfolder per class.

    If the subfolders are ``train`` and ``test``, and perhaps ``validation``, these contain the classes' folders.

    Raises:
        InvalidArgument: If an option is given that only applies to tables.
        FileError: If the folder does not contain folders with images.
        DataError: If a file cannot be read as an image, or if there are too few images.
    """
    _check_folder_options(data_options)
    given = _find_parts(folder)
    parts = (
        {name: _find_classes(part) for name, part in given.items()}
        if given
        else {"train": _find_classes(folder)}
    )
    paths = {name: [path for path, _ in found] for name, found in parts.items()}
    labels = {name: [label for _, label in found] for name, found in parts.items()}
    names = sorted(set(labels["train"]))
    for name, found in labels.items():
        unknown = sorted(set(found) - set(names))
        if unknown:
            raise DataError(
                f"{given[name]} has folders for classes without training images: {join_quoted(unknown)}"
            )
    if len(names) < 2:
        raise DataError(
            f"training needs images of at least two classes, but {given.get('train', folder)} only contains a folder "
            f"for {names[0]!r}"
        )
    series = {name: pd.Series(found, dtype=object) for name, found in labels.items()}
    target = ClassTarget.fit("class", series["train"], "binary" if len(names) == 2 else "multiclass")
    total = sum(map(len, paths.values()))
    notes = [f"Found {total:,} images of {len(names)} classes in {folder.name or folder}."]
    validation, test = data_options.holdout_fractions
    for part, fraction in (("validation", validation), ("test", test)):
        if part in parts and fraction is not None:
            raise InvalidArgument(
                f"--{part}-fraction does not apply, because {folder} has {part} images; omit it"
            )
    split = split_rows(
        len(paths["train"]),
        classes=target.numbers(series["train"]),
        validation=0 if "validation" in parts else validation,
        test=0 if "test" in parts else test,
        seed=data_options.seed,
    )
    notes += [_describe_split(split, {name: len(found) for name, found in paths.items()}, data_options.seed)]
    notes += split.notes
    every = [path for found in paths.values() for path in found]
    values = pd.concat(list(series.values()), ignore_index=True)
    starts = dict(zip(paths, np.cumsum([0, *map(len, paths.values())]), strict=False))
    rows = {"train": split.train, "validation": split.validation, "test": split.test}
    for name in parts:
        if name != "train":
            rows[name] = starts[name] + np.arange(len(paths[name]))
    return _prepare(folder.resolve().name, every, values, target, rows, None, data_options, notes)


def load_image_table(path: Path, data_options: DataOptions) -> PreparedData:
    """Load the images that a column of a table names, and the target from another column.

    Paths are relative to the table's folder.

    Raises:
        InvalidArgument: If the table has no such columns.
        DataError: If a file cannot be read as an image, or if there are too few images.
    """
    column = data_options.images
    assert column is not None
    _check_table_options(data_options)
    notes: list[str] = []
    frame = read_raw_table(path, [data_options.target or "", column], notes, data_options.separator)
    if column not in frame.columns:
        names = [str(name) for name in frame.columns]
        raise InvalidArgument(
            f"--images {column}: {path} has no column {column!r}{did_you_mean(column, names) or '.'} The table's "
            f"columns are {join_quoted(names, most=50)}"
        )
    name = find_target(frame, data_options.target, path)
    if name == column:
        raise InvalidArgument(f"--images {column}: {column!r} is the target; choose a different column")
    for other in data_options.types:
        if other != name:
            raise InvalidArgument(f"--type {other}: only the type of the target, {name!r}, applies to images")
    types = infer_column_types(frame[[name]], types=data_options.types, target=name, notes=notes)
    values, unit = read_target(frame[name], types[name], data_options, notes)
    used = ~(isna(values) | isna(frame[column]))
    if not used.all():
        notes.append(f"Dropped {pluralize(int((~used).sum()), 'row')} without an image or a target.")
    values = values[used].reset_index(drop=True)
    paths = image_paths(frame[column][used], path.parent)
    rest = [str(other) for other in frame.columns if other not in (name, column)]
    if rest:
        notes.append(f"Ignored the other columns: {join_quoted(rest, most=20)}.")
    task, labels = infer_target_task(values, name, data_options, notes)
    if len(paths) < MIN_ROWS:
        raise DataError(f"{path} has {pluralize(len(paths), 'image')}, but at least {MIN_ROWS} are needed")
    validation, test = data_options.holdout_fractions
    split = split_rows(len(paths), classes=labels, validation=validation, test=test, seed=data_options.seed)
    notes += [_describe_split(split, {"train": len(paths)}, data_options.seed), *split.notes]
    if labels is not None:
        check_classes(name, values.iloc[split.train])
    target = fit_target(name, values, values.iloc[split.train], task, types[name].decimal, unit)
    rows = {"train": split.train, "validation": split.validation, "test": split.test}
    return _prepare(path.name.partition(".")[0], paths, values, target, rows, column, data_options, notes)


def image_paths(cells: pd.Series, folder: Path) -> list[Path]:
    """Return the paths in a column of a table. Relative paths start at the table's `folder`."""
    return [folder / str(cell).strip() for cell in cells]


def _prepare(
    name: str,
    paths: Sequence[Path],
    values: pd.Series,
    target: Target,
    rows: dict[str, NDArray[np.int64]],
    column: str | None,
    data_options: DataOptions,
    notes: list[str],
) -> PreparedData:
    """Read the images, and return the three splits."""
    shape = choose_image_shape(paths, data_options.image_size)
    preprocessor = PixelPreprocessor(target, shape, _MAX_PIXEL, image_column=column)
    kind = "color" if len(shape) == 3 else "gray"
    notes.append(
        f"Converted all images to {shape[0]} x {shape[1]} pixels, {kind}; --image-size changes the size."
    )

    def part(name: str) -> DataSplit:
        chosen = rows[name]
        pixels = read_images([paths[row] for row in chosen], shape)
        cells = values.iloc[chosen]
        return DataSplit(preprocessor.transform_images(pixels), target.encode(cells), target.numbers(cells))

    parts = part("train"), part("validation"), part("test")
    return PreparedData(name, preprocessor, *parts, notes + preprocessor.notes)


def _find_parts(folder: Path) -> dict[str, Path]:
    """Return the folders of the training, validation and test images, or an empty dict if there are none."""
    found = {
        part: folder / name
        for part, names in _PARTS.items()
        for name in reversed(names)
        if (folder / name).is_dir()
    }
    return found if {"train", "test"} <= found.keys() else {}


def _find_classes(folder: Path) -> list[tuple[Path, str]]:
    """Return the images in a folder with one subfolder per class, each with the name of its class."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = [(path, label.name) for label in classes for path in find_images(label)]
    if not found:
        raise FileError(
            f"{folder} does not contain folders of images; expected one folder per class, such as "
            f"{folder / 'cat' / '1.png'}, with files whose names end in {', '.join(IMAGE_SUFFIXES)}. If a table lists "
            "the images, pass the table and --images COLUMN"
        )
    return found


def _describe_split(split: Split, counts: dict[str, int], seed: int) -> str:
    how = "at random, stratified by class" if split.stratified else "at random"
    validation = counts.get("validation", len(split.validation))
    test = counts.get("test", len(split.test))
    drawn = f" (drawn {how}, seed {seed})" if len(split.validation) or len(split.test) else ""
    train = f"{len(split.train):,} images are for training"
    return f"{train}, {validation:,} for validation, and {test:,} for testing{drawn}."


def _check_folder_options(data_options: DataOptions) -> None:
    for name, value in (
        ("target", data_options.target),
        ("task", data_options.task),
        ("images", data_options.images),
        ("sep", data_options.separator),
        ("type", data_options.types or None),
    ):
        if value is not None:
            raise InvalidArgument(f"--{name} only applies to tables, not to a folder of images")
    _check_table_options(data_options)


def _check_table_options(data_options: DataOptions) -> None:
    """Raise `InvalidArgument` if an option is given that only applies to columns other than the target."""
    for name, value in (("keep", data_options.keep), ("drop", data_options.drop)):
        if value:
            raise InvalidArgument(f"--{name} does not apply to images")
