"""KerasTuner's names for its common calls: ``from fitwell import tuner as keras_tuner``.

The trials are those of `search`, in ``<directory>/<project_name>/study.db``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from fitwell.arguments import Call, FilePath, Integer, Made, Real, Rule, Suits, Text, checked
from fitwell.errors import FileError, InvalidArgument, StateError
from fitwell.models.model import Model
from fitwell.progress import say
from fitwell.tuner.hyperparameters import HyperParameters
from fitwell.tuner.ledger import Ledger
from fitwell.tuner.objective import Objective, as_objective
from fitwell.tuner.oracle import Oracle
from fitwell.tuner.result import SearchResult
from fitwell.tuner.searching import search
from fitwell.tuner.space import Space, build_function
from fitwell.tuner.storage import open_storage

_STUDY = "study.db"
_TUNER: dict[str, Rule] = {
    "hypermodel": Call() | Suits(lambda value: callable(getattr(value, "build", None)), "a HyperModel"),
    "objective": Made(as_objective, optional=False),
    "max_trials": Integer(1) | None,
    "seed": Integer(0) | None,
    "executions_per_trial": Integer(1),
    "directory": FilePath() | None,
    "project_name": Text() | None,
    "num_trials": Integer(1),
    "num_models": Integer(1),
}


class HyperModel:
    """Base for build functions that are objects: override `build`."""

    def build(self, hp: HyperParameters) -> Model:
        """Return a compiled model with hyperparameters that `hp` is asked for."""
        raise NotImplementedError(
            f"{type(self).__name__}.build(hp) must be written: it returns a compiled model"
        )


class _Function(HyperModel):
    """A build function as an object, so that ``tuner.hypermodel.build(hp)`` is the same for both."""

    def __init__(self, build: Any) -> None:
        self.build = build_function(build)  # type: ignore[method-assign]


class Tuner:
    """What the four tuners share.

    hypermodel: ``build(hp)``, or a `HyperModel`. objective: see `search`. max_trials: how many settings to train.
    executions_per_trial: seeds that each is trained under. seed: same seed, same trials. overwrite: begin
    anew instead of going on. directory, project_name: where the study is kept.

    A tuner that is made again for a study that is there has its results without a search, as in KerasTuner, and
    `search` goes on with it. Models are not kept: `get_best_models` trains them again, so it needs a `search` with
    the rows before, which trains no trial again.
    """

    sampler = "random"
    pruner: str | None = None

    @checked(_TUNER)
    def __init__(
        self,
        hypermodel: Any,
        objective: str | Objective = "val_loss",
        max_trials: int | None = 10,
        seed: int | None = None,
        executions_per_trial: int = 1,
        overwrite: bool = False,
        directory: str | Path | None = None,
        project_name: str | None = None,
        **others: Any,
    ) -> None:
        if others:
            raise InvalidArgument(
                f"{type(self).__name__}: {', '.join(others)} cannot be honoured here; the arguments are hypermodel, "
                "objective, max_trials, seed, executions_per_trial, overwrite, directory and project_name"
            )
        if hasattr(self, "run_trial"):
            raise InvalidArgument(
                f"{type(self).__name__}.run_trial would not be called: all trials are trained together. Let build ask "
                "for its hyperparameters, and give search what belongs to fit"
            )
        self.hypermodel = hypermodel if hasattr(hypermodel, "build") else _Function(hypermodel)
        self.objective = objective
        self.max_trials = max_trials
        self.project_dir = Path(directory or ".") / (project_name or "untitled_project")
        self._seed = 0 if seed is None else seed
        self._repeats = executions_per_trial
        self._overwrite = overwrite
        self._result: SearchResult | None = None

    def search(
        self, x: Any = None, y: Any = None, epochs: int = 1, verbose: int | str = "auto", **fit: Any
    ) -> None:
        """Train the trials; the arguments are those of `Model.fit`."""
        try:
            self.project_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"the folder {self.project_dir} cannot be made: {error.strerror or error}"
            ) from error
        weights = fit.pop("sample_weight", None)
        self._result = search(
            self.hypermodel,
            None,
            (x, y) if weights is None else (x, y, weights),
            trials=self.max_trials,
            sampler=self.sampler,
            pruner=self.pruner,
            repeats=self._repeats,
            objective=self.objective,
            epochs=epochs,
            storage=self.project_dir / _STUDY,
            name=self.project_dir.name,
            overwrite=self._overwrite,
            seed=self._seed,
            verbose=verbose,
            **fit,
        )
        self._overwrite = False  # a second call goes on

    @property
    def oracle(self) -> Oracle:
        """The trials as KerasTuner shows them: ``oracle.get_best_trials()``."""
        return Oracle(lambda: self.result)

    @property
    def result(self) -> SearchResult:
        """What `search` of this library returns: the table of trials, plots, Optuna's study."""
        if self._result is None:
            self.reload()
        assert self._result is not None
        return self._result

    def reload(self) -> None:
        """Read the trials of a study that is there, as is done by itself when results are asked for."""
        path = self.project_dir / _STUDY
        if self._overwrite or not path.exists():
            raise StateError(f"{type(self).__name__}: call search(x, y, ...) first")
        ledger = Ledger(
            open_storage(path),
            self.project_dir.name,
            Space(self.hypermodel, None),
            as_objective(self.objective),
            sampler=self.sampler,
            pruner=None,
            seed=self._seed,
            trials=self.max_trials,
            terms=None,
        )
        self._result = SearchResult(ledger, None)

    @checked(_TUNER)
    def get_best_hyperparameters(self, num_trials: int = 1) -> list[HyperParameters]:
        """Return the best hyperparameters, the best first."""
        return self.result.best_hyperparameters(num_trials)

    @checked(_TUNER)
    def get_best_models(self, num_models: int = 1) -> list[Model]:
        """Return the best models with the weights of their best epochs; they are trained again for it."""
        return self.result.best_models(num_models)

    @checked(_TUNER)
    def results_summary(self, num_trials: int = 10) -> None:
        """Say which trials were best."""
        result = self.result
        say(f"Results in {self.project_dir}")
        say(f"Showing {num_trials} best trials by {result.objective.name} ({result.objective.direction})")
        for trial in self.oracle.get_best_trials(num_trials):
            trial.summary()

    def search_space_summary(self) -> None:
        """Say which hyperparameters the build function asks for, when it is given their defaults."""
        hp = HyperParameters()
        Space(self.hypermodel).draw(hp)
        say(f"Search space summary\nDefault search space size: {len(hp.domains)}")
        for name, domain in hp.domains.items():
            say(f"{name}: {domain!r}")


class RandomSearch(Tuner):
    """Settings drawn at random."""


class BayesianOptimization(Tuner):
    """Settings where a Gaussian process expects most; needs torch."""

    sampler = "gp"


class GridSearch(Tuner):
    """Every combination; all of them unless `max_trials` says fewer."""

    sampler = "grid"

    @checked(_TUNER)
    def __init__(
        self,
        hypermodel: Any,
        objective: str | Objective = "val_loss",
        max_trials: int | None = None,
        **others: Any,
    ) -> None:
        super().__init__(hypermodel, objective, max_trials, **others)


class Hyperband(Tuner):
    """Many settings for few epochs, the best of them for more, and so on (Li et al. 2018).

    max_epochs: of the trials that get farthest. factor: 3. hyperband_iterations: how often to go through all
    brackets, which decides the number of trials.
    """

    pruner = "hyperband"

    @checked(
        _TUNER,
        max_epochs=Integer(1),
        factor=Integer(3, 3).said("3, the only one known"),
        hyperband_iterations=Real(0, closed="right"),
    )
    def __init__(
        self,
        hypermodel: Any,
        objective: str | Objective = "val_loss",
        max_epochs: int = 100,
        factor: int = 3,
        hyperband_iterations: float = 1,
        **others: Any,
    ) -> None:
        self.max_epochs = max_epochs
        trials = math.ceil(hyperband_iterations * trials_of_hyperband(max_epochs, factor))
        super().__init__(hypermodel, objective, trials, **others)

    def search(
        self,
        x: Any = None,
        y: Any = None,
        epochs: int | None = None,
        verbose: int | str = "auto",
        **fit: Any,
    ) -> None:
        """Train the trials, each for up to `max_epochs`; the arguments are those of `Model.fit`."""
        if epochs not in (None, self.max_epochs):
            raise InvalidArgument(
                f"Hyperband: the epochs of a trial are max_epochs={self.max_epochs} at most; leave "
                f"epochs={epochs} out, or write it as max_epochs"
            )
        super().search(x, y, self.max_epochs, verbose, **fit)


def trials_of_hyperband(epochs: int, factor: int) -> int:
    """Return with how many settings the brackets of one iteration begin.

    >>> trials_of_hyperband(81, 3)
    143
    """
    most = int(math.log(epochs) / math.log(factor) + 1e-9)
    return sum(math.ceil((most + 1) / (rung + 1) * factor**rung) for rung in range(most + 1))
