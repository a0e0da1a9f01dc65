"""The pure functions `init` and `update`: vmap, loops, no retracing, types, and convergence."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from fitwell import _call_context, optimizers, schedules
from fitwell._variables import named_hyperparameters, stateless_scope
from fitwell.errors import InvalidArgument, StateError

NAMES = ["SGD", "Adagrad", "RMSprop", "Adadelta", "Adam", "AdamW", "Adamax", "Nadam"]


def everything_on(name: str) -> Any:
    """Return an optimizer with every option that has a number."""
    own = {"SGD": {"momentum": 0.8, "nesterov": True}, "RMSprop": {"momentum": 0.5, "centered": True}}
    return getattr(optimizers, name)(
        0.01,
        weight_decay=0.1,
        coupled_weight_decay=0.05,
        global_clipnorm=1.5,
        gradient_noise=1e-6,
        use_ema=True,
        ema_momentum=0.9,
        loss_scale_factor=2.0,
        learning_rate_multipliers={"dense/bias": 0.5},
        **own.get(name, {}),
    )


@pytest.mark.parametrize("name", NAMES)
def test_mapped_over_hyperparameters_is_one_by_one(name: str, stream: Any) -> None:
    optimizer = everything_on(name)
    cells = named_hyperparameters(optimizer)
    numbers = {
        "learning_rate",
        "weight_decay",
        "global_clipnorm",
        "ema_momentum",
        "reach.multipliers.0.factor",
    }
    assert numbers <= set(cells)
    rng = np.random.default_rng(0)
    members = {p: (rng.uniform(0.7, 1.0, 3) * c.raw_value).astype(np.float32) for p, c in cells.items()}

    def train(values: Any) -> Any:
        def body(step: Any, carry: Any) -> Any:
            with _call_context.call_context(_call_context.CallContext(key=jax.random.key(step))):
                gradients = stream.gradients(carry[0], step)
                return optimizer.update(gradients, carry[1], carry[0], step)

        with stateless_scope({cells[path]: value for path, value in values.items()}):
            return lax.fori_loop(
                jnp.int32(0), jnp.int32(4), body, (stream.start, optimizer.init(stream.start))
            )

    together = jax.jit(jax.vmap(train))(members)
    alone = jax.jit(train)
    for member in range(3):
        single = alone({path: values[member] for path, values in members.items()})
        jax.tree.map(
            lambda a, b, i=member: np.testing.assert_allclose(a[i], b, rtol=2e-5, atol=1e-6), together, single
        )
    kernels = together[0]["dense/kernel"]
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_another_number_is_no_other_program(name: str, stream: Any) -> None:
    optimizer = everything_on(name)
    cells = named_hyperparameters(optimizer)
    traces = []

    @jax.jit
    def update(values: Any, slots: Any, parameters: Any, step: Any) -> Any:
        traces.append(step)
        with stateless_scope({cells[path]: value for path, value in values.items()}):
            return optimizer.update(stream.gradients(parameters, step), slots, parameters, step)

    parameters, slots = jax.tree.map(jnp.asarray, (stream.start, optimizer.init(stream.start)))
    for step in range(4):
        for path, cell in cells.items():
            if path != "learning_rate":
                cell.raw_value *= 0.9
        optimizer.learning_rate = optimizer.learning_rate / 2
        values = {path: cell.as_array() for path, cell in cells.items()}
        parameters, slots = update(values, slots, parameters, jnp.int32(step))
    assert len(traces) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@pytest.mark.parametrize("every", [None, 2])
def test_types_and_shapes_are_kept(name: str, dtype: str, every: int | None) -> None:
    optimizer = everything_on(name)
    optimizer.gradient_accumulation_steps = every
    start = {"dense/kernel": jnp.ones((3, 2), dtype), "dense/bias": jnp.ones((2,), "float32")}
    slots = optimizer.init(start)
    assert set(slots) == set(optimizer.slot_names())

    def update(parameters: Any, slots: Any, step: Any) -> Any:
        return optimizer.update(parameters, slots, parameters, step)

    new = jax.eval_shape(update, start, slots, jnp.int32(0))
    described = jax.tree.map(lambda a: (a.shape, a.dtype, a.weak_type), new)
    expected = jax.tree.map(lambda a: (np.shape(a), np.asarray(a).dtype, False), (start, slots))
    assert described == expected
    # (1 - β₂) g² is lost in half precision, so the memory of an optimizer is kept in single.
    assert {np.asarray(a).dtype for a in jax.tree.leaves(slots)} <= {np.dtype("float32")}


def test_double_precision_is_kept(run: Any) -> None:
    with jax.enable_x64(True):
        start = {"w": jnp.asarray([1.0, -2.0], jnp.float64), "v": jnp.ones(2, jnp.float32)}
        for name in ("SGD", "Adam", "Nadam"):
            optimizer = everything_on(name)
            parameters, slots = run(optimizer, lambda p, _: dict(p), start, 5)
            assert parameters["w"].dtype == jnp.float64
            assert parameters["v"].dtype == jnp.float32
            assert slots["average"]["w"].dtype == jnp.float64
            assert slots["average"]["v"].dtype == jnp.float32
        # Momentum by its recurrence in double precision; the numbers themselves are float32 data.
        parameters, _ = run(optimizers.SGD(0.125, momentum=0.5), lambda p, _: dict(p), start, 6)
        value, m = np.asarray([1.0, -2.0]), 0.0
        for _ in range(6):
            m = 0.5 * m - 0.125 * value
            value = value + m
        np.testing.assert_allclose(parameters["w"], value, rtol=1e-15)


@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.SGD(0.1),
        optimizers.SGD(0.02, momentum=0.9),
        optimizers.SGD(0.02, momentum=0.9, nesterov=True),
        optimizers.SGD(
            schedules.OneCycle(0.2, 300), momentum=schedules.OneCycle(0.2, 300).momentum_schedule()
        ),
        optimizers.Adagrad(0.5),
        optimizers.RMSprop(schedules.LinearDecay(0.05, 300)),
        optimizers.RMSprop(schedules.LinearDecay(0.02, 300), centered=True, momentum=0.5),
        optimizers.Adadelta(20.0),
        optimizers.Adam(schedules.CosineDecay(0.2, 300)),
        optimizers.Adam(schedules.CosineDecay(0.2, 300), amsgrad=True),
        optimizers.AdamW(schedules.CosineDecay(0.2, 300), weight_decay=1e-5),
        optimizers.Adamax(schedules.CosineDecay(0.2, 300)),
        optimizers.Nadam(schedules.CosineDecay(0.2, 300)),
        optimizers.OptaxOptimizer(optax.lion(optax.linear_schedule(0.05, 0.0, 300))),
        optimizers.SGD(0.1, gradient_accumulation_steps=2),
        optimizers.SGD(0.3, clipnorm=0.5),
    ],
    ids=lambda optimizer: optimizer.name,
)
def test_a_quadratic_bowl_is_descended(optimizer: Any, run: Any) -> None:
    target = jnp.asarray([1.0, -2.0, 0.5])
    curvature = jnp.asarray([1.0, 4.0, 0.5])
    parameters, _ = run(
        optimizer, lambda p, _: {"w": curvature * (p["w"] - target)}, {"w": np.zeros(3, "f")}, 300
    )
    np.testing.assert_allclose(parameters["w"], target, atol=0.01)


def test_a_schedule_can_stand_for_any_hyperparameter(stream: Any, run: Any) -> None:
    """A schedule that happens to be constant gives what its number gives; a varying one is looked up."""
    numbers = {"learning_rate": 0.02, "beta_1": 0.7, "beta_2": 0.8, "epsilon": 0.01, "weight_decay": 0.2}
    constant = {name: schedules.LinearDecay(v, 10, v) for name, v in numbers.items()}
    plain, _ = run(optimizers.Adam(**numbers), stream.gradients, stream.start, 12)
    scheduled, _ = run(optimizers.Adam(**constant), stream.gradients, stream.start, 12)
    for path in plain:
        np.testing.assert_allclose(plain[path], scheduled[path], rtol=1e-6)

    optimizer = optimizers.SGD(0.1, momentum=lambda step: 0.1 * step)
    parameters, _ = run(optimizer, stream.gradients, stream.start, 4)
    value, m = stream.start["dense/bias"].astype(np.float64), 0.0
    for step in range(4):
        m = 0.1 * step * m - 0.1 * stream.given["dense/bias"][step]
        value = value + m
    np.testing.assert_allclose(parameters["dense/bias"], value, rtol=1e-5)


def test_nothing_is_kept_or_computed_that_is_not_needed() -> None:
    start = {"w": jnp.ones(3)}
    optimizer = optimizers.SGD(0.1)
    assert optimizer.init(start) == {}
    program = jax.make_jaxpr(lambda g, p: optimizer.update(g, {}, p, jnp.int32(0)))(start, start)
    operations = [equation.primitive.name for equation in program.eqns]
    assert sorted(set(operations) - {"convert_element_type"}) == ["add", "mul"]


def test_gradients_of_other_parameters_are_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"must have the same paths.*\['a', 'b'\]"):
        optimizers.SGD().update({"a": jnp.ones(1)}, {}, {"b": jnp.ones(1)}, 0)


# --------------------------------------------------------------------------------- structure of the slots


def test_momentum_zero_has_no_slot_and_its_return_is_noticed() -> None:
    start = {"w": jnp.ones(3)}
    optimizer = optimizers.SGD(1.0)
    slots = optimizer.init(start)
    assert optimizer.slot_names() == ()
    optimizer.momentum = 0.5
    assert optimizer.slot_names() == ("momentum",)
    with pytest.raises(StateError, match=r"\['momentum'\] are missing; call match_slots"):
        optimizer.update(start, slots, start, 0)
    slots = optimizer.match_slots(slots, start)
    for step in range(2):
        _, slots = optimizer.update(start, slots, start, step)
    np.testing.assert_allclose(slots["momentum"]["w"], -1.5)
    # Back to 0: the slot stays, so the program stays, and the numbers are those of plain descent.
    optimizer.momentum = 0.0
    moved, slots = optimizer.update(start, slots, start, 2)
    np.testing.assert_array_equal(moved["w"], 0.0)
    assert "momentum" in slots


def test_a_member_without_momentum_may_share_the_program_of_one_with_it(stream: Any, run: Any) -> None:
    """Whether a slot exists is settled by what was set, never by the number bound inside a run."""
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    cells = named_hyperparameters(optimizer)

    def train(momentum: Any) -> Any:
        with stateless_scope({cells["momentum"]: momentum}):
            parameters, slots = dict(stream.start), optimizer.init(stream.start)
            for step in range(3):
                parameters, slots = optimizer.update(
                    stream.gradients(parameters, step), slots, parameters, step
                )
        return parameters

    both = jax.vmap(train)(jnp.asarray([0.0, 0.9]))
    plain, _ = run(optimizers.SGD(0.1), stream.gradients, stream.start, 3)
    np.testing.assert_allclose(both["dense/kernel"][0], plain["dense/kernel"], rtol=1e-6)


def test_reconcile_keeps_what_fits_and_starts_what_is_new() -> None:
    optimizer = optimizers.Nadam(use_ema=True)
    old = {"a": jnp.ones(2), "b": jnp.ones(2)}
    _, slots = optimizer.update(old, optimizer.init(old), old, 0)
    fitted = optimizer.match_slots(slots, {"b": jnp.ones(2), "c": jnp.ones(3)})
    assert set(fitted) == {"momentum", "velocity", "u_product", "average"}
    assert set(fitted["momentum"]) == {"b", "c"}
    assert fitted["momentum"]["b"] is slots["momentum"]["b"]
    assert fitted["u_product"] is slots["u_product"]
    assert not fitted["velocity"]["c"].any()


def test_a_new_optimizer_is_one_method(run: Any) -> None:
    class SignDescent(optimizers.Optimizer):
        def update_step(self, gradient: Any, slots: Any, learning_rate: Any, hyperparameters: Any) -> Any:
            return -learning_rate * jnp.sign(gradient), slots

    optimizer = SignDescent(schedules.LinearDecay(0.1, 100))
    parameters, _ = run(optimizer, lambda p, _: {"w": p["w"] - 2.0}, {"w": np.zeros(2, "f")}, 100)
    np.testing.assert_allclose(parameters["w"], 2.0, atol=0.01)
    with pytest.raises(NotImplementedError, match="must define update_step"):
        optimizers.Optimizer(0.1).update({"w": jnp.ones(1)}, {}, {"w": jnp.ones(1)}, 0)


def test_deprecated_names_of_methods_are_honored_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match=r"OldDescent\.rule.*OldDescent\.update_step"):

        class OldDescent(optimizers.SGD):
            def rule(self, gradient: Any, slots: Any, rate: Any, settings: Any) -> Any:
                change, slots = super().rule(gradient, slots, rate, settings)
                return 2 * change, slots

    parameters, _ = OldDescent(0.25).update({"w": jnp.ones(1)}, {}, {"w": jnp.zeros(1)}, 0)
    assert parameters["w"].tolist() == [-0.5]
    with pytest.warns(DeprecationWarning, match="get_hyperparameter"):
        assert optimizers.SGD(0.25).setting("learning_rate") == 0.25
    with pytest.warns(DeprecationWarning, match="opt_state"):
        assert optimizers.SGD(0.25).slots is None
    with pytest.warns(DeprecationWarning, match="StepHyperparameters"):
        assert optimizers.Settings is optimizers.StepHyperparameters
