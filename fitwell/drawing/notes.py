"""Notes above the axes about values that are not shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fitwell.drawing.text import PLAIN, packed, size_of_font

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = 0.833  # as matplotlib's "small"
# Notes with more lines than this use a smaller font.
_MANY, _SMALLER = 3, 0.7
# Width of the axis exponent (a power of ten), in font sizes.
_POWER = 3.0
# Gap above the axes in points, and line height in font sizes.
_GAP, _LINE = 4.0, 1.35


def note(axes: Axes, sentences: Sequence[str]) -> None:
    """Add `sentences` above the right end of `axes`, below the title, after existing notes."""
    before = axes.get_title(loc="right").replace("\n", " ")
    told = "; ".join(
        dict.fromkeys([*([before] if before else []), *(s for s in sentences if s and s not in before)])
    )
    if not told:
        return
    size = _points()
    figure = axes.get_figure()
    assert figure is not None
    # Leave room for the axis exponent above the left end.
    width = max(axes.bbox.width / figure.dpi * 72 - _POWER * size, _POWER * size)
    lines = packed(told, width, size).split("\n")
    if len(lines) > _MANY:
        size *= _SMALLER
        lines = packed(told, width, size).split("\n")
    axes.set_title("\n".join(lines), loc="right", fontsize=size, **PLAIN)
    if axes.get_title():
        _lift(axes, len(lines) * size * _LINE)


def _lift(axes: Axes, points: float) -> None:
    """Move the center title above the note."""
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure()
    assert figure is not None
    up = ScaledTranslation(0, (points + 2 * _GAP) / 72, figure.dpi_scale_trans)
    axes.title.set_transform(axes.transAxes + up)


def _points() -> float:
    return size_of_font("font.size") * _SIZE


def counted(some: int, all_of: int, what: str) -> str:
    """Return ``3 of 16 members``.

    >>> counted(1, 1, "member"), counted(3, 16, "member")
    ('1 of 1 member', '3 of 16 members')
    """
    return f"{some} of {all_of} {what}{'' if all_of == 1 else 's'}"
