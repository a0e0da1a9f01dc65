"""The report of a run: scores, words, figures, and the page that holds them."""

from fitwell.pages import Picture
from fitwell.report.page import Contents, render
from fitwell.report.scores import Score, difference, score_classes, score_numbers
from fitwell.report.words import Results, score_table, tell

__all__ = [
    "Contents",
    "Picture",
    "Results",
    "Score",
    "difference",
    "render",
    "score_classes",
    "score_numbers",
    "score_table",
    "tell",
]
