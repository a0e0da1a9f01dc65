"""Populations: many models as one program."""

from fitwell.population.members import draw, grid
from fitwell.population.population import Population

__all__ = ["Population", "draw", "grid"]


def __dir__() -> list[str]:
    return sorted(__all__)
