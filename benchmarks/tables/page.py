"""TABLES.md: ranks, wins, times, the tables, and a matrix of all means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.environment import processor, versions
from benchmarks.tables import matrices
from benchmarks.tables.collect import Results
from benchmarks.tables.loader import Description, describe
from benchmarks.tables.markdown import markdown_table
from benchmarks.tables.ranks import (
    Interval,
    count_outcomes,
    mean_over_splits,
    mean_ranks,
    normalized_scores,
    rank,
    time_ratio,
)
from benchmarks.tables.tables import BENCHMARK, DEVELOPMENT, Table

PAGE = Path(__file__).resolve().parents[1] / "TABLES.md"
# Median processor time is given for tables of these sizes: title, rows from, rows below.
SIZES = (("below 900 rows", 0, 900), ("900 to 4,999", 900, 5_000), ("5,000 and more", 5_000, 10**9))
PREAMBLE = """# Real tables

Written by `python -m benchmarks.tables --write`. Do not edit by hand.

Every contender predicts a column of each table at its default settings. Each table is divided at random into 80 % of
the rows for training and 20 % for test, {divisions}, the same for all, stratified for classes. Each run has a fresh
process, one thread and one core. {choice}
"""
JUDGED = """The tables did not serve to choose fitwell's defaults;
those of `DEVELOPMENT` in `benchmarks/tables/tables.py` did."""
CHOSEN = "**The tables served to choose fitwell's defaults, so they do not judge them.**"
RANKS = """## Ranks

- **Rank**: mean over tables of the rank by the mean over divisions, among the {count} contenders. 1 is best. In
  brackets, a 95 % bootstrap interval over tables. A contender that fails on a table ranks last there.
- **Error**: error rate for classes, and RMSE divided by the standard deviation of the test targets for numbers.
- **Log loss**: only classes, with probabilities clipped at 1e-7.
- **Score**: mean over tables of (constant - contender) / (constant - best contender), at least 0. So 1 is the best
  contender on a table, and 0 is a constant prediction: the class frequencies, or the mean.
"""
WINS = """## Wins, ties and losses of {title}

Numbers of tables. A tie is a table where the 95 % interval of the paired difference over divisions (Student's t)
contains 0. Divisions share rows, so these intervals are somewhat too short.
"""
TIMES = """## Time

Processor seconds of training and prediction, median over tables of the mean over divisions. Imports do not count,
except for `fitwell train`, whose time is that of both commands from start to end. Compilation counts: no cache on disk
is used. The ratio is the median over tables of the contender's time over that of fitwell.
"""


def _interval(found: Interval) -> str:
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _rank_columns(results: Results, measure: str) -> list[str]:
    if not results.tables:
        return [""] * len(results.contenders)
    return [_interval(found) for found in mean_ranks(rank(mean_over_splits(results.measure(measure))))]


def _score_columns(results: Results, measure: str) -> list[str]:
    if not results.tables:
        return [""] * len(results.contenders)
    scores = normalized_scores(mean_over_splits(results.measure(measure)), results.constant(measure))
    useful = scores[~np.isnan(scores).any(axis=1)]
    return (
        [f"{value:.3f}" for value in useful.mean(axis=0)] if len(useful) else [""] * len(results.contenders)
    )


def summary(results: Results) -> str:
    """Return a sentence for each of ours: its place among all by error and by log loss."""
    lines = []
    for measure, part, name in (("error", results, "error"), ("log_loss", results.of("classes"), "log loss")):
        if not part.tables:
            continue
        means = rank(mean_over_splits(part.measure(measure))).mean(axis=0)
        places = rank(means[None])[0]
        first = int(means.argmin())
        line = f"- By {name}, {results.contenders[first].title} has the best mean rank, {means[first]:.2f}"
        for number, contender in enumerate(results.contenders):
            if contender.is_fitwell and number != first:
                line += f"; {contender.title}: {means[number]:.2f}, place {places[number]:.0f}"
        lines.append(f"{line} of {len(means)}.")
    return "\n".join(lines) + "\n"


def ranks(results: Results) -> str:
    """Return the table of ranks and scores, best contender first."""
    classes, numbers = results.of("classes"), results.of("numbers")
    columns = [
        [contender.title for contender in results.contenders],
        _rank_columns(results, "error"),
        _rank_columns(classes, "error"),
        _rank_columns(numbers, "error"),
        _rank_columns(classes, "log_loss"),
        _score_columns(results, "error"),
        _score_columns(classes, "log_loss"),
    ]
    header = ["contender", "rank, error", "classes only", "numbers only", "rank, log loss", "score, error"]
    order = np.argsort(rank(mean_over_splits(results.measure("error"))).mean(axis=0), kind="stable")
    rows = [[column[number] for column in columns] for number in order]
    text = RANKS.format(count=len(results.contenders))
    return text + "\n" + markdown_table([*header, "score, log loss"], rows)


def wins(results: Results, ours: int) -> str:
    """Return the wins, ties and losses of the contender number `ours` against each other one."""
    parts = [
        ("all, error", results, "error"),
        ("classes, error", results.of("classes"), "error"),
        ("classes, log loss", results.of("classes"), "log_loss"),
        ("numbers, error", results.of("numbers"), "error"),
        ("numbers, MAE", results.of("numbers"), "mae"),
    ]
    measures = [part.measure(name) for _, part, name in parts]
    rows = []
    for number, contender in enumerate(results.contenders):
        if number != ours:
            counts = [count_outcomes(errors[:, ours], errors[:, number]) for errors in measures]
            rows.append([contender.title, *(" / ".join(map(str, found)) for found in counts)])
    text = WINS.format(title=results.contenders[ours].title)
    return text + "\n" + markdown_table(["against", *(title for title, _, _ in parts)], rows)


def times(results: Results, descriptions: dict[str, Description]) -> str:
    """Return the table of processor times by size of the table, and their ratios to ours."""
    seconds = results.measure("processor")
    means = mean_over_splits(seconds)
    ours = [number for number, contender in enumerate(results.contenders) if contender.is_fitwell]
    header = ["contender", *(title for title, _, _ in SIZES)]
    header += [f"of {results.contenders[number].title}" for number in ours]
    rows = []
    for number, contender in enumerate(results.contenders):
        row = [contender.title]
        for _, low, high in SIZES:
            inside = [low <= descriptions[table.name].rows < high for table in results.tables]
            found = means[inside, number]
            found = found[~np.isnan(found)]
            row.append(f"{np.median(found):.3g}" if len(found) else "")
        ratios = [time_ratio(seconds[:, other], seconds[:, number]) for other in ours]
        rows.append([*row, *("" if np.isnan(ratio) else f"{ratio:.2g}" for ratio in ratios)])
    return TIMES + "\n" + markdown_table(header, rows)


def failures(results: Results) -> str:
    """Return the list of failures."""
    found = results.failures()
    if not found:
        return "## Failures\n\nEvery run ended and gave finite predictions."
    lines = [
        f"- {title} on {table}, divisions {', '.join(map(str, splits))}: `{' '.join(failure.split())}`"
        for title, table, splits, failure in found
    ]
    return "## Failures\n\nThese count as last ranks and losses.\n\n" + "\n".join(lines)


def tables(selected: Sequence[Table], descriptions: dict[str, Description]) -> str:
    """Return the list of tables."""
    rows = []
    for table in selected:
        found = descriptions[table.name]
        categorical = f"{found.categorical} (up to {found.most_categories})" if found.categorical else ""
        task = f"{found.num_classes} classes" if found.num_classes else "numbers"
        gaps = f"{100 * found.gaps:.1f} %" if found.gaps else ""
        source = f"{table.package} {table.item}"
        rows.append(
            [table.name, source, task, f"{found.rows:,}", str(found.columns), categorical, gaps, table.note]
        )
    header = ["table", "source", "task", "rows", "columns", "categorical (categories)", "gaps"]
    text = "## The tables\n\nDropped columns follow the target, with the reason.\n\n"
    return text + markdown_table([*header, "target; dropped columns"], rows)


def _scope(results: Results, selected: Sequence[Table], is_whole: bool) -> str:
    if is_whole and len(results.tables) == len(selected):
        return ""
    left = [table.name for table in selected if table not in results.tables]
    lines = f"**This is a part of the benchmark**: {len(results.tables)} of {len(BENCHMARK)} tables, "
    lines += f"{len(results.splits)} divisions, {len(results.contenders)} contenders."
    return f"{lines} Without all results: {', '.join(left)}.\n" if left else f"{lines}\n"


def _origin(results: Results, command: str) -> str:
    """Return the date, the machine, the versions and the command."""
    import fitwell

    packages = {package for contender in results.contenders for package in contender.packages}
    packages |= {table.package.replace("sklearn", "scikit-learn") for table in results.tables}
    commits = ", ".join(results.commits())
    found = {"fitwell": f"{fitwell.__version__} ({commits})" if commits else fitwell.__version__}
    found |= versions(packages)
    installed = ", ".join(f"{name} {version}" for name, version in found.items())
    return f"{datetime.now(UTC):%Y-%m-%d}, {processor()}; {installed}; `{command}`"


def page(results: Results, selected: Sequence[Table], command: str, is_whole: bool) -> str:
    """Return the page.

    Args:
        results (Results): Results on the tables that are complete.
        selected (Sequence[Table]): The tables that were to be run.
        command (str): Command line.
        is_whole (bool): Whether all tables, contenders and divisions were to be run.
    """
    choice = CHOSEN if any(table in DEVELOPMENT for table in selected) else JUDGED
    count = len(results.splits)
    divisions = {1: "once", 2: "twice"}.get(count, f"{count} times")
    parts = [PREAMBLE.format(choice=choice, divisions=divisions)]
    scope = _scope(results, selected, is_whole)
    if scope:
        parts.append(scope)
    if results.tables:
        descriptions = {table.name: describe(table) for table in results.tables}
        parts += [summary(results), ranks(results)]
        parts += [wins(results, n) for n, other in enumerate(results.contenders) if other.is_fitwell]
        parts += [times(results, descriptions), failures(results)]
        parts += [tables(results.tables, descriptions), matrices.details(results)]
    parts.append(_origin(results, command))
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)
