"""Axis limits, scales, labels and notes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fitwell._plotting.axis_limits import needs_log_scale, pad_limits, robust_limits
from fitwell._plotting.labels import format_values, shorten_distinct, wrap_to_width
from fitwell._plotting.scales import ValueScale, looks_logarithmic


@pytest.mark.parametrize(
    ("values", "better", "expected"),
    [
        ([0.1, 0.2, 0.3, 1e9], "min", (0.1, 0.3)),
        ([0.1, 0.2, 0.3, 1e9], None, (0.1, 0.3)),
        ([0.9, 0.8, -1e9, 0.7], "max", (0.7, 0.9)),
        # Most stuck at ln 2, and some that learned: these are why the picture is looked at.
        ([0.6931, 0.6932, 0.6930] * 4 + [0.4, 0.41], "min", (0.4, 0.6932)),
        ([0.6931, 0.6932, 0.6930] * 4 + [0.4, 0.41], None, (0.4, 0.6932)),
        ([0.5] * 12 + [1.0], "max", (0.5, 1.0)),
        # Two sizes of far off: neither hides that the other is.
        ([1.0, 1.1, 1.2, 1.3] * 5 + [8e9, 8e9, 1e15], "min", (1.0, 1.3)),
        ([0.1, 0.11, 0.12, 0.13, 0.5, 1, 2, 4], "min", (0.1, 4)),
        ([1.0, np.nan, np.inf, 2.0], "min", (1.0, 2.0)),
        ([np.nan, np.inf], "min", (0.0, 1.0)),
        ([], "min", (0.0, 1.0)),
        ([5.0], "min", (5.0, 5.0)),
        ([0.0, 0.0, 0.0, 1.0], "min", (0.0, 1.0)),
        ([1e308, -1e308, 0.0, 1.0], None, (-1e308, 1e308)),
    ],
)
def test_limits_leave_out_what_is_far_off(
    values: list[float], better: str | None, expected: tuple[float, float]
) -> None:
    assert robust_limits(values, better) == expected


@given(
    values=arrays.arrays(float, st.integers(1, 40), elements=st.floats(-1e300, 1e300)),
    better=st.sampled_from(["min", "max"]),
)
def test_the_best_and_half_of_all_always_stay(values: np.ndarray, better: str) -> None:
    low, high = robust_limits(values, better)
    assert low <= (values.min() if better == "min" else values.max()) <= high
    assert ((values >= low) & (values <= high)).mean() >= 0.5


def test_one_value_far_off_stays_outside_although_the_others_span_decades() -> None:
    values = [1e-7, 1e-5, 3e-3, 0.04, 0.3, 0.7, 1.6, 6e7]
    assert (
        not needs_log_scale(values, *robust_limits(values, "min")) and robust_limits(values, "min")[1] == 1.6
    )


def test_equal_values_and_rounding_are_not_blown_up() -> None:
    for low, high in ((0.0, 0.0), (0.6931471, 0.6931472), (1e9, 1e9), (-1e-9, -1e-9)):
        least, most = pad_limits(low, high)
        assert least < low and most > high and most - least >= 0.05 * max(abs(low), abs(high))
    assert pad_limits(1.0, 100.0, log=True) == pytest.approx((1 / 10**0.1, 100 * 10**0.1))


@pytest.mark.parametrize("count", [6, 20, 60])
def test_the_scale_follows_how_numbers_were_drawn(count: int) -> None:
    """Ranks compared with a straight line, over 200 samples each; few values are ambiguous."""
    even = sum(looks_logarithmic(np.random.default_rng(seed).uniform(0, 0.8, count)) for seed in range(200))
    log = sum(
        looks_logarithmic(10 ** np.random.default_rng(seed).uniform(-5, -1, count)) for seed in range(200)
    )
    assert even <= 6 and log >= (170 if count < 10 else 195)


def test_numbers_have_an_axis_and_anything_else_is_a_category() -> None:
    assert ValueScale([1, 2.5, np.float32(3), np.int64(4)]).is_numeric
    for values in ([True, False], [1, "1"], [None, 2], [(8,), (8, 8)], [1.0, np.inf], ["8", "16"]):
        scale = ValueScale(values)
        assert not scale.is_numeric and len(set(scale.names)) == 2
        assert scale.positions(values).tolist() == [0, 1]
    assert ValueScale([1e-4, 1e-3, 1e-2]).log and not ValueScale([1, 6, 8, 10]).log
    # The declared scale is used, not the sampled values.
    assert not ValueScale([1e-4, 1e-3, 1e-2], log=False).log and ValueScale([0.01, 0.02], log=True).log


def test_names_stay_different_when_they_are_short() -> None:
    for names in (
        [f"layer {n} of a very deep residual network with attention" for n in range(40)],
        ["x" * n for n in range(40, 50)],
    ):
        short = shorten_distinct(names, 16)
        assert len(set(short)) == len(names) and max(map(len, short)) <= 16
    assert format_values([0.1, 0.100001, 0.2]) == ["0.1", "0.100001", "0.2"]


def test_lines_break_after_words_and_not_after_a_minus() -> None:
    lines = wrap_to_width("down to -1e+06, well-known a_name", 1, 10).split("\n")
    assert lines == ["down", "to", "-1e+06,", "well-", "known", "a_", "name"]
