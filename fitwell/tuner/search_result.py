"""The results of a search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fitwell._param_validation import Integer, validate_params
from fitwell.errors import StateError
from fitwell.models.model import Model
from fitwell.population.ensemble import Ensemble
from fitwell.population.members import Setting
from fitwell.tuner.boundary_warnings import find_boundary_warnings
from fitwell.tuner.hyperparameters import HyperParameters
from fitwell.tuner.study_reader import StudyReader
from fitwell.tuner.trial_trainer import TrialRun, TrialTrainer
from fitwell.tuner.user_attrs import BEST_EPOCHS, REASON, SECONDS, VALUES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SearchResult"]

_STATES = {
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "RUNNING": "running",
    "WAITING": "waiting",
    "FAIL": "refused",
}


class SearchResult:
    """The results of a search, including all trials and the best models. `search` returns this object.

    Args:
        reader, trainer: Internal objects that `search` passes.

    Attributes:
        study: The Optuna study, which can be used with ``optuna.visualization``. To open it in the dashboard, run
            ``pip install optuna-dashboard``, and then ``optuna-dashboard sqlite:///search.db``.
        objective: The `Objective` of the search.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> def build(setting):
        ...     model = fw.Sequential([fw.Input((1,)), fw.layers.Dense(1)])
        ...     model.compile(fw.optimizers.SGD(setting["learning_rate"]), "mse")
        ...     return model
        >>> x = np.linspace(-1, 1, 20, dtype="float32").reshape(20, 1)
        >>> result = fw.search(
        ...     build, {"learning_rate": fw.tuner.Choice([0.1, 1e-6])}, (x, 2 * x), sampler="grid", epochs=5,
        ...     storage=":memory:", verbose=0,
        ... )
        >>> result.best_params
        {'learning_rate': 0.1}
        >>> result.trials["learning_rate"].tolist()
        [0.1, 1e-06]
    """

    def __init__(self, reader: StudyReader, trainer: TrialTrainer | None) -> None:
        self._reader = reader
        self._trainer = trainer
        self.objective = reader.objective
        self.study = reader.study

    @property
    def best_params(self) -> Setting:
        """The best trial's hyperparameters, in the form that is passed to the build function."""
        return self._reader.hyperparameters_of(self._reader.best_trial())[1]

    @property
    def best_value(self) -> float:
        """The value of the objective in the best trial, at its best epoch.

        With repeats, it is the mean over the repeats. With folds, it is the mean over the folds at the epoch with the
        best mean. It is the best of many values on the same validation rows, so it is optimistic. Evaluate the model on
        rows that the search did not use.
        """
        return float(self._reader.best_trial().value)

    def best_model(self) -> Model:
        """Return the best trial's model with the weights of its best epoch.

        The model is trained again. Without folds, this gives the same numbers as in the search. If the trial has more
        than one seed, the best seed is used. After a search with folds, the model is trained on all rows for the best
        number of epochs, without callbacks that monitor a validation metric.

        Returns:
            Model: The trained model.

        Raises:
            StateError: If no trial has completed, or if the trials were read from a study, which does not contain the
                rows.
        """
        return self.best_models(1)[0]

    @validate_params(count=Integer(1))
    def best_models(self, count: int) -> list[Model]:
        """Return the models of the best trials.

        Args:
            count (int): Number of models. If there are fewer completed trials, all of their models are returned.

        Returns:
            list[Model]: The models, sorted from best to worst. See `best_model`.
        """
        return self._trained_models(self.ranking()[:count])

    @validate_params(top=Integer(1))
    def ensemble(self, top: int = 5) -> Ensemble:
        """Combine the models of the best trials into one predictor.

        Which trial is best depends partly on chance, and models of similar quality make different errors. The mean of
        multiple models' predictions is therefore often better than the predictions of the best model.

        Args:
            top (int): Number of models. If there are fewer completed trials, all of their models are used. Default: 5.

        Returns:
            Ensemble: A predictor that computes the mean and the standard deviation of the models' predictions. See
                `best_model` for how the models are trained.
        """
        return Ensemble(self.best_models(top))

    def ranking(self) -> list[Any]:
        """Return the completed Optuna trials that have a finite value, sorted from best to worst."""
        return self._ranked(self._reader.require_finite_trials())

    @validate_params(count=Integer(1))
    def best_hyperparameters(self, count: int = 1) -> list[HyperParameters]:
        """Return the hyperparameters of the best trials, which can be passed to ``build(hp)``.

        Args:
            count (int): Number of trials. Default: 1.

        Returns:
            list[HyperParameters]: The hyperparameters, sorted from best to worst.
        """
        return [self._reader.hyperparameters_of(trial)[0] for trial in self.ranking()[:count]]

    def _ranked(self, trials: list[Any]) -> list[Any]:
        sign = self.objective.sign
        return sorted(trials, key=lambda trial: sign * trial.value)

    def _trained_models(self, trials: Sequence[Any]) -> list[Model]:
        """Train each trial's model again."""
        trainer = self._trainer
        if trainer is None:
            raise StateError(
                "the trials were read from a study, which does not store models; call search(x, y, ...) with the same "
                "rows first (it does not repeat any finished trials)"
            )
        seeds, runs = trainer.seeds, []
        folds = trainer.folds > 1
        for trial in trials:
            values, epochs = trial.user_attrs[VALUES], trial.user_attrs[BEST_EPOCHS]
            best_seed = seeds[0] if folds else seeds[values.index(self.objective.best(values))]
            setting = self._reader.hyperparameters_of(trial)[1]
            runs.append(TrialRun(setting, best_seed, epochs[0] + 1 if folds else trainer.epochs))
        return trainer.retrain(runs, all_rows=folds)

    @property
    def trials(self) -> pd.DataFrame:
        """A pandas table with one row per trial, which contains its value, state and hyperparameters.

        ``value`` is the objective at its best epoch, averaged over repeats or folds (folds share one best epoch), and
        ``sd`` is the standard deviation. The value is infinite if a loss became NaN. ``best_epoch`` is 0-based
        and averaged over repeats.
        """
        import pandas as pd

        rows = []
        for trial in self._reader.get_trials():
            attributes = trial.user_attrs
            refused = trial.state.name == "FAIL"
            row: dict[str, Any] = {
                "trial": trial.number,
                "value": trial.value,
                "state": _STATES[trial.state.name],
            }
            values = attributes.get(VALUES, [])
            if len(values) > 1 or (self._trainer is not None and len(self._trainer.seeds) > 1):
                row["sd"] = float(pd.Series(values, dtype=float).std()) if values else math.nan
            epochs = attributes.get(BEST_EPOCHS)
            row["best_epoch"] = sum(epochs) / len(epochs) if epochs else math.nan
            row[SECONDS] = attributes.get(SECONDS, math.nan)
            setting = (
                trial.params if refused or not trial.params else self._reader.hyperparameters_of(trial)[1]
            )
            # If a hyperparameter has the same name as another column, such as "value", its column gets a suffix.
            used_names = {*row, REASON}
            row |= {
                f"{name} (setting)" if name in used_names else name: value for name, value in setting.items()
            }
            rows.append(row | {REASON: attributes.get(REASON, "")})
        return pd.DataFrame(rows).set_index("trial") if rows else pd.DataFrame(columns=["value", "state"])

    def remarks(self) -> list[str]:
        """Return a warning for each hyperparameter whose best values are at one end of its range."""
        finite = self._ranked(self._reader.finite_trials())
        return find_boundary_warnings(finite, finite + self._reader.diverged_trials())

    def plot(self, by: str | None = None, figure: Figure | None = None) -> list[Axes]:
        """Plot the history of the search, and the objective against each hyperparameter.

        Outliers are drawn as triangles at the edge, and trials without a finite value as crosses. A note says how many
        of each there are. The best trials are always shown. Pruned trials are counted but not drawn. The axis of a
        hyperparameter is logarithmic if the hyperparameter was sampled on a logarithmic scale.

        Args:
            by (str | None): Hyperparameter that sets the color of the trials. Default: None.
            figure (matplotlib.figure.Figure | None): Empty figure to draw on. Default: None, which creates a new
                figure.

        Returns:
            list[matplotlib.axes.Axes]: The axes. Call ``plt.show()`` in a script to show them.
        """
        from fitwell.tuner.visualization import plot_search

        stopped = sum(trial.state.name == "PRUNED" for trial in self._reader.get_trials())
        return plot_search(
            self.ranking(), self.objective, self._reader.diverged_trials(), stopped, by, figure
        )

    def __repr__(self) -> str:
        ended = [trial for trial in self._reader.get_trials() if trial.state.is_finished()]
        try:
            best = f", best {self.objective.name} {self.best_value:.4g} with {self.best_params}"
        except StateError:  # no trial has completed yet
            best = ""
        return f"<SearchResult of {len(ended)} trial{'' if len(ended) == 1 else 's'}{best}>"
