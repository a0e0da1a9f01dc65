"""Plotting methods of `Population`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fitwell.population.members import Member

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PopulationPlots"]


class PopulationPlots:
    """Mixin with the plotting methods of `Population`. matplotlib is imported on first use."""

    members: list[Member]
    _log_scaled: Mapping[str, bool]

    def plot_curves(
        self, metric: str | None = None, by: str | Sequence[str] | None = None, ax: Axes | None = None
    ) -> Axes:
        """Plot the learning curves of all members, with their median, or with mean and spread if only seeds differ.

        Outliers are left out of the plot, and a note counts them; the best members are always shown. The curve of
        a member that diverged ends in a cross.

        Args:
            metric (str | None): Name in the history. Default: None, which means ``"val_loss"``, or ``"loss"``
                without validation.
            by (str | list[str] | None): Hyperparameters, ``"seed"`` or ``"fold"``, that group the members. Each
                group has a color, and with several members a mean and a band of one standard deviation
                (n - 1), over the epochs that all of them reached. Default: None.
            ax (matplotlib.axes.Axes | None): Axes to draw on. Default: None, new ones.

        Returns:
            matplotlib.axes.Axes: The axes. Call ``plt.show()`` in a script to show them.
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
        """Plot a metric against one hyperparameter: each member, and the mean for each value.

        Error bars are one standard deviation (n - 1). The axis of a number is logarithmic if `sample` drew the
        number from a logarithmic distribution, or if its values span decades evenly. Outliers are triangles at the
        edge, and members without a finite value are crosses.

        Args:
            name (str): The hyperparameter, ``"seed"`` or ``"fold"``.
            metric (str | None): See `plot_curves`. Default: None.
            ax (matplotlib.axes.Axes | None): Axes to draw on. Default: None, new ones.
            by (str | list[str] | None): Hyperparameters that group the members, see `plot_curves`; each group
                has separate means. Default: None.

        Returns:
            matplotlib.axes.Axes: The axes.
        """
        from fitwell.population import effect_plot

        return effect_plot.plot_effect(self.members, name, metric, by, ax, self._log_scaled)

    def plot_pairs(self, metric: str | None = None, by: str | Sequence[str] | None = None) -> Figure:
        """Plot every pair of the hyperparameters that vary, with the metric as color.

        Members at the same point, such as the seeds of one setting, are spread around it. Members that diverged
        are crosses.

        Args:
            metric (str | None): See `plot_curves`. Default: None.
            by (str | list[str] | None): Hyperparameters that set the shapes of the markers. Default: None.

        Returns:
            matplotlib.figure.Figure: The figure.
        """
        from fitwell.population import pair_plot

        return pair_plot.plot_pairs(self.members, metric, self._log_scaled, by)
