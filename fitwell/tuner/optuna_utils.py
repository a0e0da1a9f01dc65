"""Helper functions that import Optuna and hide its log."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fitwell.errors import missing_extra_error

__all__ = ["import_optuna", "silence_optuna", "trial_state"]


def import_optuna() -> Any:
    """Import and return `optuna`. If it is missing, raise `MissingExtra` with the command that installs it."""
    try:
        import optuna
    except ImportError as error:
        raise missing_extra_error("optuna", "search", "a hyperparameter search") from error
    return optuna


@contextmanager
def silence_optuna() -> Iterator[None]:
    """Hide Optuna's log lines and warnings inside the block."""
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
    """Return the Optuna trial state with this name, such as ``"COMPLETE"``."""
    return import_optuna().trial.TrialState[name]
