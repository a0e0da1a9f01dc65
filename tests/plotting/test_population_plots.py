"""Plots of a population."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib import pyplot as plt
from scipy.stats import loguniform, uniform

import fitwell as fw
from fitwell.errors import InvalidArgument
from fitwell.population.curve_plot import plot_curves
from fitwell.population.effect_plot import plot_effect
from fitwell.population.members import Member
from fitwell.population.pair_plot import plot_pairs
from tests.plotting.figures import NAMES, curve, cut_off, inside, legend_texts, member, note, overlaps, ticks


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


def by_name(count: int, seeds: int = 3) -> list[Member]:
    return [
        member(
            {"optimizer": name, "width": 8 * (1 + seed % 2)},
            seed,
            loss=curve(0.1 + 0.02 * place + 0.01 * seed),
        )
        for place, name in enumerate(NAMES[:count])
        for seed in range(seeds)
    ]


@pytest.mark.parametrize("count", [1, 3, 12])
def test_every_category_has_its_entry_and_its_look(count: int) -> None:
    axes = plot_curves(by_name(count), "loss", "optimizer", None)
    assert legend_texts(axes) == NAMES[:count] and not cut_off(axes)
    styles = {(str(line.get_color()), line.get_linestyle()) for line in axes.lines}
    assert len(styles) == count
    assert axes.get_window_extent().width > 300  # the legend took nothing from it
    for size in ((6.4, 4.8), (3.0, 2.2)):
        _, given = plt.subplots(figsize=size)
        assert plot_curves(by_name(count), "loss", "optimizer", given) is given
        assert legend_texts(given) == NAMES[:count] and not cut_off(given)


@pytest.mark.parametrize("count", [1, 3, 12])
@pytest.mark.parametrize("size", [None, (6.4, 4.8), (2.8, 2.2)])
def test_categories_do_not_overlap_and_are_not_joined(count: int, size: tuple[float, float] | None) -> None:
    given = None if size is None else plt.subplots(figsize=size)[1]
    axes = plot_effect(by_name(count), "optimizer", "loss", None, given)
    assert overlaps(axes) == 0 and not cut_off(axes)
    assert [label.get_text().replace("\n", "") for label in axes.get_xticklabels()] == NAMES[:count]
    assert all(line.get_linestyle() == "None" for line in axes.lines)


def test_forty_long_names_do_not_overlap() -> None:
    made = [
        member({"name": f"category {n} with quite a long name"}, s, loss=curve(0.1))
        for n in range(40)
        for s in (0, 1)
    ]
    axes = plot_effect(made, "name", "loss", None, None)
    texts = [label.get_text() for label in axes.get_xticklabels()]
    assert overlaps(axes) == 0 and len(set(texts)) == 40 and not cut_off(axes)
    entries = legend_texts(plot_curves(made, "loss", "name", None))
    assert len(set(entries)) == 40


def test_means_and_spread_are_of_the_seeds() -> None:
    made = by_name(2, seeds=4)
    axes = plot_curves(made, "loss", "optimizer", None)
    for place in range(2):
        values = np.array([m.history.history["loss"] for m in made[4 * place : 4 * place + 4]])
        np.testing.assert_allclose(axes.lines[8 + place].get_ydata(), values.mean(axis=0))
        band = axes.collections[place].get_paths()[0].vertices
        np.testing.assert_allclose(
            band[:, 1].max(), (values.mean(axis=0) + values.std(axis=0, ddof=1)).max(), rtol=1e-6
        )
    assert note(axes) == "thick line: mean, band: ± sd"
    axes = plot_effect(made, "optimizer", "loss", None, None)
    finals = np.array([m.history.history["loss"][-1] for m in made]).reshape(2, 4)
    np.testing.assert_allclose(axes.lines[0].get_ydata(), finals.mean(axis=1))
    (bars,) = axes.containers[0].lines[2]
    spread = [segment[1, 1] - segment[0, 1] for segment in bars.get_segments()]
    np.testing.assert_allclose(spread, 2 * finals.std(axis=1, ddof=1))


def test_a_mean_ends_where_the_first_of_its_members_does() -> None:
    """When some members stop early, the mean over the remaining ones would jump."""
    made = [member({"a": 1}, s, loss=curve(0.1, epochs)) for s, epochs in enumerate((5, 9, 12))]
    axes = plot_curves(made, "loss", "a", None)
    assert list(axes.lines[3].get_xdata()) == [1, 2, 3, 4, 5]
    assert [len(line.get_xdata()) for line in axes.lines[:3]] == [5, 9, 12]  # type: ignore[arg-type]


def test_the_best_values_are_always_shown() -> None:
    stuck = [member({"depth": 6 + s}, s, val_loss=[math.log(2) + 1e-4 * s] * 30) for s in range(12)]
    learned = [member({"depth": 1}, s, val_loss=curve(0.4 + 0.01 * s, 30)) for s in range(4)]
    axes = plot_curves(stuck + learned, "val_loss", "depth", None)
    assert axes.get_ylim()[0] < 0.4
    axes = plot_effect(stuck + learned, "depth", "val_loss", None, None)
    assert axes.get_ylim()[0] < 0.4
    upside_down = [member({"d": s}, s, r2=[-1e9 if s < 2 else 0.1, 0.1 if s else 0.99]) for s in range(9)]
    assert inside([0.99, 0.1], plot_effect(upside_down, "d", "r2", None, None).get_ylim())
    axes = plot_curves(upside_down, "r2", None, None)
    assert axes.get_ylim()[0] > -1 and "2 of 9 members have values outside the plot, down to -1e+09" in note(
        axes
    )


def test_members_that_diverge_are_marked_and_counted() -> None:
    good = [member({"rate": 0.01 * (1 + s % 3)}, s, loss=curve(0.2)) for s in range(9)]
    lost = [member({"rate": 1.0}, s, loss=[2.0, 3.0, math.nan]) for s in range(2)]
    far = [member({"rate": 0.5}, 0, loss=[2.0, 1e6, 1e12])]
    axes = plot_curves(good + lost + far, "loss", None, None)
    assert (
        note(axes) == "1 of 12 members has values outside the plot, up to 1e+12; 2 of 12 members diverged (×)"
    )
    crosses = [line for line in axes.lines if line.get_marker() == "x"]
    assert list(crosses[0].get_xdata()) == [2, 2]
    assert axes.get_ylim()[1] < 4
    axes = plot_effect(good + lost + far, "rate", "loss", None, None)
    assert "1 of 12 members has values outside the plot" in note(
        axes
    ) and "loss is not finite for 2 of 12 members (×)" in note(axes)
    assert inside([1.0, 0.5, 0.01], axes.get_xlim())  # there is where they are marked
    figure = plot_pairs(
        [
            member({**m.setting, "b": m.seed}, m.seed, loss=m.history.history["loss"])
            for m in good + lost + far
        ],
        "loss",
    )
    assert (
        figure.get_suptitle()
        == "1 of 12 members outside the color range, up to 1e+12\n2 of 12 members diverged (×)"
    )


def test_by_tells_hyperparameters_apart_everywhere() -> None:
    made = [
        member({"depth": d, "width": w}, s, loss=curve(0.1 * d + 0.01 * w))
        for d in (1, 2)
        for w in (4, 8)
        for s in (0, 1)
    ]
    axes = plot_effect(made, "depth", "loss", "width", None)
    assert legend_texts(axes) == ["4", "8"]
    for line, width in zip(axes.lines[:2], (4, 8)):
        expected = [m.history.history["loss"][-1] for m in made if m.setting["width"] == width and not m.seed]
        np.testing.assert_allclose(line.get_ydata(), expected)
    assert legend_texts(plot_curves(made, "loss", ["depth", "width"], None)) == [
        f"depth={d}, width={w}" for d in (1, 2) for w in (4, 8)
    ]
    assert legend_texts(plot_curves(made, "loss", "seed", None)) == ["0", "1"]
    folds = [member({}, 0, fold, loss=curve(0.1)) for fold in range(3)]
    assert legend_texts(plot_curves(folds, "loss", "fold", None)) == ["0", "1", "2"]
    with pytest.raises(InvalidArgument, match="'dept'. Did you mean 'depth'"):
        plot_effect(made, "width", "loss", "dept", None)
    with pytest.raises(InvalidArgument, match=r"a list of names, got \[\]"):
        plot_curves(made, "loss", [], None)
    assert not plt.fignum_exists(plt.gcf().number + 1)


def test_many_numbers_have_a_bar_of_colours() -> None:
    rates = 10 ** np.random.default_rng(0).uniform(-4, -1, 40)
    made = [member({"rate": float(rate)}, 0, loss=curve(0.2)) for rate in rates]
    axes = plot_curves(made, "loss", "rate", None)
    (bar,) = [other for other in axes.figure.axes if other is not axes]
    assert bar.get_ylabel() == "rate" and bar.get_yscale() == "log"


def test_members_without_the_hyperparameter_have_an_entry() -> None:
    made = [member({"a": 1}, 0, loss=curve(0.1)), member({}, 0, loss=curve(0.2))]
    assert legend_texts(plot_curves(made, "loss", "a", None)) == ["1", "no a"]


def test_seeds_of_one_setting_are_dodged() -> None:
    made = [
        member({"width": w, "rate": r, "act": a}, s, loss=[math.nan if s else 0.1])
        for w in (2, 4)
        for r in (0.0, 1e-4, 1e-2)
        for a in ("relu", "tanh")
        for s in range(10)
    ]
    figure = plot_pairs(made, "loss")
    for axes in figure.axes[:3]:
        spots = np.concatenate([np.asarray(points.get_offsets()) for points in axes.collections])
        assert len(spots) == 120 and len(set(map(tuple, spots.tolist()))) == 120
        assert len(set(map(tuple, spots.round(9).tolist()))) == 120
    # None has moved so far that it looks like another value.
    across = figure.axes[0]
    x = across.transData.transform(np.concatenate([np.asarray(p.get_offsets()) for p in across.collections]))[
        :, 0
    ]
    home = across.transData.transform([[2, 0], [4, 0]])[:, 0]
    assert np.abs(x[:, None] - home).min(axis=1).max() < 0.1 * (home[1] - home[0])


def test_dropout_drawn_evenly_has_a_linear_axis_and_penalties_a_logarithmic_one() -> None:
    drawn = np.random.default_rng(0).uniform(0, 0.8, 60)
    made = [member({"dropout": float(d), "l2": float(10 ** (-5 * d))}, 0, loss=[0.1 + d]) for d in drawn]
    assert plot_effect(made, "dropout", "loss", None, None).get_xscale() == "linear"
    assert plot_effect(made, "l2", "loss", None, None).get_xscale() == "log"
    (axes, *_) = plot_pairs(made, "loss").axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")


def test_whole_numbers_have_whole_ticks() -> None:
    made = [member({"depth": d}, 0, loss=[0.1 * d]) for d in (1, 2, 3)]
    assert ticks(plot_effect(made, "depth", "loss", None, None)) == [1, 2, 3]


@pytest.mark.parametrize(
    "values",
    [
        [None, True, 1, "1", (64, 64), [8, 8], "$x$", "_hidden", "two\nlines", math.nan, math.inf, np.tanh],
        [True, False],
        ["8", "16", "32"],
        [-1.0, 0.0, 1.0],
        [0.0],
        [1e9, 2e9],
        [1e-9, 1e-7],
        ["准确", "率"],
    ],
)
@pytest.mark.filterwarnings("ignore:Glyph")
def test_hyperparameters_of_any_kind_are_drawn(values: list[object]) -> None:
    made = [
        member({"h": value, "other": s}, s, loss=curve(0.1 + 0.1 * s)) for value in values for s in (0, 1)
    ]
    axes = plot_effect(made, "h", "loss", None, None)
    assert not cut_off(axes) and not overlaps(axes)
    assert len(set(legend_texts(plot_curves(made, "loss", "h", None)))) == len(values)
    if len(values) > 1:
        plot_pairs(made, "loss").canvas.draw()


def test_a_population_of_which_nothing_is_finite() -> None:
    made = [member({"a": s}, s, loss=[math.nan, math.inf]) for s in range(3)]
    assert "3 of 3 members diverged" in note(plot_curves(made, "loss", "a", None))
    assert "loss is not finite for 3 of 3 members" in note(plot_effect(made, "a", "loss", None, None))


@pytest.mark.parametrize("seed", range(4))
def test_what_was_drawn_evenly_or_in_the_logarithm_stays_so(seed: int) -> None:
    def build(setting: dict[str, float]) -> fw.Model:
        model = fw.Sequential([fw.Input((1,)), fw.layers.Dense(1)])
        model.compile(loss="mse", optimizer="sgd")
        return model

    settings = fw.sample(
        3, random_state=seed, rate=loguniform(1e-4, 1e-1), dropout=uniform(0.0, 0.8), width=[1, 100]
    )
    population = fw.Population(build, settings)
    for made in population.members:
        made.history, made.status = member({}, loss=[0.5]).history, "finished"
    scales = [population.plot_effect(name, "loss").get_xscale() for name in ("rate", "dropout")]
    assert scales == ["log", "linear"]
    axes = population.plot_pairs("loss").axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")


def test_by_gives_members_of_pairs_their_shapes() -> None:
    made = [
        member({"a": a, "b": b, "kind": kind}, loss=[0.1 * a + b])
        for a in (1, 2)
        for b in (1, 2)
        for kind in ("x", "$y$", "_z")
    ]
    figure = plot_pairs(made, "loss", by="kind")
    figure.canvas.draw()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["x", "$y$", "_z"]
    below = min(axes.get_tightbbox().y0 for axes in figure.axes)  # type: ignore[union-attr]
    assert legend.get_window_extent().y1 <= below + 1
    assert len(figure.axes[0].collections) == 3
    many = [member({"a": n, "b": n}, loss=[0.1]) for n in range(20)]
    with pytest.raises(InvalidArgument, match="there are 20 groups, but only"):
        plot_pairs(many, "loss", by="a")


def test_arguments_that_are_none_are_refused_before_anything_opens() -> None:
    made = by_name(2)
    for call in (
        lambda: plot_curves(made, "loss", 5, None),  # type: ignore[arg-type]
        lambda: plot_curves(made, "loss", None, "axes"),  # type: ignore[arg-type]
        lambda: plot_effect(made, "width", "loss", None, plt.Figure()),
        lambda: plot_effect(made, "width", 3, None, None),  # type: ignore[arg-type]
        lambda: plot_effect(made, None, "loss", None, None),  # type: ignore[arg-type]
        lambda: made[0].history.plot("axes"),
        lambda: made[0].history.plot([None]),
    ):
        with pytest.raises(InvalidArgument):
            call()
    assert not plt.get_fignums()


def test_lines_stand_out_on_a_dark_ground() -> None:
    with plt.style.context("dark_background"):
        axes = plot_curves(by_name(2), "loss", None, None)
        assert axes.lines[-1].get_color() == "white"


def test_plots_in_a_grid_of_the_user_do_not_overlap() -> None:
    lost = [member({"optimizer": name, "rate": 0.1}, 9, loss=[math.nan]) for name in NAMES[:9]]
    made = [*by_name(9), *lost]
    figure, grid = plt.subplots(2, 2, figsize=(8, 7))
    plot_effect(made, "width", "loss", None, grid[0, 0])
    plot_effect(made, "optimizer", "loss", None, grid[0, 1])
    plot_effect(made, "optimizer", "loss", "seed", grid[1, 0])
    plot_curves(made, "loss", "optimizer", grid[1, 1])
    figure.canvas.draw()
    boxes = [axes.get_tightbbox() for axes in grid.flat]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert not any(map(cut_off, grid.flat)) and not any(map(overlaps, grid.flat))
    assert all(axes.get_position().height > 0.1 for axes in grid.flat)


def test_seeds_alone_have_their_mean_and_spread() -> None:
    made = [member({"a": 1}, s, loss=curve(0.1 + 0.1 * s)) for s in range(4)]
    lost = member({"a": 1}, 4, loss=[2.0, math.nan])
    axes = plot_curves([*made, lost], "loss", None, None)
    values = np.array([m.history.history["loss"] for m in made])
    (mean,) = [line for line in axes.lines if line.get_label() == "mean"]
    np.testing.assert_allclose(mean.get_ydata(), values.mean(axis=0))
    assert note(axes) == "1 of 5 members diverged (×); thick line: mean, band: ± sd of the other members"


def test_equal_scores_at_a_number_are_dodged() -> None:
    made = [member({"depth": d}, s, accuracy=[0.5]) for d in (1, 2, 3) for s in range(5)]
    axes = plot_effect(made, "depth", "accuracy", None, None)
    spots = np.asarray(axes.collections[0].get_offsets())
    assert len(set(map(tuple, spots.tolist()))) == 15
    assert (np.round(spots[:, 0]) == np.repeat([1, 2, 3], 5)).all()


def test_labels_of_pairs_do_not_overlap_in_any_panel() -> None:
    made = [
        member({"optimizer": name, "rate": rate, "width": width}, loss=[0.1 * place])
        for place, name in enumerate(NAMES)
        for rate in (0.001, 0.01, 0.1)
        for width in (8, 64)
    ]
    figure = plot_pairs(made, "loss")
    figure.canvas.draw()
    for axes in figure.axes:
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            boxes = [label.get_window_extent() for label in labels]
            assert not any(one.overlaps(other) for one, other in itertools.pairwise(boxes))


def test_names_fit_next_to_a_legend_on_small_axes() -> None:
    made = [
        member({"optimizer": name, "width": 2**place}, seed, loss=curve(0.1 + 0.01 * place))
        for place, name in enumerate(NAMES)
        for seed in (0, 1)
    ]
    _, axes = plt.subplots(figsize=(3, 2.2))
    plot_effect(made, "optimizer", "loss", ["optimizer", "width"], axes)
    assert overlaps(axes) == 0 and not cut_off(axes) and len(set(legend_texts(axes))) == 12


def test_losses_spread_over_decades_are_all_shown_on_a_logarithmic_axis() -> None:
    """Learning rates on a problem without noise: the best reach rounding error, the slowest barely start."""
    ends = [6.8, 4.0, 2e-3, 1e-13, 2e-14]
    members = [
        member({"rate": rate}, loss=np.geomspace(7.0, end, 20).tolist())
        for rate, end in zip([1e-4, 1e-3, 1e-2, 5e-2, 1e-1], ends, strict=True)
    ]
    for axes in (
        plot_curves(members, "loss", "rate", None),
        plot_effect(members, "rate", "loss", None, None),
    ):
        assert axes.get_yscale() == "log" and inside(ends, axes.get_ylim()), axes.get_ylim()
        assert "leave" not in note(axes)


def test_a_population_without_a_finite_value_has_no_axis_of_numbers() -> None:
    members = [member({"rate": rate}, loss=[np.nan]) for rate in (1.0, 2.0)]
    for axes in (
        plot_curves(members, "loss", "rate", None),
        plot_effect(members, "rate", "loss", None, None),
    ):
        assert list(axes.get_yticks()) == [] and "no finite value" in [text.get_text() for text in axes.texts]
    assert list(plot_curves(members, "loss", None, None).get_xticks()) == []
