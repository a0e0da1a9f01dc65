"""Populations: many models trained together, as one compiled program."""

from fitwell.population.population import Population
from fitwell.population.sampling import draw as draw
from fitwell.population.sampling import grid, sample

__all__ = ["Population", "grid", "sample"]


def __dir__() -> list[str]:
    return sorted(__all__)
