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


# The part of a figure that axes keep, and how much wider than an axis the space between two may be.
_LEAST, _WIDEST = 0.2, 2.5
_TRIES = 5


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


def check_figure(figure: Any, where: str) -> Figure:
    """Return `figure` if it is one of matplotlib; `where`: who was given it."""
    from matplotlib.figure import FigureBase

    if not isinstance(figure, FigureBase):
        raise InvalidArgument(
            f"{where}: figure must be one of matplotlib, such as plt.figure(), got {shortened(figure)}"
        )
    return figure  # type: ignore[return-value]


def fit_in(axes: Axes) -> None:
    """Make room for all that stands around `axes` in a figure that makes none by itself: nothing is cut off or covered.

    The margins of the figure grow by what would be outside, and the space between axes by what would lie on others;
    axes keep a fifth of the figure at least.
    """
    figure, place = axes.get_figure(), axes.get_subplotspec()
    if figure is None or place is None or figure.get_figure(root=True).get_layout_engine() is not None:
        return
    # Smaller axes may have other ticks, which need other room.
    for _ in range(_TRIES):
        figure.get_figure(root=True).draw_without_rendering()
        box, whole, now = axes.get_tightbbox(), figure.bbox, figure.subplotpars
        if box is None:
            return
        left, bottom = (whole.x0 - box.x0) / whole.width, (whole.y0 - box.y0) / whole.height
        right, top = (box.x1 - whole.x1) / whole.width, (box.y1 - whole.y1) / whole.height
        across, above = _covered(axes, figure)
        if max(left, bottom, right, top, across, above) <= 0:
            return
        figure.subplots_adjust(
            left=min(now.left + _more(left), now.right - _LEAST),
            bottom=min(now.bottom + _more(bottom), now.top - _LEAST),
            right=max(now.right - _more(right), now.left + _more(left) + _LEAST),
            top=max(now.top - _more(top), now.bottom + _more(bottom) + _LEAST),
            wspace=min(now.wspace + _more(across), max(now.wspace, _WIDEST)),
            hspace=min(now.hspace + _more(above), max(now.hspace, _WIDEST)),
        )


def _covered(axes: Axes, figure: Any) -> tuple[float, float]:
    """Return how far what stands around `axes` lies over other axes, across and up or down: as shares of its size."""
    across = above = 0.0
    box, place = axes.get_tightbbox(), axes.get_subplotspec()
    assert box is not None and place is not None
    for other in figure.axes:
        spec, theirs = other.get_subplotspec(), other.get_tightbbox()
        if spec is None or theirs is None or spec.get_gridspec() is not place.get_gridspec():
            continue
        wide = min(box.x1, theirs.x1) - max(box.x0, theirs.x0)
        high = min(box.y1, theirs.y1) - max(box.y0, theirs.y0)
        if min(wide, high) <= 0:
            continue
        if not set(spec.rowspan) & set(place.rowspan):
            above = max(above, high / axes.bbox.height)
        elif not set(spec.colspan) & set(place.colspan):
            across = max(across, wide / axes.bbox.width)
    return across, above


def _more(outside: float) -> float:
    """Return by how much a margin grows."""
    return outside + 0.01 if outside > 0 else 0.0
