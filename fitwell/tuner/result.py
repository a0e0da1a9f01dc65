"""What a search found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fitwell.arguments import Integer, checked
from fitwell.errors import StateError
from fitwell.models.model import Model
from fitwell.population.ensemble import Ensemble
from fitwell.tuner.hyperparameters import HyperParameters, Setting
from fitwell.tuner.ledger import Ledger
from fitwell.tuner.notes import EPOCHS, REASON, SECONDS, VALUES
from fitwell.tuner.remarks import told_edges
from fitwell.tuner.training import Run, Trainer

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STATES = {
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "RUNNING": "running",
    "WAITING": "waiting",
    "FAIL": "refused",
}


class SearchResult:
    """The trials of a search, and the best of them.

    study: Optuna's study, with all that Optuna can do with one. Its dashboard opens it too:
        ``pip install optuna-dashboard``, then ``optuna-dashboard sqlite:///search.db``.
    trainer: what trained the trials; None where they were only read, so that there is nothing to train models with.
    """

    def __init__(self, ledger: Ledger, trainer: Trainer | None) -> None:
        self._ledger = ledger
        self._trainer = trainer
        self.objective = ledger.objective
        self.study = ledger.study

    @property
    def best_params(self) -> Setting:
        """The hyperparameters of the best trial, as the build function was given them."""
        return self._ledger.drawn(self._ledger.best())[1]

    @property
    def best_value(self) -> float:
        """The objective of the best trial: its best epoch, on average over repeats; with folds the best epoch of their
        average.

        It was chosen as the best of many on these validation rows, so it is more hopeful than the truth: judge
        the model by rows that the search never saw.
        """
        return float(self._ledger.best().value)

    def best_model(self) -> Model:
        """Return the model of the best trial, with the weights of its best epoch.

        It is trained again, which gives the same numbers; of several repeats the best one. After a search
        with `folds` it learns from all rows, for as many epochs as were best for the folds on average, and without
        the callbacks that monitor validation, of which there is none.
        """
        return self.best_models(1)[0]

    @checked(count=Integer(1))
    def best_models(self, count: int) -> list[Model]:
        """Return the models of the `count` best trials, the best first; see `best_model`."""
        return self._models_of(self.ranking()[:count])

    @checked(top=Integer(1))
    def ensemble(self, top: int = 5) -> Ensemble:
        """Return the models of the `top` best trials, or all when there are fewer, as one predictor.

        The best of many owes part of its place to luck, and settings that did about as well err elsewhere, so
        their mean is often better than any of them. For the models see `best_model`.
        """
        return Ensemble(self.best_models(top))

    def ranking(self) -> list[Any]:
        """Return the complete trials with a finite value as Optuna holds them, the best first."""
        return self._ranked(self._ledger.complete())

    @checked(count=Integer(1))
    def best_hyperparameters(self, count: int = 1) -> list[HyperParameters]:
        """Return the hyperparameters of the `count` best trials as objects to build from: ``build(hp)``."""
        return [self._ledger.drawn(trial)[0] for trial in self.ranking()[:count]]

    def _ranked(self, trials: list[Any]) -> list[Any]:
        sign = 1 if self.objective.direction == "min" else -1
        return sorted(trials, key=lambda trial: sign * trial.value)

    def _models_of(self, trials: Sequence[Any]) -> list[Model]:
        """Return the model that stands for each trial, trained again."""
        trainer = self._trainer
        if trainer is None:
            raise StateError(
                "the trials were read from their study, and their models are trained again, for which the rows are "
                "needed: call search(x, y, ...) as before first, which trains no trial again"
            )
        seeds, runs = trainer.seeds, []
        folds = trainer.folds > 1
        for trial in trials:
            values, epochs = trial.user_attrs[VALUES], trial.user_attrs[EPOCHS]
            best_seed = seeds[0] if folds else seeds[values.index(self.objective.best(values))]
            setting = self._ledger.drawn(trial)[1]
            runs.append(Run(setting, best_seed, epochs[0] + 1 if folds else trainer.epochs))
        return trainer.retrain(runs, all_rows=folds)

    @property
    def trials(self) -> pd.DataFrame:
        """A table with one row per trial: its value, what became of it, and its hyperparameters.

        ``value`` is the objective at its best epoch, on average over repeats and folds (which have their best epoch in
        common), of which ``sd`` is the standard deviation; it is infinite where a loss became NaN. ``best_epoch``
        counts from 0.
        """
        import pandas as pd

        rows = []
        for trial in self._ledger.frozen():
            notes = trial.user_attrs
            refused = trial.state.name == "FAIL"
            row: dict[str, Any] = {
                "trial": trial.number,
                "value": trial.value,
                "state": _STATES[trial.state.name],
            }
            values = notes.get(VALUES, [])
            if len(values) > 1 or (self._trainer is not None and len(self._trainer.seeds) > 1):
                row["sd"] = float(pd.Series(values, dtype=float).std()) if values else math.nan
            epochs = notes.get(EPOCHS)
            row["best_epoch"] = sum(epochs) / len(epochs) if epochs else math.nan
            row[SECONDS] = notes.get(SECONDS, math.nan)
            setting = trial.params if refused or not trial.params else self._ledger.drawn(trial)[1]
            # A hyperparameter may be called like a column ("value"): then its column says which it is.
            taken = {*row, REASON}
            row |= {f"{name} (setting)" if name in taken else name: value for name, value in setting.items()}
            rows.append(row | {REASON: notes.get(REASON, "")})
        return pd.DataFrame(rows).set_index("trial") if rows else pd.DataFrame(columns=["value", "state"])

    def remarks(self) -> list[str]:
        """Return a sentence for every hyperparameter whose best values lie at an end of its range."""
        finite = self._ranked(self._ledger.finite())
        return told_edges(finite, finite + self._ledger.lost())

    def plot(self, by: str | None = None, figure: Figure | None = None) -> list[Axes]:
        """Draw how the search went, and the objective against each hyperparameter; return the axes.

        Trials that are far off stand at the edge as triangles, those that came to no finite value as crosses, and the
        picture says how many; the best never leave it. Trials that were stopped early are counted, not drawn. An axis
        is logarithmic where the hyperparameter was drawn so; categories stand side by side.

        by: a hyperparameter: trials are coloured by its value.
        figure: an empty figure to draw on; a new one by default. Nothing is shown: a script calls ``plt.show()``.
        """
        from fitwell.tuner.drawing import draw

        stopped = sum(trial.state.name == "PRUNED" for trial in self._ledger.frozen())
        return draw(self.ranking(), self.objective, self._ledger.lost(), stopped, by, figure)

    def __repr__(self) -> str:
        ended = [trial for trial in self._ledger.frozen() if trial.state.is_finished()]
        try:
            best = f", best {self.objective.name} {self.best_value:.4g} with {self.best_params}"
        except StateError:  # none is complete yet
            best = ""
        return f"<SearchResult of {len(ended)} trials{best}>"
