"""Sentences, tables and plots of comparisons of synthetic scores."""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitwell.comparison.comparison import Comparison
from fitwell.comparison.metric_format import MetricFormat
from fitwell.comparison.statistics import mean_interval


def made_up(metric: str = "accuracy", larger: bool = True, **settings: object) -> Comparison:
    rng = np.random.default_rng(0)
    plain = rng.normal(0.9, 0.01, size=20)
    scores = pd.DataFrame(
        {
            "plain": plain,
            "better": plain + rng.normal(0.02, 0.005, size=20),
            "same": plain + rng.normal(0, 0.005, size=20),
        }
    )
    return Comparison(scores, metric, larger, "seeds differ", **settings)  # type: ignore[arg-type]


def test_a_real_difference_is_stated_with_its_direction_size_and_wins() -> None:
    said = made_up().sentences()
    values = made_up().scores["better"] - made_up().scores["plain"]
    interval = mean_interval(values)
    size = f"{100 * interval.mean:.2f} ± {100 * interval.half_width:.2f} points"
    assert said[0].startswith(f"better raises test accuracy by {size} compared with plain")
    assert "better was better in 20 of 20 repeats" in said[0]


def test_a_smaller_loss_is_the_better_one() -> None:
    found = made_up("mse", larger=False)
    said = found.sentences()[0]
    assert said.startswith("better raises test mse by 0.0") and "compared with plain" in said
    assert "plain was better in 20 of 20 repeats" in said
    assert found.table.index[-1] == "better" and found.best != "better"


def test_without_a_difference_the_detectable_one_is_reported() -> None:
    said = made_up().sentences()[1]
    detectable = made_up().differences[1].detectable
    assert said.startswith("No difference in test accuracy was found between same and plain")
    assert f"{100 * detectable:.2f} points is detected with a probability of 80 %" in said


def test_large_numbers_are_written_out() -> None:
    scores = pd.DataFrame({"a": [41_000.0, 52_000.0, 47_000.0], "b": [48_000.0, 44_000.0, 51_000.0]})
    (said,) = Comparison(scores, "mse", False, "seeds differ").sentences()
    assert "e+" not in said


@pytest.mark.parametrize(
    ("metric", "is_percentage"),
    [
        ("accuracy", True),
        ("p_binary_accuracy_1", True),
        ("acc", True),
        ("accounts_mae", False),
        ("loss", False),
    ],
)
def test_accuracies_alone_are_in_percent(metric: str, is_percentage: bool) -> None:
    assert MetricFormat(metric, larger_is_better=True).is_percentage == is_percentage


def test_equal_scores_are_called_equal() -> None:
    scores = pd.DataFrame({"a": [0.5, 0.6, 0.7], "b": [0.5, 0.6, 0.7]})
    assert Comparison(scores, "accuracy", True, "seeds differ").sentences() == [
        "b and a gave the same test accuracy in every repeat."
    ]


def test_candidates_may_be_numbered() -> None:
    found = Comparison(pd.DataFrame({1: [0.5, 0.6], 2: [0.6, 0.9]}), "accuracy", True, "seeds differ")
    assert found.best == "2" and "2 - 1" in found.to_html() and found.sentences()[0] in str(found)


def test_repeats_without_a_winner_are_remarked() -> None:
    scores = pd.DataFrame({"a": [0.5, 0.6, 0.7], "b": [0.5, 0.7, 0.8]})
    found = Comparison(scores, "accuracy", True, "seeds differ")
    assert "| 2.5 of 3 |" in found.to_markdown()
    assert (
        "Repeats in which two candidates have equal scores count as half a win for each." in found.remarks()
    )
    assert "half a win" not in str(made_up())


def test_two_equal_differences_are_not_called_a_finding() -> None:
    scores = pd.DataFrame({"a": [0.5, 0.6], "b": [0.6, 0.7]})
    (said,) = Comparison(scores, "accuracy", True, "seeds differ").sentences()
    assert said == (
        "b raised test accuracy by 10.0 points compared with a in every repeat, but 2 repeats are too few to "
        "distinguish this difference from chance (p = 0.5)."
    )


def test_only_comparisons_with_the_baseline_are_made() -> None:
    pairs = [(found.first, found.second) for found in made_up(baseline="better").differences]
    assert pairs == [("plain", "better"), ("same", "better")]


def test_few_repeats_and_repeated_looks_are_remarked() -> None:
    few = Comparison(made_up().scores[:4], "accuracy", True, "seeds differ", looks=3)
    remarks = " ".join(few.remarks())
    assert "4 repeats can detect only large differences" in remarks and "used 3 times" in remarks
    assert "detect only" not in " ".join(made_up().remarks()) and "have been used" not in " ".join(
        made_up().remarks()
    )


def test_tables_hold_the_statistics() -> None:
    found = made_up()
    assert found.table.index[0] == found.best == "better"
    assert found.table.loc["plain", "mean"] == pytest.approx(found.scores["plain"].mean())
    row = found.differences_table.iloc[0]
    assert (row["first"], row["second"]) == ("better", "plain")
    assert row["difference"] == pytest.approx((found.scores["better"] - found.scores["plain"]).mean())
    assert row["low"] < row["difference"] < row["high"]


def test_markdown_html_and_text_agree(tmp_path: Path) -> None:
    found = made_up()
    markdown, page, text = found.to_markdown(), found.to_html(tmp_path / "page.html"), str(found)
    for sentence in found.sentences():
        assert escape(sentence, quote=False) in markdown and escape(sentence) in page and sentence in text
    assert "http" not in page.split("<main>")[1] and "<script" not in page
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page


def test_names_are_escaped_in_html() -> None:
    scores = pd.DataFrame({"<script>": [0.1, 0.2], "b": [0.2, 0.4]})
    assert "<script>" not in Comparison(scores, "loss", False, "seeds differ").to_html()


def test_a_bar_in_a_name_does_not_break_the_tables_of_markdown() -> None:
    scores = pd.DataFrame({"a|b": [0.1, 0.2], "c": [0.2, 0.4]})
    lines = Comparison(scores, "loss", False, "seeds differ").to_markdown().splitlines()
    assert [line.replace(r"\|", "").count("|") for line in lines if line.startswith("|")] == 4 * [4] + 3 * [7]


def test_plot_draws_every_repeat_and_every_difference() -> None:
    import matplotlib

    matplotlib.use("Agg")
    left, right = made_up().plot()
    dots = [line for line in left.lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in dots] == [20, 20, 20]  # type: ignore[arg-type]
    assert [label.get_text() for label in right.get_yticklabels()] == [
        "better - plain",
        "same - plain",
        "same - better",
    ]


def test_long_names_are_broken_so_that_there_is_room_to_draw() -> None:
    name = "a very wide network with momentum and patience"
    axes = Comparison(
        made_up().scores.rename(columns={"same": name}), "accuracy", True, "seeds differ"
    ).plot()
    axes[0].figure.canvas.draw()
    assert all(part.get_position().width > 0.25 for part in axes)
    assert axes[0].get_yticklabels()[2].get_text().replace("\n", " ") == name
