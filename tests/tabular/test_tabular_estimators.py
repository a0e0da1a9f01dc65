"""The estimators for tables: scikit-learn's checks, data frames, honest out-of-fold predictions."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.utils.estimator_checks import parametrize_with_checks

from fitwell.errors import DataError, InvalidArgument
from fitwell.estimators.validation import read_table
from fitwell.tabular import TabularClassifier, TabularNetwork, TabularRegressor

SMALL = TabularNetwork((16,), steps=60, max_epochs=60, batch_size=32)


def _folds(estimator: Any) -> dict[str, str]:
    return {
        "check_sample_weight_equivalence_on_dense_data": "rows that are repeated or removed change the folds and the "
        "batches, so weights are equivalent to repetition only on average"
    }


@pytest.mark.slow
@parametrize_with_checks(
    [TabularClassifier(network=SMALL, n_folds=2), TabularRegressor(network=SMALL, n_folds=2)],
    expected_failed_checks=_folds,
)
def test_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


def mixed_table(rows: int = 300, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a table with numbers, categories, dates, booleans and gaps, and a target that depends on all of them."""
    draw = np.random.default_rng(seed)
    number, city = draw.normal(50, 20, rows), draw.choice(["Rome", "Oslo", "Lima"], rows)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 700, rows), unit="D")
    member = draw.random(rows) < 0.5
    y = 3e4 + 500 * number + 9000 * (city == "Oslo") + 20 * (day - day.min()).days + 5000 * member
    table = pd.DataFrame({"number": number, "city": city, "day": day, "member": member})
    table.loc[draw.random(rows) < 0.1, "number"] = np.nan
    table.loc[draw.random(rows) < 0.1, "city"] = None
    return table, y + draw.normal(0, 2000, rows)


@pytest.fixture(scope="module")
def fitted() -> tuple[TabularRegressor, pd.DataFrame, np.ndarray]:
    table, y = mixed_table()
    network = TabularNetwork((32, 32), steps=200, max_epochs=200)
    return TabularRegressor(network=network, n_folds=3, random_state=0).fit(table, y), table, y


def test_a_data_frame_is_taken_as_it_is(fitted: Any) -> None:
    regressor, _, _ = fitted
    new, y = mixed_table(200, seed=1)
    new.loc[0, "city"] = "Cairo"  # a category that training did not have
    predictions = regressor.predict(new)
    assert mean_squared_error(y, predictions) < 0.25 * np.var(y)
    assert list(regressor.feature_names_in_) == ["number", "city", "day", "member"]


def test_out_of_fold_predictions_are_honest(fitted: Any) -> None:
    """They are worse than predictions for training rows, and about as good as those for new rows."""
    regressor, table, y = fitted
    new, true = mixed_table(2000, seed=2)
    honest = mean_squared_error(y, regressor.out_of_fold_)
    seen = mean_squared_error(y, regressor.predict(table))
    unseen = mean_squared_error(true, regressor.predict(new))
    assert seen < honest
    # A single network is worse than the mean of three, but its best epoch was chosen on these rows.
    assert 0.6 * unseen < honest < 1.8 * unseen


def test_out_of_fold_predictions_come_from_networks_that_did_not_train_on_the_row(fitted: Any) -> None:
    regressor, table, _ = fitted
    (population,) = regressor.ensemble_.populations
    _, folds = population._trained_folds
    outputs = regressor.ensemble_.predict_members(regressor._encoder.transform(table))
    for member, fold in zip(outputs, folds, strict=True):
        expected = regressor._decode(member[fold.validation])
        np.testing.assert_allclose(regressor.out_of_fold_[fold.validation], expected, rtol=1e-5)


def test_predictions_stay_in_the_range_of_the_targets(fitted: Any) -> None:
    regressor, table, y = fitted
    wild = table.assign(number=1e12)
    assert regressor.predict(wild).max() <= y.max()


def test_the_scale_of_inputs_and_targets_does_not_matter() -> None:
    x, y = load_diabetes(return_X_y=True)
    train, test = train_test_split(np.arange(len(x)), random_state=0)
    errors = []
    for shift, scale in ((0.0, 1.0), (1e6, 1e-3), (-5.0, 1e4)):
        regressor = TabularRegressor("fast", network=SMALL, random_state=0)
        regressor.fit(x[train] * scale, y[train] * scale + shift)
        errors.append(np.std(y[test] * scale + shift - regressor.predict(x[test] * scale)) / scale)
    np.testing.assert_allclose(errors, errors[0], rtol=0.05)


def test_a_pickle_predicts_the_same(fitted: Any) -> None:
    regressor, table, _ = fitted
    copy = pickle.loads(pickle.dumps(regressor))
    np.testing.assert_array_equal(copy.predict(table), regressor.predict(table))


def test_a_seed_makes_a_run_reproducible() -> None:
    table, y = mixed_table(60)
    first, second, other = (
        TabularRegressor(network=SMALL, n_folds=2, random_state=seed).fit(table, y).predict(table)
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 0


def test_a_network_beats_a_linear_model_on_curved_data() -> None:
    draw = np.random.default_rng(0)
    x = draw.uniform(-2, 2, (500, 3))
    y = np.sin(4 * x[:, 0]) + x[:, 1] * x[:, 2] + draw.normal(0, 0.1, 500)
    network = TabularNetwork((64, 64), steps=300, max_epochs=300)
    ours = cross_val_score(TabularRegressor(network=network, n_folds=2, random_state=0), x, y, cv=2)
    assert ours.mean() > 0.8  # a linear model has 0.0
    assert cross_val_score(Ridge(), x, y, cv=2).mean() < 0.1


def test_probabilities_are_useful() -> None:
    x, y = load_breast_cancer(return_X_y=True, as_frame=True)
    labels = np.where(y == 1, "benign", "malignant")
    train, test = train_test_split(np.arange(len(x)), random_state=0, stratify=labels)
    network = TabularNetwork((32, 32), steps=100)
    classifier = TabularClassifier(network=network, n_folds=2, random_state=0).fit(
        x.iloc[train], labels[train]
    )
    assert list(classifier.classes_) == ["benign", "malignant"]
    assert log_loss(labels[test], classifier.predict_proba(x.iloc[test])) < 0.15
    assert log_loss(labels[train], classifier.out_of_fold_) < 0.2


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (pd.DataFrame({"a": np.ones(30)}), np.arange(30.0)),  # one column, constant
        (pd.DataFrame({"a": [np.nan] * 30, "b": np.arange(30.0)}), np.arange(30.0)),  # all missing
        (pd.DataFrame({"a": [1e30, -1e-30] * 15}), np.full(30, 7.0)),  # odd scale, constant target
        (pd.DataFrame({"a": [1.0, 2.0]}), np.array([1.0, 2.0])),  # two rows
        (pd.DataFrame({"a": [1.0]}), np.array([5.0])),  # one row
    ],
    ids=["constant", "missing", "scale", "two rows", "one row"],
)
@pytest.mark.filterwarnings("ignore:the targets of all rows are the same")
def test_odd_tables_of_numbers(x: pd.DataFrame, y: np.ndarray) -> None:
    regressor = TabularRegressor(network=SMALL, random_state=0).fit(x, y)
    predictions = regressor.predict(x)
    assert predictions.shape == y.shape
    assert np.isfinite(predictions).all()
    if np.ptp(y) == 0:
        np.testing.assert_allclose(predictions, y)
    elif x.nunique().max() <= 1:
        dummy = DummyRegressor().fit(x, y).predict(x)
        np.testing.assert_allclose(predictions, dummy, atol=0.1 * np.ptp(y))


def test_two_rows_of_a_class() -> None:
    x = np.random.default_rng(0).normal(size=(40, 2))
    y = np.array(["common"] * 38 + ["rare"] * 2)
    classifier = TabularClassifier(network=SMALL, random_state=0).fit(x, y)
    assert classifier.predict_proba(x).shape == (40, 2)
    assert np.isfinite(classifier.out_of_fold_).all()


def test_several_targets() -> None:
    x = np.random.default_rng(0).normal(size=(200, 2))
    y = np.stack([x[:, 0] * 1000, x[:, 1] / 1000], axis=1)
    network = TabularNetwork((32,), steps=300)
    regressor = TabularRegressor(network=network, n_folds=2, random_state=0).fit(x, y)
    assert regressor.predict(x).shape == (200, 2)
    assert regressor.score(x, y) > 0.9


def test_wrong_parameters_are_reported_by_fit() -> None:
    x, y = np.ones((4, 1)), np.ones(4)
    with pytest.raises(InvalidArgument, match="quality must be 'fast', 'good' or 'best'"):
        TabularRegressor("perfect").fit(x, y)
    with pytest.raises(InvalidArgument, match="n_folds"):
        TabularRegressor(n_folds=0).fit(x, y)
    with pytest.raises(DataError, match="at least two classes"):
        TabularClassifier().fit(x, y)


def test_fast_trains_one_network_with_validation() -> None:
    table, y = mixed_table(60)
    regressor = TabularRegressor("fast", network=SMALL, random_state=0).fit(table, y)
    (member,) = regressor.ensemble_.members
    assert len(member.history.history["val_loss"]) == SMALL.epochs(48)
    assert member.restored_epoch == int(np.argmin(member.history.history["val_loss"]))
    assert regressor.out_of_fold_ is None


def test_members_are_seeds_times_folds() -> None:
    table, y = mixed_table(60)
    regressor = TabularRegressor(network=SMALL, n_folds=3, n_seeds=2, random_state=0).fit(table, y)
    assert len(regressor.ensemble_.members) == 6
    assert regressor.out_of_fold_.shape == y.shape


def test_clone_keeps_the_parameters() -> None:
    assert clone(TabularClassifier("fast", n_folds=3)).get_params()["n_folds"] == 3


def test_the_defaults_average_two_kinds_of_networks() -> None:
    """The out-of-fold predictions for unchanged inputs are those that `fit` computed."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(60, 2))
    regressor = TabularRegressor(random_state=0).fit(x, np.sin(3 * x[:, 0]))
    ensemble = regressor.ensemble_
    assert [network.num_bins for network in ensemble.networks] == [0, 32]
    assert len(ensemble.members) == 10 and ensemble.member_weights.sum() == pytest.approx(1)
    features = regressor._encoder.transform(read_table(regressor, x, reset=False))
    again = ensemble.predict_out_of_fold(features, np.arange(60))
    np.testing.assert_allclose(again, ensemble.out_of_fold, atol=1e-5)
    np.testing.assert_allclose(
        ensemble.to_model().predict(features, verbose=0), ensemble.predict(features), rtol=1e-4, atol=1e-5
    )


def test_best_adds_networks_until_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from fitwell.tabular import fold_ensemble, network

    small = iter(
        [TabularNetwork((4,), steps=9, max_epochs=9, num_bins=3), TabularNetwork((5,), steps=9, max_epochs=9)]
    )
    clock = iter(range(0, 1000, 10))  # each look at the clock takes ten seconds
    monkeypatch.setattr(fold_ensemble, "sample_network", lambda rng, task: next(small))
    monkeypatch.setattr(fold_ensemble, "monotonic", lambda: float(next(clock)))
    draw = np.random.default_rng(0)
    x = draw.normal(size=(60, 2))
    settings = {"network": SMALL, "n_folds": 2, "random_state": 0}
    regressor = TabularRegressor("best", minutes=1.5, **settings).fit(x, x[:, 0])
    ensemble = regressor.ensemble_
    assert [one.hidden_layer_sizes for one in ensemble.networks] == [(16,), (4,), (5,)]
    assert len(ensemble.members) == 6 and ensemble.member_weights.sum() == pytest.approx(1)
    errors = [
        np.mean((population.predict_out_of_fold(ensemble_x(regressor, x))[0] - ensemble_y(x)) ** 2)
        for population in ensemble.populations
    ]
    mixed = np.mean((ensemble.out_of_fold - ensemble_y(x)) ** 2)
    assert mixed <= min(errors) + 1e-6, "greedy selection is never worse than the best kind"
    again = pickle.loads(pickle.dumps(regressor))
    np.testing.assert_array_equal(again.predict(x), regressor.predict(x))
    with pytest.raises(InvalidArgument, match="requires quality='best'"):
        TabularRegressor(minutes=1.0).fit(x, x[:, 0])
    assert network.time_limit("best", None) == 10 and network.time_limit("good", None) is None


def ensemble_x(regressor: TabularRegressor, x: np.ndarray) -> np.ndarray:
    """Return the inputs of the networks."""
    return regressor._encoder.transform(read_table(regressor, x, reset=False))


def ensemble_y(x: np.ndarray) -> np.ndarray:
    """Return the standardized targets."""
    return ((x[:, :1] - x[:, 0].mean()) / x[:, 0].std()).astype(np.float32)


def test_sampled_networks_are_valid_and_differ() -> None:
    from fitwell.tabular.network import sample_network

    rng = np.random.default_rng(0)
    networks = [sample_network(rng, "binary") for _ in range(40)]
    assert len(set(networks)) == 40
    assert {bool(network.num_bins) + 2 * bool(network.num_frequencies) for network in networks} == {1, 2, 3}
