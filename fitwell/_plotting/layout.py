"""Functions that create pyplot figures, check the axes and figures that users pass, and adjust margins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fitwell._escaping import short_repr
from fitwell.errors import InvalidArgument

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "add_subplots",
    "check_axes",
    "check_figure",
    "fit_margins",
    "open_figure",
]


# Minimum share of the figure that the axes occupy, and maximum space between axes as a multiple of their size.
_MIN_AXES_SHARE, _MAX_SPACING = 0.2, 2.5
_MAX_PASSES = 5


@contextmanager
def open_figure(width: float, height: float) -> Iterator[Figure]:
    """Create a pyplot figure with the given size in inches, and yield it.

    If the block raises an exception, the figure is closed and the previous current figure is restored.
    """
    from matplotlib import pyplot as plt

    previous = plt.gcf() if plt.get_fignums() else None
    figure = plt.figure(figsize=(width, height), layout="constrained")
    try:
        yield figure
    except BaseException:
        plt.close(figure)
        if previous is not None:
            plt.figure(previous)
        raise


def add_subplots(figure: Figure, count: int, columns: int) -> list[Axes]:
    """Add `count` subplots to a grid with `columns` columns, filled row by row."""
    rows = -(-count // columns)
    return [figure.add_subplot(rows, columns, number + 1) for number in range(count)]


def check_axes(ax: Any, where: str) -> Axes:
    """Check that `ax` is a matplotlib axes, and return it.

    Args:
        ax: The object to check.
        where: The name of the function that received it, for the error message.

    Raises:
        InvalidArgument: If `ax` is not a matplotlib axes.
    """
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise InvalidArgument(
            f"{where}: ax must be a matplotlib axes, such as plt.subplots()[1], got {short_repr(ax)}"
        )
    return ax


def check_figure(figure: Any, where: str) -> Figure:
    """Check that `figure` is a matplotlib figure, and return it.

    Args:
        figure: The object to check.
        where: The name of the function that received it, for the error message.

    Raises:
        InvalidArgument: If `figure` is not a matplotlib figure.
    """
    from matplotlib.figure import FigureBase

    if not isinstance(figure, FigureBase):
        raise InvalidArgument(
            f"{where}: figure must be a matplotlib figure, such as plt.figure(), got {short_repr(figure)}"
        )
    return figure  # type: ignore[return-value]


def fit_margins(axes: Axes) -> None:
    """Enlarge the margins around `axes` so that no label is cut off or covered.

    Margins grow by the amount that labels extend beyond the figure, and the space between axes grows by the amount
    that labels overlap other axes. The axes keep at least a fifth of the figure. Figures with a layout engine are not
    changed.
    """
    figure, subplot_spec = axes.get_figure(), axes.get_subplotspec()
    if figure is None or subplot_spec is None or figure.get_figure(root=True).get_layout_engine() is not None:
        return
    # Repeat, because smaller axes may get different ticks, which need different margins.
    for _ in range(_MAX_PASSES):
        figure.get_figure(root=True).draw_without_rendering()
        box, figure_box, params = axes.get_tightbbox(), figure.bbox, figure.subplotpars
        if box is None:
            return
        left, bottom = (
            (figure_box.x0 - box.x0) / figure_box.width,
            (figure_box.y0 - box.y0) / figure_box.height,
        )
        right, top = (box.x1 - figure_box.x1) / figure_box.width, (box.y1 - figure_box.y1) / figure_box.height
        across, above = _overlap(axes, figure)
        if max(left, bottom, right, top, across, above) <= 0:
            return
        figure.subplots_adjust(
            left=min(params.left + _margin_increase(left), params.right - _MIN_AXES_SHARE),
            bottom=min(params.bottom + _margin_increase(bottom), params.top - _MIN_AXES_SHARE),
            right=max(
                params.right - _margin_increase(right), params.left + _margin_increase(left) + _MIN_AXES_SHARE
            ),
            top=max(
                params.top - _margin_increase(top), params.bottom + _margin_increase(bottom) + _MIN_AXES_SHARE
            ),
            wspace=min(params.wspace + _margin_increase(across), max(params.wspace, _MAX_SPACING)),
            hspace=min(params.hspace + _margin_increase(above), max(params.hspace, _MAX_SPACING)),
        )


def _overlap(axes: Axes, figure: Any) -> tuple[float, float]:
    """Return how far `axes` and its labels overlap other axes in each direction, relative to the size of `axes`."""
    across = above = 0.0
    box, subplot_spec = axes.get_tightbbox(), axes.get_subplotspec()
    assert box is not None and subplot_spec is not None
    for other in figure.axes:
        spec, other_box = other.get_subplotspec(), other.get_tightbbox()
        if spec is None or other_box is None or spec.get_gridspec() is not subplot_spec.get_gridspec():
            continue
        overlap_width = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
        overlap_height = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
        if min(overlap_width, overlap_height) <= 0:
            continue
        if not set(spec.rowspan) & set(subplot_spec.rowspan):
            above = max(above, overlap_height / axes.bbox.height)
        elif not set(spec.colspan) & set(subplot_spec.colspan):
            across = max(across, overlap_width / axes.bbox.width)
    return across, above


def _margin_increase(outside: float) -> float:
    """Return the amount by which a margin must grow if labels extend beyond it by `outside`."""
    return outside + 0.01 if outside > 0 else 0.0
