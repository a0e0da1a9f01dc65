"""What fitwell writes into a study beside Optuna's own, and what each note may be when it is read back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fitwell.errors import FileError
from fitwell.forms import ANY_NUMBER, ANYTHING, COUNT, NUMBER, TEXT, Maybe, Table, misfit

WORKER = "worker"
TERMS = "fitwell"
# Tells a study from one of the same name that was there before.
TOKEN = "token"
DEATHS = "workers lost"
REASON = "reason"
# The hyperparameters at the end, of a trial that changed them on its way.
FINAL = "final"
VALUES = "values"
EPOCHS = "best epochs"
SECONDS = "seconds"
SCHEDULE = "schedule"

_SETTING = Table(ANYTHING)
_NOTES = {
    WORKER: TEXT,
    DEATHS: COUNT,
    REASON: TEXT,
    FINAL: _SETTING,
    VALUES: [ANY_NUMBER],
    EPOCHS: [COUNT],
    SECONDS: ANY_NUMBER,
    SCHEDULE: [(COUNT, _SETTING)],
}
_FORM = {name: Maybe(form) for name, form in _NOTES.items()}


def check_study(study: Any, trials: Any, where: str) -> None:
    """Raise `FileError` when a study that fitwell began holds what fitwell does not write; where: the storage."""
    if len(study.directions) != 1 or not isinstance(study.user_attrs.get(TERMS, {}), dict):
        raise FileError(
            f"the study {study.study_name!r} in {where} was changed: it does not say how it was begun"
        )
    for trial in trials:
        notes = {name: note for name, note in trial.user_attrs.items() if name in _NOTES}
        wrong = misfit(notes, _FORM, "user_attrs")
        if not wrong and trial.state.name == "COMPLETE":
            wrong = misfit(trial.values, (ANY_NUMBER,), "values")
        wrong = wrong or misfit(_numbers_of(trial), Table(NUMBER), "params")
        if wrong:
            raise FileError(
                f"trial {trial.number} of the study {study.study_name!r} in {where} was changed: {wrong}. Give "
                "another name=..., or overwrite=True to begin anew"
            )


def _numbers_of(trial: Any) -> dict[str, Any]:
    """Return the hyperparameters of a trial that were drawn as numbers."""
    numeric = ("FloatDistribution", "IntDistribution")
    return {
        name: value
        for name, value in trial.params.items()
        if type(trial.distributions[name]).__name__ in numeric
    }


def deaths_of(trial: Any) -> int:
    """Return how many workers died while they had a trial; one that gave it back did not."""
    return int(trial.user_attrs.get(DEATHS, 0)) + bool(trial.user_attrs.get(WORKER))


def told_lost(trials: Sequence[Any]) -> str:
    """Return how many trials came to no finite value, and what became of the first, in words."""
    first = trials[0]
    setting = ", ".join(f"{name}={value!r}" for name, value in first.params.items())
    count = "1 trial" if len(trials) == 1 else f"{len(trials)} trials"
    what = f"trial {first.number} with {setting} ({first.user_attrs[REASON]})"
    return f"{count} came to no finite value, the first is {what}"
