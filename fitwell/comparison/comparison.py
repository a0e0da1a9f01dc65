"""`Comparison`, which presents the results of `compare` as tables, sentences, plots, Markdown and HTML."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fitwell import _html
from fitwell._escaping import escape_controls
from fitwell._file_io import atomic_write
from fitwell.comparison.metric_format import ENOUGH_REPEATS, MetricFormat, describe_difference
from fitwell.comparison.statistics import ConfidenceInterval, PairedDifference, compare_pairs, mean_interval

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = [
    "Comparison",
]


@dataclass(frozen=True)
class Comparison:
    """The result of comparing candidates over paired repeats, with confidence intervals and significance tests.

    `compare` returns an object of this class. Print it to see a summary.

    Args:
        scores (DataFrame): Values of `metric`, with one row per repeat and one column per candidate.
        metric (str): Name of the metric.
        larger_is_better (bool): Whether larger scores are better.
        varied (str): Clause that describes how the repeats differ, such as "each uses a different seed".
        confidence (float): Confidence level of the intervals, in (0, 1). Default: 0.95.
        overlap (float): Number of test rows divided by the number of training rows if each repeat has a different
            random split, or 0 if all repeats have the same split. It widens the intervals (Nadeau & Bengio 2003).
            Default: 0.0.
        baseline (str | None): Candidate with which all other candidates are compared. Default: None, which compares
            all pairs.
        looks (int): Number of times these test rows have been used in this process, including the current use.
            Default: 1.
        notes (tuple[str, ...]): Further caveats, such as notes about non-finite losses. Default: ().
        left_out (tuple[str, ...]): Notes about candidates and repeats that are excluded from `scores`. Plots also show
            these notes. Default: ().
        part (str): Name of the rows that were scored. Default: "test".

    Attributes:
        intervals (dict[str, ConfidenceInterval]): Mean score and confidence interval of each candidate.
        differences (list[PairedDifference]): Mean difference, confidence interval and p-values of each pair.

    Example:
        >>> import pandas as pd
        >>> scores = pd.DataFrame({"plain": [0.90, 0.91, 0.92], "dropout": [0.93, 0.95, 0.94]})
        >>> result = Comparison(scores, "accuracy", larger_is_better=True, varied="each uses a different seed")
        >>> result.best
        'dropout'
        >>> result.sentences()[0][:68]
        'dropout raises test accuracy by 3.0 ± 2.5 points compared with plain'
    """

    scores: pd.DataFrame
    metric: str
    larger_is_better: bool
    varied: str
    confidence: float = 0.95
    overlap: float = 0.0
    baseline: str | None = None
    looks: int = 1
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    part: str = "test"
    intervals: dict[str, ConfidenceInterval] = field(init=False)
    differences: list[PairedDifference] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", self.scores.rename(columns=str))
        columns = {str(name): np.asarray(self.scores[name], np.float64) for name in self.scores}
        intervals = {
            name: mean_interval(values, self.confidence, self.overlap) for name, values in columns.items()
        }
        if self.baseline is None:
            # Compare each candidate with the earlier ones, for example "dropout" with "plain".
            pairs = [(later, earlier) for earlier, later in itertools.combinations(columns, 2)]
        else:
            pairs = [(name, str(self.baseline)) for name in columns if name != str(self.baseline)]
        object.__setattr__(self, "intervals", intervals)
        object.__setattr__(self, "differences", compare_pairs(columns, pairs, self.confidence, self.overlap))

    @property
    def best(self) -> str:
        """The name of the candidate with the best mean score. See `differences` for the significance."""
        pick = max if self.larger_is_better else min
        return pick(self.intervals, key=lambda name: self.intervals[name].mean)

    @property
    def table(self) -> pd.DataFrame:
        """A table with one row per candidate, sorted from best to worst mean score.

        The columns are ``mean``, ``sd``, ``low`` and ``high``, where the last two are the limits of the interval.
        """
        import pandas as pd

        rows = {
            name: {"mean": found.mean, "sd": found.sd, "low": found.low, "high": found.high}
            for name, found in self.intervals.items()
        }
        frame = pd.DataFrame.from_dict(rows, orient="index")
        return frame.sort_values("mean", ascending=not self.larger_is_better, kind="stable")

    @property
    def differences_table(self) -> pd.DataFrame:
        """A table with one row per pair of candidates, with the mean difference, the interval and the test results."""
        import pandas as pd

        rows = [
            {
                "first": found.first,
                "second": found.second,
                "difference": found.interval.mean,
                "low": found.interval.low,
                "high": found.interval.high,
                "effect_size": found.effect_size,
                "p": found.p,
                "p_holm": found.p_holm,
                "first_higher": found.wins,
                "detectable": found.detectable,
            }
            for found in self.differences
        ]
        return pd.DataFrame(rows)

    def sentences(self) -> list[str]:
        """Describe each difference in one or two sentences.

        Returns:
            list[str]: The conclusions, in the same order as `differences`.
        """
        scale = self._format
        return [describe_difference(found, scale, self.confidence, self.part) for found in self.differences]

    def remarks(self) -> list[str]:
        """Describe the design of the comparison and its caveats.

        Returns:
            list[str]: Sentences about the repeats, the statistical tests, and the limits of the results.
        """
        repeats = len(self.scores)
        remarks = [
            f"The comparison has {repeats} paired repeats: {self.varied}. Each interval has a confidence level of "
            f"{100 * self.confidence:g} %. "
            f"The p-values are from paired t-tests, with Holm's correction for {len(self.differences)} "
            f"comparison{'s' if len(self.differences) > 1 else ''}."
        ]
        if any((self.scores[found.first] == self.scores[found.second]).any() for found in self.differences):
            remarks.append("Repeats in which two candidates have equal scores count as half a win for each.")
        if repeats < ENOUGH_REPEATS:
            remarks.append(
                f"{repeats} repeats can detect only large differences. Use {ENOUGH_REPEATS} or more."
            )
        if self.looks > 1:
            remarks.append(
                f"These {self.part} rows have been used {self.looks} times in this process. Each decision based on "
                "their scores makes the scores more optimistic. Reserve different rows for the final evaluation."
            )
        return [*remarks, *self.notes]

    # --- text and HTML ---------------------------------------------------------------------------------------

    def __str__(self) -> str:
        lines = ["  ".join(row) for row in _align_columns([_CANDIDATES, *self._candidate_rows()])]
        return escape_controls("\n".join([*lines, "", *self.sentences(), "", *self.remarks()]))

    def to_markdown(self) -> str:
        """Return the tables and sentences as a Markdown document.

        Returns:
            str: The document.
        """
        parts = [
            f"## {_escape_markdown(self._title)}",
            *map(_escape_markdown, self.sentences()),
            _markdown_table(_CANDIDATES, self._candidate_rows()),
            _markdown_table(_DIFFERENCES, self._difference_rows()),
            *map(_escape_markdown, self.remarks()),
        ]
        return "\n\n".join(parts) + "\n"

    def to_html(self, path: str | Path | None = None) -> str:
        """Return the comparison as a self-contained HTML page.

        Args:
            path (str | Path | None): File to which the page is written. Default: None, which writes no file.

        Returns:
            str: The page.
        """
        figures = [_html.new_figure(4.8, self._figure_height) for _ in range(2)]
        self._plot_on(*(figure.add_subplot() for figure in figures))
        pictures = [_html.to_png(figure) for figure in figures]
        page = _html.html_page(
            self._title,
            [
                _html.page_header(self._title, ", ".join(self.intervals)),
                self._repr_html_(),
                _html.figure_section(
                    _html.HtmlFigure("Repeat by repeat", pictures, "scores and differences")
                ),
            ],
        )
        if path is not None:
            atomic_write(path, page)
        return page

    def _repr_html_(self) -> str:
        sentences = self.sentences()
        conclusions, more = _html.paragraphs(sentences[:_MAX_SENTENCES]), sentences[_MAX_SENTENCES:]
        if more:
            conclusions += _html.details(f"{len(more)} more", _html.paragraphs(more))
        return "".join(
            [
                _html.section("Conclusions", conclusions),
                _html.section("Candidates", _html.table(_CANDIDATES, self._candidate_rows(), "numbers")),
                _html.section("Differences", _html.table(_DIFFERENCES, self._difference_rows(), "numbers")),
                _html.section("Method", _html.bullet_list(self.remarks())),
            ]
        )

    # --- plots -----------------------------------------------------------------------------------------------

    def plot(self) -> list[Axes]:
        """Plot all scores of each candidate, and the differences with their intervals.

        Significant differences are colored, and the other differences are gray. If there are more than 40
        differences, the plot shows only those with the smallest p-values, and a note says so. A note also gives
        the number of outliers that are not shown.

        Returns:
            list[Axes]: The axes of the scores and the axes of the differences.
        """
        from fitwell._plotting.layout import add_subplots, open_figure

        with open_figure(9.5, self._figure_height) as figure:
            left, right = add_subplots(figure, 2, 2)
            self._plot_on(left, right)
        return [left, right]

    @property
    def _figure_height(self) -> float:
        from fitwell.comparison.comparison_plots import figure_height

        return figure_height(list(self.intervals), self.differences)

    def _plot_on(self, left: Axes, right: Axes) -> None:
        from fitwell._plotting.annotations import add_note
        from fitwell._plotting.labels import escape_control, fit_axis_labels
        from fitwell._plotting.scales import compute_layout
        from fitwell.comparison.comparison_plots import plot_differences, plot_scores

        factor, unit = (100.0, " (%)") if self._format.is_percentage else (1.0, "")
        better = "max" if self.larger_is_better else "min"
        name = f"{self.part} {self.metric}{unit}"
        plot_scores(left, self.scores * factor, self.intervals, factor, better, name)
        add_note(left, [escape_control(sentence.removesuffix(".")) for sentence in self.left_out])
        name = f"difference in {self.metric}{' (points)' if unit else ''}"
        plot_differences(right, self.differences, factor, 1 - self.confidence, name)
        for axes in (left, right):
            compute_layout(axes.figure)
            fit_axis_labels(axes)

    # --- helpers ---------------------------------------------------------------------------------------------

    @property
    def _format(self) -> MetricFormat:
        return MetricFormat(self.metric, self.larger_is_better)

    @property
    def _title(self) -> str:
        return f"Comparison by {self.part} {self.metric}"

    def _candidate_rows(self) -> list[list[str]]:
        scale = self._format
        return [
            [str(name), scale.format_score(found), scale.format_number(found.sd, found.sd)]
            for name in self.table.index
            for found in [self.intervals[str(name)]]
        ]

    def _difference_rows(self) -> list[list[str]]:
        scale = self._format
        return [
            [
                f"{found.first} - {found.second}",
                scale.format_difference(found.interval),
                f"{found.effect_size:.2f}",
                f"{found.p:.3g}",
                f"{found.p_holm:.3g}",
                f"{found.wins * found.interval.repeats:g} of {found.interval.repeats}",
            ]
            for found in self.differences
        ]


# The maximum number of visible sentences. Further sentences are collapsed, because 40 candidates have 780 pairs.
_MAX_SENTENCES = 45
_CANDIDATES = ["candidate", "mean ± interval", "sd of repeats"]
_DIFFERENCES = ["difference", "mean ± interval", "effect size", "p", "p (Holm)", "first higher in"]


def _align_columns(rows: list[list[str]]) -> list[list[str]]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [[cell.ljust(width) for cell, width in zip(row, widths)] for row in rows]


def _markdown_table(header: list[str], rows: list[list[str]]) -> str:
    lines: list[Any] = [header, ["---"] * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(_escape_markdown(cell).replace("|", r"\|") for cell in line) + " |"
        for line in lines
    )


def _escape_markdown(text: Any) -> str:
    """Escape HTML in `text` for Markdown renderers, and replace line breaks with spaces."""
    return escape_controls(escape(str(text), quote=False)).replace("\n", " ")
