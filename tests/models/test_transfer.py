"""Transfer learning: shared layers, freezing compared with Keras, unfreezing in steps, discriminative rates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import Model, Sequential, layers, optimizers
from fitwell._engine import compile_cache
from fitwell.errors import InvalidArgument
from fitwell.models import clone_model
from tests.models.twins import assert_same_history, assert_same_weights, train_both, twins

# Small cases on purpose: a learning rate of 0, constant weights or targets.
pytestmark = pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning")

X = np.random.default_rng(0).normal(size=(24, 4)).astype("float32")
Y = (X[:, :1] - 0.5 * X[:, 1:2] ** 2).astype("float32")


def stack(library: Any = fitwell, **hidden: Any) -> Any:
    """Return 4-5-norm-3-1 with names for its layers; `hidden` are arguments of the first layer."""
    return library.Sequential(
        [
            library.layers.Input((4,)),
            library.layers.Dense(5, "tanh", name="hidden", **hidden),
            library.layers.BatchNormalization(momentum=0.5, name="norm"),
            library.layers.Dense(3, "tanh", name="middle"),
            library.layers.Dense(1, name="top"),
        ]
    )


def moved(model: Any, train: Any) -> dict[str, bool]:
    """Return, by layer name and variable, what `train()` changed."""
    before = {v.path: v.numpy() for v in model.variables}
    train()
    return {v.path: not np.array_equal(before[v.path], v.numpy()) for v in model.variables}


# --- sharing ------------------------------------------------------------------------------------------------


def test_two_models_over_one_base_train_the_same_weights_in_turn() -> None:
    base = layers.Dense(5, "tanh", input_shape=(4,), name="base")
    first, second = (Sequential([base, layers.Dense(1)]) for _ in range(2))
    for model in (first, second):
        model.compile(loss="mse", optimizer=optimizers.SGD(0.1, momentum=0.9))
    for model, other in ((first, second), (second, first), (first, second)):
        kernel, head = base.kernel.numpy(), other.layers[1].kernel.numpy()
        model.fit(X, Y, verbose=0)
        assert not np.array_equal(kernel, base.kernel.numpy())
        np.testing.assert_array_equal(head, other.layers[1].kernel.numpy())
        expected = np.tanh(X @ base.kernel.numpy() + base.bias.numpy()) @ head + other.layers[1].bias.numpy()
        np.testing.assert_allclose(other.predict(X), expected, rtol=1e-4, atol=1e-6)


def test_clones_have_weights_of_their_own_and_the_same_frozen_parts() -> None:
    model = stack()
    model.trainable = False
    model.get_layer("top").trainable = True
    inputs = layers.Input((4,))
    for original in (model, Model(inputs, model(inputs), trainable=False)):
        clone = clone_model(original)
        assert clone.trainable == original.trainable
        assert [layer.trainable for layer in clone.layers] == [layer.trainable for layer in original.layers]
        assert not np.array_equal(clone.get_weights()[0], original.get_weights()[0])
        assert not {id(v) for v in clone.variables} & {id(v) for v in original.variables}
        assert clone.predict(X).shape == original.predict(X).shape


# --- freezing, compared with Keras ---------------------------------------------------------------------------


@pytest.mark.parametrize("frozen", [["hidden"], ["norm"], ["hidden", "norm", "middle"]])
def test_frozen_layers_do_what_they_do_in_keras(frozen: list[str]) -> None:
    def build(library: Any) -> Any:
        model = stack(
            library,
            kernel_regularizer=library.regularizers.L2(0.3),
            kernel_constraint=library.constraints.MaxNorm(0.2),
            activity_regularizer=library.regularizers.L2(0.1),
        )
        for name in frozen:
            model.get_layer(name).trainable = False
        model.compile(loss="mse", optimizer=library.optimizers.AdamW(0.05, weight_decay=0.1))
        return model

    ours, peer = twins(build)
    started = [v.numpy() for name in frozen for v in ours.get_layer(name).variables]
    assert_same_history(*train_both(ours, peer, X, Y, batch_size=10, epochs=3))
    assert_same_weights(ours, peer)
    for before, variable in zip(started, [v for n in frozen for v in ours.get_layer(n).variables]):
        np.testing.assert_array_equal(before, variable.numpy(), err_msg=variable.path)


def test_a_frozen_model_inside_another_keeps_every_number() -> None:
    base = stack()
    base.trainable = False
    inputs = layers.Input((4,))
    model = Model(inputs, layers.Dense(1, name="head")(base(inputs)))
    model.compile(loss="mse", optimizer="adam")
    changed = moved(model, lambda: model.fit(X, Y, verbose=0))
    assert {path for path, moves in changed.items() if moves} == {"head/kernel", "head/bias"}


# --- unfreezing in steps ------------------------------------------------------------------------------------


def test_layers_unfrozen_from_the_top_down_join_one_by_one() -> None:
    model = stack()
    trained: set[str] = set()
    model.trainable = False
    model.trainable = True
    for layer in model.layers:
        layer.trainable = False
    for name in ("top", "middle", "norm", "hidden"):
        model.get_layer(name).trainable = True
        model.compile(loss="mse", optimizer=optimizers.SGD(0.1))
        trained |= {v.path for v in model.get_layer(name).variables}
        changed = moved(model, lambda: model.fit(X, Y, verbose=0))
        assert {path for path, moves in changed.items() if moves} == trained


def test_the_same_optimizer_keeps_the_slots_of_what_it_trained() -> None:
    model = stack()
    model.get_layer("hidden").trainable = False
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    model.compile(loss="mse", optimizer=optimizer)
    model.fit(X, Y, epochs=3, verbose=0)
    kept = dict(optimizer.opt_state["momentum"])
    model.get_layer("hidden").trainable = True
    model.compile(loss="mse", optimizer=optimizer)
    optimizer.learning_rate = 0.0
    model.fit(X, Y, batch_size=24, verbose=0)
    slots = optimizer.opt_state["momentum"]
    for path, value in kept.items():
        np.testing.assert_allclose(slots[path], 0.9 * np.asarray(value), rtol=1e-6, err_msg=path)
    assert set(slots) - set(kept) == {"layers.0/kernel", "layers.0/bias"}
    assert not np.any(slots["layers.0/kernel"])  # η is 0, so what began at 0 stayed there
    assert int(optimizer.iterations) == 4


def test_momentum_that_begins_in_flight_gets_its_slots() -> None:
    model = stack()
    model.compile(loss="mse", optimizer=optimizers.SGD(0.1))
    model.fit(X, Y, verbose=0)
    assert model.optimizer.opt_state == {}
    model.optimizer.momentum = 0.9
    model.fit(X, Y, verbose=0)
    assert all(np.any(value) for value in model.optimizer.opt_state["momentum"].values())


def test_slots_follow_their_variable_into_another_model() -> None:
    base = stack()
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    base.compile(loss="mse", optimizer=optimizer)
    base.fit(X, Y, verbose=0)
    momentum = np.asarray(optimizer.opt_state["momentum"]["layers.2/kernel"])
    top = Sequential([layers.Dense(5, input_shape=(4,)), base.get_layer("middle"), layers.Dense(1)])
    optimizer.learning_rate = 0.0
    top.compile(loss="mse", optimizer=optimizer)
    top.fit(X, Y, batch_size=24, verbose=0)
    np.testing.assert_allclose(optimizer.opt_state["momentum"]["layers.1/kernel"], 0.9 * momentum, rtol=1e-6)
    assert not np.any(optimizer.opt_state["momentum"]["layers.2/kernel"])  # the head is new


# --- discriminative rates -----------------------------------------------------------------------------------


def steps(model: Any, rate: float, epochs: int = 1, **options: Any) -> dict[str, np.ndarray]:
    """Return how far each variable of a copy of `model` moves by `epochs` of full-batch Adam."""
    copy = clone_model(model)
    copy.set_weights(model.get_weights())
    before = {v.path: v.numpy() for v in copy.variables}
    copy.compile(loss="mse", optimizer=optimizers.Adam(rate, **options))
    copy.fit(X, Y, batch_size=len(X), epochs=epochs, verbose=0)
    return {v.path: v.numpy() - before[v.path] for v in copy.variables}


def test_a_multiplier_of_a_tenth_moves_a_layer_as_a_tenth_of_the_rate_does() -> None:
    model = stack()
    full, tenth = steps(model, 0.05), steps(model, 0.005)
    mixed = steps(model, 0.05, learning_rate_multipliers={"hidden": 0.1, "middle/bias": 0.1})
    for path, change in mixed.items():
        slower = path.startswith("hidden/") or path == "middle/bias"
        expected = (tenth if slower else full)[path]
        # A change is the difference of two weights of about 1: an ulp of those is 1.2e-7.
        np.testing.assert_allclose(change, expected, rtol=1e-6, atol=1.2e-7, err_msg=path)


def test_every_layer_slowed_for_many_steps_is_the_whole_run_slowed() -> None:
    model = stack()
    factors = dict.fromkeys(("hidden", "norm", "middle", "top"), 0.5)
    slowed = steps(model, 0.08, epochs=20, learning_rate_multipliers=factors)
    for path, change in steps(model, 0.04, epochs=20).items():
        np.testing.assert_allclose(slowed[path], change, rtol=1e-5, atol=2e-6, err_msg=path)


def test_rates_by_layer_object_by_model_and_by_the_closest_name() -> None:
    base = Sequential(
        [layers.Dense(3, name="low", input_shape=(4,)), layers.Dense(3, name="high")], name="base"
    )
    head = layers.Dense(1, name="head")
    inputs = layers.Input((4,))
    model = Model(inputs, head(base(inputs)), name="whole")
    factors: dict[Any, float] = {
        "base": 0.0,
        "base/high": 0.5,
        head: 0.25,
        "head/bias": 0.0,
        "whole/base/low/bias": 1.0,
    }
    optimizer = optimizers.SGD(1.0, learning_rate_multipliers=factors)
    model.compile(loss="mse", optimizer=optimizer)
    model.fit(X, Y, batch_size=24, verbose=0)
    reach = {
        v.path: optimizer.reach.learning_rate_multiplier(path).factor for path, v in model._named_variables()
    }
    assert reach == {
        "low/kernel": 0.0,
        "low/bias": 1.0,
        "high/kernel": 0.5,
        "high/bias": 0.5,
        "head/kernel": 0.25,
        "head/bias": 0.0,
    }
    assert optimizer.learning_rate_multipliers == {
        "base": 0.0, "base/high": 0.5, "head": 0.25, "head/bias": 0.0, "whole/base/low/bias": 1.0,
    }  # fmt: skip


def test_a_multiplier_is_data_and_its_name_is_structure() -> None:
    model = stack()
    optimizer = optimizers.SGD(0.1, learning_rate_multipliers={"hidden": 0.0})
    model.compile(loss="mse", optimizer=optimizer)
    assert not moved(model, lambda: model.fit(X, Y, verbose=0))["hidden/kernel"]
    optimizer.learning_rate_multipliers = {"hidden": 1.0}
    traced = compile_cache.compile_stats.traced
    assert moved(model, lambda: model.fit(X, Y, verbose=0))["hidden/kernel"]
    assert compile_cache.compile_stats.traced == traced

    optimizer.learning_rate_multipliers = {"middle": 0.0}
    with pytest.raises(InvalidArgument, match="was set after the model was compiled"):
        model.fit(X, Y, verbose=0)
    model.compile(loss="mse", optimizer=model.optimizer)
    changed = moved(model, lambda: model.fit(X, Y, verbose=0))
    assert changed["hidden/kernel"] and not changed["middle/kernel"]


def test_names_of_no_layer_are_refused_with_the_nearest() -> None:
    for key, words in (
        ("hiden", "Did you mean 'hidden'?"),
        ("decoder", "The known paths are: .*hidden.*top"),
    ):
        model = stack()
        optimizer = optimizers.SGD(0.1, learning_rate_multipliers={key: 0.1})
        model.compile(loss="mse", optimizer=optimizer)
        with pytest.raises(InvalidArgument, match=f"no parameter under '{key}'.*{words}"):
            model.fit(X, Y, verbose=0)
    with pytest.raises(InvalidArgument, match="keys must be layers, their names, or paths .* got 3"):
        optimizers.SGD(0.1, learning_rate_multipliers={3: 0.1})


def test_fit_spares_excluded_variables_the_decay() -> None:
    model = stack()
    optimizer = optimizers.SGD(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay([model.get_layer("top").kernel, "middle/kernel"], var_names=["bias"])
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape))
    model.get_layer("top").kernel.assign(np.zeros((3, 1)))  # nothing but decay moves what lies below
    model.compile(loss="mse", optimizer=optimizer)
    model.fit(X, np.ones_like(Y), batch_size=24, verbose=0)
    values = {v.path: float(v.numpy().ravel()[0]) for v in model.trainable_variables}
    assert values["hidden/kernel"] == values["norm/gamma"] == 0.75
    assert values["middle/kernel"] == values["hidden/bias"] == 1.0
    assert values["top/kernel"] == 0.0
