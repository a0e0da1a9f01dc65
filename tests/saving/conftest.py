"""Set the same seed before every test, so that a failure can be reproduced."""

from __future__ import annotations

import os
from typing import Any

import pytest

import fitwell


@pytest.fixture(scope="session")
def keras() -> Any:
    """Real Keras on JAX."""
    os.environ["KERAS_BACKEND"] = "jax"
    return pytest.importorskip("keras", reason="Keras is the reference for its files")


@pytest.fixture(autouse=True)
def same_seed() -> None:
    fitwell.utils.set_random_seed(20240611)
