"""Honest comparison of training ideas: paired repeats, intervals, and plain sentences."""

from fitwell.compare.comparison import Comparison
from fitwell.compare.running import compare

__all__ = ["Comparison", "compare"]
