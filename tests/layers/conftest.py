"""Start every test from the same seed, so that failures are reproducible."""

from __future__ import annotations

import pytest

import fitwell


@pytest.fixture(autouse=True)
def same_seed() -> None:
    fitwell.utils.set_random_seed(20240611)
