"""Task inference, encoding and decoding for the target column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fitwell._data.conversion import (
    is_missing_marker,
    isna,
    may_hold_strings,
    numeric_fraction,
    to_numeric,
    to_string,
)
from fitwell._data.text_format import join_quoted, join_words, pluralize
from fitwell._data.units import strip_unit
from fitwell._schema import (
    NULL,
    NUMBER,
    STRING,
    LeafSchema,
    OptionalKey,
    TaggedUnion,
    UnionSchema,
    enum_schema,
)
from fitwell.errors import DataError, InvalidArgument

if TYPE_CHECKING:
    import pandas as pd

TASKS = ("regression", "binary", "multiclass")
# Integers are labels if there are at most this many distinct ones and at least this many rows per class on average.
MAX_INTEGER_CLASSES = 20
MEAN_ROWS_PER_CLASS = 10
MAX_CLASSES = 1000
MAX_TARGET = 1e100

Label = str | int | float | bool


def infer_task(values: pd.Series, name: str, requested: str | None = None) -> tuple[str, str]:
    """Infer the task from the target's values.

    Two distinct values result in a binary task. Otherwise, strings, booleans and categories result in a multiclass
    task, and numbers result in a regression task. As an exception, at most 20 distinct integers with at least 10 rows
    each on average are treated as labels.

    Args:
        values: The target without missing values.
        name: The target's name.
        requested: The task that the user set. It is checked against the values.

    Returns:
        ``"regression"``, ``"binary"`` or ``"multiclass"``, and a note that gives the reason.

    Raises:
        InvalidArgument: If `requested` is not a task.
        DataError: If the values do not suit the task.
    """
    import pandas as pd

    if requested is not None and requested not in TASKS:
        raise InvalidArgument(f"the task must be one of {', '.join(TASKS)}, got {requested!r}")
    if values.dtype.kind == "M":
        raise DataError(describe_date_target(name))
    labels = to_labels(values)
    different = len(set(labels))
    if different < 2:
        held = f"the single value {labels[0]!r}" if labels else "no value"
        raise DataError(f"the target {name!r} contains {held}, so there is nothing to learn")
    is_number = numeric_fraction(values) == 1.0 and values.dtype.kind != "b"
    is_label = not is_number or isinstance(values.dtype, pd.CategoricalDtype)
    if requested == "regression":
        if not is_number:
            example = next((label for label in labels if isinstance(label, str)), labels[0])
            raise DataError(f"regression requires a numeric target, but {name!r} contains {example!r}")
    elif requested == "binary" and different != 2:
        held = join_quoted(dict.fromkeys(labels))
        raise DataError(
            f"a binary target must have two distinct values, but {name!r} has {different}: {held}"
        )
    elif requested == "multiclass" or is_label:
        _check_classes(name, different, len(labels))
    if requested is not None:
        return requested, f"{name!r} is predicted as a {requested} target, as requested."
    if different == 2:
        return "binary", f"{name!r} has two distinct values, so this is binary classification."
    if is_label:
        return "multiclass", f"{name!r} has {different} distinct labels, so this is classification."
    are_integers = all(isinstance(label, int) for label in labels)
    if are_integers and different <= MAX_INTEGER_CLASSES and len(labels) >= MEAN_ROWS_PER_CLASS * different:
        return "multiclass", (
            f"{name!r} has {different} distinct integers, which are treated as labels, so this is classification "
            "(use --task regression to predict numbers)."
        )
    return "regression", f"{name!r} has {different:,} distinct numbers, so this is regression."


def describe_date_target(name: str) -> str:
    """Return the error message for a target that contains dates."""
    return f"the target {name!r} contains dates; convert them to numbers first"


def _check_classes(name: str, different: int, rows: int) -> None:
    if different > MAX_CLASSES or different > rows / 2:
        raise DataError(
            f"the target {name!r} has {different:,} distinct labels in {rows:,} rows, which is too many for "
            "classification"
        )


def to_labels(values: pd.Series) -> list[Label]:
    """Convert the nonmissing values to Python labels, which are booleans, integers, floats or strings.

    If all strings look like numbers, they become numbers, unless the column is categorical.
    """
    import pandas as pd

    present = values[~isna(values)]
    if present.dtype.kind == "b" or all(isinstance(value, bool | np.bool_) for value in present):
        return [bool(value) for value in present]
    as_written = isinstance(present.dtype, pd.CategoricalDtype) and may_hold_strings(
        present.cat.categories.to_series()
    )
    if not as_written and numeric_fraction(present) == 1.0:
        return [int(number) if number.is_integer() else float(number) for number in to_numeric(present)]
    return list(to_string(present))


@dataclass
class RegressionTarget:
    """A numeric target, which is standardized as ``(y - mean) / scale``.

    Attributes:
        name: The target's name.
        mean: The training rows' mean.
        scale: The training rows' standard deviation, or 1 if it is 0.
        decimal: The decimal separator in the training file, or None if it was ambiguous.
        unit: The unit after the numbers in the training file, or ``""`` if there was none.
        range: The lowest and the highest number in the training rows, to which predictions are clipped, or None if
            they are not clipped.
    """

    name: str
    mean: float
    scale: float
    decimal: str | None = None
    unit: str = ""
    range: tuple[float, float] | None = None
    task: ClassVar[str] = "regression"

    @classmethod
    def fit(
        cls, name: str, values: pd.Series, decimal: str | None = None, unit: str = "", *, clip: bool = False
    ) -> RegressionTarget:
        """Compute the training values' mean and standard deviation, and their range if `clip` is True."""
        numbers = to_numeric(values, decimal)
        largest = float(np.max(np.abs(numbers)))
        if largest > MAX_TARGET:
            raise DataError(
                f"the target {name!r} contains numbers as large as {largest:.3g}, whose squares may overflow; "
                "remove the rows with such numbers if these stand for missing values, or predict the logarithm"
            )
        scale = float(np.std(numbers))
        limits = (float(numbers.min()), float(numbers.max())) if clip else None
        return cls(name, float(np.mean(numbers)), scale if scale > 0 else 1.0, decimal, unit, limits)

    def present(self, values: pd.Series) -> NDArray[np.bool_]:
        """Return a mask of the cells that are numbers."""
        return ~np.isnan(to_numeric(strip_unit(values, self.unit), self.decimal))

    def encode(self, values: pd.Series) -> NDArray[np.float32]:
        """Return the standardized numbers, of shape ``[rows, 1]``."""
        return ((self.numbers(values) - self.mean) / self.scale).astype(np.float32)[:, None]

    def numbers(self, values: pd.Series) -> NDArray[np.float64]:
        """Return the numbers in original units, of shape ``[rows]``."""
        _check_not_missing(self.name, values)
        return to_numeric(strip_unit(values, self.unit), self.decimal)

    def decode(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Convert the network's outputs to predictions in original units, of shape ``[rows]``."""
        numbers = np.asarray(outputs, dtype=np.float64).reshape(-1) * self.scale + self.mean
        return numbers if self.range is None else np.clip(numbers, *self.range)

    def to_json(self) -> dict[str, Any]:
        """Convert the target to JSON data for `target_from_json`."""
        return {
            "task": self.task,
            "name": self.name,
            "mean": self.mean,
            "scale": self.scale,
            "decimal": self.decimal,
            "unit": self.unit,
            "range": None if self.range is None else list(self.range),
        }

    def summarize(self) -> str:
        """Describe the target's encoding in a sentence."""
        unit = f" ({self.unit})" if self.unit else ""
        clipped = "" if self.range is None else " Predictions are clipped to the range in the training rows."
        return (
            f"Standardized the target {self.name!r} (mean {self.mean:.4g}, standard deviation "
            f"{self.scale:.4g} in the training rows); predictions and errors are in original units{unit}.{clipped}"
        )


@dataclass
class ClassTarget:
    """A target of labels, which are numbered in sorted order.

    Attributes:
        name: The target's name.
        classes: The labels. A label's position is its class number.
        task: ``"binary"`` or ``"multiclass"``.
    """

    name: str
    classes: Sequence[Label]
    task: str = "multiclass"
    _numbers: dict[Label, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._numbers = {label: number for number, label in enumerate(self.classes)}

    @classmethod
    def fit(cls, name: str, values: pd.Series, task: str) -> ClassTarget:
        """Create a target that numbers the distinct labels in `values`."""
        return cls(name, sorted(set(to_labels(values)), key=_label_sort_key), task)

    def present(self, values: pd.Series) -> NDArray[np.bool_]:
        """Return a mask of the cells that are labels. Words such as ``NA`` count as missing unless they are classes."""
        marked = ~np.isin(to_string(values), list(map(str, self.classes))) & is_missing_marker(
            values, "numbers"
        )
        return ~isna(values) & ~marked

    def encode(self, values: pd.Series) -> NDArray[Any]:
        """Return each row's class number.

        The result is an int32 array of shape ``[rows]``, or a float32 array of shape ``[rows, 1]`` for a binary task.
        """
        numbers = self.numbers(values)
        return numbers.astype(np.float32)[:, None] if self.task == "binary" else numbers

    def numbers(self, values: pd.Series) -> NDArray[np.int32]:
        """Return each row's class number. Raise `DataError` if a label was not seen in training."""
        _check_not_missing(self.name, values)
        labels = list(to_string(values)) if isinstance(self.classes[0], str) else to_labels(values)
        unseen = sorted({str(label) for label in labels if label not in self._numbers})
        if unseen:
            raise DataError(
                f"the target {self.name!r} contains labels not seen in training: {join_quoted(unseen)}"
            )
        return np.array([self._numbers[label] for label in labels], dtype=np.int32)

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Convert the network's outputs to class probabilities of shape ``[rows, classes]``."""
        outputs = np.asarray(outputs, dtype=np.float64)
        if self.task == "binary":
            outputs = outputs.reshape(-1, 1)
            return np.hstack([1 - outputs, outputs])
        return outputs

    def decode(self, outputs: NDArray[Any]) -> list[Label]:
        """Return the most probable label for each row."""
        return [self.classes[number] for number in self.probabilities(outputs).argmax(axis=1)]

    def to_json(self) -> dict[str, Any]:
        """Convert the target to JSON data for `target_from_json`."""
        return {"task": self.task, "name": self.name, "classes": list(self.classes)}

    def summarize(self) -> str:
        """Describe the target's encoding in a sentence."""
        return (
            f"Numbered the {len(self.classes)} classes of {self.name!r}: {join_words(self.classes, most=12)}."
        )


Target = RegressionTarget | ClassTarget


def fit_target(
    name: str,
    values: pd.Series,
    training: pd.Series,
    task: str,
    decimal: str | None = None,
    unit: str = "",
    *,
    clip: bool = False,
) -> Target:
    """Create the target's encoding.

    The classes come from all rows. The mean and standard deviation come only from the training rows.

    Args:
        name: The target's name.
        values: The target in all rows.
        training: The target in the training rows.
        task: ``"regression"``, ``"binary"`` or ``"multiclass"``.
        decimal: The numbers' decimal separator in the file. It is stored for reading other tables.
        unit: The unit after the numbers in the file. It is stored for reading other tables.
        clip: Whether predicted numbers are clipped to the range in the training rows.
    """
    if task == "regression":
        return RegressionTarget.fit(name, training, decimal, unit, clip=clip)
    return ClassTarget.fit(name, values, task)


def _are_labels(value: Any, least: int, most: int) -> bool:
    if not isinstance(value, list) or not least <= len(value) <= most:
        return False
    plain = all(isinstance(label, str | bool) or NUMBER.test(label) for label in value)
    return plain and len(set(value)) == len(value) and len({isinstance(label, str) for label in value}) == 1


# Every target that `RegressionTarget.fit` creates is within these limits. They keep predictions finite.
_MEAN = LeafSchema("a number", lambda value: NUMBER.test(value) and abs(value) <= MAX_TARGET)
_SCALE = LeafSchema("a number above 0", lambda value: NUMBER.test(value) and 0 < value <= 2 * MAX_TARGET)
_RANGE = LeafSchema(
    "null or two numbers in ascending order",
    lambda value: (
        value is None
        or (
            isinstance(value, list)
            and len(value) == 2
            and all(map(_MEAN.test, value))
            and value[0] <= value[1]
        )
    ),
)
_TWO_LABELS = LeafSchema("a list of two labels", lambda value: _are_labels(value, 2, 2))
_LABELS = LeafSchema("a list of two or more labels", lambda value: _are_labels(value, 2, MAX_CLASSES))


def target_schema() -> TaggedUnion:
    """Return the schema of a target's JSON data."""
    mark = OptionalKey(UnionSchema((NULL, enum_schema(".", ","))))  # older files do not have this key
    numbers = {
        "task": STRING,
        "name": STRING,
        "mean": _MEAN,
        "scale": _SCALE,
        "decimal": mark,
        "unit": OptionalKey(STRING),
        "range": OptionalKey(_RANGE),
    }
    two, several = ({"task": STRING, "name": STRING, "classes": labels} for labels in (_TWO_LABELS, _LABELS))
    return TaggedUnion("task", {"regression": numbers, "binary": two, "multiclass": several})


def target_from_json(data: Mapping[str, Any]) -> Target:
    """Create a target from the result of `to_json`, which must match `target_schema`."""
    if data["task"] == "regression":
        mean, scale = float(data["mean"]), float(data["scale"])
        limits = data.get("range")
        return RegressionTarget(
            str(data["name"]),
            mean,
            scale,
            data.get("decimal"),
            data.get("unit", ""),
            None if limits is None else (float(limits[0]), float(limits[1])),
        )
    return ClassTarget(str(data["name"]), list(data["classes"]), str(data["task"]))


def _check_not_missing(name: str, values: pd.Series) -> None:
    missing = int(isna(values).sum())
    if missing:
        raise DataError(
            f"the target {name!r} is missing in {pluralize(missing, 'row')}; remove such rows first"
        )


def _label_sort_key(label: Label) -> tuple[bool, Any]:
    return isinstance(label, str), label


__all__ = [
    "ClassTarget",
    "Label",
    "MAX_CLASSES",
    "MAX_INTEGER_CLASSES",
    "MAX_TARGET",
    "MEAN_ROWS_PER_CLASS",
    "RegressionTarget",
    "TASKS",
    "Target",
    "describe_date_target",
    "fit_target",
    "infer_task",
    "target_from_json",
    "target_schema",
    "to_labels",
]
