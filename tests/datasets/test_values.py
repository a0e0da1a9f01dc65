"""The data itself, compared with published figures, Keras and scikit-learn."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

import fitwell.datasets
from fitwell.datasets import boston_housing, california_housing, digits, fashion_mnist
from fitwell.errors import InvalidArgument

Load = Callable[..., Any]


@pytest.fixture(autouse=True)
def quiet_boston() -> None:
    boston_housing._warn_of_race.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        boston_housing._warn_of_race()


def test_mnist(load_dataset: Load) -> None:
    (x_train, y_train), (x_test, y_test) = load_dataset("mnist")
    assert x_train.shape == (60000, 28, 28)
    assert x_test.shape == (10000, 28, 28)
    assert y_train.shape == (60000,)
    assert y_test.shape == (10000,)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9]
    # The mean and deviation that everyone normalises MNIST with.
    assert x_train.mean() / 255 == pytest.approx(0.13066, abs=5e-6)
    assert x_train.std() / 255 == pytest.approx(0.30811, abs=5e-6)


def test_fashion_mnist(load_dataset: Load) -> None:
    (x_train, y_train), (x_test, y_test) = load_dataset("fashion_mnist")
    assert x_train.shape == (60000, 28, 28)
    assert x_test.shape == (10000, 28, 28)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert y_test[:3].tolist() == [9, 2, 1]
    assert y_train[5000] == 4
    assert fashion_mnist.CLASS_NAMES[y_train[5000]] == "Coat"
    assert np.bincount(y_train).tolist() == [6000] * 10
    assert np.bincount(y_test).tolist() == [1000] * 10
    x_train[0] = 0  # writable, as Keras's are


def test_boston_housing(load_dataset: Load) -> None:
    (x_train, y_train), (x_test, y_test) = load_dataset("boston_housing")
    assert x_train.shape == (404, 13)
    assert y_train.shape == (404,)
    assert x_test.shape == (102, 13)
    assert y_test.shape == (102,)
    assert x_train.dtype == y_train.dtype == np.float64
    # As printed from Keras's own file.
    first = [1.23247, 0, 8.14, 0, 0.538, 6.142, 91.7, 3.9769, 4, 307, 21, 396.9, 18.72]
    assert x_train[0].tolist() == first
    assert y_train[:5].tolist() == [15.2, 42.3, 50.0, 21.1, 17.7]
    assert y_test[42] == 14.1
    assert x_train[0, boston_housing.FEATURES.index("PTRATIO")] == 21


def test_california_housing_raw_is_what_keras_ships(load_dataset: Load) -> None:
    (x_train, y_train), (x_test, y_test) = load_dataset("california_housing")
    assert x_train.shape == (16512, 8)
    assert y_train.shape == (16512,)
    assert x_test.shape == (4128, 8)
    assert x_train.dtype == y_train.dtype == np.float32
    rows = np.concatenate([x_train, x_test])
    first = [-122.23, 37.88, 41, 880, 129, 322, 126, 8.3252]
    found = np.flatnonzero((rows == np.float32(first)).all(axis=1))
    assert found.size == 1
    assert np.concatenate([y_train, y_test])[found[0]] == 452600
    (x_small, y_small), (x_rest, _) = load_dataset("california_housing", version="small")
    assert (len(x_small), len(x_rest)) == (480, 120)
    # As printed from Keras's own file.
    assert y_small[:5].tolist() == [228400, 132900, 60000, 95200, 107000]


def test_california_housing_ratios_are_scikit_learns(load_dataset: Load) -> None:
    (x, y), _ = load_dataset("california_housing", features="ratios")
    frame = california_housing.load_frame()
    assert frame.shape == (20640, 9)
    assert tuple(frame.columns) == (*california_housing.RATIO_FEATURES, "MedHouseVal")
    first = [8.3252, 41, 6.98412698, 1.02380952, 322, 2.55555556, 37.88, -122.23, 4.526]
    np.testing.assert_allclose(frame.iloc[0], first, rtol=0, atol=5e-9)
    # The same rows in the same order as the raw columns, so the two can be compared.
    (raw, dollars), _ = load_dataset("california_housing")
    np.testing.assert_allclose(x[:, 2], raw[:, 3] / raw[:, 6], rtol=1e-6)
    np.testing.assert_allclose(y * 100_000, dollars, rtol=1e-6)


def test_keras_file_in_float32_gives_the_same_numbers(
    load_dataset: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_dataset("california_housing")  # or a skip
    before = california_housing.load_frame()
    x, y = california_housing._read("california_housing.npz")
    np.savez(tmp_path / "california_housing.npz", x=x.astype(np.float32), y=y.astype(np.float32))
    monkeypatch.setenv("FITWELL_DATA", str(tmp_path))
    after = california_housing.load_frame()
    np.testing.assert_array_equal(before.to_numpy(), after.to_numpy())


def test_digits_hold_every_row_once_and_every_digit_in_proportion() -> None:
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1437, 8, 8)
    assert x_test.shape == (360, 8, 8)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    bundled = load_digits()
    rows = np.column_stack(
        [np.concatenate([x_train, x_test]).reshape(1797, 64), np.concatenate([y_train, y_test])]
    )
    wanted = np.column_stack([bundled.data, bundled.target])
    assert sorted(rows.tolist()) == sorted(wanted.tolist())
    assert np.abs(np.bincount(y_test) - np.bincount(bundled.target) * 0.2).max() < 1
    again = digits.load_data()
    np.testing.assert_array_equal(again[1][0], x_test)
    assert not np.array_equal(digits.load_data(seed=1)[1][0], x_test)


@pytest.fixture
def keras_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Make real Keras, and fitwell, read small `.npz` files of the layout of Keras's own."""
    from keras.src.datasets import boston_housing as keras_boston
    from keras.src.datasets import california_housing as keras_california

    generator = np.random.default_rng(0)
    boston, california = tmp_path / "boston_housing.npz", tmp_path / "california_housing.npz"
    np.savez(boston, x=generator.normal(size=(506, 13)), y=generator.normal(size=506))
    # Decimals as in the census file: four at most.
    x = generator.integers(-1_000_000, 1_000_000, size=(20640, 8)) / 10_000
    y = generator.integers(10_000, 500_001, size=20640)
    np.savez(california, x=x.astype(np.float32), y=y.astype(np.float32))
    monkeypatch.setattr(keras_boston, "get_file", lambda *_, **__: str(boston))
    monkeypatch.setattr(keras_california, "get_file", lambda *_, **__: str(california))
    monkeypatch.setenv("FITWELL_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("split", [{}, {"seed": 7}, {"test_split": 0.0}, {"test_split": 0.37, "seed": 0}])
@pytest.mark.parametrize("version", [None, "small", "large"])
@pytest.mark.usefixtures("keras_files")
def test_splits_equal_real_keras(split: dict[str, Any], version: str | None) -> None:
    import keras

    name = "california_housing" if version else "boston_housing"
    arguments = split | ({"version": version} if version else {})
    ours = getattr(fitwell.datasets, name).load_data(**arguments)
    theirs = getattr(keras.datasets, name).load_data(**arguments)
    for our_part, their_part in zip(ours, theirs, strict=True):
        for our_array, their_array in zip(our_part, their_part, strict=True):
            assert our_array.dtype == their_array.dtype
            np.testing.assert_array_equal(our_array, their_array)


@pytest.mark.parametrize("name", ["boston_housing", "california_housing"])
def test_keras_signature(name: str) -> None:
    import keras

    def positional(module: Any) -> list[tuple[str, Any]]:
        parameters = inspect.signature(getattr(module, name).load_data).parameters.values()
        return [(p.name, p.default) for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]

    assert positional(fitwell.datasets) == positional(keras.datasets)


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (
            lambda: boston_housing.load_data(test_split=1),
            "test_split must be a number of at least 0 and below 1",
        ),
        (lambda: california_housing.load_data(test_split=-0.1), "got -0.1"),
        (lambda: california_housing.load_data("tiny"), "version must be 'large' or 'small', got 'tiny'"),
        (lambda: california_housing.load_data(features="x"), "features must be 'raw' or 'ratios', got 'x'"),
        (lambda: digits.load_data(test_split=0), "test_split must be a number above 0 and below 1, got 0"),
    ],
)
def test_wrong_arguments_are_refused(load: Callable[[], object], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        load()


@pytest.mark.usefixtures("keras_files")
def test_boston_warns_once_and_points_elsewhere() -> None:
    boston_housing._warn_of_race.cache_clear()
    with pytest.warns(UserWarning, match=r"encodes race.*california_housing") as caught:
        boston_housing.load_data()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        boston_housing.load_data()
