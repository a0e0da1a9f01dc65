"""What initial weights do to signals: saturation, self-normalisation, residual stacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

import fitwell as fw
from fitwell import Model, Sequential, layers

# Small cases on purpose: a learning rate of 0, constant weights or targets.
pytestmark = pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning")

ROWS = np.random.default_rng(0).normal(size=(500, 784)).astype("float32")


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        (fw.initializers.RandomNormal(stddev=1.0), 1.0),
        ("glorot_normal", 2 / (784 + 256)),
        ("glorot_uniform", 2 / (784 + 256)),
    ],
)
def test_unit_normal_weights_saturate_a_sigmoid_layer_and_glorot_does_not(
    initializer: Any, variance: float
) -> None:
    saturated, slopes = [], []
    for seed in range(5):
        fw.utils.set_random_seed(seed)
        outputs = np.asarray(layers.Dense(256, activation="sigmoid", kernel_initializer=initializer)(ROWS))
        saturated.append(np.mean((outputs < 0.05) | (outputs > 0.95)))
        slopes.append(np.mean(outputs * (1 - outputs)))
    # z is normal with variance 784 Var(w), and σ(z) leaves [0.05, 0.95] where |z| > log 19.
    expected = 2 * norm.sf(np.log(19) / np.sqrt(784 * variance))
    assert np.mean(saturated) == pytest.approx(expected, abs=0.005)
    if variance == 1.0:
        assert np.mean(saturated) > 0.9
        assert np.mean(slopes) < 0.02  # what is left of a gradient on its way through the layer
    else:
        assert np.mean(saturated) < 0.03
        assert np.mean(slopes) > 0.18


def signals(activation: str, initializer: str, depth: int) -> np.ndarray:
    """Return the mean and variance of the outputs of every layer of a stack, ``[depth, 2]``."""
    values: Any = ROWS[:, :100]
    found = []
    for _ in range(depth):
        values = layers.Dense(100, activation, kernel_initializer=initializer)(values)
        found.append((float(np.mean(values)), float(np.var(values))))
    return np.array(found)


def test_selu_keeps_mean_0_and_variance_1_through_fifty_layers() -> None:
    runs = []
    for seed in range(5):
        fw.utils.set_random_seed(seed)
        runs.append(signals("selu", "lecun_normal", 50))
    means, variances = np.mean(runs, axis=0).T
    assert np.abs(means).max() < 0.1
    assert np.all((variances > 0.8) & (variances < 1.2)), variances
    assert signals("tanh", "lecun_normal", 50)[-1, 1] < 0.1
    assert signals("selu", "he_normal", 50)[-1, 1] > 10


def residual_stack(blocks: int, inner: Any, last: Any, top: Any = "zeros") -> Model:
    """Return ``x + dense(relu(dense(x)))`` that many times, without any normalisation."""
    inputs = layers.Input((32,))
    x = inputs
    for _ in range(blocks):
        branch = layers.Dense(32, activation="relu", kernel_initializer=inner)(x)
        x = layers.Add()([x, layers.Dense(32, kernel_initializer=last)(branch)])
    return Model(inputs, layers.Dense(1, kernel_initializer=top)(x))


def test_fixup_keeps_deep_residual_stacks_at_the_scale_of_their_input_and_he_does_not() -> None:
    x = ROWS[:64, :32]
    fixup = residual_stack(40, fw.initializers.FixupNormal(branches=40), "zeros")
    he = residual_stack(40, "he_normal", "he_normal")
    # Branches that end in zeros add nothing yet: the stack begins as the identity.
    np.testing.assert_array_equal(Model(fixup.input, fixup.layers[-2].output).predict(x), x)
    assert np.var(Model(he.input, he.layers[-2].output).predict(x)) > 1e6


@pytest.mark.slow
def test_the_first_step_of_a_fixup_stack_is_as_long_at_any_depth() -> None:
    x = ROWS[:64, :32]
    y = ROWS[:64, 32:33]

    def first_move(blocks: int, inner: Any) -> float:
        fw.utils.set_random_seed(0)
        model = residual_stack(blocks, inner, "zeros", top=0.2)
        before = np.asarray(model(x))
        model.compile(loss="mse", optimizer=fw.optimizers.SGD(1e-4))
        model.fit(x, y, batch_size=64, verbose=0)
        return float(np.std(np.asarray(model(x)) - before))

    shallow, deep = (first_move(blocks, fw.initializers.FixupNormal(branches=blocks)) for blocks in (3, 12))
    assert deep == pytest.approx(shallow, rel=0.3)
    # Without the factor for depth each further branch adds a move of its own.
    assert first_move(12, "he_normal") > 2 * first_move(3, "he_normal")


@pytest.mark.filterwarnings("ignore::fitwell.errors.NonFiniteWarning")
def test_fixup_trains_a_residual_stack_in_which_he_diverges() -> None:
    x = ROWS[:256, :32]
    y = np.tanh(x[:, :1] - x[:, 1:2] * x[:, 2:3])
    last: dict[str, list[float]] = {"fixup": [], "he": []}
    for seed in range(3):
        fw.utils.set_random_seed(seed)
        for name, model in (
            ("fixup", residual_stack(12, fw.initializers.FixupNormal(branches=12), "zeros")),
            ("he", residual_stack(12, "he_normal", "he_normal")),
        ):
            model.compile(loss="mse", optimizer=fw.optimizers.SGD(0.05))
            losses = model.fit(x, y, epochs=60, verbose=0).history.get("loss", [])
            last[name].append(losses[-1] if losses else np.inf)
    assert np.mean(last["fixup"]) < 0.25 * y.var(), last
    assert min(last["he"]) > y.var() or not np.isfinite(last["he"]).all(), last


def test_lsuv_lets_a_deep_tanh_stack_learn_that_small_weights_leave_at_chance() -> None:
    x = ROWS[:512, :20]
    y = (x[:, 0] * x[:, 1] > 0).astype("float32")
    accuracies: dict[bool, list[float]] = {False: [], True: []}
    for seed in range(3):
        for scaled in accuracies:
            fw.utils.set_random_seed(seed)
            model = Sequential([layers.Input((20,))])
            for _ in range(12):
                model.add(layers.Dense(30, activation="tanh", kernel_initializer="random_normal"))
            model.add(layers.Dense(1, activation="sigmoid"))
            if scaled:
                fw.models.lsuv(model, x[:128])
            model.compile(loss="binary_crossentropy", optimizer=fw.optimizers.SGD(0.05), metrics=["accuracy"])
            history = model.fit(x, y, epochs=60, verbose=0).history
            accuracies[scaled].append(history["accuracy"][-1])
    assert np.mean(accuracies[False]) < 0.6, accuracies
    assert np.mean(accuracies[True]) > 0.9, accuracies
