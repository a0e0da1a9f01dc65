"""Models of one structure share what is compiled, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import layers
from fitwell._engine import compile_cache
from fitwell.models import executable_sharing

X = np.random.default_rng(0).normal(size=(48, 3)).astype(np.float32)
Y = X.sum(axis=1) ** 2


def build(rate: float = 0.01, activation: Any = "tanh", dropout: float = 0.0) -> Any:
    model = fitwell.Sequential(
        [layers.Dense(7, activation=activation, input_shape=(3,)), layers.Dropout(dropout)]
    )
    model.add(layers.Dense(1))
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(rate))
    return model


def fit(model: Any, seed: int = 0) -> list[float]:
    fitwell.utils.set_random_seed(seed)
    losses: list[float] = model.fit(X, Y, epochs=2, verbose=0).history["loss"]
    return losses


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    executable_sharing._by_structure.clear()


def traced_by(action: Any) -> int:
    before = compile_cache.compile_stats.traced
    action()
    return compile_cache.compile_stats.traced - before


def test_only_the_first_of_a_structure_is_traced_and_numbers_still_count() -> None:
    fitwell.utils.set_random_seed(1)
    slow, fast, dropping = build(0.001), build(0.05), build(0.001, dropout=0.5)
    fast.set_weights(slow.get_weights())
    dropping.set_weights(slow.get_weights())
    curves = []
    assert traced_by(lambda: curves.append(fit(slow))) == 1
    assert traced_by(lambda: curves.extend([fit(fast), fit(dropping)])) == 0
    assert len({tuple(curve) for curve in curves}) == 3


def test_a_model_after_another_is_what_it_would_be_alone() -> None:
    fitwell.utils.set_random_seed(2)
    first, second = build(0.001), build(0.05)
    weights = second.get_weights()
    fit(first)
    shared = fit(second, seed=5)
    executable_sharing._by_structure.clear()
    alone = build(0.05)
    alone.set_weights(weights)
    alone._session.seed = second._session.seed
    assert fit(alone, seed=5) == shared


def test_another_structure_is_traced() -> None:
    fit(build())
    assert traced_by(lambda: fit(build(activation="relu"))) == 1


def test_code_of_the_user_is_traced_every_time_because_its_globals_may_have_changed() -> None:
    namespace: dict[str, Any] = {"__name__": "notebook", "FACTOR": 1.0}
    exec("def scaled(x):\n    return FACTOR * x\n", namespace)
    fitwell.utils.set_random_seed(3)
    first = build(activation=namespace["scaled"])
    weights = first.get_weights()
    before = fit(first)
    namespace["FACTOR"] = 0.0
    second = build(activation=namespace["scaled"])
    second.set_weights(weights)
    after = fit(second)
    assert after[0] != before[0]


def test_changing_the_traced_model_harms_no_other() -> None:
    fitwell.utils.set_random_seed(4)
    first, second = build(), build()
    weights = second.get_weights()
    fit(first)
    first.layers[0].activation = fitwell.activations.get("relu")
    first.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.01))
    second._session.seed = 7
    # Rows of another number make a new program necessary: it must not be that of the changed model.
    second.fit(X[:40], Y[:40], epochs=1, verbose=0)
    executable_sharing._by_structure.clear()
    alone = build()
    alone.set_weights(weights)
    alone._session.seed = 7
    alone.fit(X[:40], Y[:40], epochs=1, verbose=0)
    for ours, wanted in zip(second.get_weights(), alone.get_weights()):
        np.testing.assert_array_equal(ours, wanted)


def test_the_forward_pass_is_shared_too_with_weights_and_noise_of_its_own() -> None:
    fitwell.utils.set_random_seed(5)
    first, second, other = build(), build(), build(activation="relu")
    assert traced_by(lambda: first.predict(X)) == 1
    assert traced_by(lambda: second.predict(X)) == 0
    for model, activation in ((second, np.tanh), (other, lambda x: np.maximum(x, 0))):
        kernel, bias, out, last = model.get_weights()
        expected = activation(X @ kernel + bias) @ out + last
        np.testing.assert_allclose(model.predict(X), expected, rtol=1e-5, atol=1e-6)


def test_a_forward_pass_that_draws_does_so_in_every_model_that_shares_it() -> None:
    def noisy() -> Any:
        return fitwell.Sequential([fitwell.Input((3,)), layers.MCDropout(0.5)])

    first, second = noisy(), noisy()
    ones = np.ones((64, 3), np.float32)
    draws = [model.predict(ones) for model in (first, first)]
    assert traced_by(lambda: draws.extend(second.predict(ones) for _ in range(2))) == 0
    assert len({draw.tobytes() for draw in draws}) == 4


def test_changing_the_model_traced_for_predictions_harms_no_other() -> None:
    first, second = build(), build()
    first.predict(X)
    second.predict(X)
    first.layers[0].activation = fitwell.activations.get("relu")
    # Rows of another number make a new program necessary: it must not be that of the changed model.
    few = second.predict(X[:5])
    np.testing.assert_allclose(few, second.predict(X)[:5], rtol=1e-6)


def test_few_models_are_kept_and_no_large_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executable_sharing, "MAX_SHARED_PROGRAMS", 2)
    for activation in ("relu", "elu", "selu"):
        fit(build(activation=activation))
    assert len(executable_sharing._by_structure) == 2
    monkeypatch.setattr(executable_sharing, "MAX_PARAMETERS", 10)
    fit(build(activation="softplus"))
    assert len(executable_sharing._by_structure) == 2


def test_numbers_that_the_program_does_not_take_as_arguments_make_another_structure() -> None:
    def slope(factor: float) -> float:
        activation = layers.LeakyReLU(factor).call  # a bound method: its numbers are constants
        dense = layers.Dense(1, activation=activation, kernel_initializer="ones", input_shape=(1,))
        return -float(fitwell.Sequential([dense]).predict(-np.ones((1, 1)))[0, 0])

    np.testing.assert_allclose([slope(0.1), slope(0.9)], [0.1, 0.9], rtol=1e-6)

    def loss(delta: float) -> Any:
        model = fitwell.Sequential([layers.Dense(1, kernel_initializer="ones", input_shape=(3,))])
        model.compile(loss=fitwell.losses.Huber(delta).call, optimizer="sgd")
        return model.evaluate(X, Y, verbose=0)

    errors = np.abs(X.sum(axis=1) - Y)
    huber = [np.where(errors <= d, errors**2 / 2, d * errors - d * d / 2).mean() for d in (0.5, 5.0)]
    np.testing.assert_allclose([loss(0.5), loss(5.0)], huber, rtol=1e-5)


def test_numbers_that_a_metric_reads_only_for_its_result_are_data_too() -> None:
    model = fitwell.Sequential([layers.Dense(2, "sigmoid", kernel_initializer="zeros", input_shape=(3,))])
    for beta in (2.0, 0.5):
        score = fitwell.metrics.FBetaScore("micro", beta, threshold=0.4)  # 0.5 for all: half of them rightly
        model.compile(loss="mse", metrics=[score])
        found = model.evaluate(X, np.eye(2)[(Y > 1).astype(int)], verbose=0)[1]
        assert found == pytest.approx((1 + beta**2) / (2 + beta**2))
