"""KerasTuner's interface, which you can import with ``from fitwell import tuner as keras_tuner``.

The tuners call `fitwell.search`, and store the study in ``<directory>/<project_name>/study.db``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from fitwell._file_io import os_error_reason
from fitwell._param_validation import (
    CallableRule,
    FilePath,
    Identifier,
    Integer,
    Predicate,
    Real,
    Rule,
    String,
    validate_params,
)
from fitwell._progress import print_message
from fitwell._typing import PyTree
from fitwell.errors import FileError, InvalidArgument, StateError
from fitwell.models.model import Model
from fitwell.tuner.hypermodel import FunctionHyperModel
from fitwell.tuner.hyperparameter_search import search
from fitwell.tuner.hyperparameters import HyperParameters
from fitwell.tuner.objective import Objective, as_objective
from fitwell.tuner.oracle import Oracle
from fitwell.tuner.search_result import SearchResult
from fitwell.tuner.search_space import SearchSpace
from fitwell.tuner.storage import open_storage
from fitwell.tuner.study_reader import StudyReader

__all__ = [
    "BayesianOptimization",
    "GridSearch",
    "Hyperband",
    "RandomSearch",
    "Tuner",
    "count_hyperband_trials",
]

_STUDY_FILE = "study.db"
_TUNER_RULES: dict[str, Rule] = {
    "hypermodel": CallableRule()
    | Predicate(lambda value: callable(getattr(value, "build", None)), "a HyperModel"),
    "objective": Identifier(as_objective, optional=False),
    "max_trials": Integer(1) | None,
    "seed": Integer(0) | None,
    "executions_per_trial": Integer(1),
    "directory": FilePath() | None,
    "project_name": String() | None,
    "num_trials": Integer(1),
    "num_models": Integer(1),
}


class Tuner:
    """Base class for the tuners.

    As in KerasTuner, a new tuner for an existing study can read the results without a search, and `search` continues
    the study. Models are not stored, so `get_best_models` trains them again. A new tuner needs the rows for this, so
    call `search` with the same rows first. This call does not repeat finished trials.

    Args:
        hypermodel (Callable[[HyperParameters], Model] | HyperModel): Function or object that builds a compiled model.
        objective (str | Objective): See `fitwell.search`. Default: ``"val_loss"``.
        max_trials (int | None): Number of trials. None means all combinations, which only `GridSearch` supports.
            Default: 10.
        seed (int | None): Seed for the sampler and for the first model. Default: None, which means 0.
        executions_per_trial (int): Number of seeds for each setting. Default: 1.
        overwrite (bool): Whether to delete an existing study. Default: False.
        directory (str | Path | None): Folder in which the project's folder is created. Default: None, which means the
            working directory.
        project_name (str | None): Name of the project. Default: None, which means ``"untitled_project"``.
        **others: Other arguments of KerasTuner, which are not supported and raise `InvalidArgument`.
    """

    sampler = "random"
    pruner: str | None = None

    @validate_params(_TUNER_RULES)
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
                f"{type(self).__name__} does not support {', '.join(others)}; the supported arguments are hypermodel, "
                "objective, max_trials, seed, executions_per_trial, overwrite, directory and project_name"
            )
        if hasattr(self, "run_trial"):
            raise InvalidArgument(
                f"{type(self).__name__}.run_trial is not supported, because all trials are trained together; request "
                "the hyperparameters in build, and pass the arguments of fit to search"
            )
        self.hypermodel = hypermodel if hasattr(hypermodel, "build") else FunctionHyperModel(hypermodel)
        self.objective = objective
        self.max_trials = max_trials
        self.project_dir = Path(directory or ".") / (project_name or "untitled_project")
        self._seed = 0 if seed is None else seed
        self._repeats = executions_per_trial
        self._overwrite = overwrite
        self._result: SearchResult | None = None

    def search(
        self, x: PyTree = None, y: PyTree = None, epochs: int = 1, verbose: int | str = "auto", **fit: Any
    ) -> None:
        """Search for good hyperparameters, and store the trials in the project's folder.

        If the study already exists, the search continues it. With ``overwrite=True``, however, the tuner's first search
        deletes the study and starts over.

        Args:
            x (Array): Training inputs of shape `[rows, ...]`.
            y (Array | None): Targets of shape `[rows, ...]`. Default: None.
            epochs (int): Maximum number of epochs per trial. Default: 1.
            verbose (int | str): See `fitwell.search`. Default: ``"auto"``.
            **fit: ``sample_weight``, or other arguments of `Population.fit`, such as ``validation_data``,
                ``batch_size`` or ``callbacks``.

        Raises:
            FileError: If the project's folder cannot be created.
            InvalidArgument: If an argument is invalid.
        """
        try:
            self.project_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"cannot create the folder {self.project_dir}: {os_error_reason(error)}"
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
            storage=self.project_dir / _STUDY_FILE,
            name=self.project_dir.name,
            overwrite=self._overwrite,
            seed=self._seed,
            verbose=verbose,
            **fit,
        )
        self._overwrite = False  # a second call continues the study

    @property
    def oracle(self) -> Oracle:
        """KerasTuner's interface to the trials, such as ``oracle.get_best_trials()``."""
        return Oracle(lambda: self.result)

    @property
    def result(self) -> SearchResult:
        """The `SearchResult`, which contains the table of trials, plots, and the Optuna study."""
        if self._result is None:
            self.reload()
        assert self._result is not None
        return self._result

    def reload(self) -> None:
        """Read the trials of an existing study.

        Properties and methods that return results call this method if necessary.
        """
        path = self.project_dir / _STUDY_FILE
        if self._overwrite or not path.exists():
            raise StateError(f"{type(self).__name__}: call search(x, y, ...) first")
        reader = StudyReader(
            open_storage(path),
            self.project_dir.name,
            SearchSpace(self.hypermodel),
            as_objective(self.objective),
        )
        self._result = SearchResult(reader, None)

    @validate_params(_TUNER_RULES)
    def get_best_hyperparameters(self, num_trials: int = 1) -> list[HyperParameters]:
        """Return the hyperparameters of the best trials.

        Args:
            num_trials (int): Number of trials. Default: 1.

        Returns:
            list[HyperParameters]: The hyperparameters, sorted from best to worst.
        """
        return self.result.best_hyperparameters(num_trials)

    @validate_params(_TUNER_RULES)
    def get_best_models(self, num_models: int = 1) -> list[Model]:
        """Train the best models again, and return them with the weights of their best epochs.

        Args:
            num_models (int): Number of models. Default: 1.

        Returns:
            list[Model]: The models, sorted from best to worst.
        """
        return self.result.best_models(num_models)

    @validate_params(_TUNER_RULES)
    def results_summary(self, num_trials: int = 10) -> None:
        """Print the best trials.

        Args:
            num_trials (int): Number of trials. Default: 10.
        """
        result = self.result
        print_message(f"Results in {self.project_dir}")
        print_message(
            f"Showing {num_trials} best trials by {result.objective.name} ({result.objective.direction})"
        )
        for trial in self.oracle.get_best_trials(num_trials):
            trial.summary()

    def search_space_summary(self) -> None:
        """Print the hyperparameters that the build function requests when it is called with default values."""
        hp = HyperParameters()
        SearchSpace(self.hypermodel).sample(hp)
        print_message(f"Search space summary\nDefault search space size: {len(hp.domains)}")
        for name, domain in hp.domains.items():
            print_message(f"{name}: {domain!r}")


class RandomSearch(Tuner):
    """A tuner that samples settings at random. See `Tuner` for the arguments.

    Args:
        hypermodel, objective, max_trials, **others: See `Tuner`.

    Example:
        >>> import tempfile
        >>> import fitwell as fw
        >>> def build(hp):
        ...     model = fw.Sequential([fw.Input((1,)), fw.layers.Dense(hp.Int("units", 1, 4)), fw.layers.Dense(1)])
        ...     model.compile("sgd", "mse")
        ...     return model
        >>> folder = tempfile.mkdtemp()
        >>> tuner = fw.tuner.RandomSearch(build, objective="val_loss", max_trials=2, directory=folder)
        >>> tuner.search([[0.0], [1.0]], [[0.0], [1.0]], epochs=1, validation_data=([[0.5]], [[0.5]]), verbose=0)
        >>> len(tuner.get_best_hyperparameters(2))
        2

    Source: KerasTuner `RandomSearch`.
    """


class BayesianOptimization(Tuner):
    """A tuner that uses Bayesian optimization with a Gaussian process. See `Tuner` for the arguments.

    It requires torch.

    Args:
        hypermodel, objective, max_trials, **others: See `Tuner`.

    Example:
        >>> import fitwell as fw
        >>> fw.tuner.BayesianOptimization.sampler
        'gp'

    Source: KerasTuner `BayesianOptimization`.
    """

    sampler = "gp"


class GridSearch(Tuner):
    """A tuner that tries all combinations on a grid. See `Tuner` for the arguments.

    `max_trials` is None by default, which means all combinations.

    Args:
        hypermodel, objective, max_trials, **others: See `Tuner`.

    Example:
        >>> import tempfile
        >>> import fitwell as fw
        >>> def build(hp):
        ...     model = fw.Sequential([fw.Input((1,)), fw.layers.Dense(hp.Int("units", 1, 4)), fw.layers.Dense(1)])
        ...     model.compile("sgd", "mse")
        ...     return model
        >>> folder = tempfile.mkdtemp()
        >>> tuner = fw.tuner.GridSearch(build, objective="val_loss", max_trials=2, directory=folder)
        >>> tuner.search([[0.0], [1.0]], [[0.0], [1.0]], epochs=1, validation_data=([[0.5]], [[0.5]]), verbose=0)
        >>> len(tuner.get_best_hyperparameters(2))
        2

    Source: KerasTuner `GridSearch`.
    """

    sampler = "grid"

    @validate_params(_TUNER_RULES)
    def __init__(
        self,
        hypermodel: Any,
        objective: str | Objective = "val_loss",
        max_trials: int | None = None,
        **others: Any,
    ) -> None:
        super().__init__(hypermodel, objective, max_trials, **others)


class Hyperband(Tuner):
    """A tuner that starts many trials, and after a few epochs continues only the best ones.

    Args:
        hypermodel (Callable | HyperModel): See `Tuner`.
        objective (str | Objective): See `Tuner`. Default: ``"val_loss"``.
        max_epochs (int): Maximum number of epochs per trial. Default: 100.
        factor (int): Reduction factor. Only 3 is supported. Default: 3.
        hyperband_iterations (float): Number of passes through all brackets, which determines the number of
            trials. Default: 1.
        **others: Other arguments of `Tuner`.

    Example:
        >>> import fitwell as fw
        >>> fw.tuner.Hyperband.pruner
        'hyperband'

    Source: KerasTuner `Hyperband`; Li et al. (2018).
    """

    pruner = "hyperband"

    @validate_params(
        _TUNER_RULES,
        max_epochs=Integer(1),
        factor=Integer(3, 3).described_as("3, the only supported value"),
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
        trials = math.ceil(hyperband_iterations * count_hyperband_trials(max_epochs, factor))
        super().__init__(hypermodel, objective, trials, **others)

    def search(
        self,
        x: PyTree = None,
        y: PyTree = None,
        epochs: int | None = None,
        verbose: int | str = "auto",
        **fit: Any,
    ) -> None:
        """Search for good hyperparameters, with up to `max_epochs` epochs per trial. See `Tuner.search`."""
        if epochs not in (None, self.max_epochs):
            raise InvalidArgument(
                f"Hyperband: a trial has at most max_epochs={self.max_epochs} epochs; remove epochs={epochs}, or pass "
                f"max_epochs={epochs} to the constructor"
            )
        super().search(x, y, self.max_epochs, verbose, **fit)


def count_hyperband_trials(epochs: int, factor: int) -> int:
    """Return the number of trials in the brackets of one Hyperband iteration.

    >>> count_hyperband_trials(81, 3)
    143
    """
    most = int(math.log(epochs) / math.log(factor) + 1e-9)
    return sum(math.ceil((most + 1) / (rung + 1) * factor**rung) for rung in range(most + 1))
