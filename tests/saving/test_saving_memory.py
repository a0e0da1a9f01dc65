"""The memory of a loop that trains, saves and loads models does not grow (see `many_models`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_training_saving_and_loading_models_does_not_leak_memory() -> None:
    script = Path(__file__).with_name("many_models.py")
    command = [sys.executable, str(script), "--models", "350"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert float(done.stdout) < 10_000, f"{done.stdout} bytes a model"
