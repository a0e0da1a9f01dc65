"""The report of a run: scores, words, figures, and the page that holds them."""

from fitwell._html import HtmlFigure
from fitwell.report.html_report import Contents, render
from fitwell.report.scores import Score, compare_losses, score_classification, score_regression
from fitwell.report.summary_text import ScoreSet, score_table, summarize

__all__ = [
    "Contents",
    "HtmlFigure",
    "ScoreSet",
    "Score",
    "compare_losses",
    "render",
    "score_classification",
    "score_regression",
    "score_table",
    "summarize",
]
