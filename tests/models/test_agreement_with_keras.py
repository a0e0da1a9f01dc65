"""Training gives the numbers that real Keras gives, from the same weights over the same batches."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell
from tests.models.twins import assert_same_history, assert_same_weights, train_both, twins

Problem = tuple[Callable[[Any], Any], Any, Any, int]


def rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def images(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return blurred random prototypes: ten classes of 28 x 28 images in 0 … 1 that can be learned."""
    draw = rng(11)
    prototypes = draw.uniform(size=(10, 28, 28))
    y = draw.integers(0, 10, rows)
    x = 0.6 * prototypes[y] + 0.4 * draw.uniform(size=(rows, 28, 28))
    return x.astype(np.float32), y


def regression(rows: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    draw = rng(12)
    x = draw.normal(size=(rows, width)).astype(np.float32)
    y = np.tanh(x @ draw.normal(size=width)) + 0.1 * draw.normal(size=rows)
    return x, y.astype(np.float32)


def moons() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import make_moons

    x, y = make_moons(30, noise=0.1, random_state=0)
    return x.astype(np.float32), y.astype(np.float32)


def workload(name: str, rows: int, *, smooth: bool = True) -> Problem:
    """The five workloads of the benchmarks, without dropout (whose noise no two libraries share).

    smooth: takes from W2 and W4 what makes single weights chaotic in float32. A relu near 0 in one of a
    million places turns on rounding. The bias of a unit that is active in a whole batch has no gradient
    before batch norm, only its rounding, which Adam's epsilon of 1e-7 blows up to steps of full length. In
    float64 both are harmless: `compare_in_double_precision` leaves the workloads as they are.
    """
    activation = "elu" if smooth else "relu"
    epsilon = 1e-3 if smooth else 1e-7

    def w1(k: Any) -> Any:
        model = k.Sequential(
            [
                k.layers.Input((28, 28)),
                k.layers.Flatten(),
                k.layers.Dense(300, activation="relu"),
                k.layers.Dense(100, activation="relu"),
                k.layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile(
            loss="sparse_categorical_crossentropy", optimizer=k.optimizers.SGD(0.01), metrics=["accuracy"]
        )
        return model

    def w2(k: Any) -> Any:
        model = k.Sequential([k.layers.Input((28, 28)), k.layers.Flatten()])
        for _ in range(3):
            model.add(k.layers.Dense(64, activation=activation))
            model.add(k.layers.BatchNormalization())
        model.add(k.layers.Dropout(0.0))
        model.add(k.layers.Dense(10, activation="softmax"))
        model.compile(
            loss="sparse_categorical_crossentropy",
            optimizer=k.optimizers.Adam(epsilon=epsilon),
            metrics=["accuracy"],
        )
        return model

    def w3(k: Any) -> Any:
        model = k.Sequential([k.layers.Input((8,)), k.layers.Dense(30, activation="relu"), k.layers.Dense(1)])
        model.compile(loss="mean_squared_error", optimizer=k.optimizers.SGD(1e-2), metrics=["mae"])
        return model

    def w4(k: Any) -> Any:
        model = k.Sequential(
            [
                k.layers.Input((13,)),
                k.layers.Dense(32, activation=activation),
                k.layers.BatchNormalization(),
                k.layers.Dense(16, activation=activation),
                k.layers.BatchNormalization(),
                k.layers.Dropout(0.0),
                k.layers.Dense(1),
            ]
        )
        model.compile(loss="mse", optimizer=k.optimizers.Adam(epsilon=epsilon), metrics=["mae"])
        return model

    def w5(k: Any) -> Any:
        model = k.Sequential(
            [
                k.layers.Input((2,)),
                k.layers.Dense(500, activation="relu"),
                k.layers.Dense(1, activation="sigmoid"),
            ]
        )
        model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
        return model

    problems: dict[str, Problem] = {
        "W1": (w1, *images(rows), 32),
        "W2": (w2, *images(rows), 128),
        "W3": (w3, *regression(rows, 8), 32),
        "W4": (w4, *regression(rows, 13), 8),
        "W5": (w5, *moons(), 30),
    }
    return problems[name]


@pytest.mark.parametrize("name", ["W1", "W2", "W3", "W4", "W5"])
def test_weights_and_history_after_three_epochs(name: str) -> None:
    """1003 rows leave a short last batch everywhere, so padding, its weight and batch norm are in this too."""
    build, x, y, batch_size = workload(name, 1003 if name != "W4" else 403)
    ours, peer = twins(build)
    cut = max(len(x) // 5, 10)
    history, peer_history = train_both(
        ours,
        peer,
        x[cut:],
        y[cut:],
        batch_size=batch_size,
        epochs=3,
        validation_data=(x[:cut], y[:cut]),
    )
    assert_same_weights(ours, peer)
    assert_same_history(history, peer_history)


@pytest.mark.slow
@pytest.mark.optimised
@pytest.mark.parametrize("name", ["W1", "W2", "W3"])
def test_weights_after_three_long_epochs(name: str) -> None:
    """Run in a separate process, where Keras is compiled as for users: a relu near 0 depends on rounding."""
    in_a_process(f"compare_over_long_epochs({name!r})")


def compare_over_long_epochs(name: str) -> None:
    build, x, y, batch_size = workload(name, 12_007)
    ours, peer = twins(build)
    history, peer_history = train_both(ours, peer, x, y, batch_size=batch_size, epochs=3)
    # Roundings grow over a thousand steps.
    assert_same_weights(ours, peer, atol=1e-3 if name == "W2" else 1e-4, rtol=1e-2)
    assert_same_history(history, peer_history, rtol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["W2", "W4", "W5"])
def test_weights_in_double_precision(name: str) -> None:
    """Adam agrees to many digits. It runs in a separate process, because the float type is global."""
    in_a_process(f"compare_in_double_precision({name!r})")


def in_a_process(call: str) -> None:
    """Call a function of this module in a separate process."""
    done = subprocess.run(
        [sys.executable, "-c", f"import tests.models.test_agreement_with_keras as tests; tests.{call}"],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def compare_in_double_precision(name: str) -> None:
    import os

    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    fitwell.config.set_floatx("float64")
    keras.config.set_floatx("float64")
    fitwell.utils.set_random_seed(1)
    build, x, y, batch_size = workload(name, 403, smooth=False)

    def with_logits(k: Any) -> Any:
        model = build(k)
        if name == "W4":
            return model
        # From logits: Keras clips probabilities at 1e-7, which in double precision is a difference.
        model.layers[-1].activation = k.activations.linear
        losses = {"W2": k.losses.SparseCategoricalCrossentropy, "W5": k.losses.BinaryCrossentropy}
        model.compile(loss=losses[name](from_logits=True), optimizer=k.optimizers.Adam())
        return model

    ours, peer = twins(with_logits)
    train_both(ours, peer, x.astype(np.float64), y, batch_size=batch_size, epochs=3)
    assert ours.variables[0].dtype == np.float64
    # Keras's batch norm keeps some constants in float32: its moving variance is off by 1e-6 here, and the gradient
    # of a bias before it, 0 but for that, becomes steps of Adam.
    assert_same_weights(ours, peer, atol=1e-4, rtol=1e-5)


# --- weights of rows and classes ----------------------------------------------------------------------------


def small_classifier(k: Any) -> Any:
    model = k.Sequential(
        [k.layers.Input((4,)), k.layers.Dense(6, activation="tanh"), k.layers.Dense(3, activation="softmax")]
    )
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=k.optimizers.SGD(0.1),
        metrics=["accuracy"],
        weighted_metrics=["sparse_categorical_crossentropy"],
    )
    return model


def classes(rows: int = 50) -> tuple[np.ndarray, np.ndarray]:
    draw = rng(5)
    x = draw.normal(size=(rows, 4)).astype(np.float32)
    return x, np.argmax(x[:, :3] + 0.3 * draw.normal(size=(rows, 3)), axis=1)


WEIGHTINGS: dict[str, dict[str, Any]] = {
    "none": {},
    "sample": {"sample_weight": rng(6).uniform(0, 2, 50).astype(np.float32)},
    "sample with zeros": {"sample_weight": (np.arange(50) % 3 > 0).astype(np.float32)},
    "class": {"class_weight": {0: 0.5, 1: 2.0, 2: 1.0}},
}


@pytest.mark.parametrize("kind", WEIGHTINGS)
def test_sample_and_class_weights(kind: str) -> None:
    x, y = classes()
    ours, peer = twins(small_classifier)
    history, peer_history = train_both(ours, peer, x, y, batch_size=8, epochs=3, **WEIGHTINGS[kind])
    assert_same_weights(ours, peer)
    assert_same_history(history, peer_history)


def test_class_and_sample_weights_are_multiplied() -> None:
    """Keras refuses both at once; fitwell multiplies them, which Keras can do as one sample weight."""
    x, y = classes()
    given, factors = WEIGHTINGS["sample"]["sample_weight"], {0: 0.5, 1: 2.0, 2: 1.0}
    product = given * np.array([factors[label] for label in y], np.float32)
    both, product_only = small_classifier(fitwell), small_classifier(fitwell)
    product_only.set_weights(both.get_weights())
    both.fit(x, y, sample_weight=given, class_weight=factors, shuffle=False, epochs=2, verbose=0)
    product_only.fit(x, y, sample_weight=product, shuffle=False, epochs=2, verbose=0)
    for one, other in zip(both.get_weights(), product_only.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_weights_of_validation_rows() -> None:
    x, y = classes()
    weight = rng(8).uniform(0, 2, 50).astype(np.float32)
    ours, peer = twins(small_classifier)
    history, peer_history = train_both(
        ours, peer, x, y, batch_size=16, epochs=2, validation_data=(x[:21], y[:21], weight[:21])
    )
    assert_same_history(history, peer_history)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [7, 50, None])
def test_evaluate(weighted: bool, batch_size: int | None) -> None:
    x, y = classes()
    weight = rng(8).uniform(0, 2, 50).astype(np.float32) if weighted else None
    ours, peer = twins(small_classifier)
    got = ours.evaluate(x, y, batch_size=batch_size, sample_weight=weight, verbose=0, return_dict=True)
    want = peer.evaluate(x, y, batch_size=batch_size, sample_weight=weight, verbose=0, return_dict=True)
    assert set(got) == set(want)
    for name in want:
        assert got[name] == pytest.approx(want[name], rel=1e-4), name
    values = ours.evaluate(x, y, sample_weight=weight, verbose=0)
    assert values == pytest.approx(list(got.values()), rel=1e-4)


@pytest.mark.parametrize(
    ("loss", "last", "activation", "optimizer"),
    [
        ("binary_crossentropy", 1, "sigmoid", "rmsprop"),
        ("categorical_crossentropy", 3, "softmax", "adam"),
        ("mae", 1, None, "sgd"),
    ],
)
def test_losses_and_optimizers_by_name(loss: str, last: int, activation: Any, optimizer: str) -> None:
    x, labels = classes(45)
    y: Any = np.eye(3, dtype=np.float32)[labels] if last == 3 else (labels == 1).astype(np.float32)

    def build(k: Any) -> Any:
        model = k.Sequential(
            [
                k.layers.Input((4,)),
                k.layers.Dense(5, activation="relu"),
                k.layers.Dense(last, activation=activation),
            ]
        )
        metrics = ["accuracy"] if activation else ["mse"]
        model.compile(loss=loss, optimizer=optimizer, metrics=metrics)
        return model

    ours, peer = twins(build)
    history, peer_history = train_both(ours, peer, x, y, batch_size=16, epochs=4)
    assert_same_weights(ours, peer, atol=1e-4)
    assert_same_history(history, peer_history, rtol=1e-3)


# --- penalties ----------------------------------------------------------------------------------------------


def test_penalties_are_part_of_the_reported_loss_and_of_the_gradient() -> None:
    """On kernels, biases and activities; the short last batch must not change what an activity costs."""
    x, y = regression(43, 5)

    def build(k: Any) -> Any:
        l1, l2, both = k.regularizers.l1(0.02), k.regularizers.l2(0.05), k.regularizers.L1L2(0.01, 0.03)
        model = k.Sequential(
            [
                k.layers.Input((5,)),
                k.layers.Dense(
                    6, "relu", kernel_regularizer=l1, bias_regularizer=l2, bias_initializer="ones"
                ),
                k.layers.Dense(4, "tanh", kernel_regularizer=both, activity_regularizer=l2),
                k.layers.Dense(3, "tanh", activity_regularizer=both),
                k.layers.Dense(1, kernel_regularizer=l2),
            ]
        )
        model.compile(loss="mse", optimizer=k.optimizers.SGD(0.05), metrics=["mse"])
        return model

    ours, peer = twins(build)
    history, peer_history = train_both(
        ours, peer, x, y, batch_size=16, epochs=3, validation_data=(x[:13], y[:13])
    )
    assert_same_weights(ours, peer)
    assert_same_history(history, peer_history)
    assert all(loss > mse for loss, mse in zip(history["loss"], history["mse"], strict=True))


# --- several outputs ----------------------------------------------------------------------------------------


def two_headed(k: Any, loss: Any, loss_weights: Any, metrics: Any) -> Any:
    deep_in, wide_in = k.layers.Input((4,), name="deep_in"), k.layers.Input((2,), name="wide_in")
    hidden = k.layers.Dense(6, activation="relu")(deep_in)
    joined = k.layers.concatenate([wide_in, hidden])
    main = k.layers.Dense(1, name="main")(joined)
    aux = k.layers.Dense(3, activation="softmax", name="aux")(hidden)
    model = k.Model(inputs=[deep_in, wide_in], outputs=[main, aux])
    model.compile(loss=loss, loss_weights=loss_weights, optimizer=k.optimizers.SGD(0.05), metrics=metrics)
    return model


@pytest.mark.parametrize(("form", "loss_weights"), [("lists", None), ("dicts", [0.9, 0.1])])
def test_several_inputs_and_outputs(form: str, loss_weights: Any) -> None:
    draw = rng(9)
    x = [draw.normal(size=(45, 4)).astype(np.float32), draw.normal(size=(45, 2)).astype(np.float32)]
    y: Any = [draw.normal(size=45).astype(np.float32), draw.integers(0, 3, 45)]
    loss: Any = ["mse", "sparse_categorical_crossentropy"]
    metrics: Any = [["mae"], ["accuracy"]]
    if form == "dicts":
        loss = dict(zip(("main", "aux"), loss, strict=True))
        metrics = {"main": ["mae"], "aux": ["accuracy"]}
        loss_weights = loss_weights and dict(zip(("main", "aux"), loss_weights, strict=True))
    ours, peer = twins(lambda k: two_headed(k, loss, loss_weights, metrics))
    history, peer_history = train_both(
        ours,
        peer,
        x,
        y,
        batch_size=8,
        epochs=3,
        validation_data=([part[:9] for part in x], [part[:9] for part in y]),
    )
    assert_same_weights(ours, peer)
    assert_same_history(history, peer_history)
    got = ours.evaluate(x, y, verbose=0, return_dict=True)
    want = peer.evaluate(x, y, verbose=0, return_dict=True)
    assert set(got) == set(want)
    for name in want:
        assert got[name] == pytest.approx(want[name], rel=1e-4), name


# --- more of Keras's doings ---------------------------------------------------------------------------------


def test_validation_split_takes_the_last_rows() -> None:
    x, y = classes(50)
    ours, peer = twins(small_classifier)
    history = ours.fit(x, y, validation_split=0.3, epochs=2, shuffle=False, verbose=0).history
    peer_history = peer.fit(x, y, validation_split=0.3, epochs=2, shuffle=False, verbose=0).history
    assert_same_history(history, peer_history)
    assert_same_weights(ours, peer)


def test_optimizer_goes_on_in_the_next_fit() -> None:
    x, y = regression(40, 3)

    def build(k: Any) -> Any:
        model = k.Sequential([k.layers.Input((3,)), k.layers.Dense(4, "tanh"), k.layers.Dense(1)])
        model.compile(loss="mse", optimizer=k.optimizers.Adam(0.01))
        return model

    ours, peer = twins(build)
    for _ in range(3):
        ours.fit(x, y, epochs=1, shuffle=False, verbose=0)
        peer.fit(x, y, epochs=1, shuffle=False, verbose=0)
    assert_same_weights(ours, peer)


def test_train_on_batch_and_test_on_batch() -> None:
    x, y = classes(24)
    ours, peer = twins(small_classifier)
    for _ in range(3):
        got = ours.train_on_batch(x, y)
    for _ in range(3):
        # Keras accumulates metrics over calls; only the last call's loss is compared, after a reset.
        peer.reset_metrics()
        want = peer.train_on_batch(x, y)
    assert got == pytest.approx([float(value) for value in want], rel=1e-4)
    assert_same_weights(ours, peer)
    peer.reset_metrics()
    want = peer.test_on_batch(x, y)
    assert ours.test_on_batch(x, y) == pytest.approx([float(value) for value in want], rel=1e-4)
    for method in ("test_on_batch", "train_on_batch"):
        peer.reset_metrics()
        want = {name: float(value) for name, value in getattr(peer, method)(x, y, return_dict=True).items()}
        assert getattr(ours, method)(x, y, return_dict=True) == pytest.approx(want, rel=1e-4)
