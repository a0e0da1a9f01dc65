"""The contenders: each a function from the rows of training and the inputs of test to predictions for test."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.tables import fitwell_models, peers
from benchmarks.tables.part import Part, Predictions


@dataclass(frozen=True)
class Contender:
    """A model at its defaults.

    Args:
        name (str): Name in the results.
        title (str): Name on the page.
        run (callable): Trains and predicts.
        packages (tuple[str, ...]): Packages whose versions the page gives.
        modules (tuple[str, ...]): Modules to import before the clock starts.
    """

    name: str
    title: str
    run: Callable[[Part], Predictions]
    packages: tuple[str, ...]
    modules: tuple[str, ...] = ()

    @property
    def is_fitwell(self) -> bool:
        """Whether this is one of ours."""
        return self.name.startswith("fitwell")

    def prepare(self) -> None:
        """Import everything, so that no import is timed."""
        for module in self.modules:
            importlib.import_module(module)


_SKLEARN = ("sklearn.compose", "sklearn.pipeline", "sklearn.preprocessing", "sklearn.impute")
_ALL = (
    Contender("fitwell", "`fitwell.tabular`", fitwell_models.estimator, ("jax",), ("fitwell.tabular",)),
    Contender("fitwell-train", "`fitwell train`", fitwell_models.command_line, ("jax",)),
    Contender("catboost", "CatBoost", peers.catboost, ("catboost",), ("catboost",)),
    Contender("lightgbm", "LightGBM", peers.lightgbm, ("lightgbm",), ("lightgbm",)),
    Contender("xgboost", "XGBoost", peers.xgboost, ("xgboost",), ("xgboost",)),
    Contender(
        "hgb",
        "HistGradientBoosting",
        peers.hist_gradient_boosting,
        ("scikit-learn",),
        ("sklearn.ensemble",),
    ),
    Contender("realmlp", "RealMLP-TD", peers.realmlp, ("pytabkit", "torch"), ("pytabkit", "sklearn.impute")),
    Contender("tabm", "TabM-D", peers.tabm, ("pytabkit", "torch"), ("pytabkit", "sklearn.impute")),
    Contender(
        "sklearn-mlp",
        "scikit-learn's MLP",
        peers.sklearn_mlp,
        ("scikit-learn",),
        ("sklearn.neural_network", *_SKLEARN),
    ),
    Contender("linear", "linear", peers.linear, ("scikit-learn",), ("sklearn.linear_model", *_SKLEARN)),
)
CONTENDERS = {contender.name: contender for contender in _ALL}
