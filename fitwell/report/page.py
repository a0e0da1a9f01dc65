"""The report as one HTML file that needs nothing else: no script, no font, no address outside it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

STYLE = """
:root { --ink: #1f2933; --soft: #5b6875; --line: #dfe4ea; --paper: #ffffff; --ground: #f4f6f8; --mark: #2f6db5; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.5;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
header h1 { margin: 0; font-size: 1.7rem; line-height: 1.2; overflow-wrap: anywhere; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: .7rem;
  padding: 1.1rem 1.25rem; margin: 0 0 1rem; }
h2 { margin: 0 0 .6rem; font-size: 1.1rem; }
p { margin: 0 0 .6rem; } p:last-child { margin-bottom: 0; }
header p, header p:last-child { margin: .3rem 0 1.1rem; color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 0 0 1rem; }
.tile { background: var(--paper); border: 1px solid var(--line); border-radius: .7rem; padding: .8rem 1rem; }
.tile b { display: block; font-size: 1.7rem; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .88rem; }
.tile:first-child { border-top: 4px solid var(--mark); }
.warning { border-left: 4px solid #c2620a; }
figure { margin: 0; } figure img { width: 100%; height: auto; display: block; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: .5rem;
  margin: 0 auto; }
figcaption { color: var(--soft); font-size: .88rem; margin-top: .4rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
p + .scroll { margin-top: .9rem; } pre + .scroll { margin-top: .6rem; }
table.numbers td + td, table.numbers th + th { text-align: right; white-space: nowrap; }
table.numbers td:first-child { min-width: 8rem; }
ul { margin: 0; padding-left: 1.2rem; } li { margin: .15rem 0; overflow-wrap: anywhere; }
pre { margin: 0; overflow-x: auto; background: var(--ground); border-radius: .5rem; padding: .8rem 1rem;
  font: .82rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
details { margin-top: .8rem; } summary { cursor: pointer; color: var(--mark); }
footer { color: var(--soft); font-size: .85rem; padding: .3rem .2rem; }
@media (max-width: 34rem) { section { padding: .9rem .9rem; } .tile b { font-size: 1.4rem; } }
@media print { body { background: none; } section, .tile { break-inside: avoid; } }
"""


@dataclass(frozen=True)
class Picture:
    """A figure under a heading: panels beside each other where there is room, below each other on a phone.

    widest: CSS length that it does not exceed.
    """

    heading: str
    panels: Sequence[bytes]
    alternative: str
    caption: str = ""
    widest: str = "100%"


@dataclass(frozen=True)
class Contents:
    """What a report says; all text is plain and is escaped here.

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
    tiles = "".join(
        f"<div class=tile><b>{escape(number)}</b><span>{escape(what)}</span></div>"
        for number, what in contents.tiles
    )
    parts = [
        f"<header><h1>{escape(contents.title)}</h1><p>{escape(contents.subtitle)}</p></header>",
        *(f"<section class=warning>{_paragraphs([warning])}</section>" for warning in contents.warnings),
        f"<div class=tiles>{tiles}</div>",
        _section(
            "How good it is", _paragraphs(contents.sentences) + _table(*contents.scores, kind="numbers")
        ),
        *(_picture(picture) for picture in contents.pictures),
    ]
    if contents.classes[1]:
        parts.append(_section("Class by class, on the test rows", _table(*contents.classes, kind="numbers")))
    columns = ""
    if contents.columns:
        columns = (
            f"<details><summary>Column by column ({len(contents.columns)})</summary>"
            + _table(("column", "what became of it"), contents.columns)
            + "</details>"
        )
    parts += [
        _section("What was done to the data", _list(contents.notes) + columns),
        _section("The network", f"<pre>{escape(contents.network)}</pre>" + _table((), contents.settings)),
        _section("To repeat it", f"<pre>{escape(contents.command)}</pre>" + _table((), contents.origin)),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(contents.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(parts)
        + "\n<footer>Made by fitwell. This file needs nothing beside it.</footer>\n</main>\n</body>\n</html>\n"
    )


def _section(heading: str, body: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>{body}</section>"


def _paragraphs(sentences: Sequence[str]) -> str:
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)


def _list(items: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "words") -> str:
    head = "<tr>" + "".join(f"<th>{escape(name)}</th>" for name in header) + "</tr>" if header else ""
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=scroll><table class={kind}><thead>{head}</thead><tbody>{body}</tbody></table></div>"


def _picture(picture: Picture) -> str:
    caption = f"<figcaption>{escape(picture.caption)}</figcaption>" if picture.caption else ""
    images = "".join(
        f'<img alt="{escape(picture.alternative)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
        for png in picture.panels
    )
    panels = f'<div class=panels style="max-width: {picture.widest}">{images}</div>'
    return _section(picture.heading, f"<figure>{panels}{caption}</figure>")
