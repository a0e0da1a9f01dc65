"""Methods of `Population` for plotting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fitwell.population.members import Member

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PopulationPlots"]


class PopulationPlots:
    """A mixin that provides the plotting methods of `Population`. It imports matplotlib on first use."""

    members: list[Member]
    _log_scaled: Mapping[str, bool]

    def plot_curves(
        self, metric: str | None = None, by: str | Sequence[str] | None = None, ax: Axes | None = None
    ) -> Axes:
        """Plot the learning curves of all members.

        The plot also shows the median of the members. If the members differ only in their seeds, it shows the mean
        and a band of one standard deviation (with divisor n - 1) instead. Outliers are outside the plot's range, and
        a note gives their number. The best members are always visible. The curve of a diverged member ends with a
        cross.

        Args:
            metric (str | None): Name of a metric in the history. Default: None, which means ``"val_loss"``, or
                ``"loss"`` if there is no validation.
            by (str | list[str] | None): Hyperparameters by which to group the members, or ``"seed"`` or ``"fold"``.
                Each group has a color. A group with more than one member also has a mean curve and a band of one
                standard deviation (with divisor n - 1) over the epochs that all its members reached. Default: None.
            ax (matplotlib.axes.Axes | None): Axes to draw on. Default: None, which means a new figure.

        Returns:
            matplotlib.axes.Axes: The axes. In a script, call ``plt.show()`` to show the figure.
        """
        from fitwell.population import curve_plot

        return curve_plot.plot_curves(self.members, metric, by, ax)

    def plot_effect(
        self,
        name: str,
        metric: str | None = None,
        ax: Axes | None = None,
        by: str | Sequence[str] | None = None,
    ) -> Axes:
        """Plot a metric against one hyperparameter, with a point for each member and the mean for each value.

        Error bars show one standard deviation (with divisor n - 1). The x axis is logarithmic if `sample` drew the
        hyperparameter from a logarithmic distribution, or if its values are spread evenly over decades. Outliers are
        triangles at the edge of the plot, and members without a finite value are drawn as crosses.

        Args:
            name (str): Name of the hyperparameter, or ``"seed"`` or ``"fold"``.
            metric (str | None): Name of a metric in the history, see `plot_curves`. Default: None.
            ax (matplotlib.axes.Axes | None): Axes to draw on. Default: None, which means a new figure.
            by (str | list[str] | None): Hyperparameters by which to group the members, see `plot_curves`. Each
                group has separate means. Default: None.

        Returns:
            matplotlib.axes.Axes: The axes.
        """
        from fitwell.population import effect_plot

        return effect_plot.plot_effect(self.members, name, metric, by, ax, self._log_scaled)

    def plot_pairs(self, metric: str | None = None, by: str | Sequence[str] | None = None) -> Figure:
        """Plot all pairs of the hyperparameters that vary, and show the metric by color.

        Members at the same point, such as the seeds of one setting, are spread around it. Diverged members are
        crosses.

        Args:
            metric (str | None): Name of a metric in the history, see `plot_curves`. Default: None.
            by (str | list[str] | None): Hyperparameters that determine the marker shapes. Default: None.

        Returns:
            matplotlib.figure.Figure: The figure.
        """
        from fitwell.population import pair_plot

        return pair_plot.plot_pairs(self.members, metric, self._log_scaled, by)
