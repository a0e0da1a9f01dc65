"""Colors and line styles that distinguish groups of curves or points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fitwell._plotting.labels import PLAIN_TEXT, escape_control, format_values, wrap_label
from fitwell._plotting.legends import add_legend
from fitwell._plotting.scales import ValueScale, is_finite_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "COLORMAP",
    "MAX_LEGEND_VALUES",
    "MISSING_COLOR",
    "Palette",
    "text_color",
]

COLORMAP = "viridis"
MISSING_COLOR = "0.7"
# If there are more distinct numbers than this, a colorbar replaces the legend.
MAX_LEGEND_VALUES = 20
_DASHES: tuple[Any, ...] = ("-", "--", ":", "-.")


def text_color() -> str:
    """Return the text color of the current style, which contrasts with its background."""
    import matplotlib as mpl

    return str(mpl.rcParams["text.color"])


class Palette:
    """A mapping from the values of one or more hyperparameters to colors and line styles.

    Line styles differ only if there are more groups than colors.

    Args:
        names: The names of the hyperparameters.
        settings: The hyperparameters of each plotted member. Members that have none of `names` are gray.
    """

    def __init__(self, names: Sequence[str], settings: Sequence[dict[str, Any]]) -> None:
        self.names = list(names)
        found = {self._key(setting): setting for setting in settings if self._has_any(setting)}
        self.has_missing = len(found) > 0 and not all(map(self._has_any, settings))
        self.scale: ValueScale | None = None
        values = [setting[names[0]] for setting in found.values()] if len(names) == 1 else []
        numeric = bool(values) and all(map(is_finite_number, values))
        order = sorted(found, key=lambda key: found[key][names[0]]) if numeric else list(found)
        if numeric and len(order) > MAX_LEGEND_VALUES:
            self.scale = ValueScale(values)
        self.styles = dict(zip(order, self._choose_styles(order, found, numeric), strict=True))
        self.labels = dict(zip(order, self._make_labels([found[key] for key in order]), strict=True))

    def _has_any(self, setting: dict[str, Any]) -> bool:
        return any(name in setting for name in self.names)

    def _key(self, setting: dict[str, Any]) -> str:
        return repr([(type(setting[name]).__name__, setting[name]) for name in self.names if name in setting])

    def _choose_styles(
        self, order: Sequence[str], found: dict[str, dict[str, Any]], numeric: bool
    ) -> list[tuple[Any, Any]]:
        from matplotlib import colormaps

        if self.scale is not None:
            norm = self._norm()
            return [(colormaps[COLORMAP](norm(found[key][self.names[0]])), "-") for key in order]
        if numeric:
            return [(shade, "-") for shade in colormaps[COLORMAP](np.linspace(0, 0.9, len(order)))]
        colors = colormaps["tab10"].colors  # type: ignore[attr-defined]
        return [
            (colors[index % len(colors)], _DASHES[index // len(colors) % len(_DASHES)])
            for index in range(len(order))
        ]

    def _norm(self) -> Any:
        from matplotlib.colors import LogNorm, Normalize

        assert self.scale is not None
        numbers = self.scale.numbers
        log = self.scale.log and not self.scale.symlog
        return (LogNorm if log else Normalize)(float(numbers[0]), float(numbers[-1]))

    def _make_labels(self, settings: Sequence[dict[str, Any]]) -> list[str]:
        if len(self.names) == 1:
            return format_values([setting[self.names[0]] for setting in settings])
        return [
            ", ".join(f"{name}={format_values([setting[name]])[0]}" for name in self.names if name in setting)
            for setting in settings
        ]

    def group_key(self, setting: dict[str, Any]) -> str | None:
        """Return the key of the group that `setting` belongs to, or None if it has none of the hyperparameters."""
        return self._key(setting) if self._has_any(setting) else None

    def style(self, group: str | None) -> dict[str, Any]:
        """Return the color and line style of a group."""
        if group is None:
            return {"color": MISSING_COLOR, "linestyle": "-"}
        color, dash = self.styles[group]
        return {"color": color, "linestyle": dash}

    def add_legend(
        self,
        axes: Axes,
        marker: str | None = None,
        grow: bool = False,
        others: Sequence[tuple[Any, str]] = (),
    ) -> None:
        """Add a legend of all groups, or a colorbar if there are too many numbers for a legend.

        Args:
            axes: The axes to add the legend to.
            marker: The marker of the groups' points, or None if the groups are lines.
            grow: Whether to widen the figure for the legend (see `fitwell._plotting.legends.add_legend`).
            others: Additional legend entries.
        """
        from matplotlib.cm import ScalarMappable
        from matplotlib.lines import Line2D

        title = ", ".join(map(escape_control, self.names))
        figure = axes.get_figure()
        assert figure is not None
        if self.scale is not None:
            bar = figure.colorbar(ScalarMappable(self._norm(), COLORMAP), ax=axes)
            bar.set_label(wrap_label(title), **PLAIN_TEXT)
            if others:
                add_legend(axes, others)
            return
        groups: list[str | None] = [*self.styles, *([None] if self.has_missing else [])]
        entries = []
        for group in groups:
            style = (
                self.style(group)
                if marker is None
                else {"color": self.style(group)["color"], "linestyle": ""}
            )
            label = (
                f"no {' or '.join(map(escape_control, self.names))}" if group is None else self.labels[group]
            )
            entries.append((Line2D([], [], marker=marker, **style), label))
        add_legend(axes, [*entries, *others], title, grow)
