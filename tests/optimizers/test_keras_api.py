"""The Keras interface of optimizers: names, configurations, attributes, deprecated names, eager use."""

from __future__ import annotations

import copy
import importlib
import json
import subprocess
import sys
import warnings

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fitwell import config, optimizers, schedules
from fitwell._variables import Variable
from fitwell.errors import InvalidArgument, UnknownName

NAMES = ["SGD", "Adagrad", "RMSprop", "Adadelta", "Adam", "AdamW", "Adamax", "Nadam"]


# ---------------------------------------------------------------------------------------------- finding


@pytest.mark.parametrize("name", NAMES)
def test_by_name_class_object_and_configuration(name: str) -> None:
    cls = getattr(optimizers, name)
    for identifier in (name, name.lower(), cls, {"class_name": name, "config": {}}):
        assert type(optimizers.get(identifier)) is cls
    optimizer = cls()
    assert optimizers.get(optimizer) is optimizer


def test_optax_transformations_are_wrapped() -> None:
    assert isinstance(optimizers.get(optax.lion(1e-3)), optimizers.OptaxOptimizer)


def test_what_is_no_optimizer() -> None:
    with pytest.raises(UnknownName, match=r"unknown optimizer 'adm'. Did you mean '(?i:adam)'\?"):
        optimizers.get("adm")
    for value in (None, 3, int, optimizers):
        with pytest.raises(InvalidArgument, match="expected an optimizer"):
            optimizers.get(value)


def test_an_unknown_argument_names_the_nearest() -> None:
    with pytest.raises(InvalidArgument, match=r"SGD: unknown argument 'momentun'. Did you mean 'momentum'\?"):
        optimizers.SGD(momentun=0.9)
    with pytest.raises(InvalidArgument, match=r"'clip_norm'. Did you mean 'clipnorm'\?"):
        optimizers.Adam(clip_norm=1.0)


def test_optax_is_imported_by_nobody_but_its_user() -> None:
    code = "import sys, fitwell.optimizers; sys.exit('optax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --------------------------------------------------------------------------------------- configurations


@pytest.mark.parametrize("name", NAMES)
def test_configurations_round_trip(name: str) -> None:
    given = getattr(optimizers, name)(
        schedules.Warmup(schedules.PiecewiseConstantDecay([3, 5], [1.0, 0.5, 0.25]), 4),
        weight_decay=0.1,
        global_clipnorm=2.0,
        use_ema=True,
        ema_overwrite_frequency=3,
        gradient_accumulation_steps=2,
        learning_rate_multipliers={"dense": 0.5},
        name="mine",
    )
    written = optimizers.serialize(given)
    read = optimizers.deserialize(json.loads(json.dumps(written)))
    assert type(read) is type(given)
    assert optimizers.serialize(read) == written
    assert read.name == "mine"
    for step in (0, 3, 5, 20):
        assert read.get_hyperparameter("learning_rate")(step) == given.get_hyperparameter("learning_rate")(
            step
        )


def test_flags_are_in_the_configuration() -> None:
    assert optimizers.get(optimizers.serialize(optimizers.SGD(nesterov=True))).nesterov
    assert optimizers.get(optimizers.serialize(optimizers.Adam(amsgrad=True))).amsgrad
    assert optimizers.get(optimizers.serialize(optimizers.RMSprop(centered=True))).centered


def test_functions_cannot_be_written_down() -> None:
    with pytest.raises(InvalidArgument, match="write it as a subclass of LearningRateSchedule"):
        optimizers.SGD(lambda step: 0.1 / (1 + step)).get_config()


def test_repr_shows_what_was_set() -> None:
    text = repr(optimizers.SGD(schedules.LinearDecay(0.1, 10), momentum=0.9))
    assert text.startswith("SGD(learning_rate=LinearDecay(initial_learning_rate=0.1, decay_steps=10.0")
    assert "momentum=0.9" in text
    assert "clipnorm" not in text


# ------------------------------------------------------------------------------------------- attributes


def test_numbers_are_read_and_set() -> None:
    optimizer = optimizers.Adam(0.1)
    assert optimizer.learning_rate == 0.1
    optimizer.learning_rate = np.float32(0.5)
    assert optimizer.learning_rate == 0.5
    optimizer.learning_rate = jnp.asarray(0.25)
    assert optimizer.learning_rate == 0.25
    optimizer.learning_rate *= 2
    optimizer.beta_1 = 0.5
    assert (optimizer.learning_rate, optimizer.beta_1) == (0.5, 0.5)
    with pytest.raises(InvalidArgument, match="beta_1 must be a number from 0 to 1"):
        optimizer.beta_1 = 2.0


def test_under_a_schedule_the_attribute_is_the_number_in_force() -> None:
    optimizer = optimizers.SGD(schedules.PiecewiseConstantDecay([0, 1], [1.0, 0.5, 0.25]))
    variable = Variable(np.zeros(1))
    seen = []
    for _ in range(3):
        seen.append(float(optimizer.learning_rate))
        optimizer.apply([jnp.ones(1)], [variable])
    assert seen == [1.0, 0.5, 0.25]
    assert variable.numpy()[0] == -1.75
    assert isinstance(optimizer.get_hyperparameter("learning_rate"), schedules.PiecewiseConstantDecay)
    optimizer.learning_rate = 0.125
    assert optimizer.learning_rate == 0.125


def test_a_setting_that_does_not_exist() -> None:
    with pytest.raises(AttributeError, match=r"no hyperparameter 'momentun'. Did you mean 'momentum'\?"):
        optimizers.SGD().get_hyperparameter("momentun")


def test_schedules_have_a_second_address() -> None:
    module = importlib.import_module("fitwell.optimizers.schedules")
    assert optimizers.schedules is module
    for name in schedules.__all__:
        assert getattr(module, name) is getattr(schedules, name)


# ------------------------------------------------------------------------------------- older spellings


def test_lr_is_learning_rate_and_warns_once() -> None:
    with pytest.warns(DeprecationWarning, match="use learning_rate=") as caught:
        assert optimizers.SGD(lr=0.5).learning_rate == 0.5
        assert optimizers.Adam(lr=0.25).learning_rate == 0.25
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_the_attribute_lr() -> None:
    optimizer = optimizers.SGD(0.5)
    with pytest.warns(DeprecationWarning, match=r"optimizer\.learning_rate") as caught:
        assert optimizer.lr == 0.5
        optimizer.lr = 0.25
    assert len(caught) == 1
    assert optimizer.learning_rate == 0.25


def test_a_rate_that_was_read_can_be_assigned() -> None:
    optimizer = optimizers.SGD(0.5, momentum=0.9)
    rate = optimizer.learning_rate
    rate.assign(0.25)
    assert (rate, optimizer.learning_rate) == (0.5, 0.25)
    optimizer.momentum.assign(0.8)
    assert optimizer.momentum.numpy() == np.float32(0.8)
    with pytest.raises(
        InvalidArgument, match="momentum must be a number from 0 to 1 or a schedule, .*, got 2"
    ):
        optimizer.momentum.assign(2)
    assert type(copy.deepcopy(rate)) is float  # a copy belongs to no optimizer
    assert type(optimizer.get_config()["learning_rate"]) is float


def test_decay_is_power_scheduling() -> None:
    with pytest.warns(DeprecationWarning, match="is deprecated") as caught:
        optimizer = optimizers.SGD(lr=0.1, decay=0.25)
    assert ["InverseTimeDecay" in str(warning.message) for warning in caught] == [False, True]
    variable = Variable(np.zeros(1))
    moved = []
    for _ in range(4):
        before = variable.numpy()[0]
        optimizer.apply([jnp.ones(1)], [variable])
        moved.append(before - variable.numpy()[0])
    np.testing.assert_allclose(moved, [0.1 / (1 + 0.25 * t) for t in range(4)], rtol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it has warned already
        assert optimizers.SGD(0.1, decay=0.0).learning_rate == 0.1
    with pytest.raises(InvalidArgument, match="cannot be combined with a schedule"):
        optimizers.SGD(schedules.LinearDecay(0.1, 10), decay=0.1)


@pytest.mark.parametrize("name", ["Adagrad", "RMSprop", "Adadelta", "Adam", "AdamW", "Adamax", "Nadam"])
def test_epsilon_none_is_the_default(name: str) -> None:
    with pytest.warns(DeprecationWarning, match="epsilon=None"):
        assert getattr(optimizers, name)(epsilon=None).epsilon == config.epsilon() == 1e-7


def test_listings_of_old() -> None:
    with pytest.warns(DeprecationWarning):
        assert optimizers.SGD(lr=0.02, momentum=0.9, nesterov=True, decay=1e-4, clipnorm=1.0).nesterov
        assert optimizers.Nadam(lr=1e-3).beta_1 == 0.9
        assert optimizers.RMSprop(lr=0.001, rho=0.9).rho == 0.9


def test_adamw_needs_its_decay() -> None:
    with pytest.raises(InvalidArgument, match="must be a number, got None; use Adam"):
        optimizers.AdamW(weight_decay=None)


# ------------------------------------------------------------------------------------------- eager use


def test_variables_of_the_same_name_have_slots_of_their_own() -> None:
    optimizer = optimizers.SGD(1.0, momentum=0.5)
    first, second = Variable(np.zeros(1)), Variable(np.zeros(1))
    for _ in range(2):
        optimizer.apply_gradients([(jnp.ones(1), first), (-jnp.ones(1), second)])
    assert (first.numpy()[0], second.numpy()[0]) == (-2.5, 2.5)


def test_apply_after_build_needs_no_variables() -> None:
    optimizer = optimizers.Adam(0.5)
    variable = Variable(np.zeros(2))
    assert not optimizer.built
    optimizer.build([variable])
    assert optimizer.built
    optimizer.apply([jnp.asarray([1.0, -3.0])])
    np.testing.assert_allclose(variable.numpy(), [-0.5, 0.5], rtol=1e-5)


def test_a_gradient_of_none_leaves_its_variable_alone() -> None:
    optimizer = optimizers.SGD(1.0, momentum=0.5)
    first, second = Variable(np.zeros(1)), Variable(np.zeros(1))
    optimizer.apply([jnp.ones(1), jnp.ones(1)], [first, second])
    optimizer.apply([jnp.ones(1), None], [first, second])
    optimizer.apply([jnp.ones(1), jnp.ones(1)], [first, second])
    np.testing.assert_allclose([first.numpy()[0], second.numpy()[0]], [-4.25, -2.5])


def test_eager_mistakes() -> None:
    optimizer = optimizers.SGD(1.0)
    variable = Variable(np.zeros(1))
    with pytest.raises(InvalidArgument, match="0 gradients for 0 variables"):
        optimizer.apply([])
    with pytest.raises(InvalidArgument, match="2 gradients for 1 variables"):
        optimizer.apply([jnp.ones(1), jnp.ones(1)], [variable])
    with pytest.raises(InvalidArgument, match="none of the variables has a gradient"):
        optimizer.apply([None], [variable])
    with pytest.raises(InvalidArgument, match="was not built with"):
        optimizer.apply([jnp.ones(1)], [Variable(np.zeros(1))])


def test_momentum_set_from_zero_in_flight_starts_then() -> None:
    optimizer = optimizers.SGD(1.0)
    variable = Variable(np.zeros(1))
    optimizer.apply([jnp.ones(1)], [variable])
    optimizer.momentum = 0.5
    optimizer.apply([jnp.ones(1)], [variable])
    optimizer.apply([jnp.ones(1)], [variable])
    assert variable.numpy()[0] == -1 - 1 - 1.5


def test_eager_averages() -> None:
    optimizer = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    variable = Variable(np.zeros(1))
    for _ in range(2):
        optimizer.apply([jnp.ones(1)], [variable])
    optimizer.finalize_variable_values([variable])
    assert variable.numpy()[0] == -1.5


@pytest.mark.parametrize("clips", [("clipnorm", "clipvalue"), ("clipvalue", "global_clipnorm")])
@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_two_ways_to_clip_are_refused_with_what_to_write(name: str, clips: tuple[str, str]) -> None:
    with pytest.raises(
        InvalidArgument, match=rf"{clips[0]} and {clips[1]}.*optax\.chain\(.*optax\.{name.lower()}"
    ):
        getattr(optimizers, name)(0.01, **dict.fromkeys(clips, 0.5))


def test_what_the_refusal_says_to_write_clips_by_norm_and_then_by_value() -> None:
    rule = optimizers.get(optax.chain(optax.clip_by_global_norm(1.0), optax.clip(0.5), optax.sgd(0.1)))
    gradient = {"w": jnp.array([3.0, 4.0])}
    start = {"w": jnp.zeros(2)}
    # To norm 1: (0.6, 0.8); to values of at most 0.5: (0.5, 0.5).
    after, _ = rule.update(gradient, rule.init(start), start, 0)
    np.testing.assert_allclose(after["w"], [-0.05, -0.05], rtol=1e-6)
