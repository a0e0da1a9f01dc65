"""Functions that format plot labels.

Names are escaped, so that matplotlib does not parse them as formulas, and are shortened or wrapped to fit.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fitwell._escaping import escape_controls

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "ELLIPSIS",
    "MAX_LABEL_LENGTH",
    "PLAIN_TEXT",
    "escape_control",
    "escape_label",
    "fit_axis_labels",
    "font_size",
    "format_values",
    "set_axis_label",
    "shorten_distinct",
    "text_width",
    "truncate_middle",
    "wrap_label",
    "wrap_to_width",
]

# Text properties for names, so that matplotlib does not parse "$5 to $10" as a formula or "a_b" as TeX.
PLAIN_TEXT: dict[str, Any] = {"parse_math": False, "usetex": False}
ELLIPSIS = "…"
# Maximum number of characters in a tick label or a legend entry.
MAX_LABEL_LENGTH = 32
# Maximum number of characters per line, and maximum number of lines, in an axis label.
_LINE_LENGTH, _MAX_LINES = 40, 3
# Matches a piece of text that is not broken across lines. It ends with a space, an underscore or punctuation. A minus
# sign stays with its number.
_BREAKABLE = re.compile(r"(?:[^\s_/,;:-]|(?<!\w)-)*(?:[\s_/,;:]|(?<=\w)-)*")
# Maximum length of an axis label, as a multiple of the axis length.
_MAX_AXIS_RATIO = 1.15


def escape_control(text: object) -> str:
    r"""Return `text` with control characters and lone surrogates replaced by escape sequences.

    >>> escape_control("two\nlines")
    'two\\nlines'
    """
    return escape_controls(str(text)).replace("\n", r"\n").replace("\t", r"\t")


def truncate_middle(text: str, most: int = MAX_LABEL_LENGTH) -> str:
    """Return `text` with its middle replaced by an ellipsis if it has more than `most` characters.

    >>> truncate_middle("a very long name", 9)
    'a ve…name'
    """
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}{ELLIPSIS}{text[len(text) - tail :]}"


def shorten_distinct(names: Sequence[str], most: int = MAX_LABEL_LENGTH) -> list[str]:
    """Shorten `names` to at most `most` characters, keeping distinct names distinct.

    >>> shorten_distinct(["first of many", "fifth of many"], 7)
    ['fir…any', 'fif…any']
    >>> shorten_distinct(["network 1 of the first kind", "network 2 of the first kind"], 12)
    ['…work 1 of …', '…work 2 of …']
    """
    different = list(dict.fromkeys(names))
    short = [truncate_middle(name, most) for name in different]
    if len(set(short)) < len(short):
        short = _differing_parts(different, most)
    if len(set(short)) < len(short):
        short = [
            f"{truncate_middle(name, max(most - 6, 1))} ({place + 1})" for place, name in enumerate(different)
        ]
    found = dict(zip(different, short, strict=True))
    return [found[name] for name in names]


def _differing_parts(names: Sequence[str], most: int) -> list[str]:
    """Shorten names by removing their common prefix and suffix, or as much of these as necessary."""
    first, last = min(names), max(names)
    start = _common_prefix_length(first, last)
    turned = [name[start:][::-1] for name in names]
    end = _common_prefix_length(min(turned), max(turned))
    longest = max(len(name) for name in names) - start - end
    more = max(0, most - 2 - longest)
    start, end = max(0, start - (more + 1) // 2), max(0, end - more // 2)
    return [
        (ELLIPSIS if start else "")
        + truncate_middle(name[start : len(name) - end], most - 2)
        + (ELLIPSIS if end else "")
        for name in names
    ]


def _common_prefix_length(first: str, second: str) -> int:
    """Return the length of the common prefix of two strings."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(first), len(second)))


def wrap_to_width(text: str, width: float, size: float) -> str:
    """Wrap `text` into lines of at most `width` points at font size `size`.

    Lines are broken after spaces, underscores and punctuation.
    """
    lines = [""]
    for piece in filter(None, _BREAKABLE.findall(text)):
        if lines[-1] and text_width(lines[-1] + piece.rstrip(), size) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)


def wrap_label(text: object, line: int = _LINE_LENGTH, lines: int = _MAX_LINES) -> str:
    """Wrap `text` into lines of at most `line` characters, and shorten it if it needs more than `lines` lines."""
    return textwrap.fill(truncate_middle(escape_control(text), line * lines - lines), line)


def format_values(values: Sequence[Any]) -> list[str]:
    """Return a short, unique label for each of a hyperparameter's distinct `values`.

    Numbers get as many digits as necessary to distinguish them. The string ``"1"`` is quoted if the values also
    include the number 1.

    >>> format_values([0.1, 0.25, 1 / 3])
    ['0.1', '0.25', '0.3333']
    >>> format_values([1, "1", None])
    ['1', "'1'", 'None']
    """
    for digits in (4, 6, 9, 17):
        names = [_format_value(value, digits) for value in values]
        if len(set(names)) == len(names):
            break
    doubled = {name for name in names if names.count(name) > 1}
    names = [
        escape_control(repr(value)) if name in doubled else name
        for name, value in zip(names, values, strict=True)
    ]
    return shorten_distinct(names)


def _format_value(value: Any, digits: int) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.{digits}g}"
    if callable(value):
        return escape_control(getattr(value, "__name__", value))
    return escape_control(value)


def set_axis_label(axes: Axes, which: str, name: object) -> None:
    """Label the x or y axis with `name`, which is wrapped but not parsed as a formula."""
    getattr(axes, f"set_{which}label")(wrap_label(name), **PLAIN_TEXT)


def fit_axis_labels(axes: Axes) -> None:
    """Wrap the x and y axis labels so that they fit the lengths of their axes.

    The figure's layout must have been computed (see `fitwell._plotting.scales.compute_layout`).
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    for label, pixels in ((axes.xaxis.label, axes.bbox.width), (axes.yaxis.label, axes.bbox.height)):
        available, size = pixels / figure.dpi * 72 * _MAX_AXIS_RATIO, float(label.get_fontsize())
        text = label.get_text()
        if text_width(text, size) <= available:
            continue
        text = wrap_to_width(text.replace("\n", " "), available, size)
        letters = max(4, int(available / (0.62 * size)))
        lines = [part for line in text.split("\n") for part in textwrap.wrap(line, letters) or [""]]
        if len(lines) > _MAX_LINES:
            lines = textwrap.wrap(
                truncate_middle(" ".join(lines), letters * _MAX_LINES - _MAX_LINES), letters
            )
        label.set_text("\n".join(lines))


def text_width(text: str, size: float) -> float:
    """Return the width of the widest line in `text`, in points. The font size is also in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    prop = FontProperties(size=size)
    widths = [
        text_to_path.get_text_width_height_descent(line, prop, ismath=False)[0] for line in text.split("\n")
    ]
    return float(max(widths))


def font_size(
    name: Literal["xtick.labelsize", "ytick.labelsize", "legend.fontsize", "font.size"],
) -> float:
    """Return the font size in points that the matplotlib setting `name` specifies."""
    import matplotlib as mpl
    from matplotlib.font_manager import FontProperties

    return float(FontProperties(size=mpl.rcParams[name]).get_size_in_points())


def escape_label(name: object) -> str:
    r"""Escape `name` for use as an artist's label, so that legends do not parse it as a formula.

    >>> escape_label("$x$")
    '\\$x\\$'
    """
    return escape_control(name).replace("$", r"\$")
