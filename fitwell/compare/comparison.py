"""What a comparison found: tables, sentences, a plot, Markdown and HTML."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fitwell import pages
from fitwell.compare.statistics import Difference, Interval, compare_pairs, mean_interval
from fitwell.compare.words import ENOUGH_REPEATS, Scale, sentence
from fitwell.paths import write_whole
from fitwell.printable import printable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Comparison:
    """Scores of several candidates over paired repeats, and what follows from them.

    scores: one row per repeat, one column per candidate: `metric` on the rows of `part`, ``"test"``.
    larger_is_better: whether a larger score is a better one. confidence: of the intervals.
    overlap: what repeats have in common, see `statistics.mean_interval`. baseline: the candidate that the
    others are compared with; None compares all pairs. varied: what differed from repeat to repeat.
    looks: how often these test rows have been looked at in this process, this time included.
    notes: anything else a reader must know, such as runs that went NaN. left_out: those notes that say which
    candidates and repeats `scores` has not, because a score was not finite; the picture says them too.

    `intervals` and `differences` hold the statistics; print it, or see `to_markdown`, `to_html`, `plot`.
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
    intervals: dict[str, Interval] = field(init=False)
    differences: list[Difference] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", self.scores.rename(columns=str))
        columns = {str(name): np.asarray(self.scores[name], np.float64) for name in self.scores}
        intervals = {
            name: mean_interval(values, self.confidence, self.overlap) for name, values in columns.items()
        }
        if self.baseline is None:
            # The second of a pair came earlier in the dict: "dropout against plain".
            pairs = [(later, earlier) for earlier, later in itertools.combinations(columns, 2)]
        else:
            pairs = [(name, str(self.baseline)) for name in columns if name != str(self.baseline)]
        object.__setattr__(self, "intervals", intervals)
        object.__setattr__(self, "differences", compare_pairs(columns, pairs, self.confidence, self.overlap))

    @property
    def best(self) -> str:
        """The candidate with the best mean: whether it is really better, the differences say."""
        pick = max if self.larger_is_better else min
        return pick(self.intervals, key=lambda name: self.intervals[name].mean)

    @property
    def table(self) -> pd.DataFrame:
        """One row per candidate, the best first: mean, standard deviation, ends of the interval."""
        import pandas as pd

        rows = {
            name: {"mean": found.mean, "sd": found.sd, "low": found.low, "high": found.high}
            for name, found in self.intervals.items()
        }
        frame = pd.DataFrame.from_dict(rows, orient="index")
        return frame.sort_values("mean", ascending=not self.larger_is_better, kind="stable")

    @property
    def differences_table(self) -> pd.DataFrame:
        """One row per pair: mean difference, interval, effect size, p, Holm's p, share of repeats won."""
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
        """Return what each difference says."""
        scale = self._scale
        return [sentence(found, scale, self.confidence, self.part) for found in self.differences]

    def remarks(self) -> list[str]:
        """Return what was varied, and what makes the result weaker than it looks."""
        repeats = len(self.scores)
        remarks = [
            f"{repeats} paired repeats: {self.varied}. Each interval is of {100 * self.confidence:g} % by itself; "
            f"p-values are of paired t-tests, corrected by Holm's method for {len(self.differences)} "
            f"comparison{'s' if len(self.differences) > 1 else ''}."
        ]
        if any((self.scores[found.first] == self.scores[found.second]).any() for found in self.differences):
            remarks.append("Repeats in which two candidates scored the same count half for each.")
        if repeats < ENOUGH_REPEATS:
            remarks.append(
                f"{repeats} repeats are few: only large differences can be seen. {ENOUGH_REPEATS} or more are better."
            )
        if self.looks > 1:
            remarks.append(
                f"These {self.part} rows have now been looked at {self.looks} times in this process: with every look, "
                "choosing by what they say makes their figures more hopeful. Keep other rows for the last word."
            )
        return [*remarks, *self.notes]

    # --- as text ---------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        lines = ["  ".join(row) for row in _aligned([_CANDIDATES, *self._candidate_rows()])]
        return printable("\n".join([*lines, "", *self.sentences(), "", *self.remarks()]))

    def to_markdown(self) -> str:
        """Return the tables and sentences as Markdown."""
        parts = [
            f"## {_markdown_text(self._title)}",
            *map(_markdown_text, self.sentences()),
            _markdown(_CANDIDATES, self._candidate_rows()),
            _markdown(_DIFFERENCES, self._difference_rows()),
            *map(_markdown_text, self.remarks()),
        ]
        return "\n\n".join(parts) + "\n"

    def to_html(self, path: str | Path | None = None) -> str:
        """Return the comparison as a page that needs nothing beside it; written to `path` when given."""
        figures = [pages.new_figure(4.8, self._height) for _ in range(2)]
        self._draw(*(figure.add_subplot() for figure in figures))
        pictures = [pages.png(figure) for figure in figures]
        page = pages.document(
            self._title,
            [
                pages.header(self._title, ", ".join(self.intervals)),
                self._repr_html_(),
                pages.picture(pages.Picture("Repeat by repeat", pictures, "scores and differences")),
            ],
        )
        if path is not None:
            write_whole(path, page)
        return page

    def _repr_html_(self) -> str:
        sentences = self.sentences()
        said, more = pages.paragraphs(sentences[:_MOST_SENTENCES]), sentences[_MOST_SENTENCES:]
        if more:
            said += pages.details(f"{len(more)} more", pages.paragraphs(more))
        return "".join(
            [
                pages.section("What it says", said),
                pages.section("Candidates", pages.table(_CANDIDATES, self._candidate_rows(), "numbers")),
                pages.section("Differences", pages.table(_DIFFERENCES, self._difference_rows(), "numbers")),
                pages.section("How it was found", pages.bullets(self.remarks())),
            ]
        )

    # --- as a picture ----------------------------------------------------------------------------------------

    def plot(self) -> list[Axes]:
        """Draw every repeat of every candidate, and the differences with their intervals; return the axes.

        Differences that were found stand out in colour; the others are grey. Of more than 40 differences those with the
        smallest p are drawn, and the picture says so, as it does of scores that are far off.
        """
        from fitwell.drawing.figures import opened, panels

        with opened(9.5, self._height) as figure:
            left, right = panels(figure, 2, 2)
            self._draw(left, right)
        return [left, right]

    @property
    def _height(self) -> float:
        from fitwell.compare.drawing import height

        return height(list(self.intervals), self.differences)

    def _draw(self, left: Axes, right: Axes) -> None:
        from fitwell.compare.drawing import draw_differences, draw_scores
        from fitwell.drawing.notes import note
        from fitwell.drawing.scales import lay_out
        from fitwell.drawing.text import fit_axis_names, visible

        factor, unit = (100.0, " (%)") if self._scale.is_share else (1.0, "")
        better = "max" if self.larger_is_better else "min"
        name = f"{self.part} {self.metric}{unit}"
        draw_scores(left, self.scores * factor, self.intervals, factor, better, name)
        note(left, [visible(said.removesuffix(".")) for said in self.left_out])
        name = f"difference in {self.metric}{' (points)' if unit else ''}"
        draw_differences(right, self.differences, factor, 1 - self.confidence, name)
        for axes in (left, right):
            lay_out(axes.figure)
            fit_axis_names(axes)

    # --- pieces ----------------------------------------------------------------------------------------------

    @property
    def _scale(self) -> Scale:
        return Scale(self.metric, self.larger_is_better)

    @property
    def _title(self) -> str:
        return f"Comparison by {self.part} {self.metric}"

    def _candidate_rows(self) -> list[list[str]]:
        scale = self._scale
        return [
            [str(name), scale.score(found), scale.number(found.sd, found.sd)]
            for name in self.table.index
            for found in [self.intervals[str(name)]]
        ]

    def _difference_rows(self) -> list[list[str]]:
        scale = self._scale
        return [
            [
                f"{found.first} - {found.second}",
                scale.difference(found.interval),
                f"{found.effect_size:.2f}",
                f"{found.p:.3g}",
                f"{found.p_holm:.3g}",
                f"{found.wins * found.interval.repeats:g} of {found.interval.repeats}",
            ]
            for found in self.differences
        ]


# More than this are folded away on a page: of 40 candidates there are 780.
_MOST_SENTENCES = 45
_CANDIDATES = ["candidate", "mean ± interval", "sd of repeats"]
_DIFFERENCES = ["difference", "mean ± interval", "effect size", "p", "p (Holm)", "first higher in"]


def _aligned(rows: list[list[str]]) -> list[list[str]]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [[cell.ljust(width) for cell, width in zip(row, widths)] for row in rows]


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    lines: list[Any] = [header, ["---"] * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(_markdown_text(cell).replace("|", r"\|") for cell in line) + " |" for line in lines
    )


def _markdown_text(text: Any) -> str:
    """Return text of which no renderer of Markdown makes HTML, in one line."""
    return printable(escape(str(text), quote=False)).replace("\n", " ")
