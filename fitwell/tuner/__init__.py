"""Hyperparameter search with Optuna.

Each batch of trials is trained as one population, and any number of workers can share a search.
"""

from fitwell.tuner.domains import Boolean, Choice, Domain, Fixed, Float, Int
from fitwell.tuner.hypermodel import HyperModel
from fitwell.tuner.hyperparameter_search import Search, search
from fitwell.tuner.hyperparameters import HyperParameters, InvalidSetting
from fitwell.tuner.list_domain import List
from fitwell.tuner.list_domain import Several as Several
from fitwell.tuner.objective import Objective
from fitwell.tuner.pbt import PBTResult, population_based_training
from fitwell.tuner.search_result import SearchResult
from fitwell.tuner.tuners import BayesianOptimization, GridSearch, Hyperband, RandomSearch

__all__ = [
    "BayesianOptimization",
    "Boolean",
    "Choice",
    "Domain",
    "Fixed",
    "Float",
    "GridSearch",
    "HyperModel",
    "HyperParameters",
    "Hyperband",
    "Int",
    "InvalidSetting",
    "List",
    "Objective",
    "PBTResult",
    "RandomSearch",
    "Search",
    "SearchResult",
    "population_based_training",
    "search",
]


def __dir__() -> list[str]:
    return sorted(__all__)
