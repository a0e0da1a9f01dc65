"""`RunData`: a run's training and validation rows, and the loaders and blocks that are made from them."""

from __future__ import annotations

from typing import Any

from fitwell._data.loaders import DataLoader
from fitwell._engine.batch_access import Validation
from fitwell.models import input_checks
from fitwell.models.batch_loading import device_validation, make_loader
from fitwell.models.fit_data import FitData, must_stream
from fitwell.models.fit_options import FitOptions
from fitwell.models.model_program import ModelProgram
from fitwell.models.training_session import TrainingSession

__all__ = ["RunData"]


class RunData:
    """The training and validation rows of a run.

    A subclass may override any method to share the work between multiple runs, as a population does.

    Attributes:
        train: The rows to train on.
        validation: The rows to validate on, or None for a run without validation.
    """

    def __init__(self, train: FitData, validation: FitData | None = None) -> None:
        self.train = train
        self.validation = validation

    def check(self, session: TrainingSession) -> None:
        """Raise an error if the rows do not fit the model and its losses."""
        for part in (self.train, self.validation):
            if part is None:
                continue
            session.check(part.example)
            if part.batch is not None and not must_stream(part.batch):
                input_checks.check_values(part.batch, session.program.losses)

    def metric_names(self, program: ModelProgram) -> list[str]:
        """Return the names of all values that are measured in an epoch."""
        names = program.result_names()
        return names if self.validation is None else names + [f"val_{name}" for name in names]

    def make_loader(self, options: FitOptions, **settings: Any) -> DataLoader:
        """Return the loader for the training rows.

        `settings` are further arguments of `batch_loading.make_loader`.
        """
        return make_loader(
            self.train, options.batch_size, shuffle=options.shuffle, steps=options.steps_per_epoch, **settings
        )

    def validation_block(self, options: FitOptions, *, pad: bool) -> Validation | None:
        """Return the validation rows as a block for the compiled program, or None if that is not possible."""
        if self.validation is None:
            return None
        return device_validation(self.validation, options.validation_batch_size, pad=pad)
