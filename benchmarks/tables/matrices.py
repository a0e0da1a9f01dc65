"""The matrix of all means, folded away."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.tables.collect import Results
from benchmarks.tables.markdown import markdown_table
from benchmarks.tables.ranks import mean_over_splits


def _matrix(results: Results, name: str, show: Callable[[float], str], mark_best: bool = True) -> str:
    means = mean_over_splits(results.measure(name))
    rows = []
    for table, values in zip(results.tables, means):
        best = np.nanmin(values) if not np.isnan(values).all() else np.nan
        cells = ["failed" if np.isnan(value) else show(value) for value in values]
        if mark_best and not np.isnan(best):
            # Cells that show the same figures are bold together.
            cells = [f"**{cell}**" if cell == show(best) else cell for cell in cells]
        rows.append([table.name, *cells])
    return markdown_table(["table", *(contender.title for contender in results.contenders)], rows)


def _figures(value: float) -> str:
    """Show three significant figures without an exponent."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def details(results: Results) -> str:
    """Return the means over divisions of each measure, table and contender, in a block that unfolds."""
    classes, numbers = results.of("classes"), results.of("numbers")
    parts = ["## All means\n", "<details>\n<summary>Means over divisions, best in bold</summary>\n"]
    if classes.tables:
        parts += [
            "### Classes: error rate, %\n",
            _matrix(classes, "error", lambda value: f"{100 * value:.2f}"),
        ]
        parts += ["### Classes: log loss\n", _matrix(classes, "log_loss", lambda value: f"{value:.4f}")]
    if numbers.tables:
        title = "### Numbers: RMSE / standard deviation of the test targets\n"
        parts += [title, _matrix(numbers, "error", lambda value: f"{value:.4f}")]
        parts += ["### Numbers: MAE\n", _matrix(numbers, "mae", _figures)]
    parts += ["### Processor seconds\n", _matrix(results, "processor", _figures, mark_best=False)]
    parts += ["### Wall seconds\n", _matrix(results, "wall", _figures, mark_best=False)]
    return "\n".join([*parts, "</details>\n"])
