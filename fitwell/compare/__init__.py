"""Statistical comparison of models: paired repeats, confidence intervals, and conclusions as sentences."""

from fitwell.compare.comparison import Comparison
from fitwell.compare.running import compare

__all__ = ["Comparison", "compare"]
