"""Cross-validation: a member of a fold is the model trained alone on that fold's rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit

import fitwell as fw
from fitwell import config
from fitwell._engine import compile_cache
from fitwell.errors import DataError, InvalidArgument, StateError
from fitwell.population import results_table
from fitwell.population.member_train_loop import MemberData
from tests.population.conftest import dense
from tests.population.test_single_members import normalised, rows, same, solo, subclassed


def classifier(setting):
    """Build a classifier of three classes."""
    model = fw.Sequential([fw.Input((4,)), fw.layers.Dense(3, activation="softmax")])
    model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "batch_size"),
    [(normalised, 8), (normalised, 32), (normalised, 100), (subclassed, 8), (subclassed, 32)],
)
def test_each_fold_is_a_solo_run_on_its_rows(build, batch_size):
    x, y, _ = rows("rows")  # 38 rows: folds of 7 and 8 rows, so of 30 and 31 to learn from
    settings = {"epochs": 4, "batch_size": batch_size}
    population = fw.Population(build, [{"rate": 0.03}, {"rate": 0.1}], seeds=[1])
    population.fit(x, y, folds=5, verbose=0, **settings)
    splits = list(KFold(5, shuffle=True, random_state=0).split(x))
    assert population.results["fold"].tolist() == list(range(5)) * 2
    for member in population.members:
        train, validation = splits[member.fold]
        alone = solo(
            build,
            member.setting,
            1,
            x[train],
            y[train],
            validation_data=(x[validation], y[validation]),
            **settings,
        )
        same(member, *alone)


def test_folds_of_unequal_size_are_one_program(regression):
    x, y, _ = regression
    traced = compile_cache.compile_stats.traced
    fw.Population(dense).fit(x[:47], y[:47], folds=3, epochs=3, verbose=0)
    assert compile_cache.compile_stats.traced - traced == 1


def test_classes_are_shared_out_evenly(classes):
    x, y, _ = classes
    order = np.argsort(y, kind="stable")
    population = fw.Population(classifier).fit(x[order], y[order], folds=4, epochs=1, verbose=0)
    for member, (train, validation) in zip(
        population.members, StratifiedKFold(4, shuffle=True, random_state=0).split(x, y[order]), strict=True
    ):
        model, history = solo(
            classifier, {}, 0, x[order][train], y[order][train],
            validation_data=(x[order][validation], y[order][validation]), epochs=1,
        )  # fmt: skip
        same(member, model, history)
        assert np.bincount(y[order][validation]).tolist() == [5, 5, 5]


def test_splitters_and_splits(regression):
    x, y, _ = regression
    by_splitter = fw.Population(dense).fit(x, y, folds=TimeSeriesSplit(3), epochs=2, verbose=0)
    splits = list(TimeSeriesSplit(3).split(x))
    by_rows = fw.Population(dense).fit(x, y, splits=splits, epochs=2, verbose=0)
    for one, other in zip(by_splitter.history, by_rows.history, strict=True):
        assert one.history == other.history
    train, validation = splits[1]
    same(
        by_rows.members[1],
        *solo(dense, {}, 0, x[train], y[train], validation_data=(x[validation], y[validation]), epochs=2),
    )


def test_members_that_take_the_rows_in_another_form_have_the_same_folds(regression):
    x, y, _ = regression

    class Line(fw.Model):
        def __init__(self):
            super().__init__()
            self.out = fw.layers.Dense(1, kernel_initializer="zeros")

        def call(self, inputs):
            return self.out(inputs)

    def build(setting):
        model = Line() if setting["subclass"] else fw.Sequential([fw.Input((3,)), Line().out])
        model.compile(loss="mse", optimizer=fw.optimizers.SGD(0.0))
        return model

    population = fw.Population(build, fw.grid(subclass=[False, True]))
    population.fit(x, y, folds=KFold(2, shuffle=True), verbose=0)
    losses = population.results["val_loss"].to_numpy()
    np.testing.assert_allclose(losses[:2], losses[2:], rtol=1e-6)


def test_sample_weights_go_with_their_rows(regression):
    x, y, _ = regression
    weights = np.linspace(0, 2, len(x)).astype(np.float32)
    population = fw.Population(dense).fit(x, y, sample_weight=weights, folds=3, epochs=2, verbose=0)
    for member, (train, validation) in zip(
        population.members, KFold(3, shuffle=True, random_state=0).split(x), strict=True
    ):
        validating = (x[validation], y[validation], weights[validation])
        alone = solo(
            dense,
            {},
            0,
            x[train],
            y[train],
            sample_weight=weights[train],
            validation_data=validating,
            epochs=2,
        )
        same(member, *alone)


def test_best_of_folds_is_best_on_average(regression, tmp_path):
    x, y, _ = regression
    population = fw.Population(dense, fw.grid(learning_rate=[1e-4, 0.05])).fit(
        x, y, folds=3, epochs=5, verbose=0
    )
    means = population.results.groupby("learning_rate")["val_loss"].mean()
    assert means.idxmin() == 0.05
    assert population.best() is population.member(3)
    population.save(tmp_path / "population.fit")
    loaded = fw.Population.load(tmp_path / "population.fit", dense)
    assert (
        results_table.rank_members(loaded.members, None, "auto")
        == results_table.rank_members(population.members, None, "auto")
        == [3, 4, 5, 0, 1, 2]
    )


def test_going_on_with_the_same_folds(regression):
    x, y, _ = regression
    population = fw.Population(dense).fit(x, y, folds=3, epochs=2, verbose=0)
    population.fit(x, y, folds=3, epochs=4, initial_epoch=2, verbose=0)
    straight = fw.Population(dense).fit(x, y, folds=3, epochs=4, verbose=0)
    for one, other in zip(population.history, straight.history, strict=True):
        assert one.history["val_loss"] == other.history["val_loss"][2:]
    with pytest.raises(StateError, match="trained with 3 folds and cannot continue with 4"):
        population.fit(x, y, folds=4, verbose=0)
    with pytest.raises(StateError, match="trained with 3 folds and cannot continue with no folds"):
        population.fit(x, y, verbose=0)


def test_mistakes(regression, classes):
    x, y, validation = regression
    population = fw.Population(dense)
    for arguments, message in [
        ({"folds": 51}, "between 2 and the number of rows .50., got 51"),
        ({"folds": 1}, "between 2 and the number of rows"),
        ({"folds": "five"}, "an integer of at least 2 or a scikit-learn splitter"),
        ({"folds": 2, "splits": []}, "either folds or splits"),
        ({"folds": 2, "validation_data": validation}, "omit validation_data and validation_split"),
        ({"folds": 2, "steps_per_epoch": 1}, "steps_per_epoch cannot be combined with folds"),
        ({"splits": []}, "splits: the list is empty"),
        ({"splits": 5}, "a list of pairs .*got 5; to set the number of folds, pass folds="),
        (
            {"folds": KFold(51)},
            r"KFold.* cannot split these 50 rows \(Cannot have number of splits n_splits=51",
        ),
        ({"folds": GroupKFold(3)}, r"'groups' parameter .*splits=list\(splitter.split\(X, y, groups\)\)"),
        ({"splits": [[0, 1, 2]]}, r"splits\[0\]: expected a pair \(training rows, validation rows\)"),
        (
            {"splits": [([0, 1], [50])]},
            r"validation row indices must be between 0 and 49, but they range from 50 to 50",
        ),
        (
            {"splits": [([0, 1], [1, 2])]},
            r"must not overlap, but they share 1 row, such as row 1",
        ),
        ({"splits": [(x[:, 0] > 0, x[:, 0] <= 0)]}, "to use a mask, write np.flatnonzero"),
    ]:
        with pytest.raises(InvalidArgument, match=message):
            fw.Population(dense).fit(x, y, verbose=0, **arguments)
    assert population.members[0].status == "not trained"
    x, y, _ = classes
    with pytest.raises(DataError, match="needs at least 3 rows, but the rarest class has 2"):
        fw.Population(classifier).fit(x[:40], np.r_[np.zeros(38), 1, 1].astype(int), folds=3, verbose=0)


def test_a_fit_that_was_refused_leaves_no_folds(regression):
    x, y, validation = regression
    population = fw.Population(dense, seeds=[0, 1])
    with pytest.raises(InvalidArgument, match="batch_size"):
        population.fit(x, y, folds=5, batch_size=0, verbose=0)
    population.fit(x, y, validation_data=validation, epochs=2, verbose=0)
    assert population.results["seed"].tolist() == [0, 1]
    same(population.members[1], *solo(dense, {}, 1, x, y, validation_data=validation, epochs=2))
    population = fw.Population(dense)
    for folds in (4, 2):
        with pytest.raises(InvalidArgument, match="batch_size"):
            population.fit(x, y, folds=folds, batch_size=0, verbose=0)
    assert population.fit(x, y, folds=3, verbose=0).results["fold"].tolist() == [0, 1, 2]


def test_nobody_is_validated_with_rows_learned_before(regression):
    x, y, _ = regression
    unseeded = KFold(3, shuffle=True)  # splits differently at each call
    population = fw.Population(dense).fit(x, y, folds=unseeded, verbose=0)
    before = population.results
    with pytest.raises(
        StateError, match="folds differ from the previous call's folds, .* give the splitter a random_state"
    ):
        population.fit(x, y, folds=unseeded, initial_epoch=1, epochs=2, verbose=0)
    assert population.results.equals(before)
    # Other rows have other numbers.
    assert population.fit(x[:40], y[:40], folds=unseeded, verbose=0).results["epochs"].tolist() == [1, 1, 1]


def test_memory_maps_are_shared_by_the_members(regression, tmp_path, monkeypatch):
    x, y, _ = regression
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    blocks = []
    make_loader = MemberData.make_loader

    def recorded(self, options, **settings):
        blocks.append(self.train.batch.x)
        return make_loader(self, options, **settings)

    monkeypatch.setattr(MemberData, "make_loader", recorded)
    for settings in ({}, {"folds": 3}):
        blocks.clear()
        loaded = fw.Population(dense, seeds=[0, 1]).fit(mapped, y, verbose=0, **settings)
        assert len({id(block) for block in blocks}) == 1 and not isinstance(blocks[0], np.memmap)
        assert loaded.results.equals(
            fw.Population(dense, seeds=[0, 1]).fit(x, y, verbose=0, **settings).results
        )
    monkeypatch.setattr(config, "_memory_budget", 10)
    streamed = fw.Population(dense).fit(mapped, y, verbose=0)
    same(streamed.members[0], *solo(dense, {}, 0, x, y))
    with pytest.raises(InvalidArgument, match="all rows must be in memory, .*exceed the budget of 10 bytes"):
        fw.Population(dense).fit(mapped, y, folds=3, verbose=0)
