"""Populations of models that are trained together and share compiled programs."""

from fitwell.population.ensemble import Ensemble, Prediction
from fitwell.population.population import Population
from fitwell.population.sampling import draw as draw
from fitwell.population.sampling import grid, sample

__all__ = ["Ensemble", "Population", "Prediction", "grid", "sample"]


def __dir__() -> list[str]:
    return sorted(__all__)
