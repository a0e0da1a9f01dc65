"""Conversion of user data to arrays that a device can store, with errors for data that cannot be converted.

`as_array` converts any container of numeric rows, `class_codes` encodes labels of any type as integers,
and `check_finite` rejects NaN and infinite values before training starts.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from fitwell._data.text_format import pluralize
from fitwell._param_validation import validate_params
from fitwell._typing import Array, NumpyArray
from fitwell.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_ENCODE = (
    "Networks require numbers. Encode labels with fitwell.utils.class_codes and features with "
    "pandas.get_dummies, or use `fitwell train table.csv --target COLUMN`, which encodes them"
)
_CHUNK_VALUES = 2**22


def as_array(value: Any, name: str) -> NumpyArray | Array:
    """Convert `value` to an array of shape ``[rows, ...]`` with a dtype that the device supports.

    NumPy arrays, pandas DataFrames, Series and Indexes, nested lists, and any object with an ``__array__`` method
    become NumPy arrays. The data is copied only if necessary. 64-bit numbers become 32-bit numbers unless
    ``jax_enable_x64`` is set. Narrower dtypes are kept. JAX arrays are returned unchanged. An `np.memmap` is also
    returned unchanged because it may not fit into memory. Pass its slices to `to_device_dtype` instead.

    Args:
        value (array-like): The data, with rows along the first axis.
        name (str): The caller's name for the data, such as ``"x"``. Every error message begins with it.

    Returns:
        numpy.ndarray | jax.Array: The rows, with a dtype that the device supports.

    Raises:
        DataError: If `value` is a single number or has no rows, or if it contains any of the following: strings,
            objects, dates, complex numbers, rows of different lengths, numbers that are too large for 32 bits. NaN
            is accepted (see `check_finite`).

    Example:
        >>> as_array([[1.0, 2.0], [3.0, 4.0]], "x").dtype
        dtype('float32')
    """
    if isinstance(value, jax.Array | np.memmap):
        _check_dtype(value, name)
        _check_shape(value.shape, name)
        return value
    array = _convert_pandas(value, name) if _is_pandas(value) else _convert(value, name)
    _check_shape(array.shape, name)
    return to_device_dtype(array, name)


def to_device_dtype(array: NumpyArray, name: str) -> NumpyArray:
    """Convert `array` to the dtype that JAX would give it. Raise `DataError` if a number does not fit.

    Unless ``jax_enable_x64`` is set, float64 becomes float32, int64 becomes int32 and uint64 becomes uint32. Long
    doubles and non-native byte orders are converted too. An array that already has the right dtype is not copied.
    """
    _check_dtype(array, name)
    wide = np.dtype(np.float64) if array.dtype.kind == "f" and array.dtype.itemsize > 8 else array.dtype
    dtype = np.dtype(jax.dtypes.canonicalize_dtype(wide.newbyteorder("=")))
    if array.dtype.kind in "iu" and dtype.itemsize < array.dtype.itemsize and array.size:
        limits = np.iinfo(dtype)
        low, high = array.min(), array.max()
        if low < limits.min or high > limits.max:
            worst = high if high > limits.max else low
            raise DataError(
                f"{name}: {worst} does not fit in {dtype}, the widest integer type unless jax_enable_x64 is set. "
                f"If the numbers are identifiers, drop them. Otherwise, convert them with {name}.astype('float32')"
            )
    if dtype == array.dtype:
        return np.asarray(array)
    try:
        with np.errstate(over="raise"):
            return np.asarray(array, dtype=dtype)
    except FloatingPointError:
        raise DataError(
            f"{name}: {_largest_finite(array):.3g} does not fit in {dtype}, whose largest number is "
            f"{np.finfo(dtype).max:.3g}. Scale the data, for example to mean 0 and standard deviation 1"
        ) from None


@validate_params()
def class_codes(value: Any, name: str = "y") -> tuple[NDArray[np.int32], NumpyArray]:
    """Encode labels as class numbers.

    ``classes[codes]`` equals the labels in `value`.

    Args:
        value (array-like): One label per row, of shape ``[rows]`` or ``[rows, 1]``. All labels must have the same
            type: strings, numbers, booleans or pandas categories.
        name (str): The caller's name for the labels. Every error message begins with it. Default: ``"y"``.

    Returns:
        tuple[numpy.ndarray, numpy.ndarray]: ``(codes, classes)``. ``codes`` contains 0-based class numbers as an
        int32 array of shape ``[rows]``. ``classes`` contains the distinct labels in sorted order. For a pandas
        categorical, it contains all categories in their original order, including unused ones.

    Raises:
        DataError: If a label is missing, if the labels have different types, if there is more than one column, or
            if there are no rows.

    Example:
        >>> import fitwell as fw
        >>> codes, classes = fw.utils.class_codes(["cat", "dog", "cat"])
        >>> codes.tolist(), classes.tolist()
        ([0, 1, 0], ['cat', 'dog'])

    Source: scikit-learn `LabelEncoder`.
    """
    if _is_pandas(value):
        labels, codes, classes = _get_pandas_labels(value, name)
    else:
        labels = np.asarray(value)
        codes = classes = None
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(f"{name}: expected one label per row, got shape {labels.shape}")
    _check_shape(labels.shape, name)
    missing = _find_missing(labels)
    if missing.size:
        raise DataError(
            f"{name}: found {pluralize(missing.size, 'missing label')}, the first in row {missing[0]}. "
            f"Drop those rows or assign them to a separate class"
        )
    if codes is None or classes is None:
        try:
            classes, codes = np.unique(labels, return_inverse=True)
        except TypeError:
            kinds = ", ".join(sorted({type(label).__name__ for label in labels}))
            raise DataError(
                f"{name}: the labels have different types ({kinds}), so they cannot be sorted. "
                f"Convert them to one type, for example [str(label) for label in {name}]"
            ) from None
    return codes.astype(np.int32), classes


def check_finite(array: NumpyArray | Array, name: str) -> None:
    """Raise `DataError` if `array` contains NaN or infinite values.

    The error message reports the number of such values and the position of the first one. Valid data rarely needs more
    than one pass, because all values are finite if their sum is finite.
    """
    if not jnp.issubdtype(array.dtype, jnp.floating):
        return
    away = isinstance(array, jax.Array) and any(device.platform != "cpu" for device in array.devices())
    if away and bool(jnp.isfinite(array).all()):  # transfers only one boolean from the device
        return
    host = np.asarray(array)
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.sum(host, dtype=np.promote_types(host.dtype, np.float32))):
            return
    # The sum of large finite numbers may overflow too, so check every number before raising an error.
    nan = infinite = rows = 0
    first: tuple[int, ...] | None = None
    for start, chunk in _chunks(host):
        bad = ~np.isfinite(chunk)
        if not bad.any():
            continue
        if first is None:
            row, *rest = (int(i) for i in np.argwhere(bad)[0])
            first = (start + row, *rest)
        here = int(np.isnan(chunk).sum())
        nan += here
        infinite += int(bad.sum()) - here
        rows += int(bad.reshape(len(bad), -1).any(axis=1).sum())
    if first is None:
        return
    parts = [
        pluralize(number, kind)
        for number, kind in ((nan, "NaN value"), (infinite, "infinite value"))
        if number
    ]
    replace = "replace infinite values with NaN, and impute them" if infinite else "impute them"
    raise DataError(
        f"{name}: found {' and '.join(parts)} among {host.size:,} entries, in {rows:,} of {len(host):,} rows; the "
        f"first is in {_format_index(first)}. A network cannot be trained on such values. Drop those rows, or "
        f"{replace}, for example with sklearn.impute.SimpleImputer fitted on the training rows"
    )


def _convert(value: Any, name: str) -> NumpyArray:
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.is_masked(value):
            raise DataError(
                f"{name}: found {pluralize(int(np.ma.count_masked(value)), 'masked value')}. "
                f"Fill them, for example with {name}.filled(0), or drop their rows"
            )
        return value.data
    if hasattr(value, "toarray"):  # SciPy's sparse matrices
        raise DataError(
            f"{name}: sparse arrays are not supported. Convert the {type(value).__name__} with {name}.toarray()"
        )
    if isinstance(value, str | bytes | Mapping | set | frozenset) or not (
        isinstance(value, list | tuple | range | numbers.Number) or hasattr(value, "__array__")
    ):
        raise DataError(
            f"{name}: expected an array, a pandas table or a list of rows, got {_describe(value)}"
        )
    try:
        array = np.asarray(value)
    except ValueError:
        raise DataError(f"{name}: all rows must have the same shape, but {_describe_ragged(value)}") from None
    except (TypeError, RuntimeError) as error:
        # If a tensor from a different library is on a different device or requires a gradient, its error message
        # explains how to convert it.
        raise DataError(f"{name}: cannot convert {_describe(value)} to an array: {error}") from None
    return array


def _is_pandas(value: Any) -> bool:
    # Compare module names, because importing pandas here would slow down callers that do not use it.
    return any(base.__module__.partition(".")[0] == "pandas" for base in type(value).__mro__)


def _convert_pandas(value: Any, name: str) -> NumpyArray:
    import pandas as pd

    table = isinstance(value, pd.DataFrame)
    if table:
        frame = value
    elif isinstance(value, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        frame = pd.DataFrame({name: value})
    else:
        raise DataError(
            f"{name}: expected an array, a pandas table or a list of rows, got {_describe(value)}"
        )
    _check_shape(frame.shape, name)
    problems = [
        problem
        for index, (label, column) in enumerate(frame.items())
        if (
            problem := _describe_column_problem(
                column, f"column {label!r} (index {index})" if table else "it"
            )
        )
    ]
    if problems:
        more = f" (and {pluralize(len(problems) - 1, 'more column')})" if len(problems) > 1 else ""
        raise DataError(f"{name}: {problems[0]}{more}. {_ENCODE}")
    dtype = np.result_type(*(_numpy_dtype(column) for _, column in frame.items()))
    array = frame.to_numpy(dtype=dtype, na_value=np.nan) if dtype.kind == "f" else frame.to_numpy(dtype)
    return array if table else array[:, 0]


def _describe_column_problem(column: pd.Series[Any], name: str) -> str | None:
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return f"{name} is categorical with {len(column.cat.categories)} categories"
    if pd.api.types.is_complex_dtype(column.dtype):
        return f"{name} contains complex numbers"
    if pd.api.types.is_numeric_dtype(column.dtype):
        return None
    if column.dtype.kind == "M" or column.dtype.kind == "m":
        return f"{name} contains dates or times"
    for row, entry in enumerate(column):
        if not isinstance(entry, numbers.Real):
            return f"{name} has {_format_entry(entry)} in row {row}"
    return f"{name} stores numbers as Python objects; convert it with .astype('float32')"


def _numpy_dtype(column: pd.Series[Any]) -> np.dtype[Any]:
    """Return the NumPy dtype for a numeric column. It is a float dtype if missing values must become NaN."""
    dtype: Any = column.dtype
    plain = np.dtype(getattr(dtype, "numpy_dtype", None) or getattr(dtype, "subtype", None) or dtype)
    return np.dtype(np.float64) if plain.kind != "f" and column.hasnans else plain


def _get_pandas_labels(value: Any, name: str) -> tuple[NumpyArray, NumpyArray | None, NumpyArray | None]:
    """Return a pandas object's labels, and its codes and categories if it is categorical."""
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        if value.shape[1] != 1:
            raise DataError(f"{name}: expected one column of labels, got {list(value.columns)}")
        value = value.iloc[:, 0]
    series = pd.Series(value)
    labels = series.to_numpy(dtype=object) if series.hasnans else series.to_numpy()
    if isinstance(series.dtype, pd.CategoricalDtype):
        return labels, series.cat.codes.to_numpy(), series.cat.categories.to_numpy()
    return labels, None, None


def _check_dtype(array: NumpyArray | Array, name: str) -> None:
    dtype = array.dtype
    if dtype == np.bool_ or (jnp.issubdtype(dtype, jnp.number) and dtype.kind not in "cm"):
        return
    if isinstance(array, np.ndarray) and dtype.kind in "OUST":
        for index, entry in np.ndenumerate(array):
            if not isinstance(entry, numbers.Real):
                raise DataError(f"{name}: found {_format_entry(entry)} in {_format_index(index)}. {_ENCODE}")
        raise DataError(
            f"{name}: the numbers are stored as Python objects; convert them with {name}.astype('float32')"
        )
    raise DataError(f"{name}: expected real numbers, got an array of {dtype}")


def _check_shape(shape: tuple[int, ...], name: str) -> None:
    if not shape:
        raise DataError(f"{name}: expected one entry per row, got a single number")
    if shape[0] == 0:
        raise DataError(f"{name}: there are no rows (shape {shape})")
    if 0 in shape:
        raise DataError(f"{name}: the rows are empty (shape {shape})")


def _chunks(array: NumpyArray) -> Iterator[tuple[int, NumpyArray]]:
    rows = max(1, _CHUNK_VALUES * len(array) // max(array.size, 1))
    for start in range(0, len(array), rows):
        yield start, array[start : start + rows]


def _largest_finite(array: NumpyArray) -> Any:
    finite = array[np.isfinite(array)]
    return finite[np.abs(finite).argmax()]


def _describe_ragged(value: Any) -> str:
    rows = list(value)
    first = np.shape(rows[0]) if _is_regular(rows[0]) else None
    for index, row in enumerate(rows):
        if not _is_regular(row):
            return f"the entries in row {index} have different lengths"
        if np.shape(row) != first:
            return f"row 0 has shape {first} and row {index} has shape {np.shape(row)}"
    return "their shapes differ"


def _is_regular(row: Any) -> TypeGuard[Any]:
    try:
        np.shape(row)
    except ValueError:
        return False
    return True


def _find_missing(labels: NumpyArray) -> NDArray[np.intp]:
    """Return the indices of the rows without a label."""
    if labels.dtype.kind == "O":
        return np.flatnonzero([_is_missing(label) for label in labels])
    return np.flatnonzero(np.isnan(labels)) if labels.dtype.kind in "fmM" else np.array([], np.intp)


def _is_missing(label: Any) -> bool:
    # NaN and NaT are unequal to themselves. The result of comparing pandas.NA has no truth value.
    if label is None:
        return True
    try:
        return bool(label != label)
    except TypeError:
        return True


def _format_entry(entry: Any) -> str:
    entry = entry.item() if isinstance(entry, np.generic) else entry
    text = repr(entry)
    kind = (
        "missing value" if _is_missing(entry) else "text" if isinstance(entry, str) else type(entry).__name__
    )
    return f"{kind} {text if len(text) <= 40 else text[:37] + '...'}"


def _describe(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _format_index(index: tuple[int, ...]) -> str:
    row, *rest = index
    if not rest:
        return f"row {row}"
    return f"row {row}, column {rest[0]}" if len(rest) == 1 else f"row {row}, position {tuple(rest)}"


__all__ = ["as_array", "check_finite", "class_codes", "to_device_dtype"]
