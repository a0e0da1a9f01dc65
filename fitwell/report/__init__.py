"""A training run's report, with scores, summary sentences and figures, as an HTML page."""

from fitwell._deprecation import deprecated_module_getattr
from fitwell._html import HtmlFigure
from fitwell.report.html_report import Contents, render
from fitwell.report.importance import Importance, permutation_importance
from fitwell.report.scores import Score, compare_losses, score_classification, score_regression
from fitwell.report.summary_text import ScoreSet, score_table, summarize

__all__ = [
    "Contents",
    "HtmlFigure",
    "Importance",
    "ScoreSet",
    "Score",
    "compare_losses",
    "permutation_importance",
    "render",
    "score_classification",
    "score_regression",
    "score_table",
    "summarize",
]

__getattr__ = deprecated_module_getattr(
    "fitwell.report",
    "fitwell.report",
    {
        "Picture": "HtmlFigure",
        "Results": "ScoreSet",
        "difference": "compare_losses",
        "score_classes": "score_classification",
        "score_numbers": "score_regression",
        "tell": "summarize",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
