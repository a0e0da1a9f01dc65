"""The estimators pass scikit-learn's checks and work in pipelines and searches."""

from __future__ import annotations

import inspect
import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import (
    load_digits,
    load_iris,
    make_classification,
    make_multilabel_classification,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from fitwell import optimizers
from fitwell._engine import compile_cache
from fitwell.errors import InvalidArgument
from fitwell.estimators import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning"),
]


def _float32(estimator: Any) -> dict[str, str]:
    return {
        "check_sample_weight_equivalence_on_dense_data": "weights are equivalent to float32 rounding (1e-6), the check "
        "asks for that of float64; see test_weights_count_rows"
    }


@pytest.mark.slow
@parametrize_with_checks(
    [MLPClassifier(max_iter=30), MLPRegressor(max_iter=100, learning_rate_init=0.01)],
    expected_failed_checks=_float32,
)
def test_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.fixture(scope="module")
def iris() -> Any:
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def test_weights_count_rows(iris: Any) -> None:
    X, y = iris
    counts = np.random.default_rng(0).integers(0, 3, size=len(X))
    settings = {"max_iter": 5, "random_state": 0, "shuffle": False, "batch_size": 1000, "alpha": 10.0}
    weighted = MLPClassifier(**settings).fit(X, y, sample_weight=counts)
    repeated = MLPClassifier(**settings).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("kind", ["one number", "two numbers", "two classes", "three classes", "two labels"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_penalty_weighs_as_in_scikit_learn(kind: str, weighted: bool) -> None:
    """Models without hidden layers have a unique optimum, which both must find."""
    X, numbers = make_regression(300, 4, n_targets=2, noise=50, random_state=0)
    numbers = StandardScaler().fit_transform(numbers)
    labels = (numbers > 0).astype(int)
    y = {
        "one number": numbers[:, 0],
        "two numbers": numbers,
        "two classes": labels[:, 0],
        "three classes": labels.sum(axis=1),
        "two labels": labels,
    }[kind]
    weights = np.random.default_rng(1).integers(0, 4, len(X)).astype(float) if weighted else None
    descent = {"solver": "sgd", "learning_rate_init": 0.3, "batch_size": 1000, "tol": 0, "max_iter": 500}
    ours = MLPRegressor if "number" in kind else MLPClassifier
    found = ours((), alpha=50.0, n_iter_no_change=500, **descent).fit(X, y, sample_weight=weights)
    kernel, bias = found.population_.member(0).get_weights()
    if "number" in kind:
        # The minimum of the loss of their MLPRegressor, whose solver only comes close to it.
        best = Ridge(alpha=50.0).fit(X, y, sample_weight=weights)
        expected = np.atleast_2d(best.coef_).T, np.atleast_1d(best.intercept_)
    else:
        best = TheirClassifier((), alpha=50.0, solver="lbfgs", tol=1e-9, max_iter=5000)
        best.fit(X, y, sample_weight=weights)
        expected = best.coefs_[0], best.intercepts_[0]
    np.testing.assert_allclose(kernel, expected[0], atol=1e-3)
    same_for_all = (
        (bias - expected[1]).mean() if kind == "three classes" else 0
    )  # of which softmax knows nothing
    np.testing.assert_allclose(bias - same_for_all, expected[1], atol=1e-3)


@pytest.mark.slow
def test_learns_as_well_as_scikit_learns_own() -> None:
    X, y = load_digits(return_X_y=True)
    parts = train_test_split(X / 16, y, random_state=0, stratify=y)
    ours = MLPClassifier(random_state=0, max_iter=60).fit(parts[0], parts[2])
    theirs = TheirClassifier(random_state=0, max_iter=60).fit(parts[0], parts[2])
    assert ours.score(parts[1], parts[3]) > 0.95
    assert abs(ours.score(parts[1], parts[3]) - theirs.score(parts[1], parts[3])) < 0.02
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=0.25)


def test_labels_may_be_words_and_two_classes_are_one_output() -> None:
    X, codes = make_classification(200, class_sep=2, random_state=0)
    y = np.array(["no", "yes"])[codes]
    model = MLPClassifier(random_state=0, max_iter=30).fit(X, y)
    assert model.classes_.tolist() == ["no", "yes"] and model.n_outputs_ == 1
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), probabilities, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), np.where(probabilities[:, 1] > 0.5, "yes", "no"))
    assert model.score(X, y) > 0.9


def test_several_labels_a_row() -> None:
    X, y = make_multilabel_classification(200, n_classes=4, random_state=0)
    model = MLPClassifier(random_state=0, max_iter=100).fit(StandardScaler().fit_transform(X), y)
    predicted = model.predict(StandardScaler().fit_transform(X))
    assert predicted.shape == y.shape and (predicted == y).mean() > 0.8


@pytest.mark.parametrize("outputs", [1, 3])
def test_numbers_one_or_several_a_row(outputs: int) -> None:
    X, y = make_regression(200, 5, n_targets=outputs, random_state=0)
    y = StandardScaler().fit_transform(y.reshape(200, -1)).reshape(y.shape)
    model = MLPRegressor(random_state=0, learning_rate_init=0.01).fit(X, y)
    assert get_tags(model).target_tags.multi_output
    assert model.predict(X).shape == y.shape
    assert model.score(X, y) > 0.95


def test_members_average_and_tell_how_far_they_disagree(iris: Any) -> None:
    X, y = iris
    model = MLPClassifier(n_members=4, random_state=0, max_iter=20).fit(X, y)
    said = np.stack(
        [member.model.predict(X.astype(np.float32), verbose=0) for member in model.population_.members]
    )
    mean, spread = model.predict_proba(X, return_std=True)
    np.testing.assert_allclose(mean, said.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(spread, said.std(axis=0), atol=1e-6)
    assert (spread > 0).any()
    numbers = MLPRegressor(n_members=3, random_state=0, max_iter=5).fit(X, y)
    assert [part.shape for part in numbers.predict(X, return_std=True)] == [(150,), (150,)]


def test_a_pickle_and_a_clone(iris: Any) -> None:
    X, y = iris
    model = MLPClassifier((8,), dropout=0.1, n_members=2, random_state=3, max_iter=5).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    copy = clone(model)
    assert copy.get_params() == model.get_params() and not hasattr(copy, "population_")
    np.testing.assert_array_equal(copy.fit(X, y).predict_proba(X), model.predict_proba(X))


def test_partial_fit_goes_on_epoch_by_epoch(iris: Any) -> None:
    X, y = iris
    model = MLPClassifier(random_state=0, learning_rate_init=0.01)
    model.partial_fit(X[:50], y[:50], classes=[0, 1, 2])
    first = model.loss_
    for _ in range(40):
        model.partial_fit(X, y)
    assert model.loss_ < first and model.score(X, y) > 0.9
    with pytest.raises(InvalidArgument, match="classes=np.unique"):
        MLPClassifier().partial_fit(X, y)
    with pytest.raises(ValueError, match=r"not among the classes"):
        model.partial_fit(X, y + 5)
    with pytest.raises(InvalidArgument, match=r"classes were \[0, 1, 2\] at the first call"):
        model.partial_fit(X, y, classes=[0, 1, 2, 3])


def test_partial_fit_rejects_unsupported_parameters(iris: Any) -> None:
    X, y = iris
    with pytest.raises(InvalidArgument, match="early_stopping=True is not supported"):
        MLPClassifier(early_stopping=True).partial_fit(X, y, classes=[0, 1, 2])
    solver = optimizers.SGD(0.01)
    model = MLPRegressor([4], solver=solver).partial_fit(X, y)
    model = (
        pickle.loads(pickle.dumps(model)).set_params(hidden_layer_sizes=[4], shuffle=False).partial_fit(X, y)
    )
    for name, value in {"alpha": 1.0, "n_members": 2, "solver": optimizers.SGD(0.1), "batch_size": 7}.items():
        before = model.get_params()[name]
        with pytest.raises(InvalidArgument, match=f"partial_fit: {name} was .* and cannot become"):
            model.set_params(**{name: value}).partial_fit(X, y)
        model.set_params(**{name: before}).partial_fit(X, y)


def test_the_curve_of_partial_fit_goes_on(iris: Any) -> None:
    X, y = iris
    model = MLPRegressor(random_state=0, max_iter=3).fit(X, y)
    curve = list(model.loss_curve_)
    for _ in range(2):
        curve.append(model.partial_fit(X, y).loss_)
    assert model.loss_curve_ == curve and model.n_iter_ == 5


def test_partial_fit_goes_on_after_a_pickle_as_without(iris: Any) -> None:
    X, y = iris
    model = MLPClassifier((8,), dropout=0.2, n_members=2, random_state=0, learning_rate_init=0.05)
    for _ in range(3):
        model.partial_fit(X, y, classes=[0, 1, 2])
    again = pickle.loads(pickle.dumps(model))
    for each in (model, again):
        each.partial_fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_weights_by_class_are_known_where_a_batch_lacks_some(iris: Any) -> None:
    X, y = iris
    models = [
        MLPClassifier(random_state=0, class_weight=weights) for weights in ({1: 5.0}, {0: 1, 1: 5, 2: 1})
    ]
    for model in models:
        model.partial_fit(X[:50], y[:50], classes=[0, 1, 2])
        model.partial_fit(X, y)
    np.testing.assert_array_equal(models[0].predict_proba(X), models[1].predict_proba(X))


def test_partial_fit_takes_batches_and_weights_as_they_are(iris: Any) -> None:
    X, y = iris
    model = MLPClassifier(
        (),
        solver="sgd",
        learning_rate_init=0.1,
        alpha=15.0,
        batch_size=75,
        shuffle=False,
        class_weight={0: 9, 1: 1, 2: 1},
    )
    # One row first: neither its number nor its weight says anything about later calls, nor about their penalty.
    model.partial_fit(X[:1], y[:1], classes=[0, 1, 2], sample_weight=[1e-30])
    network = model.population_.members[0].model
    kernel, bias = network.get_weights()
    assert np.abs(bias).max() < 1e-20
    model.partial_fit(X, y)
    for rows in (slice(0, 75), slice(75, 150)):
        p = softmax(X[rows] @ kernel + bias, axis=1)
        slopes = (p - np.eye(3)[y[rows]]) * np.where(y[rows] == 0, 9, 1)[:, None] / 75
        kernel, bias = (
            kernel - 0.1 * (X[rows].T @ slopes + 15.0 / 75 * kernel),
            bias - 0.1 * slopes.sum(axis=0),
        )
    np.testing.assert_allclose(network.get_weights()[0], kernel, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(network.get_weights()[1], bias, rtol=1e-4, atol=1e-6)


def test_a_solver_is_fresh_for_every_member_and_every_fit(iris: Any) -> None:
    X, y = iris
    settings: dict[str, Any] = {"n_members": 2, "max_iter": 2, "random_state": 0}
    by_name = MLPClassifier((4,), learning_rate_init=0.01, **settings).fit(X, y).predict_proba(X)
    model = MLPClassifier((4,), solver=optimizers.Adam(0.01), **settings)
    for _ in range(2):
        np.testing.assert_array_equal(model.fit(X, y).predict_proba(X), by_name)
    # To float64 rounding, or scikit-learn's log_loss warns.
    np.testing.assert_allclose(by_name.sum(axis=1), 1, rtol=1e-14)


def test_balanced_classes_find_the_rare_one() -> None:
    X, y = make_classification(600, weights=[0.95], flip_y=0.05, class_sep=0.5, random_state=0)
    plain = MLPClassifier(random_state=0, max_iter=30).fit(X, y)
    balanced = MLPClassifier(random_state=0, max_iter=30, class_weight="balanced").fit(X, y)
    assert balanced.predict(X).sum() > 2 * plain.predict(X).sum()


def test_early_stopping_keeps_the_best_weights(iris: Any) -> None:
    X, y = iris
    model = MLPClassifier(
        early_stopping=True, learning_rate_init=0.05, random_state=0, n_iter_no_change=3
    ).fit(X, y)
    losses = model.population_.history[0].history["val_loss"]
    assert model.n_iter_ == len(losses) < 200 and losses[-1] > min(losses)
    held_out = train_test_split(X, y, test_size=0.1, stratify=y, random_state=0)[1::2]
    kept = model.population_.member(0).evaluate(*held_out, verbose=0)
    assert kept == pytest.approx(min(losses), rel=1e-5)


def test_a_convergence_warning_like_that_of_scikit_learn(iris: Any) -> None:
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        MLPClassifier(max_iter=2).fit(*iris)


@pytest.mark.slow
def test_a_grid_of_numbers_compiles_once(iris: Any) -> None:
    X, y = iris
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=20, random_state=0))
    grid = {"mlpclassifier__learning_rate_init": [0.003, 0.03], "mlpclassifier__alpha": [1e-4, 1e-2]}
    before = compile_cache.compile_stats.compiled
    search = GridSearchCV(pipeline, {**grid, "mlpclassifier__dropout": [0.0, 0.2]}, cv=5, refit=False).fit(
        X, y
    )
    assert compile_cache.compile_stats.compiled - before <= 2  # 40 fits: one program to train, one to predict
    assert max(search.cv_results_["mean_test_score"]) > 0.9


@pytest.mark.parametrize(("rows", "sizes"), [(451, {338, 339}), (178, {133, 134})])
def test_folds_of_unequal_size_compile_once_too(rows: int, sizes: set[int]) -> None:
    X, y = load_digits(return_X_y=True)
    X, y = X[:rows] / 16, y[:rows]
    folds = KFold(4)
    assert {len(train) for train, _ in folds.split(X)} == sizes
    grid = {"learning_rate_init": [0.003, 0.03]}
    before = compile_cache.compile_stats.compiled
    model = MLPClassifier(
        (rows,), max_iter=2, random_state=0
    )  # a width that no other test uses, so that nothing is compiled yet
    GridSearchCV(model, grid, cv=folds, refit=False).fit(X, y)
    assert compile_cache.compile_stats.compiled - before <= 2


def test_weights_are_routed_through_a_search_over_a_pipeline(iris: Any) -> None:
    X, y = iris
    weights = np.where(y == 2, 0.0, 1.0)
    settings = {"max_iter": 20, "random_state": 0, "learning_rate_init": 0.01}
    with sklearn.config_context(enable_metadata_routing=True):
        asking = MLPClassifier(**settings).set_fit_request(sample_weight=True)
        asking.set_score_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), asking)
        search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4]}, cv=3)
        search.fit(X, y, sample_weight=weights)
    expected = MLPClassifier(**settings).fit(StandardScaler().fit_transform(X), y, sample_weight=weights)
    # Through the pipeline to the last fit, and to the scores, in which the class without weight counts nothing.
    np.testing.assert_allclose(
        search.predict_proba(X), expected.predict_proba(StandardScaler().fit_transform(X))
    )
    assert search.predict_proba(X)[:, 2].max() < 0.4 and search.best_score_ > 0.9


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"alpha": -1}, "alpha must be a finite number of at least 0"),
        ({"dropout": 1.5}, "dropout must be a number of at least 0 and below 1"),
        ({"max_iter": 0, "tol": "x"}, "(?s)max_iter must be .*tol must be"),
        ({"hidden_layer_sizes": (10, 0)}, "the number of units in each hidden layer"),
        ({"activation": "rleu"}, "Did you mean 'relu'"),
        ({"solver": "adma"}, "unknown optimizer 'adma'. Did you mean"),
        ({"batch_size": "all"}, "batch_size must be an integer of at least 1 or 'auto'"),
        ({"n_members": 0}, "n_members must be"),
        ({"learning_rate_init": 0}, "learning_rate_init must be a finite number above 0"),
        (
            {"shuffle": "no", "early_stopping": None},
            "(?s)shuffle must be True or False, got 'no'.*early_stopping",
        ),
        (
            {"early_stopping": True, "validation_fraction": 0.01},
            r"cannot hold out validation_fraction=0.01 of 150 rows \(The test_size = 2 should",
        ),
    ],
)
def test_parameters_that_cannot_be_honoured(parameters: dict[str, Any], words: str, iris: Any) -> None:
    with pytest.raises(ValueError, match=words):
        MLPClassifier(**parameters).fit(*iris)


def test_weights_of_another_number_of_rows(iris: Any) -> None:
    with pytest.raises(ValueError, match="sample_weight.shape"):
        MLPClassifier(class_weight="balanced").fit(*iris, sample_weight=[1, 2])


def test_one_class_is_refused(iris: Any) -> None:
    with pytest.raises(ValueError, match="at least two classes"):
        MLPClassifier().fit(iris[0], np.zeros(150))


def test_the_classifier_repeats_every_parameter_of_its_base() -> None:
    """scikit-learn's `clone` needs an explicit signature, so the base's cannot be inherited."""
    base = inspect.signature(MLPRegressor.__init__).parameters
    classifier = dict(inspect.signature(MLPClassifier.__init__).parameters)
    assert classifier.pop("class_weight").default is None
    assert dict(base) == classifier


def test_pickles_that_name_the_earlier_modules_are_read() -> None:
    X, y = load_iris(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator = MLPClassifier((4,), max_iter=1, random_state=0).fit(X, y)
    written = pickle.dumps(estimator, protocol=2)
    for new, old in (
        (b"mlp_classifier\nMLPClassifier", b"classifier\nMLPClassifier"),
        (b"mlp_network\nMLPNetwork", b"network\nNetwork"),
    ):
        assert b"fitwell.estimators." + new in written
        written = written.replace(b"fitwell.estimators." + new, b"fitwell.estimators." + old)
    with pytest.warns(DeprecationWarning, match=r"fitwell\.estimators\."):
        read = pickle.loads(written)
    np.testing.assert_array_equal(read.predict_proba(X), estimator.predict_proba(X))


def mixed_frame(rows: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a table with numbers, categories, dates, booleans and gaps, and large targets that depend on it."""
    draw = np.random.default_rng(seed)
    number, city = draw.normal(5e4, 2e4, rows), draw.choice(["Rome", "Oslo", "Lima"], rows)
    member = draw.random(rows) < 0.5
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 700, rows), unit="D")
    y = 1e6 + 3 * number + 9e4 * (city == "Oslo") + 5e4 * member
    table = pd.DataFrame({"number": number, "city": city, "member": member, "day": day})
    table.loc[draw.random(rows) < 0.1, "city"] = None
    return table, y


def test_data_frames_and_large_targets_are_scaled_inside() -> None:
    """Without scaling, this regressor was worse than the mean."""
    table, y = mixed_frame(400)
    new, true = mixed_frame(200, seed=1)
    new.loc[0, "city"] = "Cairo"  # a category that training did not have
    regressor = MLPRegressor((32,), random_state=0, learning_rate_init=0.01).fit(table, y)
    assert regressor.score(new, true) > 0.9
    assert list(regressor.feature_names_in_) == list(table)
    again = pickle.loads(pickle.dumps(regressor))
    np.testing.assert_array_equal(again.predict(new), regressor.predict(new))
    mean, std = regressor.predict(new, return_std=True)
    np.testing.assert_array_equal(mean, regressor.predict(new))
    assert (std == 0).all(), "there is one member"
    words = np.where(y > np.median(y), "dear", "cheap")
    classifier = MLPClassifier((32,), random_state=0, learning_rate_init=0.01).fit(table, words)
    assert classifier.score(new, np.where(true > np.median(y), "dear", "cheap")) > 0.9


def test_the_spread_is_in_units_of_the_target() -> None:
    X = np.random.default_rng(0).normal(size=(80, 2))
    settings = {"hidden_layer_sizes": (8,), "max_iter": 20, "tol": 0, "n_members": 3, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        small = MLPRegressor(**settings).fit(X, X[:, 0]).predict(X, return_std=True)
        large = MLPRegressor(**settings).fit(X, 1000 * X[:, 0] + 7).predict(X, return_std=True)
    np.testing.assert_allclose(large[0], 1000 * small[0] + 7, rtol=1e-3, atol=1)
    np.testing.assert_allclose(large[1], 1000 * small[1], rtol=1e-2, atol=1)


def test_preprocess_forces_or_forbids_scaling() -> None:
    draw = np.random.default_rng(0)
    X = 1000 + draw.normal(size=(200, 3))
    y = X[:, 0]
    fit = {"hidden_layer_sizes": (), "random_state": 0, "learning_rate_init": 0.1, "tol": 0, "max_iter": 300}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert MLPRegressor(preprocess=True, **fit).fit(X, y).score(X, y) > 0.95
        assert MLPRegressor(preprocess=False, **fit).fit(X, y).score(X, y) < 0.5
        frame = pd.DataFrame(X)
        as_array = MLPRegressor(preprocess=False, **fit).fit(X, y).predict(X)
        np.testing.assert_array_equal(
            MLPRegressor(preprocess=False, **fit).fit(frame, y).predict(frame), as_array
        )
    with pytest.raises(InvalidArgument, match="preprocess"):
        MLPRegressor(preprocess="always").fit(X, y)
