"""Programs as readers of 2018-2020 texts type them: data to run them on, and the warnings they may cause."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

import fitwell
from fitwell.errors import MistakeWarning

Rows = tuple[np.ndarray, np.ndarray]
Older = Callable[..., AbstractContextManager[None]]


@pytest.fixture(autouse=True)
def same_seed() -> None:
    fitwell.utils.set_random_seed(20240611)


@pytest.fixture
def older() -> Older:
    """Return ``older(*spellings)``: the block warns once about each of these, and about nothing else."""

    @contextmanager
    def expect(*spellings: str) -> Iterator[None]:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            yield
        told = [str(w.message) for w in seen if issubclass(w.category, DeprecationWarning)]
        assert sorted(text.split(" is deprecated: use ")[0] for text in told) == sorted(spellings)
        assert all(len(text.split(" is deprecated: use ")[1]) > 0 for text in told)

    return expect


@pytest.fixture(autouse=True)
def nothing_older_unseen() -> Iterator[None]:
    """A listing that needs no `older` block must not warn, and none is taken for a mistake."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        warnings.simplefilter("error", MistakeWarning)
        yield


@pytest.fixture(scope="session")
def digits() -> tuple[Any, ...]:
    """Pictures of digits, 8 by 8, from 0 to 1: ``(X_train, y_train), (X_valid, y_valid)``."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).reshape(-1, 8, 8).astype(np.float32)
    return (X[:1200], y[:1200]), (X[1200:], y[1200:])


@pytest.fixture(scope="session")
def cancer() -> Rows:
    """Tumours, 30 standardised features, benign (1) or malignant (0)."""
    X, y = load_breast_cancer(return_X_y=True)
    return ((X - X.mean(0)) / X.std(0)).astype(np.float32), y


@pytest.fixture(scope="session")
def diabetes() -> Rows:
    """Patients, 10 standardised features, and the progression of their disease, standardised too."""
    X, y = load_diabetes(return_X_y=True)
    return (X / X.std(0)).astype(np.float32), ((y - y.mean()) / y.std()).astype(np.float32)
