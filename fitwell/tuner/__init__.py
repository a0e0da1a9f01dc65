"""Search for hyperparameters: on Optuna, in populations, by any number of workers."""

from fitwell.tuner.domains import Boolean, Choice, Domain, Fixed, Float, Int, Several
from fitwell.tuner.hyperparameters import HyperParameters, InvalidSetting
from fitwell.tuner.objective import Objective
from fitwell.tuner.result import SearchResult
from fitwell.tuner.searching import Search, search

__all__ = [
    "Boolean",
    "Choice",
    "Domain",
    "Fixed",
    "Float",
    "HyperParameters",
    "Int",
    "InvalidSetting",
    "Objective",
    "Search",
    "SearchResult",
    "Several",
    "search",
]
