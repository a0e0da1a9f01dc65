"""Optuna: told what is missing when it is not installed, and kept quiet."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fitwell.errors import missing_extra


def import_optuna() -> Any:
    """Return the module, or say which command installs it."""
    try:
        import optuna
    except ImportError as error:
        raise missing_extra("optuna", "search", "a search for hyperparameters") from error
    return optuna


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna's log lines and warnings about its experiments off the user's terminal."""
    optuna = import_optuna()
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"optuna\b")
            yield
    finally:
        optuna.logging.set_verbosity(before)


def trial_state(name: str) -> Any:
    """Return Optuna's state of a trial by its name, such as ``"COMPLETE"``."""
    return import_optuna().trial.TrialState[name]
