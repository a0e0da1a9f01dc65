"""Read event files with TensorBoard's reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fitwell


@pytest.fixture(autouse=True)
def same_seed() -> None:
    fitwell.utils.set_random_seed(20240611)


@pytest.fixture
def read() -> Callable[[Path], Any]:
    """Return a function that reads a folder with TensorBoard's reader."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def load(folder: Path) -> Any:
        return EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()

    return load
