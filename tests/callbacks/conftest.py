"""Set the same seed before every test, so that a failure can be reproduced."""

from __future__ import annotations

import pytest

import fitwell


@pytest.fixture(autouse=True)
def same_seed() -> None:
    fitwell.utils.set_random_seed(20240611)
