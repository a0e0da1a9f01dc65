"""Functions that build self-contained HTML pages, without scripts, fonts or links to other files.

The functions escape their text arguments. Only the arguments named `body` and `parts` are already HTML.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fitwell._escaping import escape_controls

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "HtmlFigure",
    "bullet_list",
    "details",
    "escape",
    "figure_section",
    "html_page",
    "new_figure",
    "page_header",
    "paragraphs",
    "preformatted",
    "section",
    "stat_cards",
    "table",
    "to_png",
    "warning_section",
]

DOTS_PER_INCH = 144

STYLE = """
:root { --ink: #1f2933; --soft: #5b6875; --line: #dfe4ea; --paper: #ffffff; --ground: #f4f6f8; --mark: #2f6db5; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.5; overflow-wrap: break-word;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
header h1 { margin: 0; font-size: 1.7rem; line-height: 1.2; overflow-wrap: anywhere; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: .7rem;
  padding: 1.1rem 1.25rem; margin: 0 0 1rem; }
h2 { margin: 0 0 .6rem; font-size: 1.1rem; }
p { margin: 0 0 .6rem; } p:last-child { margin-bottom: 0; }
header p, header p:last-child { margin: .3rem 0 1.1rem; color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 0 0 1rem; }
.tile { background: var(--paper); border: 1px solid var(--line); border-radius: .7rem; padding: .8rem 1rem;
  min-width: 0; }
.tile b { display: block; font-size: 1.7rem; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .88rem; overflow-wrap: anywhere; }
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
table td:first-child { min-width: 8rem; overflow-wrap: anywhere; }
table.words td { overflow-wrap: anywhere; }
ul { margin: 0; padding-left: 1.2rem; } li { margin: .15rem 0; overflow-wrap: anywhere; }
pre { margin: 0; overflow-x: auto; background: var(--ground); border-radius: .5rem; padding: .8rem 1rem;
  font: .82rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
details { margin-top: .8rem; } summary { cursor: pointer; color: var(--mark); }
footer { color: var(--soft); font-size: .85rem; padding: .3rem .2rem; }
@media (max-width: 34rem) { section { padding: .9rem .9rem; } .tile b { font-size: 1.2rem; } }
@media print { body { background: none; } section, .tile { break-inside: avoid; } }
"""


def escape(text: str) -> str:
    """Escape text for HTML. Control characters are written as Python escape sequences, because HTML forbids them."""
    return html.escape(escape_controls(text))


@dataclass(frozen=True)
class HtmlFigure:
    """Images under a heading, which are shown side by side if they fit and stacked otherwise.

    Args:
        heading (str): The section's heading.
        panels (Sequence[bytes]): The contents of PNG files, one for each image.
        alt_text (str): The description for readers who cannot see the images.
        caption (str): The text below the images. Default: "".
        max_width (str): The maximum width as a CSS length. Default: "100%".
    """

    heading: str
    panels: Sequence[bytes]
    alt_text: str
    caption: str = ""
    max_width: str = "100%"


def html_page(title: str, parts: Sequence[str]) -> str:
    """Return a complete HTML page with `parts` as its body."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(parts)
        + "\n<footer>Made by fitwell. This file is self-contained.</footer>\n</main>\n</body>\n</html>\n"
    )


def page_header(title: str, subtitle: str) -> str:
    """Return a page header with a title and a subtitle."""
    return f"<header><h1>{escape(title)}</h1><p>{escape(subtitle)}</p></header>"


def warning_section(sentence: str) -> str:
    """Return a section that highlights one sentence as a warning."""
    return f"<section class=warning>{paragraphs([sentence])}</section>"


def stat_cards(numbers: Sequence[tuple[str, str]]) -> str:
    """Return one card for each pair of a number and its label. The first card is highlighted."""
    boxes = "".join(
        f"<div class=tile><b>{escape(number)}</b><span>{escape(label)}</span></div>"
        for number, label in numbers
    )
    return f"<div class=tiles>{boxes}</div>"


def section(heading: str, body: str) -> str:
    """Return a section with a heading and the HTML `body`."""
    return f"<section><h2>{escape(heading)}</h2>{body}</section>"


def paragraphs(sentences: Sequence[str]) -> str:
    """Return one paragraph for each sentence."""
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)


def bullet_list(items: Sequence[str]) -> str:
    """Return a bulleted list."""
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def preformatted(text: str) -> str:
    """Return text in a monospaced font that keeps its line breaks and spaces."""
    return f"<pre>{escape(text)}</pre>"


def details(summary: str, body: str) -> str:
    """Return a collapsible block that shows `summary` and expands to the HTML `body`."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "words") -> str:
    """Return a table. With ``kind="numbers"``, every column except the first is right-aligned."""
    head = "<tr>" + "".join(f"<th>{escape(name)}</th>" for name in header) + "</tr>" if header else ""
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=scroll><table class={kind}><thead>{head}</thead><tbody>{body}</tbody></table></div>"


def figure_section(picture: HtmlFigure) -> str:
    """Return a section that shows a figure's images and caption."""
    caption = f"<figcaption>{escape(picture.caption)}</figcaption>" if picture.caption else ""
    images = "".join(
        f'<img alt="{escape(picture.alt_text)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
        for png in picture.panels
    )
    panels = f'<div class=panels style="max-width: {picture.max_width}">{images}</div>'
    return section(picture.heading, f"<figure>{panels}{caption}</figure>")


def new_figure(width: float, height: float) -> Figure:
    """Create an empty figure with a size in inches, without changing pyplot's global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def to_png(figure: Figure) -> bytes:
    """Render a figure as a PNG file and return its bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH)
    return buffer.getvalue()
