"""Selection and fitting of a transformer for each column, based on its type and the training rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitwell._data.column_types import ColumnType
from fitwell._data.columns import (
    BooleanColumn,
    Column,
    DateColumn,
    MissingIndicatorColumn,
    NumberColumn,
    OneHotColumn,
)
from fitwell._data.conversion import isna, to_bool, to_numeric, to_string
from fitwell._data.parse_tolerance import MIN_DISTINCT_VALUES
from fitwell._data.text_format import join_quoted, pluralize
from fitwell.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

ROW_NUMBER_REASON = "it looks like a row number or an ID"
# Column names that mean "identifier" or "row number", names that end in "id" or a similar word, and the empty name.
_IDENTIFIER = re.compile(
    r"id|ids|uuid|guid|idx|index|row|#|(row|record|serial)[\W_]?(id|no|nr|num|number|index)\.?|rownum|no\.|nr\.?|"
    r"s[. ]*no\.?|sr[. ]*no\.?|lfd[. ]*nr\.?|unnamed: ?\d+|__index_level_\d+__|.*[\W_](id|ids|uuid|guid)|",
    re.IGNORECASE,
)
_CAMEL_IDENTIFIER = re.compile(r".*[a-z](Id|ID)")


def infer_column(
    name: str,
    values: pd.Series,
    column_type: ColumnType,
    *,
    keep: bool = False,
    marks: bool = False,
    to_normal: bool = False,
) -> Column | str:
    """Fit a transformer to the training rows of a column, or return the reason why the column is dropped.

    The rules are:

    * A column is dropped if it is empty, or if it has a single distinct value and no missing values. A column with
      a single distinct value and missing values becomes a missing-value indicator.
    * Booleans become 1 and 0, and dates become multiple features.
    * Numbers are standardized. If they are distinct integers and the column's name suggests an identifier, the column
      is dropped unless `keep` is set.
    * The 50 most frequent categories are one-hot encoded. If the number of distinct values is more than 10 and
      also more than half the number of values, the column probably contains identifiers or free text, and it is dropped
      unless `keep` is set.
    * Other types (lists, images, complex numbers) are dropped.

    Args:
        name: The column's name.
        values: The training rows, after `fitwell._data.column_types.convert_columns`.
        column_type: The column's type and format.
        keep: Whether the user requested the column or set its type.
        marks: Whether words such as ``NA`` in a column of categories count as missing.
        to_normal: Whether to map the ranks of numbers to normal quantiles, instead of standardizing the numbers.

    Raises:
        DataError: If `keep` is set for a column that must be dropped.
    """
    fitted = _infer_column(name, values, column_type, keep, marks, to_normal)
    if keep and isinstance(fitted, str):
        raise DataError(f"cannot keep the column {name!r}: {fitted}")
    return fitted


def _infer_column(
    name: str, values: pd.Series, column_type: ColumnType, keep: bool, marks: bool, to_normal: bool
) -> Column | str:
    if column_type.name not in ("number", "boolean", "date", "category"):
        return f"it contains {column_type.name}"
    missing = isna(values)
    present = values[~missing]
    gaps = int(missing.sum())
    if not len(present):
        return "it is empty"
    if column_type.name == "date":
        column = DateColumn.fit(name, values, column_type.pattern, column_type.words)
        # Two distinct strings may be the same date in different formats.
        return column if column.parts else _infer_constant_column(name, present, gaps)
    if column_type.name == "number":
        return _infer_number_column(name, values, column_type, keep, gaps, to_normal)
    if column_type.name == "boolean" and len(set(to_bool(present))) > 1:
        return BooleanColumn.fit(name, values)
    strings = to_string(present)
    different = len(set(strings))
    if different == 1:
        return _infer_constant_column(name, present, gaps)
    if (
        column_type.name == "category"
        and not keep
        and different > MIN_DISTINCT_VALUES
        and different > len(present) / 2
    ):
        return (
            f"{different:,} of its {pluralize(len(present), 'value')} are distinct, so it is probably an identifier or "
            "free text"
        )
    return OneHotColumn.fit(name, values, marks and not column_type.requested)


def _infer_constant_column(name: str, present: pd.Series, gaps: int) -> Column | str:
    if gaps:
        return MissingIndicatorColumn(name, gaps)
    return f"it has the single value {join_quoted(_format_values(present.iloc[:1]))}"


def _format_values(values: pd.Series) -> list[str]:
    strings = [str(text) for text in to_string(values)]
    return [text.removesuffix(" 00:00:00") for text in strings] if values.dtype.kind == "M" else strings


def _infer_number_column(
    name: str, values: pd.Series, column_type: ColumnType, keep: bool, gaps: int, to_normal: bool
) -> Column | str:
    numbers = to_numeric(values, column_type.decimal)
    present = values[~np.isnan(numbers)]
    if np.nanmax(numbers) == np.nanmin(numbers):  # a single number, which may be written as both 5 and 5.0
        return _infer_constant_column(name, present, gaps)
    if not keep and _is_row_number(name, values, numbers):
        return ROW_NUMBER_REASON
    return NumberColumn.fit(
        name,
        values,
        column_type.decimal,
        column_type.percent,
        column_type.words,
        column_type.unit,
        to_normal=to_normal,
    )


def _is_row_number(name: str, values: pd.Series, numbers: NDArray[np.float64]) -> bool:
    """Return whether the values are distinct integers and the column's name suggests an identifier.

    The name is checked because days, depths and grid indices can be distinct integers too.
    """
    if not (_IDENTIFIER.fullmatch(name.strip()) or _CAMEL_IDENTIFIER.fullmatch(name.strip())):
        return False
    if np.isnan(numbers).any() or (numbers % 1 != 0).any():
        return False
    return bool(values.is_unique)


__all__ = ["ROW_NUMBER_REASON", "infer_column"]
