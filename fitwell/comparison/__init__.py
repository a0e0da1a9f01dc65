"""Statistical comparison of models with paired repeats, confidence intervals and significance tests."""

from fitwell.comparison.comparison import Comparison
from fitwell.comparison.runner import compare

__all__ = ["Comparison", "compare"]


def __dir__() -> list[str]:
    return sorted(__all__)
