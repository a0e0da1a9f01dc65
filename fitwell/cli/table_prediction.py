"""Prediction for the rows of a table with a run's network and preprocessor."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._data.conversion import isna
from fitwell._data.image_files import IMAGE_SUFFIXES, find_images, read_images
from fitwell._data.pixel_preprocessor import PixelPreprocessor
from fitwell._data.preprocessor_io import Preprocessor, load_preprocessor
from fitwell._data.table_preprocessor import TablePreprocessor
from fitwell._data.table_reader import read_raw_table
from fitwell._data.target import ClassTarget, Target
from fitwell._data.text_format import pluralize
from fitwell._escaping import escape_controls, escape_unencodable
from fitwell._file_io import atomic_write, check_path
from fitwell.cli.baselines import decode_outputs, score_predictions
from fitwell.cli.console import stderr_console, stdout_console
from fitwell.cli.csv_output import to_safe_csv
from fitwell.cli.image_data import image_paths
from fitwell.cli.run_dir import MODEL_FILE, PREPROCESSING_FILE
from fitwell.errors import DataError, FileError, InvalidArgument
from fitwell.report.scores import METRIC_NAMES
from fitwell.report.summary_text import format_metric
from fitwell.saving.path_checks import check_overwrite

if TYPE_CHECKING:
    import pandas as pd

# The column of the predictions that names the image files.
FILE_COLUMN = "file"

__all__ = [
    "predict_table",
    "prediction_table",
]


def predict_table(options: Namespace) -> int:
    """Predict the target for the rows of a table, and write the predictions.

    If the table contains the target, the predictions are also scored.

    Args:
        options: The options of ``fitwell predict``.

    Returns:
        The exit code.
    """
    from fitwell.models import load_model

    model_file, preprocessor = _open_run(check_path(options.model, "the run or model"))
    output_file = None if options.output == "-" else check_path(options.output, "--output")
    if output_file is not None:
        check_overwrite(output_file, overwrite=True)
        _check_not_input(
            output_file, (Path(options.table), model_file, model_file.with_name(PREPROCESSING_FILE))
        )
    notes: list[str] = []
    table, files, x = _read_inputs(options, preprocessor, notes)
    model = load_model(model_file)
    _check_inputs(model.input_shape, x.shape, model_file)
    outputs = model.predict(x, verbose=0)
    _check_outputs(outputs, preprocessor.target, model_file)
    predictions = decode_outputs(preprocessor.target, outputs)
    # Notes go to standard error, so that the output of `-o -` can be piped.
    print_note = stderr_console().print
    for note in notes:
        print_note(note)
    predicted = prediction_table(preprocessor.target, predictions)
    if files is not None:
        predicted.insert(0, FILE_COLUMN, files)
    text = to_safe_csv(predicted)
    if output_file is None:
        try:
            sys.stdout.write(
                escape_unencodable(escape_controls(text), sys.stdout) if sys.stdout.isatty() else text
            )
        except UnicodeEncodeError as error:
            raise FileError(
                f"standard output (encoding {sys.stdout.encoding}) cannot represent {text[error.start]!a}; choose a "
                "file with --output, or set PYTHONIOENCODING=utf-8"
            ) from None
    else:
        atomic_write(output_file, text)
        stdout_console().print(f"Wrote {pluralize(len(table), 'prediction')} to {options.output}.")
    score = _score(preprocessor, table, predictions)
    if score:
        print_note(score)
    return 0


def _read_inputs(
    options: Namespace, preprocessor: Preprocessor, notes: list[str]
) -> tuple[pd.DataFrame, list[str] | None, NDArray[np.float32]]:
    """Read the rows or images to predict for.

    Returns:
        The table, which may be empty for a folder of images; the names of the image files, or None if the inputs are
        not image files; and the network's inputs.
    """
    path = Path(options.table)
    images = preprocessor if isinstance(preprocessor, PixelPreprocessor) else None
    if images is not None and path.is_dir():
        if options.sep is not None:
            raise InvalidArgument("--sep only applies to tables, not to a folder of images")
        return _read_image_folder(path, images)
    column = None if images is None else images.image_column
    text_columns = [*preprocessor.text_columns, *([] if column is None else [column])]
    table = read_raw_table(path, text_columns, notes, options.sep)
    # Drop the note about the table's size, because the last line of the output reports it too.
    del notes[0]
    if images is None or column is None:
        return table, None, preprocessor.transform(table, notes)
    if column not in table.columns:
        raise DataError(f"the column {column!r} with the paths of the images is missing in {path}")
    missing = np.flatnonzero(isna(table[column]))
    if len(missing):
        raise DataError(f"row {missing[0] + 1} of {path} has no path in the column {column!r}")
    files = image_paths(table[column], path.parent)
    names = [str(cell) for cell in table[column]]
    return table, names, images.transform_images(read_images(files, images.shape))


def _read_image_folder(
    folder: Path, preprocessor: PixelPreprocessor
) -> tuple[pd.DataFrame, list[str], NDArray[np.float32]]:
    """Read the images in `folder`. If all of them are in folders with the names of classes, these become the target."""
    import pandas as pd

    files = find_images(folder)
    if not files:
        raise FileError(
            f"{folder} contains no image files; their names must end in {', '.join(IMAGE_SUFFIXES)}"
        )
    target = preprocessor.target
    parents = [file.parent.name for file in files]
    are_classes = isinstance(target, ClassTarget) and set(parents) <= set(map(str, target.classes))
    table = pd.DataFrame({target.name: parents} if are_classes else None, index=range(len(files)))
    names = [file.relative_to(folder).as_posix() for file in files]
    return table, names, preprocessor.transform_images(read_images(files, preprocessor.shape))


def prediction_table(target: Target, predictions: NDArray[np.float64]) -> pd.DataFrame:
    """Convert predictions to a table with one row for each input row.

    The column ``predicted_<target>`` contains the predictions. For classification, ``probability`` contains the
    probability of the predicted class, and ``probability_<class>`` the probability of each class.
    """
    import pandas as pd

    name = f"predicted_{target.name}"
    if not isinstance(target, ClassTarget):
        return pd.DataFrame({name: predictions})
    columns: dict[str, Any] = {
        name: [target.classes[number] for number in predictions.argmax(axis=1)],
        "probability": predictions.max(axis=1),
    }
    for number, label in enumerate(target.classes):
        columns[f"probability_{label}"] = predictions[:, number]
    return pd.DataFrame(columns)


def _check_not_input(output_file: Path, needed: Iterable[Path]) -> None:
    for path in needed:
        if output_file.exists() and path.exists() and output_file.samefile(path):
            raise FileError(
                f"--output {output_file} would overwrite {path}, which is an input of the prediction; choose a "
                "different file"
            )


def _open_run(path: Path) -> tuple[Path, Preprocessor]:
    model_file = path / MODEL_FILE if path.is_dir() else path
    if not path.exists():
        raise FileError(f"{path} does not exist")
    if not model_file.exists():
        raise FileError(f"{path} contains no {MODEL_FILE}, so it is not the folder of a finished run")
    preparation_file = model_file.with_name(PREPROCESSING_FILE)
    if not preparation_file.exists():
        raise FileError(
            f"{PREPROCESSING_FILE} is missing next to {model_file}, so a table cannot be converted to the model's "
            "inputs; in Python, use fitwell.models.load_model(...).predict(...)"
        )
    return model_file, load_preprocessor(preparation_file)


def _check_inputs(shape: Any, input_shape: tuple[int, ...], model_file: Path) -> None:
    wanted = tuple(shape[1:]) if isinstance(shape, tuple) else ()
    if len(wanted) != len(input_shape) - 1 or any(
        a not in (None, b) for a, b in zip(wanted, input_shape[1:], strict=True)
    ):
        raise FileError(
            f"{model_file} does not match the {PREPROCESSING_FILE} next to it: the model expects inputs of shape "
            f"{wanted}, but the table gives inputs of shape {input_shape[1:]}"
        )


def _check_outputs(outputs: Any, target: Target, model_file: Path) -> None:
    expected = len(target.classes) if target.task == "multiclass" and isinstance(target, ClassTarget) else 1
    if not isinstance(outputs, np.ndarray) or outputs.shape[1:] != (expected,):
        got = (
            f"outputs of shape {outputs.shape[1:]}" if isinstance(outputs, np.ndarray) else "multiple outputs"
        )
        raise FileError(
            f"{model_file} does not match the {PREPROCESSING_FILE} next to it: the model has {got}, but the target "
            f"{target.name!r} needs outputs of shape ({expected},)"
        )


def _score(preprocessor: Preprocessor, table: pd.DataFrame, predictions: NDArray[np.float64]) -> str | None:
    """Return a sentence with the scores of the predictions, or None if the table has no target values."""
    target = preprocessor.target
    if target.name not in table.columns:
        return None
    if isinstance(preprocessor, TablePreprocessor):
        target = preprocessor.localize_target(table)
    known = target.present(table[target.name])
    if not known.any():
        return None
    try:
        true = target.numbers(table[target.name][known])
    except DataError as error:
        return f"The predictions were not scored: {error}."
    score = score_predictions(target, "", true, predictions[known])
    words = ", ".join(
        f"{METRIC_NAMES[name]} {format_metric(name, value)}" for name, value in score.values.items()
    )
    return (
        f"The table contains {target.name!r} in {pluralize(int(known.sum()), 'row')}. The predictions for these "
        f"rows have the following scores: {words}."
    )
