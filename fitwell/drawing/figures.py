"""New figures that people are shown, and what stays of one that comes to nothing: nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fitwell.errors import InvalidArgument
from fitwell.printable import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# The part of a figure that axes keep.
_LEAST = 0.2


@contextmanager
def opened(width: float, height: float) -> Iterator[Figure]:
    """Open a figure of so many inches, which a notebook shows by itself; an error inside closes it."""
    from matplotlib import pyplot as plt

    before = plt.gcf() if plt.get_fignums() else None
    figure = plt.figure(figsize=(width, height), layout="constrained")
    try:
        yield figure
    except BaseException:
        plt.close(figure)
        if before is not None:
            plt.figure(before)
        raise


def panels(figure: Figure, count: int, columns: int) -> list[Axes]:
    """Return `count` axes in rows of so many `columns`, none where there is nothing to draw."""
    rows = -(-count // columns)
    return [figure.add_subplot(rows, columns, number + 1) for number in range(count)]


def check_axes(ax: Any, where: str) -> Axes:
    """Return `ax` if it is what can be drawn on; `where`: who was given it."""
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise InvalidArgument(
            f"{where}: ax must be axes of matplotlib, such as plt.subplots()[1], got {shortened(ax)}"
        )
    return ax


def fit_in(axes: Axes) -> None:
    """Make room for all that stands around `axes` in a figure that makes none by itself: nothing is cut off.

    The margins of the figure grow by what would be outside, and axes keep a fifth of it at least.
    """
    figure = axes.get_figure()
    if (
        figure is None
        or figure.get_figure(root=True).get_layout_engine() is not None
        or axes.get_subplotspec() is None
    ):
        return
    # Smaller axes may have other ticks, which need other room.
    for _ in range(3):
        figure.get_figure(root=True).draw_without_rendering()
        box, whole, now = axes.get_tightbbox(), figure.bbox, figure.subplotpars
        if box is None:
            return
        left, bottom = (whole.x0 - box.x0) / whole.width, (whole.y0 - box.y0) / whole.height
        right, top = (box.x1 - whole.x1) / whole.width, (box.y1 - whole.y1) / whole.height
        if max(left, bottom, right, top) <= 0:
            return
        figure.subplots_adjust(
            left=min(now.left + _more(left), now.right - _LEAST),
            bottom=min(now.bottom + _more(bottom), now.top - _LEAST),
            right=max(now.right - _more(right), now.left + _more(left) + _LEAST),
            top=max(now.top - _more(top), now.bottom + _more(bottom) + _LEAST),
        )


def _more(outside: float) -> float:
    """Return by how much a margin grows."""
    return outside + 0.01 if outside > 0 else 0.0
