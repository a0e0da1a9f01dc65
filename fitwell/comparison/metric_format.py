"""Formatting of metric values, and descriptions of comparison results as sentences."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from fitwell.comparison.statistics import ConfidenceInterval, PairedDifference

__all__ = [
    "ENOUGH_REPEATS",
    "MetricFormat",
    "describe_difference",
]

# With fewer repeats, the estimate of the standard deviation is poor.
ENOUGH_REPEATS = 10


@dataclass(frozen=True)
class MetricFormat:
    """The number format of a metric.

    Attributes:
        metric: The name of the metric.
        larger_is_better: Whether larger values are better.
    """

    metric: str
    larger_is_better: bool

    @property
    def is_percentage(self) -> bool:
        """Whether the metric is shown as a percentage, with differences in percentage points."""
        # Match only at the end. The error of an output named "accounts" is not an accuracy.
        return re.search(r"acc(uracy)?(_\d+)?$", self.metric.lower()) is not None

    def format_score(self, interval: ConfidenceInterval) -> str:
        """Format a mean score and its interval, such as ``"97.2 ± 0.3 %"``."""
        return self._format_with_error(interval, signed=False) + (" %" if self.is_percentage else "")

    def format_difference(self, interval: ConfidenceInterval, *, signed: bool = True) -> str:
        """Format a mean difference and its interval, such as ``"+0.4 ± 0.1 points"``.

        The plus sign is omitted if `signed` is False.
        """
        return self._format_with_error(interval, signed) + (" points" if self.is_percentage else "")

    def format_amount(self, value: float) -> str:
        """Format a single difference with its unit."""
        return self.format_number(value, value) + (" points" if self.is_percentage else "")

    def format_number(self, value: float, error: float) -> str:
        """Format `value`, rounded to the second significant digit of `error`."""
        return f"{value * self._factor:.{_decimal_places(error * self._factor)}f}"

    @property
    def _factor(self) -> float:
        return 100.0 if self.is_percentage else 1.0

    def _format_with_error(self, interval: ConfidenceInterval, signed: bool) -> str:
        places = _decimal_places(interval.half_width * self._factor)
        mean = interval.mean * self._factor
        number = f"{mean:+.{places}f}" if signed else f"{mean:.{places}f}"
        return f"{number} ± {interval.half_width * self._factor:.{places}f}"


def describe_difference(
    difference: PairedDifference, metric_format: MetricFormat, confidence: float, part: str
) -> str:
    """Describe the difference between two candidates in one or two sentences.

    If the difference is not significant, the second sentence says how large a difference can be detected.

    Args:
        difference: The difference.
        metric_format: The format of the metric.
        confidence: The confidence level of the comparison.
        part: The name of the rows that were scored, such as "test".

    Returns:
        The sentences.
    """
    first, second = difference.first, difference.second
    interval = difference.interval
    rises = interval.mean > 0
    if difference.p_holm < 1 - confidence:
        verb = "raises" if rises else "lowers"
        better = first if rises == metric_format.larger_is_better else second
        wins = difference.wins if rises else 1 - difference.wins
        size = metric_format.format_difference(_absolute_interval(interval), signed=False)
        return (
            f"{first} {verb} {part} {metric_format.metric} by {size} compared with {second} "
            f"({_format_p_value(difference.p_holm)}; {better} was better in "
            f"{_format_wins(wins, interval.repeats)} repeats)."
        )
    if interval.sd == 0 and interval.mean == 0:
        return f"{first} and {second} gave the same {part} {metric_format.metric} in every repeat."
    if interval.sd == 0:
        return (
            f"{first} {'raised' if rises else 'lowered'} {part} {metric_format.metric} by "
            f"{metric_format.format_amount(abs(interval.mean))} compared with {second} in every repeat, but "
            f"{interval.repeats} repeats are too few to distinguish this difference from chance "
            f"({_format_p_value(difference.p_holm)})."
        )
    return (
        f"No difference in {part} {metric_format.metric} was found between {first} and {second}: "
        f"{metric_format.format_difference(interval)} ({_format_p_value(difference.p_holm)}). With {interval.repeats} "
        f"repeats, a difference of {metric_format.format_amount(difference.detectable)} is detected with a probability "
        "of 80 %."
    )


def _absolute_interval(interval: ConfidenceInterval) -> ConfidenceInterval:
    """Return the interval of the mean's absolute value, for sentences in which the verb states the direction."""
    if interval.mean >= 0:
        return interval
    return ConfidenceInterval(-interval.mean, interval.sd, -interval.high, -interval.low, interval.repeats)


def _decimal_places(error: float) -> int:
    if not 0 < error < math.inf:
        return 4
    return max(0, 1 - math.floor(math.log10(error)))


def _format_p_value(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _format_wins(fraction: float, repeats: int) -> str:
    return f"{fraction * repeats:g} of {repeats}"
