"""Say at the end of a run what was skipped and why, in at most ten lines."""

from __future__ import annotations

from collections import Counter
from typing import Any

MAX_LINES = 10


def summarize(reasons: list[str]) -> list[str]:
    """Return one line for each reason, the most frequent first; the last line counts the reasons that did not fit."""
    counts = Counter(reason.removeprefix("Skipped: ").partition("\n")[0] for reason in reasons).most_common()
    shown = counts if len(counts) <= MAX_LINES else counts[: MAX_LINES - 1]
    lines = [f"{count} skipped: {reason}" for reason, count in shown]
    if len(shown) < len(counts):
        rest = counts[len(shown) :]
        lines.append(
            f"{sum(count for _, count in rest)} skipped for {len(rest)} other reasons (-rs lists them)"
        )
    return lines


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = terminalreporter.stats.get("skipped", [])
    reasons = [
        report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        for report in reports
    ]
    for line in summarize(reasons):
        terminalreporter.write_line(line)
