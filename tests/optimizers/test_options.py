"""Compare the options that all optimizers share with closed forms."""

from __future__ import annotations

from typing import Any

import hypothesis.extra.numpy as numpy_strategies
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitwell import optimizers
from fitwell._variables import Variable
from fitwell.errors import InvalidArgument, StateError
from fitwell.optimizers import gradient_transforms as change

GRADIENTS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    numpy_strategies.arrays(np.float32, (4,), elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False)),
    min_size=1,
)
LIMITS = st.floats(0.0009765625, 1024.0, width=32)


def once(optimizer: Any, gradients: Any, parameters: Any = None, step: int = 0) -> dict[str, np.ndarray]:
    """Return the parameters after one update, from zeros unless given."""
    gradients = {path: jnp.asarray(g, jnp.float32) for path, g in gradients.items()}
    parameters = parameters or {path: jnp.zeros_like(g) for path, g in gradients.items()}
    new, _ = optimizer.update(gradients, optimizer.init(parameters), parameters, jnp.int32(step))
    return {path: np.asarray(value) for path, value in new.items()}


# ---------------------------------------------------------------------------------------------- clipping


def test_the_catalogues_example_of_norm_clipping() -> None:
    for option in ("clipnorm", "global_clipnorm"):
        moved = once(optimizers.SGD(1.0, **{option: 1.0}), {"w": [0.9, 100.0]})
        np.testing.assert_allclose(-moved["w"], [0.00899964, 0.9999595], rtol=1e-6)
    moved = once(optimizers.SGD(1.0, clipvalue=1.0), {"w": [0.9, 100.0]})
    np.testing.assert_allclose(-moved["w"], [0.9, 1.0])


def test_clipping_by_each_parameter_and_by_all() -> None:
    gradients = {"a": [3.0, 4.0], "b": [0.3, 0.4], "c": [12.0, 0.0]}
    each = once(optimizers.SGD(1.0, clipnorm=1.0), gradients)
    np.testing.assert_allclose(-each["a"], [0.6, 0.8], rtol=1e-6)
    np.testing.assert_allclose(-each["b"], [0.3, 0.4], rtol=1e-6)
    whole = once(optimizers.SGD(1.0, global_clipnorm=1.3), gradients)
    scale = 1.3 / np.sqrt(25 + 0.25 + 144)
    np.testing.assert_allclose(-whole["b"], [0.3 * scale, 0.4 * scale], rtol=1e-6)


@given(GRADIENTS, LIMITS)
@settings(deadline=None, max_examples=60)
def test_norm_clipping_bounds_the_norm_and_keeps_the_direction(gradients: Any, limit: float) -> None:
    clipped = change.clip_by_global_norm(gradients, limit)
    before, after = float(change.global_norm(gradients)), float(change.global_norm(clipped))
    assert after <= limit * (1 + 1e-5)
    assert after == pytest.approx(min(before, limit), rel=1e-4, abs=1e-6)
    for path, gradient in change.clip_by_norm(gradients, limit).items():
        assert np.linalg.norm(gradient) <= limit * (1 + 1e-5)
        length = np.linalg.norm(gradients[path].astype(np.float64))
        np.testing.assert_allclose(
            gradient, gradients[path] * min(1, limit / length if length else 1), rtol=1e-4, atol=1e-7
        )


@given(GRADIENTS, LIMITS)
@settings(deadline=None, max_examples=30)
def test_value_clipping_is_that_of_numpy(gradients: Any, limit: float) -> None:
    for path, gradient in change.clip_by_value(gradients, limit).items():
        np.testing.assert_array_equal(
            gradient, np.clip(gradients[path], -np.float32(limit), np.float32(limit))
        )


def test_a_gradient_of_zero_is_not_divided_by() -> None:
    assert not once(optimizers.SGD(1.0, clipnorm=1.0), {"w": [0.0, 0.0]})["w"].any()
    assert not once(optimizers.SGD(1.0, global_clipnorm=1.0), {"w": [0.0, 0.0]})["w"].any()


def test_a_gradient_that_is_not_finite_is_not_hidden_by_clipping() -> None:
    for option in ("clipnorm", "global_clipnorm"):
        assert np.isnan(once(optimizers.SGD(1.0, **{option: 1.0}), {"w": [1.0, np.inf]})["w"]).any()
        assert np.isnan(once(optimizers.SGD(1.0, **{option: 1.0}), {"w": [1.0, np.nan]})["w"]).all()


def test_only_one_way_of_clipping() -> None:
    with pytest.raises(InvalidArgument, match="only one of clipnorm, clipvalue and global_clipnorm"):
        optimizers.SGD(clipnorm=1.0, clipvalue=1.0)


# ------------------------------------------------------------------------------------------ weight decay


def test_decoupled_decay_uses_the_rate_and_the_weights_before_the_update() -> None:
    start = {"w": jnp.asarray([2.0, -4.0])}
    moved = once(optimizers.SGD(0.1, weight_decay=0.5), {"w": [1.0, 1.0]}, start)
    np.testing.assert_allclose(moved["w"], [2 - 0.1 * 0.5 * 2 - 0.1, -4 + 0.1 * 0.5 * 4 - 0.1], rtol=1e-6)


def test_coupled_decay_is_a_part_of_the_gradient_and_not_clipped() -> None:
    start = {"w": jnp.asarray([2.0, -4.0])}
    moved = once(optimizers.SGD(0.1, coupled_weight_decay=3.0, clipvalue=0.5), {"w": [1.0, 1.0]}, start)
    np.testing.assert_allclose(moved["w"], [2 - 0.1 * (0.5 + 6), -4 - 0.1 * (0.5 - 12)], rtol=1e-6)


def test_exclusions_by_variable_by_path_and_by_name() -> None:
    start = {"dense/kernel": jnp.ones(2), "dense/bias": jnp.ones(2), "bias_net/kernel": jnp.ones(2)}
    zeros = {path: jnp.zeros(2) for path in start}
    variable = Variable(np.ones(2), name="kernel")
    variable.path = "dense/kernel"
    for how, spared in (
        ({"var_list": [variable]}, {"dense/kernel"}),
        ({"var_list": ["dense/bias"]}, {"dense/bias"}),
        ({"var_names": ["bias"]}, {"dense/bias"}),
        ({"var_names": ["kern", "gamma"]}, {"dense/kernel", "bias_net/kernel"}),
        ({}, set()),
    ):
        optimizer = optimizers.SGD(0.1, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(**how)
        moved = once(optimizer, zeros, start)
        assert {path for path, value in moved.items() if value[0] == 1.0} == spared


def test_parameters_are_known_by_position_and_by_name() -> None:
    variables = {f"layers.{i}/kernel": Variable(np.ones(1), name="kernel") for i in range(3)}
    for i, variable in enumerate(variables.values()):
        variable.path = f"dense_{i}/kernel"
    factors = {"layers.0": 2.0, "dense_1": 3.0}
    optimizer = optimizers.SGD(0.1, weight_decay=0.5, learning_rate_multipliers=factors)
    optimizer.exclude_from_weight_decay([variables["layers.0/kernel"], "dense_2/kernel"])
    optimizer.bind_variables(variables)
    ones = {path: jnp.ones(1) for path in variables}
    moved = once(optimizer, ones, ones)
    expected = {"layers.0/kernel": 0.8, "layers.1/kernel": 1 - 0.3 * 1.5, "layers.2/kernel": 0.9}
    assert {path: float(value[0]) for path, value in moved.items()} == pytest.approx(expected)


def test_slots_follow_their_variable_to_another_path() -> None:
    first, second = Variable(np.zeros(1)), Variable(np.zeros(1))
    optimizer = optimizers.SGD(0.1, momentum=0.5)
    assert not optimizer.step.trainable
    before = {"layers.0/kernel": first, "layers.1/kernel": second}
    for _ in range(2):  # nothing to move as long as there are no slots
        optimizer.bind_variables(before)
    assert optimizer.opt_state is None
    optimizer.opt_state = {
        "momentum": {"layers.0/kernel": np.full(1, 7.0), "layers.1/kernel": np.full(1, 8.0)}
    }
    optimizer.bind_variables({"layers.2/kernel": first})
    assert optimizer.opt_state == {"momentum": {"layers.2/kernel": 7.0}}


def test_an_optimizer_that_goes_to_another_model_starts_afresh() -> None:
    mine, others = ({"layers.0/kernel": Variable(np.zeros(1))} for _ in range(2))
    optimizer = optimizers.SGD(0.1, momentum=0.5)
    optimizer.bind_variables(mine)
    optimizer.opt_state, optimizer.step = (
        {"momentum": {"layers.0/kernel": np.full(1, 7.0)}},
        Variable(np.int32(5)),
    )
    with pytest.warns(
        UserWarning, match="'sgd' was used for a different model before, so its state was reset"
    ):
        optimizer.bind_variables(others)
    assert optimizer.opt_state is None
    assert int(optimizer.iterations) == 0


def test_paths_that_match_nothing_are_refused() -> None:
    variable = Variable(np.ones(1), name="kernel")
    variable.path = "dense/kernel"
    optimizer = optimizers.SGD(0.1, learning_rate_multipliers={"dens": 2.0, "dense": 1.0})
    with pytest.raises(InvalidArgument, match=r"no parameter under 'dens'. Did you mean 'dense'\?"):
        optimizer.bind_variables({"layers.0/kernel": variable})
    optimizer = optimizers.SGD(0.1)
    optimizer.exclude_from_weight_decay(["dense/kernl", variable, Variable(np.ones(1), name="other")])
    with pytest.raises(InvalidArgument, match="2 problems") as caught:
        optimizer.bind_variables({"layers.0/kernel": variable})
    assert "no parameter 'dense/kernl'. Did you mean 'dense/kernel'?" in str(caught.value)
    assert "no parameter 'other'" in str(caught.value)


def test_exclusions_after_the_first_update_are_refused() -> None:
    optimizer = optimizers.SGD(0.1, weight_decay=0.5)
    optimizer.apply([jnp.ones(2)], [Variable(np.ones(2))])
    with pytest.raises(StateError, match="before build and the first update"):
        optimizer.exclude_from_weight_decay(var_names=["bias"])


# ------------------------------------------------------------------------------------------- multipliers


def test_the_longest_prefix_of_whole_path_segments_multiplies_the_rate() -> None:
    paths = ["dense/kernel", "dense/bias", "dense_1/kernel", "block/dense/kernel", "block/norm/gamma"]
    factors = {"dense": 0.5, "dense/bias": 2.0, "block": 0.0, "block/norm": 3.0}
    optimizer = optimizers.SGD(0.1, learning_rate_multipliers=factors)
    moved = once(optimizer, {path: [1.0] for path in paths})
    expected = dict(zip(paths, [0.5, 2.0, 1.0, 0.0, 3.0]))
    for path, factor in expected.items():
        assert -moved[path][0] == pytest.approx(0.1 * factor), path


def test_a_multiplier_of_zero_freezes_against_decay_too() -> None:
    optimizer = optimizers.SGD(0.1, weight_decay=0.5, learning_rate_multipliers={"w": 0.0})
    assert once(optimizer, {"w": [1.0]}, {"w": jnp.ones(1)})["w"][0] == 1.0


def test_weight_decay_multipliers_are_independent_of_the_learning_rate_multipliers() -> None:
    optimizer = optimizers.SGD(
        0.1,
        weight_decay=0.5,
        learning_rate_multipliers={"slow": 0.5},
        weight_decay_multipliers={"slow/kernel": 1.0, "dense/bias": 0.0, "strong": 2.0},
    )
    paths = ["slow/kernel", "slow/bias", "dense/kernel", "dense/bias", "strong/kernel"]
    moved = once(optimizer, {path: [1.0] for path in paths}, {path: jnp.ones(1) for path in paths})
    # The value after a decay of 0.1 * 0.5 * factor, and then a step of 0.1 * multiplier.
    expected = [1 - 0.05 - 0.05, 1 - 0.025 - 0.05, 1 - 0.05 - 0.1, 1 - 0.1, 1 - 0.1 - 0.1]
    assert [float(moved[path][0]) for path in paths] == pytest.approx(expected)


def test_weight_decay_multipliers_are_checked_and_part_of_the_configuration() -> None:
    optimizer = optimizers.Adam(weight_decay=0.5, weight_decay_multipliers={"dense/bias": 0})
    restored = optimizers.Adam.from_config(optimizer.get_config())
    assert restored.weight_decay_multipliers == {"dense/bias": 0.0}
    with pytest.raises(InvalidArgument, match="weight_decay_multipliers: 'dense' must be"):
        optimizers.Adam(weight_decay_multipliers={"dense": -1})
    variable = Variable(np.ones(1), name="kernel")
    variable.path = "dense/kernel"
    with pytest.raises(
        InvalidArgument, match="weight_decay_multipliers: there is no parameter under 'dense/bias'"
    ):
        restored.bind_variables({"layers.0/kernel": variable})


def test_multipliers_are_read_set_and_kept_in_place() -> None:
    optimizer = optimizers.SGD(0.1, learning_rate_multipliers={"a": 0.5})
    cell = optimizer.reach.multipliers[0]
    optimizer.learning_rate_multipliers = {"a": 0.25}
    assert optimizer.reach.multipliers[0] is cell
    assert optimizer.learning_rate_multipliers == {"a": 0.25}
    optimizer.learning_rate_multipliers = {"b": 2}
    assert optimizer.learning_rate_multipliers == {"b": 2.0}
    optimizer.learning_rate_multipliers = None
    assert optimizer.learning_rate_multipliers is None
    assert -once(optimizer, {"a": [1.0]})["a"][0] == pytest.approx(0.1)


# -------------------------------------------------------------------------------------- moving averages


def test_the_moving_average_by_its_recurrence(stream: Any, run: Any) -> None:
    optimizer = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8)
    parameters, slots = run(optimizer, stream.gradients, stream.start, 12)
    value = stream.start["dense/bias"].astype(np.float64)
    average = None
    for step in range(12):
        value = value - 0.1 * stream.given["dense/bias"][step]
        average = value if average is None else 0.8 * average + 0.2 * value
    np.testing.assert_allclose(np.asarray(slots["average"]["dense/bias"]), average, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(parameters["dense/bias"]), value, rtol=1e-5)
    np.testing.assert_array_equal(
        optimizer.finalize(parameters, slots)["dense/bias"], slots["average"]["dense/bias"]
    )


def test_without_an_average_finalize_changes_nothing(stream: Any) -> None:
    assert optimizers.SGD().finalize(stream.start, {}) == stream.start


def test_the_average_moves_only_when_an_update_is_made(stream: Any, run: Any) -> None:
    """Differs from Keras, which averages the unchanged weights again at the steps in between."""
    settings = {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2}
    accumulating = optimizers.SGD(0.1, gradient_accumulation_steps=3, **settings)
    parameters, slots = run(accumulating, stream.gradients, stream.start, 15)

    def means(parameters: Any, step: Any) -> Any:
        three = [stream.gradients(parameters, 3 * step + i) for i in range(3)]
        return jax.tree.map(lambda *g: sum(g) / 3, *three)

    expected, averages = run(optimizers.SGD(0.1, **settings), means, stream.start, 5)
    for path in stream.start:
        np.testing.assert_allclose(parameters[path], expected[path], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(slots["average"][path], averages["average"][path], rtol=1e-5, atol=1e-6)


# ----------------------------------------------------------------------------- accumulation, loss scaling


def test_accumulation_waits_then_uses_the_mean_of_all(stream: Any, run: Any) -> None:
    optimizer = optimizers.SGD(0.1, gradient_accumulation_steps=4)
    waiting, slots = run(optimizer, stream.gradients, stream.start, 3)
    for path, start in stream.start.items():
        np.testing.assert_array_equal(waiting[path], start)
        np.testing.assert_allclose(
            slots["gradient_accumulator"][path], stream.given[path][:3].sum(0), rtol=1e-5, atol=1e-6
        )
    made, slots = run(optimizer, stream.gradients, stream.start, 4)
    for path, start in stream.start.items():
        np.testing.assert_allclose(
            made[path], start - 0.1 * stream.given[path][:4].mean(0), rtol=1e-5, atol=1e-6
        )
        assert not np.asarray(slots["gradient_accumulator"][path]).any()


def test_iterations_count_updates_that_were_made() -> None:
    optimizer = optimizers.SGD(0.1, gradient_accumulation_steps=2)
    variable = Variable(np.ones(2))
    for _ in range(5):
        optimizer.apply([jnp.ones(2)], [variable])
    assert int(optimizer.iterations) == 2
    assert int(optimizer.step.numpy()) == 5
    np.testing.assert_allclose(variable.numpy(), 0.8, rtol=1e-6)


def test_loss_scaling_cancels() -> None:
    optimizer = optimizers.SGD(1.0, loss_scale_factor=1024.0)
    gradient = jax.grad(lambda w: optimizer.scale_loss(jnp.sum(w * 0.5)))(jnp.ones(2))
    np.testing.assert_array_equal(gradient, 512.0)
    np.testing.assert_array_equal(-once(optimizer, {"w": gradient})["w"], 0.5)
    assert optimizers.SGD().scale_loss(3.0) == 3.0


LOW_AND_HIGH = {
    "weight_decay": (0.0, None),
    "coupled_weight_decay": (0.0, None),
    "gradient_noise": (0.0, None),
    "ema_momentum": (0.0, 1.0),
    "beta_1": (0.0, 1.0),
    "beta_2": (0.0, 1.0),
    "epsilon": (0.0, None),
    "momentum": (0.0, 1.0),
    "rho": (0.0, 1.0),
    "initial_accumulator_value": (0.0, None),
}


@pytest.mark.parametrize("name", LOW_AND_HIGH)
def test_limits_may_be_met_and_not_passed(name: str) -> None:
    kinds = {"beta_1": "Adam", "beta_2": "Adam", "epsilon": "Adam", "initial_accumulator_value": "Adagrad"}
    make = getattr(optimizers, kinds.get(name, "RMSprop"))
    low, high = LOW_AND_HIGH[name]
    for limit, beyond in ((low, low - 0.1), (high, 1.1)):
        if limit is not None:
            assert getattr(make(**{name: limit}), name) == limit
            with pytest.raises(
                InvalidArgument, match=f"{name} must be a (number from 0 to 1|finite number of at least 0)"
            ):
                make(**{name: beyond})
    if high is None:
        assert getattr(make(**{name: 1e6}), name) == 1e6


@pytest.mark.parametrize("name", ["clipnorm", "clipvalue", "global_clipnorm", "loss_scale_factor"])
def test_what_is_divided_by_or_clipped_to_is_above_zero(name: str) -> None:
    assert getattr(optimizers.SGD(**{name: 1e-30}), name) == pytest.approx(1e-30)
    for value in (0.0, -1.0):
        with pytest.raises(InvalidArgument, match=f"{name} must be a finite number above 0"):
            optimizers.SGD(**{name: value})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"gradient_accumulation_steps": 1}, "integer of at least 2"),
        ({"gradient_accumulation_steps": 2.5}, "integer of at least 2"),
        ({"use_ema": True, "ema_overwrite_frequency": 0}, "integer of at least 1"),
        ({"ema_overwrite_frequency": 3}, "requires use_ema=True"),
        ({"clipnorm": 0.0}, "clipnorm must be a finite number"),
        ({"clipnorm": -1}, "clipnorm must be a finite number"),
        ({"weight_decay": -0.1}, "weight_decay must be a finite number of at least 0"),
        ({"momentum": 1.5}, "momentum must be a number from 0 to 1"),
        ({"learning_rate": float("nan")}, "learning_rate must be a finite number"),
        ({"learning_rate": float("inf")}, "learning_rate must be a finite number"),
        ({"learning_rate": np.float32("nan")}, "learning_rate must be a finite number"),
        ({"momentum": np.array(-1)}, "momentum must be a number from 0 to 1"),
        ({"learning_rate": None}, "learning_rate must be a finite number or a schedule, .*, got None"),
        ({"momentum": None}, "momentum must be a number from 0 to 1 or a schedule, .*, got None"),
        ({"learning_rate": "fast"}, "learning_rate must be a finite number"),
        ({"learning_rate": lambda: 0.1}, "a function of the step"),
    ],
)
def test_arguments_that_cannot_be_honoured(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        optimizers.SGD(**arguments)
