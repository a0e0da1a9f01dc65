"""Functions that render a training run's report as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fitwell import _html
from fitwell._html import HtmlFigure

__all__ = [
    "Contents",
    "render",
]


@dataclass(frozen=True)
class Contents:
    """The contents of a report as plain text.

    Args:
        title (str): The page title.
        subtitle (str): The line below the title.
        warnings (Sequence[str]): Sentences to highlight as warnings.
        tiles (Sequence[tuple[str, str]]): Pairs of a number and its label, starting with the most important pair.
        sentences (Sequence[str]): Sentences that summarize the scores.
        scores (tuple): The header and the rows of the score table.
        pictures (Sequence[HtmlFigure]): The figures.
        network (str): A summary of the network.
        settings (Sequence[tuple[str, str]]): Pairs of an option and its value.
        notes (Sequence[str]): Sentences about the data and its preprocessing.
        columns (Sequence[tuple[str, str]]): Pairs of an input column and a description of its preprocessing.
        command (str): The command that repeats the run.
        origin (Sequence[tuple[str, str]]): Pairs such as a library and its version, or the seed and its value.
        folds (tuple): The header and the rows of a table with the score of each fold. Defaults to an empty table.
        classes (tuple): The header and the rows of a table with each class's scores. Defaults to an empty table,
            which is used for regression.
    """

    title: str
    subtitle: str
    warnings: Sequence[str]
    tiles: Sequence[tuple[str, str]]
    sentences: Sequence[str]
    scores: tuple[Sequence[str], Sequence[Sequence[str]]]
    pictures: Sequence[HtmlFigure]
    network: str
    settings: Sequence[tuple[str, str]]
    notes: Sequence[str]
    columns: Sequence[tuple[str, str]]
    command: str
    origin: Sequence[tuple[str, str]]
    folds: tuple[Sequence[str], Sequence[Sequence[str]]] = field(default=((), ()))
    classes: tuple[Sequence[str], Sequence[Sequence[str]]] = field(default=((), ()))


def render(contents: Contents) -> str:
    """Render a report as a self-contained HTML page.

    Args:
        contents (Contents): The contents of the report.

    Returns:
        str: The HTML page.
    """
    scores = _html.paragraphs(contents.sentences) + _html.table(*contents.scores, kind="numbers")
    parts = [
        _html.page_header(contents.title, contents.subtitle),
        *map(_html.warning_section, contents.warnings),
        _html.stat_cards(contents.tiles),
        _html.section("Scores", scores),
        *map(_html.figure_section, contents.pictures),
    ]
    if contents.folds[1]:
        parts.append(_html.section("Folds", _html.table(*contents.folds, kind="numbers")))
    if contents.classes[1]:
        classes = _html.table(*contents.classes, kind="numbers")
        parts.append(_html.section("Scores by class", classes))
    columns = ""
    if contents.columns:
        columns = _html.details(
            f"Columns ({len(contents.columns)})",
            _html.table(("column", "preprocessing"), contents.columns),
        )
    network = _html.preformatted(contents.network) + _html.table((), contents.settings)
    repeat = _html.preformatted(contents.command) + _html.table((), contents.origin)
    parts += [
        _html.section("Data and preprocessing", _html.bullet_list(contents.notes) + columns),
        _html.section("Network", network),
        _html.section("Reproducing this run", repeat),
    ]
    return _html.html_page(contents.title, parts)
