"""Shared setup: the folder of the data, no downloads, and JAX as the backend of Keras."""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

# The option --record-agreement, and how programs are compiled.
pytest_plugins = ("tests.agreement", "tests.compilation", "tests.skip_summary", "tests.worker_memory")

# Real Keras is a reference in many tests. It reads this once, when it is first imported.
os.environ.setdefault("KERAS_BACKEND", "jax")

# The development data may be next to the checkout. The path is absolute because some tests change the folder.
_data = REPOSITORY / os.environ.get("FITWELL_DATA", "../shared/datasets")
if _data.is_dir():
    os.environ["FITWELL_DATA"] = str(_data.resolve())

# Tests never download: without the data they are skipped, with the message of the loader.
os.environ.setdefault("FITWELL_OFFLINE", "1")

# Commands that run in this process must not change JAX's configuration for the other tests.
os.environ.setdefault("FITWELL_COMPILE_CACHE", "0")

# A shell ignores SIGINT in background jobs, where tests that interrupt would wait forever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The first example of a property may have to import Keras or compile a program.
hypothesis.settings.register_profile("fitwell", deadline=None)
hypothesis.settings.load_profile("fitwell")


@pytest.fixture(autouse=True)
def fresh_spellings() -> None:
    """Let every test see the warnings that deprecated names give once per process."""
    from fitwell import _deprecation

    _deprecation.reset_deprecation_warnings()


@pytest.fixture(scope="session")
def load_dataset() -> Callable[..., Any]:
    """Return ``load(name, **arguments)``: that set's `load_data`, or a skip where the data is absent."""

    def load(name: str, **arguments: Any) -> Any:
        from fitwell.datasets import DatasetNotFound

        module = importlib.import_module(f"fitwell.datasets.{name}")
        try:
            return module.load_data(**arguments)
        except DatasetNotFound as error:
            pytest.skip(str(error))

    return load
