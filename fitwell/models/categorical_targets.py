"""Conversion of pandas categories to class indices. A class has the same index in every array.

Each array has its own categories. If a validation set lacks a class, its categories differ from the ones that
the model was trained on. The model therefore stores its training categories, and looks up the labels of later
arrays in them. The categories can be saved with the model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwell._data.arrays import as_array, class_codes
from fitwell._data.text_format import pluralize
from fitwell.errors import DataError
from fitwell.losses import LossFunctionWrapper
from fitwell.losses.base import loss_registry
from fitwell.models.base_model import BaseModel
from fitwell.models.compile_config import is_classification_loss

__all__ = [
    "TargetEncoder",
]


class TargetEncoder:
    """A converter that turns the targets of one model into arrays.

    Args:
        model: The model.
        names: The names of the model's outputs.
        learning: Whether the targets are for training. If so, and if the model has no categories for an
            output yet, it stores the categories of these targets.
    """

    def __init__(self, model: BaseModel, names: list[str], learning: bool) -> None:
        self.model = model
        self.names = names
        self.learning = learning

    def __call__(self, value: Any, output: int, argument: str) -> Any:
        """Convert the targets of one output to an array.

        Categories become class indices, or their numeric values if they are not classes.

        Args:
            value: The targets.
            output: The index of the output.
            argument: The name of the targets in error messages.
        """
        column = _get_categorical_column(value)
        if column is None:
            return as_array(value, argument)
        codes, categories = class_codes(column, argument)
        if not self._are_classes(categories, output, argument):
            return as_array(categories[codes], argument)
        known = self.model._session.categories.get(output)
        if known is not None:
            return _lookup_codes(known, categories[codes], argument)
        if self.learning:
            self.model._session.categories[output] = categories
        else:
            self._check_width(categories, output, argument)
        return codes

    def _are_classes(self, categories: NDArray[Any], output: int, argument: str) -> bool:
        """Return whether the categories are class labels. For numeric categories, this depends on the loss."""
        terms = self.model._session.compile_config.loss_terms(self.names)
        loss = next((term.loss for term in terms if term.output == output), None)
        if is_classification_loss(loss):
            return True
        if categories.dtype.kind in "biuf":
            return False
        if loss is not None and loss_registry.has(type(loss)) and not isinstance(loss, LossFunctionWrapper):
            raise DataError(
                f"{argument}: {type(loss).__name__} needs numbers, but the categories are "
                f"{_format_categories(categories)}; "
                "for classes, use a loss such as sparse_categorical_crossentropy; for ranks, pass the numbers "
                f"{argument}.cat.codes"
            )
        return True

    def _check_width(self, categories: NDArray[Any], output: int, argument: str) -> None:
        """Raise `DataError` if the number of categories differs from the number of classes.

        This check is for a model that was not trained on categories. Class indices can then be derived only from
        categories that include every class.
        """
        width = self.model._session.output_width(output)
        if width is not None and len(categories) != max(width, 2):
            raise DataError(
                f"{argument} has {pluralize(len(categories), 'category', 'categories')}, "
                f"{_format_categories(categories)}, but the model has "
                f"{max(width, 2)} classes, so the class indices are unknown; call {argument}.cat.set_categories([...]) "
                "with all classes in the order used for training, or pass class indices"
            )


def _get_categorical_column(value: Any) -> Any | None:
    """Return the column if `value` is a pandas object with a single categorical column, else None."""
    if isinstance(value, np.ndarray):
        return None  # converting its dtype to a string would take longer than packing a small batch
    if hasattr(value, "columns") and len(value.columns) == 1 and hasattr(value, "iloc"):
        value = value.iloc[:, 0]
    return value if str(getattr(value, "dtype", "")) == "category" else None


def _lookup_codes(known: NDArray[Any], labels: NDArray[Any], argument: str) -> NDArray[np.int32]:
    """Return the index of each label among the categories that the model was trained on."""
    places = {label: number for number, label in enumerate(known.tolist())}
    # Files store intervals and similar labels as strings.
    numbers = np.asarray(
        [places.get(label, places.get(str(label), -1)) for label in labels.tolist()], np.int32
    )
    if numbers.min() < 0:
        row = int(np.argmax(numbers < 0))
        raise DataError(
            f"{argument}: {labels[row]!r} in row {row} is not among the categories that the model was trained on, "
            f"{_format_categories(known)}. Before training, set all categories with "
            f"{argument}.cat.set_categories([...]). To start with new categories, compile the model again."
        )
    return numbers


def _format_categories(categories: NDArray[Any], most: int = 10) -> str:
    shown = ", ".join(map(repr, categories[:most].tolist()))
    return f"[{shown}, ...]" if len(categories) > most else f"[{shown}]"
