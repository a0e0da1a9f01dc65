"""The report of a run as one HTML file."""

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
    """Contents of a report, as plain text.

    tiles: pairs of a number and its label, the most important first. scores, classes: header and rows of a table;
    `classes` is empty for regression. settings, origin: pairs of a name and a value. columns: pairs of an input column
    and its preprocessing.
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
    classes: tuple[Sequence[str], Sequence[Sequence[str]]] = field(default=((), ()))


def render(contents: Contents) -> str:
    """Return the report as an HTML page."""
    scores = _html.paragraphs(contents.sentences) + _html.table(*contents.scores, kind="numbers")
    parts = [
        _html.page_header(contents.title, contents.subtitle),
        *map(_html.warning_section, contents.warnings),
        _html.stat_cards(contents.tiles),
        _html.section("Scores", scores),
        *map(_html.figure_section, contents.pictures),
    ]
    if contents.classes[1]:
        classes = _html.table(*contents.classes, kind="numbers")
        parts.append(_html.section("Scores by class on the test rows", classes))
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
