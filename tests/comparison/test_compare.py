"""`compare` on data with a known answer."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

import fitwell as fw
from fitwell import random
from fitwell.comparison import Comparison, paired_splits
from fitwell.errors import DataError, InvalidArgument


def rows(count: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 2)).astype(np.float32)
    return x, (x[:, 0] + rng.normal(size=count) > 0).astype(np.float32)


def build(rate: float = 0.05, loss: str = "binary_crossentropy", metrics: Any = ("accuracy",)) -> Any:
    model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(3, activation="tanh")])
    model.add(fw.layers.Dense(1, activation="sigmoid"))
    model.compile(optimizer=fw.optimizers.SGD(rate), loss=loss, metrics=list(metrics))
    return model


def otherwise_seeded() -> Any:
    """The same network with other initial weights: another sample of the same candidate."""
    random.next_seed()
    return build()


@pytest.fixture(autouse=True)
def nobody_has_looked() -> Iterator[None]:
    paired_splits._test_uses.clear()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="compare: . repeats can detect only")
        yield


def run(candidates: dict[str, Callable[[], Any]], **settings: Any) -> Comparison:
    return fw.compare(
        candidates, settings.pop("data", rows()), **{"repeats": 3, "epochs": 2, "verbose": 0, **settings}
    )


@pytest.mark.parametrize("vary", ["splits", "seeds"])
def test_repeats_are_paired_so_that_equal_candidates_score_alike(vary: str) -> None:
    found = run({"one": build, "same": lambda: build()}, vary=vary)
    np.testing.assert_array_equal(found.scores["one"], found.scores["same"])
    assert found.scores["one"].nunique() > 1
    assert found.differences[0].p == 1


def test_order_of_rows_is_paired_also_where_a_candidate_has_more_layers() -> None:
    """A layer without weights still consumes a seed, so without pairing the row order would change."""

    def longer() -> Any:
        model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(3, activation="tanh", name="a")])
        model.add(fw.layers.Dense(1, activation="sigmoid", name="b"))
        model.add(fw.layers.Dropout(0.0, seed=3))
        random.next_seed()
        model.compile(optimizer=fw.optimizers.SGD(0.05), loss="binary_crossentropy", metrics=["accuracy"])
        return model

    found = run({"short": build, "long": longer}, metric="loss")
    np.testing.assert_allclose(found.scores["short"], found.scores["long"], rtol=1e-6)


def test_a_candidate_that_learns_beats_one_that_does_not() -> None:
    found = run(
        {"still": lambda: build(0.0), "learning": lambda: build(0.5)},
        data=rows(600),
        repeats=8,
        vary="seeds",
        epochs=12,
        metric="loss",
    )
    assert found.sentences()[0].startswith("learning lowers test loss by")
    assert found.best == "learning"


def test_test_rows_are_neither_trained_on_nor_validated_with() -> None:
    x, y = rows()
    divided = paired_splits.make_splits(
        (x, y), None, y, [1, 2], vary="splits", validation_size=None, test_size=0.25
    )
    for repeat, split in enumerate(divided.splits):
        training, validation = divided.training_splits()[repeat]
        assert not set(split.test) & (set(training) | set(validation))
        np.testing.assert_array_equal(divided.test_data(repeat)[0], x[split.test])
    assert len(divided.splits[0].test) == 30 and divided.overlap == pytest.approx(30 / 66)
    assert not np.array_equal(divided.splits[0].test, divided.splits[1].test)


def test_given_test_rows_are_used_and_seeds_share_one_split() -> None:
    x, y = rows()
    found = run({"a": build, "b": otherwise_seeded}, test_data=rows(1000, seed=1), vary="seeds")
    assert found.overlap == 0 and "1,000 given test rows" in found.varied
    with pytest.raises(InvalidArgument, match="omit test_size"):
        run({"a": build, "b": build}, test_data=(x, y), test_size=0.5)
    anew = paired_splits.make_splits(
        (x, y), (x, y), None, range(2), vary="splits", validation_size=None, test_size=None
    )
    assert "evaluated on the 120 given test rows; the results hold only for these test rows" in anew.varied


def test_looks_at_the_same_test_rows_are_counted() -> None:
    candidates = {"a": build, "b": otherwise_seeded}
    assert [run(candidates).looks, run(candidates).looks] == [1, 2]
    assert run(candidates, seed=1).looks == 3  # other divisions, but all rows judge in some repeat
    x, y = rows()
    assert run(candidates, data=(x * 2, y.astype(int)[:, None])).looks == 4  # other features of the same rows
    assert run(candidates, vary="seeds").looks == 5  # these rows are among those
    assert run(candidates).looks == 6
    other = {"data": rows(seed=1), "vary": "seeds"}
    assert [run(candidates, **other, seed=seed).looks for seed in (0, 1, 1)] == [1, 1, 2]


def test_targets_may_be_a_list_of_numbers_of_numpy() -> None:
    x, y = rows()
    scores = [
        run({"a": build, "b": otherwise_seeded}, data=(x, targets)).scores for targets in (y, list(y), [y])
    ]
    pd.testing.assert_frame_equal(scores[0], scores[1])
    assert scores[2].shape == (3, 2)  # one target of several, which is not divided in proportion to classes


def test_categories_of_pandas_are_targets() -> None:
    x, y = rows()
    named = pd.Series(pd.Categorical.from_codes(y.astype(int), ["no", "yes"]))
    scores = [run({"a": build, "b": otherwise_seeded}, data=(x, targets)).scores for targets in (y, named)]
    pd.testing.assert_frame_equal(*scores)
    assert run({"a": build, "b": otherwise_seeded}, test_data=(pd.DataFrame(x), named[::-1])).looks == 1


def test_frames_and_multiclass_labels_are_divided_in_proportion() -> None:
    from sklearn.datasets import load_iris

    data = load_iris(as_frame=True)
    frame: pd.DataFrame = data.data
    seen: list[np.ndarray] = []

    def network() -> Any:
        model = fw.Sequential([fw.Input((4,)), fw.layers.Dense(3, activation="softmax")])
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    original = paired_splits.ComparisonSplits.test_data

    def spy(self: Any, repeat: int) -> Any:
        found = original(self, repeat)
        seen.append(np.bincount(found[1], minlength=3))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paired_splits.ComparisonSplits, "test_data", spy)
        run({"a": network, "b": lambda: network()}, data=(frame, data.target))
    assert [counts.tolist() for counts in seen] == 6 * [[10, 10, 10]]


def linear(rate: float) -> Any:
    model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(1)])
    model.compile(optimizer=fw.optimizers.SGD(rate), loss="mse")
    return model


def test_scores_that_cannot_be_averaged_are_left_out_by_name() -> None:
    candidates = {"calm": lambda: linear(0.01), "still": lambda: linear(0.0), "wild": lambda: linear(1e20)}
    found = run(candidates, epochs=5)
    assert list(found.scores) == ["calm", "still"]
    assert any(note.startswith("wild is excluded") for note in found.remarks())
    assert any("In 3 of 3 repeats, the loss of wild became non-finite" in note for note in found.remarks())
    # The trained candidates are kept without the baseline.
    without = run(candidates, epochs=5, baseline="wild")
    assert [(found.first, found.second) for found in without.differences] == [("still", "calm")]
    with pytest.raises(DataError, match="at least two candidates must have a finite loss"):
        run({"wild": lambda: linear(1e20), "wilder": lambda: linear(1e21)}, epochs=5)


def test_several_targets_are_divided_together() -> None:
    def two(rate: float) -> Any:
        inputs = fw.Input((2,))
        outputs = [fw.layers.Dense(1, name=name)(inputs) for name in ("p", "q")]
        model = fw.Model(inputs, outputs)
        model.compile(optimizer=fw.optimizers.SGD(rate), loss="mse")
        return model

    x, y = rows()
    scores = [
        run({"slow": lambda: two(0.01), "fast": lambda: two(0.1)}, data=(x, targets), metric="p_loss").scores
        for targets in ([y, 2 * y], {"p": y, "q": 2 * y})
    ]
    pd.testing.assert_frame_equal(*scores)


def test_losses_of_different_kinds_are_remarked() -> None:
    def remarks(metric: str, other: str) -> str:
        candidates = {"mse": lambda: build(loss="mse"), "other": lambda: build(loss=other)}
        return " ".join(run(candidates, metric=metric, epochs=1).remarks())

    assert "compiled with different losses" in remarks("loss", "mae")
    assert "compiled with different losses" not in remarks("accuracy", "mae") + remarks(
        "loss", "mean_squared_error"
    )


@pytest.mark.filterwarnings("ignore:compare ranks by loss")
def test_a_loss_that_contains_penalties_is_remarked() -> None:
    def network(penalty: float) -> Any:
        dense = fw.layers.Dense(1, activation="sigmoid", kernel_regularizer=fw.regularizers.L2(penalty))
        model = fw.Sequential([fw.Input((2,)), dense])
        model.compile(optimizer="sgd", loss="binary_crossentropy", metrics=["accuracy"])
        return model

    def remarks(metric: str) -> str:
        candidates = {"weak": lambda: network(0.01), "strong": lambda: network(0.1)}
        return " ".join(run(candidates, metric=metric, epochs=1).remarks())

    assert "The loss includes the penalties" in remarks("loss")
    assert "penalties" not in remarks("accuracy")


def test_callbacks_may_differ_by_candidate() -> None:
    stopping = fw.callbacks.EarlyStopping("val_loss", patience=0)
    found = run(
        {"stopped": lambda: build(0.0), "free": lambda: build(0.5)},
        data=rows(600),
        callbacks={"stopped": [stopping], "free": []},
        metric="loss",
        epochs=20,
    )
    assert (found.scores["free"] < found.scores["stopped"]).all()


def test_the_mode_of_a_custom_metric_is_used() -> None:
    def share_right(y_true: Any, y_pred: Any) -> Any:
        return (y_true == (y_pred > 0.5)).astype("float32")

    candidates = {
        "slow": lambda: build(0.0, metrics=[share_right]),
        "fast": lambda: build(1.0, metrics=[share_right]),
    }
    with pytest.raises(InvalidArgument, match="cannot infer from the name 'share_right' .*; pass mode="):
        run(candidates)
    found = run(candidates, mode="max", epochs=5)
    assert found.larger_is_better and found.best == found.scores.mean().idxmax()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"candidates": {"only": build}}, "at least two candidates"),
        ({"candidates": {"a": build, "b": 3}}, "'b' must be a function"),
        ({"candidates": {"a": build, "b": lambda hp: build(hp)}}, "functools.partial"),
        (
            {"candidates": {"a": build, "b": lambda: None}},
            "'b' must return a compiled model, got None; end the function",
        ),
        ({"candidates": {"a": build, "b": build()}}, "'b' is a model; pass the function that builds it"),
        (
            {"candidates": {"a": build, "b": lambda: fw.Sequential()}},
            "'b' returned a model that is not compiled",
        ),
        ({"candidates": {"a": build, "b": lambda: build(loss="msee")}}, "compare: candidate 'b'"),
        ({"candidates": {1: build, 2: build}}, "must be strings, got 1; write '1'"),
        ({"repeats": 1}, "at least 2"),
        ({"repeats": 2.5}, "repeats must be an integer of at least 2, got 2.5"),
        ({"baseline": "plian"}, "Did you mean 'plain'"),
        ({"metric": "acuracy"}, "Did you mean 'accuracy'"),
        ({"metric": 3}, "metric must be a string or None, got 3"),
        ({"vary": "rows"}, "'splits' or 'seeds'"),
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
        ({"test_size": 0}, "test_size must be above 0 if there is no test_data"),
        ({"callbacks": {"plain": []}}, "'other' is missing"),
        ({"callbacks": {"plain": [], "other": [], "third": []}}, "'third' is not a candidate"),
        ({"test_data": (rows()[0],)}, r"test_data must be a pair \(x, y\)"),
        ({"data": rows()[0]}, r"data must be a pair \(x, y\)"),
        ({"data": (rows()[0], rows()[1][:50])}, "x: 120 rows, y: 50 rows"),
        ({"data": (list(rows()[0]), rows()[1])}, r"x is a list of rows, write np.stack\(x\)"),
        ({"data": (csr_matrix(rows()[0]), rows()[1])}, "x: "),
    ],
)
def test_errors_are_explained(changes: dict[str, Any], words: str) -> None:
    candidates = changes.pop("candidates", {"plain": build, "other": build})
    with pytest.raises(ValueError, match=words):
        run(candidates, **changes)


def test_a_confidence_is_looked_at_before_anything_is_trained() -> None:
    def built() -> Any:
        raise AssertionError

    with pytest.raises(InvalidArgument, match="confidence must be a number above 0 and below 1"):
        run({"a": built, "b": built}, confidence=95)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (rows()[0], rows()[1][:50], "x: 120 rows, y: 50 rows"),
        (np.ones((120, 3)), rows()[1], r"expected shape \(batch, 2\), got \(120, 3\)"),
        (rows()[0], np.where(rows()[1] > 0, "yes", "no"), "text"),
        (rows()[0], 2 * rows()[1], "targets from 0 to 1"),
        (np.where(rows()[0] > 1, np.nan, rows()[0]), rows()[1], "NaN value.* among 240"),
    ],
)
def test_test_rows_are_looked_over_before_anything_is_trained(
    x: Any, y: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fw.Population, "fit", None)
    with pytest.raises(ValueError, match=words) as caught:
        run({"a": build, "b": otherwise_seeded}, test_data=(x, y))
    assert caught.value.__notes__ == ["compare: candidate 'a', test_data"]


@pytest.mark.parametrize(
    ("callback", "words"),
    [
        (3, "expected Callback objects, got 3"),
        (fw.callbacks.EarlyStopping("val_acuracy", mode="max"), "Did you mean 'val_accuracy'"),
        (fw.callbacks.ModelCheckpoint("best.weights.h5"), "would both write to"),
    ],
)
def test_an_error_in_the_last_candidate_is_found_before_training(
    callback: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []
    fit = fw.Population.fit

    def spy(self: fw.Population, *args: Any, **settings: Any) -> Any:
        trained.append(settings["epochs"])
        return fit(self, *args, **settings)

    monkeypatch.setattr(fw.Population, "fit", spy)
    with pytest.raises(InvalidArgument, match=words) as caught:
        run({"good": build, "bad": lambda: build()}, callbacks={"good": [], "bad": [callback]})
    assert set(trained) <= {0} and caught.value.__notes__ == ["compare: candidate 'bad'"]


def test_weights_that_do_not_vary_are_remarked() -> None:
    def seeded() -> Any:
        start = fw.initializers.GlorotUniform(seed=1)
        model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(1, "sigmoid", kernel_initializer=start)])
        model.compile(optimizer="sgd", loss="binary_crossentropy", metrics=["accuracy"])
        return model

    remarks = " ".join(run({"free": build, "seeded": seeded}).remarks())
    assert "seeded has the same initial weights in every repeat" in remarks and "free has" not in remarks


def test_classes_too_rare_for_the_test_are_remarked() -> None:
    def network() -> Any:
        model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(3, activation="softmax")])
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    x, y = rows()
    y[:3] = 2
    found = run({"a": network, "b": lambda: network()}, data=(x, y), epochs=1)
    assert sum("1 class has fewer than 5 rows" in remark for remark in found.remarks()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("vary", ["splits", "seeds"])
def test_candidates_that_do_not_differ_raise_few_false_alarms(vary: str) -> None:
    """60 comparisons of a network with itself under other seeds, each on different data, at a level of 5 %."""
    alarms, covered, count = 0, 0, 60
    for number in range(count):
        found = run(
            {"a": build, "b": otherwise_seeded},
            data=rows(100, seed=number),
            vary=vary,
            metric="loss",
            seed=number,
        )
        (difference,) = found.differences
        alarms += difference.p_holm < 0.05
        covered += difference.interval.low <= 0 <= difference.interval.high
    # Three standard errors above 5 %; `python -m benchmarks.honesty` does 500 with more repeats.
    most = count * 0.05 + 3 * np.sqrt(count * 0.05 * 0.95)
    assert alarms <= most and covered >= count - most
