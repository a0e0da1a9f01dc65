"""User attributes that fitwell writes to a study and its trials, and their validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fitwell._schema import ANY, ANY_NUMBER, COUNT, NUMBER, STRING, DictSchema, OptionalKey, find_mismatch
from fitwell.errors import FileError

__all__ = [
    "BEST_EPOCHS",
    "CRASHES",
    "FINAL_PARAMS",
    "REASON",
    "SCHEDULE",
    "SECONDS",
    "STUDY_CONFIG",
    "STUDY_TOKEN",
    "VALUES",
    "WORKER",
    "check_study",
    "crash_count",
    "describe_diverged_trials",
]

WORKER = "worker"
STUDY_CONFIG = "fitwell"
# Distinguishes a study from a deleted one with the same name.
STUDY_TOKEN = "token"
CRASHES = "workers lost"
REASON = "reason"
# The final hyperparameters of a trial that changed them during training.
FINAL_PARAMS = "final"
VALUES = "values"
BEST_EPOCHS = "best epochs"
SECONDS = "seconds"
SCHEDULE = "schedule"

_SETTING = DictSchema(ANY)
_NOTES = {
    WORKER: STRING,
    CRASHES: COUNT,
    REASON: STRING,
    FINAL_PARAMS: _SETTING,
    VALUES: [ANY_NUMBER],
    BEST_EPOCHS: [COUNT],
    SECONDS: ANY_NUMBER,
    SCHEDULE: [(COUNT, _SETTING)],
}
_FORM = {name: OptionalKey(form) for name, form in _NOTES.items()}


def check_study(study: Any, trials: Any, where: str) -> None:
    """Check that the attributes of a fitwell study are valid.

    Args:
        study: The Optuna study.
        trials: The study's trials.
        where: Name of the storage.

    Raises:
        FileError: If an attribute is missing or invalid.
    """
    if len(study.directions) != 1 or not isinstance(study.user_attrs.get(STUDY_CONFIG, {}), dict):
        raise FileError(
            f"the study {study.study_name!r} in {where} was changed: its settings are missing or invalid"
        )
    for trial in trials:
        notes = {name: note for name, note in trial.user_attrs.items() if name in _NOTES}
        wrong = find_mismatch(notes, _FORM, "user_attrs")
        if not wrong and trial.state.name == "COMPLETE":
            wrong = find_mismatch(trial.values, (ANY_NUMBER,), "values")
        wrong = wrong or find_mismatch(_numbers_of(trial), DictSchema(NUMBER), "params")
        if wrong:
            raise FileError(
                f"trial {trial.number} of the study {study.study_name!r} in {where} was changed: {wrong}. Pass "
                "a different name=..., or overwrite=True to start over"
            )


def _numbers_of(trial: Any) -> dict[str, Any]:
    """Return the numerical hyperparameters of a trial."""
    numeric = ("FloatDistribution", "IntDistribution")
    return {
        name: value
        for name, value in trial.params.items()
        if type(trial.distributions[name]).__name__ in numeric
    }


def crash_count(trial: Any) -> int:
    """Return the number of workers that crashed while they were training a trial.

    A worker that has not released the trial counts too, because this function is only called for stale trials.
    """
    return int(trial.user_attrs.get(CRASHES, 0)) + bool(trial.user_attrs.get(WORKER))


def describe_diverged_trials(trials: Sequence[Any]) -> str:
    """Return a description that says how many trials diverged and describes the first one."""
    first = trials[0]
    setting = ", ".join(f"{name}={value!r}" for name, value in first.params.items())
    count = "1 trial" if len(trials) == 1 else f"{len(trials)} trials"
    description = f"trial {first.number} with {setting} ({first.user_attrs[REASON]})"
    link = ": " if len(trials) == 1 else "; the first was "
    return f"{count} had no finite value{link}{description}"
