"""pandas categories as targets: the class index of each label, for all arrays that one model receives.

Categories belong to an array, and a validation set without one class has other categories, but a network has learned
the categories that it was trained on. These are kept, also in the files of a model, and labels of later arrays are
looked up in them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell._data.arrays import as_array, class_codes
from fitwell.errors import DataError
from fitwell.losses import LossFunctionWrapper
from fitwell.losses.base import loss_registry
from fitwell.models.base_model import BaseModel
from fitwell.models.compile_config import is_classification_loss

__all__ = [
    "TargetEncoder",
]


class TargetEncoder:
    """Converts the targets of one model to arrays.

    learning: True if categories that are seen first are those the model learns.
    """

    def __init__(self, model: BaseModel, names: list[str], learning: bool) -> None:
        self.model = model
        self.names = names
        self.learning = learning

    def __call__(self, value: Any, output: int, what: str) -> Any:
        """Return the targets of one output: categories as class indices, or as the numbers that they are."""
        column = _get_categorical_column(value)
        if column is None:
            return as_array(value, what)
        codes, categories = class_codes(column, what)
        if not self._are_classes(categories, output, what):
            return as_array(categories[codes], what)
        known = self.model._session.categories.get(output)
        if known is not None:
            return _lookup_codes(known, categories[codes], what)
        if self.learning:
            self.model._session.categories[output] = categories
        else:
            self._check_width(categories, output, what)
        return codes

    def _are_classes(self, categories: NDArray[Any], output: int, what: str) -> bool:
        """Return True if categories are classes; for numeric categories, the loss decides."""
        terms = self.model._session.compile_config.loss_terms(self.names)
        loss = next((term.loss for term in terms if term.output == output), None)
        if is_classification_loss(loss):
            return True
        if categories.dtype.kind in "biuf":
            return False
        if loss is not None and loss_registry.has(type(loss)) and not isinstance(loss, LossFunctionWrapper):
            raise DataError(
                f"{what}: the categories {_format_categories(categories)} are not numbers, which "
                f"{type(loss).__name__} compares; "
                "for classes use a loss such as sparse_categorical_crossentropy, for ranks pass the numbers: "
                f"{what}.cat.codes"
            )
        return True

    def _check_width(self, categories: NDArray[Any], output: int, what: str) -> None:
        """Raise `DataError` for categories if the model was not trained on any and the order of classes is unknown."""
        width = self.model._session.output_width(output)
        if width is not None and len(categories) != max(width, 2):
            raise DataError(
                f"{what}: there are {len(categories)} categories, {_format_categories(categories)}, for "
                f"{max(width, 2)} classes, so their class indices are not known: give {what} all classes in the order "
                f"of training, {what}.cat.set_categories([...]), or pass class indices"
            )


def _get_categorical_column(value: Any) -> Any | None:
    """Return the column of a pandas object with one categorical column, or None for all else."""
    if isinstance(value, np.ndarray):
        return None  # formatting its dtype would take longer than packing a small batch
    if hasattr(value, "columns") and len(value.columns) == 1 and hasattr(value, "iloc"):
        value = value.iloc[:, 0]
    return value if str(getattr(value, "dtype", "")) == "category" else None


def _lookup_codes(known: NDArray[Any], labels: NDArray[Any], what: str) -> NDArray[np.int32]:
    """Return the index of each label in the categories that the model was trained on."""
    places = {label: number for number, label in enumerate(known.tolist())}
    # Files hold intervals and similar labels as strings.
    numbers = np.asarray(
        [places.get(label, places.get(str(label), -1)) for label in labels.tolist()], np.int32
    )
    if numbers.min() < 0:
        row = int(np.argmax(numbers < 0))
        raise DataError(
            f"{what}: {labels[row]!r} in row {row} is not among the categories that the model was trained on, "
            f"{_format_categories(known)}. Train with all of them, {what}.cat.set_categories([...]), or compile again "
            "to start with others"
        )
    return numbers


def _format_categories(categories: NDArray[Any], most: int = 10) -> str:
    shown = ", ".join(map(repr, categories[:most].tolist()))
    return f"[{shown}, ...]" if len(categories) > most else f"[{shown}]"
