"""Notes above a plot that describe values that are not shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fitwell._plotting.labels import PLAIN_TEXT, font_size, wrap_to_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "add_note",
    "count_of",
]

# Font size of a note relative to the default font size. It is the same as matplotlib's "small".
_RELATIVE_SIZE = 0.833
# If a note has more lines than `_MAX_LINES`, its font size is multiplied by `_SHRINK`.
_MAX_LINES, _SHRINK = 3, 0.7
# Space, in font sizes, for the power of ten that matplotlib writes above the left end of the axes.
_EXPONENT_WIDTH = 3.0
# Gap above the axes in points, and line height in font sizes.
_GAP, _LINE = 4.0, 1.35


def add_note(axes: Axes, sentences: Sequence[str]) -> None:
    """Add `sentences` to the note above the right end of `axes`, below the title.

    Sentences that are already part of the note are not repeated.
    """
    before = axes.get_title(loc="right").replace("\n", " ")
    text = "; ".join(
        dict.fromkeys([*([before] if before else []), *(s for s in sentences if s and s not in before)])
    )
    if not text:
        return
    size = _note_font_size()
    figure = axes.get_figure()
    assert figure is not None
    # Leave room for the axis exponent at the left end.
    width = max(axes.bbox.width / figure.dpi * 72 - _EXPONENT_WIDTH * size, _EXPONENT_WIDTH * size)
    lines = wrap_to_width(text, width, size).split("\n")
    if len(lines) > _MAX_LINES:
        size *= _SHRINK
        lines = wrap_to_width(text, width, size).split("\n")
    axes.set_title("\n".join(lines), loc="right", fontsize=size, **PLAIN_TEXT)
    if axes.get_title():
        _raise_title(axes, len(lines) * size * _LINE)


def _raise_title(axes: Axes, points: float) -> None:
    """Move the center title up by the height of the note, which is given in points."""
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure()
    assert figure is not None
    up = ScaledTranslation(0, (points + 2 * _GAP) / 72, figure.dpi_scale_trans)
    axes.title.set_transform(axes.transAxes + up)


def _note_font_size() -> float:
    return font_size("font.size") * _RELATIVE_SIZE


def count_of(some: int, all_of: int, noun: str) -> str:
    """Describe a part of a total, as in ``3 of 16 members``.

    >>> count_of(1, 1, "member"), count_of(3, 16, "member")
    ('1 of 1 member', '3 of 16 members')
    """
    return f"{some} of {all_of} {noun}{'' if all_of == 1 else 's'}"
