"""Array conversion: accepted containers, resulting dtypes, and errors for other data."""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fitwell._data.arrays import as_array, check_finite, class_codes, to_device_dtype
from fitwell.errors import DataError, FitwellError

INT32_MAX = 2**31 - 1


@pytest.mark.parametrize(
    ("given_as", "becomes"),
    [
        ("float64", "float32"),
        ("longdouble", "float32"),
        ("int64", "int32"),
        ("uint64", "uint32"),
        (">f4", "float32"),
        (">i8", "int32"),
        *[(kept, kept) for kept in ("float32", "float16", "int32", "int8", "uint8", "uint32", "bool")],
        (ml_dtypes.bfloat16, ml_dtypes.bfloat16),
    ],
)
def test_element_types_are_those_jax_would_use(given_as: Any, becomes: Any) -> None:
    array = as_array(np.array([[0, 1], [1, 0]], dtype=given_as), "x")
    assert isinstance(array, np.ndarray)
    assert array.dtype == np.dtype(becomes)
    assert array.dtype.isnative
    assert jnp.asarray(array).dtype == array.dtype
    assert array.tolist() == [[0, 1], [1, 0]]


def test_64_bits_are_kept_in_64_bit_mode() -> None:
    with jax.enable_x64(True):
        assert as_array([[0.1]], "x").dtype == np.float64
        assert as_array([2**40], "x")[0] == 2**40


def test_nothing_is_copied_without_need(tmp_path: Path) -> None:
    array = np.ones((3, 2), np.float32)
    assert as_array(array, "x") is array
    on_device = jnp.ones((3, 2))
    assert as_array(on_device, "x") is on_device
    mapped = np.memmap(tmp_path / "rows", np.float64, "w+", shape=(3, 2))
    kept = as_array(mapped, "x")
    assert kept is mapped
    assert kept[1:].base is not None
    assert to_device_dtype(mapped[1:], "x").dtype == np.float32


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]], np.int32)),
        ([(1.5, 2), (3, 4)], np.array([[1.5, 2], [3, 4]], np.float32)),
        ((True, False), np.array([True, False])),
        (range(3), np.array([0, 1, 2], np.int32)),
        ([np.ones(2), np.zeros(2)], np.array([[1, 1], [0, 0]], np.float32)),
        ([jnp.ones(2), jnp.zeros(2)], np.array([[1, 1], [0, 0]], np.float32)),
        (np.ma.array([1.0, 2.0]), np.array([1, 2], np.float32)),
        (pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]}), np.array([[1, 0.5], [2, 1.5]], np.float32)),
        (pd.DataFrame({"a": [1, 2], "b": [True, False]}), np.array([[1, 1], [2, 0]], np.int32)),
        (pd.DataFrame({"a": [True], "b": [0.5]}), np.array([[1, 0.5]], np.float32)),
        (pd.DataFrame({"a": [1, 2]}, dtype="uint8"), np.array([[1], [2]], np.uint8)),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), np.array([[1, 2]], np.int32)),
        (pd.Series([True, False]), np.array([True, False])),
        (pd.Series([1, 2], dtype="Int64", index=[7, 7]), np.array([1, 2], np.int32)),
        (pd.Series([1, None], dtype="Int64"), np.array([1, np.nan], np.float32)),
        (pd.Series([True, None], dtype="boolean"), np.array([1, np.nan], np.float32)),
        (pd.Series([0, 2.5], dtype="Sparse[float]"), np.array([0, 2.5], np.float32)),
        (pd.Series([1, 2], dtype="int8[pyarrow]"), np.array([1, 2], np.int8)),
        (pd.Index([1, 2]), np.array([1, 2], np.int32)),
        (pd.array([1.5, 2.5]), np.array([1.5, 2.5], np.float32)),
    ],
)
def test_what_is_accepted(value: Any, expected: np.ndarray) -> None:
    array = as_array(value, "x")
    assert type(array) is np.ndarray
    assert array.dtype == expected.dtype
    np.testing.assert_array_equal(array, expected)


def test_anything_with_an_array_protocol_is_accepted() -> None:
    class Tensor:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return np.ones(3, np.float16)

    assert as_array(Tensor(), "x").dtype == np.float16


@given(
    st.sampled_from([np.float64, np.int64, np.float32, np.int16, np.bool_]).flatmap(
        lambda dtype: hnp.arrays(
            dtype,
            hnp.array_shapes(max_dims=4, max_side=4),
            elements={"min_value": -1000, "max_value": 1000} if dtype is np.int64 else None,
        )
    )
)
def test_values_and_shapes_survive(array: np.ndarray) -> None:
    limit = np.finfo(np.float32).max
    if array.dtype == np.float64 and (np.abs(array[np.isfinite(array)]) > limit).any():
        return  # refused, see below
    result = as_array(array, "x")
    np.testing.assert_array_equal(result, np.asarray(jnp.asarray(array)))
    assert result.dtype == jnp.asarray(array).dtype


CITIES = pd.DataFrame({"size": [1.0, 2.0], "city": ["Oslo", "Rome"], "name": ["a", "b"]})
ENCODE = "Networks require numbers. .*fitwell.utils.class_codes.*pandas.get_dummies.*fitwell train table.csv"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["cat", "dog"], rf"^x: found text 'cat' in row 0\. {ENCODE}"),
        ([[1, "cat"]], rf"^x: found text '1' in row 0, column 0\. {ENCODE}"),
        (np.array([[1, 2], [3, "dog"]], object), r"^x: found text 'dog' in row 1, column 1\."),
        (np.array([1.0, None], object), r"^x: found missing value None in row 1\."),
        (
            np.array([1.0, 2.0], object),
            r"^x: the numbers are stored as .*; convert them with x.astype\('float32'\)",
        ),
        (np.array([b"a"]), r"^x: found bytes b'a' in row 0\."),
        (["x" * 99], r"^x: found text 'x{36}\.\.\. in row 0\."),
        (
            CITIES,
            rf"^x: column 'city' \(index 1\) has text 'Oslo' in row 0 \(and 1 more column\)\. {ENCODE}",
        ),
        (CITIES["city"], r"^x: it has text 'Oslo' in row 0\."),
        (pd.DataFrame({"a": [1, None, "b"]}), r"column 'a' \(index 0\) has (text|missing)"),
        (
            pd.DataFrame({"a": [1, 2]}, dtype=object),
            r"column 'a' .* stores numbers as .*astype\('float32'\)",
        ),
        (
            pd.Categorical(["a", "b", "a"]),
            r"^x: it is categorical with 2 categories\. .*class_codes",
        ),
        (pd.DataFrame({"t": pd.to_datetime(["2020-01-01"])}), r"^x: column 't' .* contains dates or times"),
        (pd.Series([1 + 2j]), "contains complex numbers"),
        (pd.Timestamp("2020-01-01"), "^x: expected an array, .* got a Timestamp"),
        (np.array(["2020-01-01"], "M8[D]"), r"^x: expected real numbers, got an array of datetime64\[D\]"),
        ([1 + 2j], "^x: expected real numbers, got an array of complex128"),
        (jnp.array([1 + 2j]), "^x: expected real numbers, got an array of complex64"),
        (jax.random.split(jax.random.key(0)), r"^x: expected real numbers, got an array of key<"),
        (np.zeros(2, [("a", "f4")]), "^x: expected real numbers"),
        ([datetime.date(2020, 1, 1)], "^x: found date datetime.date"),
        (
            [[1, 2], [3]],
            r"^x: all rows must have the same shape, but row 0 has shape \(2,\) and row 1 has shape \(1,\)",
        ),
        ([[1, 2], 3], r"row 0 has shape \(2,\) and row 1 has shape \(\)"),
        (
            [[[1], [2, 3]], [[1], [2]]],
            "^x: all rows must have the same shape, but the entries in row 0 have different lengths",
        ),
        (3.5, "^x: expected one entry per row, got a single number"),
        (np.float32(3), "got a single number"),
        (jnp.float32(3), "got a single number"),
        ([], r"^x: there are no rows \(shape \(0,\)\)"),
        (np.zeros((0, 4)), r"^x: there are no rows \(shape \(0, 4\)\)"),
        (jnp.zeros((0, 4)), "there are no rows"),
        (pd.DataFrame({"a": []}), "there are no rows"),
        (pd.DataFrame(columns=["a", "b"]), r"there are no rows \(shape \(0, 2\)\)"),
        ([[], []], r"^x: the rows are empty \(shape \(2, 0\)\)"),
        (None, "^x: expected an array, a pandas table or a list of rows, got a NoneType"),
        ("table.csv", "got a str"),
        ({"a": [1]}, "got a dict"),
        ({1, 2}, "got a set"),
        ((i for i in range(3)), "got a generator"),
        (
            scipy.sparse.eye(3).tocsr(),
            r"^x: sparse arrays are not supported. Convert the csr_\w+ with x.toarray\(\)",
        ),
        (
            np.ma.array([1.0, 2.0], mask=[False, True]),
            r"^x: found 1 masked value\. Fill them, .*x.filled\(0\)",
        ),
        ([INT32_MAX + 1], rf"^x: {INT32_MAX + 1} does not fit in int32.*x.astype\('float32'\)"),
        ([-INT32_MAX - 2, 0], rf"^x: {-INT32_MAX - 2} does not fit in int32"),
        (np.array([2**33], np.uint64), "does not fit in uint32"),
        (
            np.array([[1e300, np.nan, -2.0]]),
            r"^x: 1e\+300 does not fit in float32, whose largest .* 3\.4e\+38",
        ),
    ],
)
def test_what_is_refused(value: Any, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        as_array(value, "x")
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, FitwellError)


def test_the_limits_of_int32_are_accepted() -> None:
    assert as_array([-INT32_MAX - 1, INT32_MAX], "y").tolist() == [-INT32_MAX - 1, INT32_MAX]


def test_a_memory_map_of_complex_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="complex64"):
        as_array(np.memmap(tmp_path / "rows", np.complex64, "w+", shape=(3,)), "x")


def test_pandas_is_not_imported_for_those_who_do_not_use_it() -> None:
    code = (
        "import sys; from fitwell._data.arrays import as_array, check_finite, class_codes; import numpy as np;"
        "a = as_array([[1.0, 2.0]], 'x'); check_finite(a, 'x'); class_codes(['b', 'a']);"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
def test_finite_numbers_pass_even_when_their_sum_overflows(dtype: Any, convert: Any) -> None:
    array = convert(np.ones((300, 3), dtype))  # JAX makes float32 of float64
    check_finite(array * ml_dtypes.finfo(array.dtype).max, "x")
    check_finite(convert(np.arange(3)), "x")
    check_finite(convert(np.array([True])), "x")


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
def test_a_single_nan_is_found(dtype: Any, convert: Any) -> None:
    array = np.ones((1000, 7), dtype)
    array[423, 5] = np.nan
    with pytest.raises(
        DataError,
        match=r"^x: found 1 NaN value among 7,000 entries, in 1 of 1,000 rows; the first is in row 423, column 5\..*"
        "Drop those rows, or impute them",
    ):
        check_finite(convert(array), "x")


@pytest.mark.parametrize(
    ("shape", "bad", "words"),
    [
        (
            (9,),
            {(4,): np.inf, (7,): -np.inf},
            "2 infinite values among 9 entries, in 2 of 9 rows; .* in row 4\\.",
        ),
        (
            (4, 3),
            {(1, 2): np.nan, (1, 0): np.inf, (3, 0): np.nan},
            "2 NaN values and 1 infinite value .* in 2 of 4 rows; .* row 1, column 0",
        ),
        ((4, 3, 2), {(2, 1, 1): np.nan}, r"in row 2, position \(1, 1\)\."),
    ],
)
def test_counts_and_place_in_chunks(
    shape: tuple[int, ...], bad: dict[Any, float], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = np.zeros(shape, np.float32)
    for place, value in bad.items():
        array[place] = value
    for chunk in (1, 7, 10**6):
        monkeypatch.setattr("fitwell._data.arrays._CHUNK_VALUES", chunk)
        with pytest.raises(DataError, match=words):
            check_finite(array, "x")


@pytest.mark.parametrize(
    ("labels", "codes", "classes"),
    [
        (["b", "a", "b"], [1, 0, 1], ["a", "b"]),
        ([30, 10, 20], [2, 0, 1], [10, 20, 30]),
        ([[True], [False]], [1, 0], [False, True]),
        ([0.5, -1.0], [1, 0], [-1.0, 0.5]),
        (jnp.array([3, 1]), [1, 0], [1, 3]),
        (pd.Series(["b", "a", "b"], index=[5, 5, 5]), [1, 0, 1], ["a", "b"]),
        (pd.Series([3, 1], dtype="Int64"), [1, 0], [1, 3]),
        (pd.DataFrame({"kind": ["b", "a"]}), [1, 0], ["a", "b"]),
        (pd.Categorical(["low", "high"], ["low", "mid", "high"]), [0, 2], ["low", "mid", "high"]),
        (pd.Series(pd.Categorical([2, 1], [2, 1])), [0, 1], [2, 1]),
    ],
)
def test_class_codes(labels: Any, codes: list[int], classes: list[Any]) -> None:
    found, names = class_codes(labels)
    assert found.dtype == np.int32
    assert found.tolist() == codes
    assert names.tolist() == classes
    np.testing.assert_array_equal(names[found], np.asarray(labels).reshape(-1))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["a", None], "^y: found 1 missing label, the first in row 1. Drop those rows"),
        ([0.0, np.nan, np.nan], "^y: found 2 missing labels, the first in row 1"),
        (pd.Series(["a", None]), "1 missing label"),
        (np.array(["2024-01-01", "NaT"], "datetime64[D]"), "1 missing label"),
        (pd.Series([1, None], dtype="Int64"), "1 missing label"),
        (pd.Categorical(["a", None]), "1 missing label"),
        (
            np.array(["a", 1], object),
            r"^y: the labels have different types \(int, str\).*str\(label\) for label in y",
        ),
        ([["a", "b"]], r"^y: expected one label per row, got shape \(1, 2\)"),
        (pd.DataFrame({"a": [1], "b": [2]}), r"^y: expected one column of labels, got \['a', 'b'\]"),
        ([], "^y: there are no rows"),
    ],
)
def test_labels_that_are_no_classes(labels: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        class_codes(labels)
