"""Plots and pages of comparisons and reports, and diagrams of models."""

from __future__ import annotations

import dataclasses
import io
import warnings
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import fitwell as fw
from fitwell._history import History
from fitwell.comparison.comparison import Comparison
from fitwell.errors import InvalidArgument
from fitwell.report import figures
from tests.plotting.figures import cut_off, inside, note, overlaps


def comparison(names: list[str], far: float = 0.0, repeats: int = 6) -> Comparison:
    noise = np.random.default_rng(0).normal(scale=0.01, size=(repeats, len(names)))
    scores = pd.DataFrame(0.2 + 0.01 * np.arange(len(names)) + noise, columns=names)
    scores[names[0]] += far
    return Comparison(scores, "loss", False, "seeds differ")


@pytest.mark.parametrize(
    "names",
    [
        ["a", "b"],
        [r"$\bad_$", "_hidden", "two\nlines"],
        [f"candidate {number}" for number in range(12)],
        ["a very long name of a candidate " * 4, "UnbrokenNameOf" * 9, "c"],
    ],
)
def test_names_of_candidates_are_read_and_nothing_is_cut_off(names: list[str]) -> None:
    for axes in comparison(names).plot():
        assert overlaps(axes, "y") == 0 and not cut_off(axes)
        assert axes.get_window_extent().width > 100
    plt.close("all")
    assert "<img" in comparison(names).to_html()


def test_intervals_are_shown_completely() -> None:
    made = comparison(["a", "b", "c"])
    left, right = made.plot()
    assert inside(
        [end for found in made.intervals.values() for end in (found.low, found.high)], left.get_xlim()
    )
    ends = [end for found in made.differences for end in (found.interval.low, found.interval.high)]
    assert inside([0.0, *ends], right.get_xlim())
    plt.close("all")


def test_a_candidate_without_scores_is_missing_with_a_word() -> None:
    made = comparison(["a", "b"])
    said = "$c_$ is excluded, because its loss on the test rows was finite in fewer than two repeats."
    left, right = dataclasses.replace(made, notes=(said,), left_out=(said,)).plot()
    assert note(left) == said.removesuffix(".") and note(right) == ""
    plt.close("all")

    def build(rate: float) -> fw.Sequential:
        model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(1)])
        model.compile(fw.optimizers.SGD(rate), "mse")
        return model

    x = np.random.default_rng(0).normal(size=(60, 2))
    candidates = {"a": lambda: build(0.01), "b": lambda: build(0.02), "far": lambda: build(1e30)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = fw.compare(candidates, (x, x[:, :1]), repeats=2, epochs=3, verbose=0)
    assert list(found.scores) == ["a", "b"]
    assert found.left_out == (
        "far is excluded, because its loss on the test rows was finite in fewer than two repeats.",
    )


def test_a_candidate_far_off_does_not_hide_the_others() -> None:
    made = comparison(["far", "b", "c", "d"], far=1e6)
    left, right = made.plot()
    assert (
        inside(made.scores[["b", "c", "d"]].to_numpy().ravel(), left.get_xlim())
        and np.ptp(left.get_xlim()) < 0.2
    )
    assert note(left) == "6 of 24 scores not shown, up to 1e+06"
    assert np.ptp(right.get_xlim()) < 0.2 and "3 of 6 differences not shown, down to -1e+06" in note(right)
    plt.close("all")


def test_of_very_many_differences_the_clearest_are_drawn() -> None:
    """780 rows would be 50,000 pixels high, and 50 candidates exceed the maximum size of an image."""
    made = comparison([f"c{number}" for number in range(40)], repeats=3)
    _, right = made.plot()
    assert note(right) == "the 40 of 780 differences with the smallest p"
    drawn = [label.get_text() for label in right.get_yticklabels()]
    smallest = made.differences_table.nsmallest(40, "p")
    assert sorted(drawn) == sorted(smallest["first"] + " - " + smallest["second"])
    plt.close("all")
    assert made.to_html().count("<p>") > 700


def test_words_without_a_space_are_broken_on_a_page() -> None:
    assert "overflow-wrap: break-word" in comparison(["a", "b"]).to_html()


def height_of(png: bytes) -> int:
    return int(matplotlib.image.imread(io.BytesIO(png)).shape[0])


def test_outliers_and_lost_rows_do_not_break_residuals() -> None:
    true = np.linspace(0, 1, 200)
    said = true + 0.01
    said[:3] = [1e9, np.nan, np.inf]
    assert all(map(height_of, figures.plot_residuals(true, said, "$price$ of a home " * 6)))
    assert all(map(height_of, figures.plot_residuals(true, np.full(200, np.nan), "y")))


def test_curves_of_many_metrics_stand_in_rows() -> None:
    made = History()
    for epoch in range(3):
        made.append(
            epoch, {f"metric_{n}": 1.0 / (epoch + 1) for n in range(7)} | {"learning_rate": 0.1 / (epoch + 1)}
        )
    image = matplotlib.image.imread(io.BytesIO(figures.plot_learning_curves(made, 1)))
    assert image.shape[1] < 2500 and image.shape[0] > 1000
    assert len(figures.plot_learning_curve_panels(made)) == 8
    assert height_of(figures.plot_learning_curves(History()))


@pytest.mark.filterwarnings("ignore:Glyph")
def test_diagrams_write_names_as_they_are(tmp_path: Path) -> None:
    model = fw.Sequential(
        [fw.Input((4,)), fw.layers.Dense(2, name=r"$\bad_$"), fw.layers.Dense(1, name="输出")]
    )
    figure = fw.utils.plot_model(model, to_file=tmp_path / "model.svg")
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    assert r"$\bad_$ (Dense)" in [text.get_text() for text in texts]
    assert not any(text.get_parse_math() for text in texts)


def test_a_diagram_too_large_for_pixels_is_explained(tmp_path: Path) -> None:
    model = fw.Sequential([fw.Input((4,)), fw.layers.Dense(2)])
    with pytest.raises(InvalidArgument, match=r"maximum is 65536 in each direction; use a .svg or .pdf file"):
        fw.utils.plot_model(model, to_file=tmp_path / "model.png", dpi=50_000)
    assert not list(tmp_path.iterdir())
