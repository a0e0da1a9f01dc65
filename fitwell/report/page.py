"""The report of a run as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fitwell import pages
from fitwell.pages import Picture


@dataclass(frozen=True)
class Contents:
    """What a report says, in plain text.

    tiles: (number, what it is), the most important first.
    scores, classes: header and rows of a table; `classes` is empty for regression.
    settings, origin: pairs of a name and a value. columns: what became of each input.
    """

    title: str
    subtitle: str
    warnings: Sequence[str]
    tiles: Sequence[tuple[str, str]]
    sentences: Sequence[str]
    scores: tuple[Sequence[str], Sequence[Sequence[str]]]
    pictures: Sequence[Picture]
    network: str
    settings: Sequence[tuple[str, str]]
    notes: Sequence[str]
    columns: Sequence[tuple[str, str]]
    command: str
    origin: Sequence[tuple[str, str]]
    classes: tuple[Sequence[str], Sequence[Sequence[str]]] = field(default=((), ()))


def render(contents: Contents) -> str:
    """Return the report as HTML."""
    scores = pages.paragraphs(contents.sentences) + pages.table(*contents.scores, kind="numbers")
    parts = [
        pages.header(contents.title, contents.subtitle),
        *map(pages.warning, contents.warnings),
        pages.tiles(contents.tiles),
        pages.section("How good it is", scores),
        *map(pages.picture, contents.pictures),
    ]
    if contents.classes[1]:
        classes = pages.table(*contents.classes, kind="numbers")
        parts.append(pages.section("Class by class, on the test rows", classes))
    columns = ""
    if contents.columns:
        columns = pages.details(
            f"Column by column ({len(contents.columns)})",
            pages.table(("column", "what became of it"), contents.columns),
        )
    network = pages.preformatted(contents.network) + pages.table((), contents.settings)
    repeat = pages.preformatted(contents.command) + pages.table((), contents.origin)
    parts += [
        pages.section("What was done to the data", pages.bullets(contents.notes) + columns),
        pages.section("The network", network),
        pages.section("To repeat it", repeat),
    ]
    return pages.document(contents.title, parts)
