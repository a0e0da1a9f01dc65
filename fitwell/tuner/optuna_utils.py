"""Import Optuna and silence its log."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fitwell.errors import missing_extra_error

__all__ = ["import_optuna", "silence_optuna", "trial_state"]


def import_optuna() -> Any:
    """Return the module `optuna`, or raise an error with the command that installs it."""
    try:
        import optuna
    except ImportError as error:
        raise missing_extra_error("optuna", "search", "a search for hyperparameters") from error
    return optuna


@contextmanager
def silence_optuna() -> Iterator[None]:
    """Hide log lines and experimental warnings of Optuna inside the block."""
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
    """Return the Optuna trial state of this name, such as ``"COMPLETE"``."""
    return import_optuna().trial.TrialState[name]
