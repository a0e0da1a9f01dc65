"""Optax transformations as optimizers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fitwell import optimizers, schedules
from fitwell._variables import Variable, named_hyperparameters
from fitwell.errors import InvalidArgument

STEPS = 20
TRANSFORMATIONS = {
    "lion": optax.lion(0.01),
    "adabelief": optax.adabelief(0.01),
    "chain": optax.chain(
        optax.clip_by_global_norm(0.5), optax.sgd(optax.cosine_decay_schedule(0.1, 20), 0.9)
    ),
    "lamb": optax.lamb(0.01, weight_decay=0.1),
    "inject": optax.inject_hyperparams(optax.adam)(learning_rate=0.01),
    "multi_steps": optax.MultiSteps(optax.adam(0.01), every_k_schedule=3).gradient_transformation(),
}


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_a_transformation_does_what_it_does_alone(name: str, stream: Any, run: Any) -> None:
    tx = TRANSFORMATIONS[name]
    ours, _ = run(optimizers.get(tx), stream.gradients, stream.start, STEPS)
    parameters = jax.tree.map(jnp.asarray, stream.start)
    state = tx.init(parameters)
    update = jax.jit(tx.update)
    for step in range(STEPS):
        changes, state = update(stream.gradients(parameters, step), state, parameters)
        parameters = optax.apply_updates(parameters, changes)
    for path, value in parameters.items():
        np.testing.assert_allclose(ours[path], value, rtol=1e-5, atol=1e-6)


def test_a_rate_of_ours_is_data(stream: Any, run: Any) -> None:
    expected, _ = run(optimizers.get(optax.lion(0.01)), stream.gradients, stream.start, STEPS)
    optimizer = optimizers.OptaxOptimizer(
        optax.chain(optax.scale_by_lion(), optax.add_decayed_weights(1e-3)), 0.01
    )
    assert "learning_rate" in named_hyperparameters(optimizer)
    ours, _ = run(optimizer, stream.gradients, stream.start, STEPS)
    for path, value in expected.items():
        np.testing.assert_allclose(ours[path], value, rtol=1e-5, atol=1e-6)


def test_everything_around_the_rule_works_too(stream: Any, run: Any) -> None:
    options: dict[str, Any] = {
        "weight_decay": 0.1,
        "clipnorm": 0.5,
        "use_ema": True,
        "ema_overwrite_frequency": 2,
        "gradient_accumulation_steps": 2,
        "learning_rate_multipliers": {"dense/bias": 0.5},
    }
    rate = schedules.LinearDecay(0.1, 30)
    wrapped = optimizers.OptaxOptimizer(optax.identity(), rate, **options)
    ours, slots = run(wrapped, stream.gradients, stream.start, STEPS)
    expected, _ = run(optimizers.SGD(rate, **options), stream.gradients, stream.start, STEPS)
    assert set(slots) == set(wrapped.slot_names())
    for path, value in expected.items():
        np.testing.assert_allclose(ours[path], value, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_types_are_kept(name: str, dtype: str) -> None:
    optimizer = optimizers.get(TRANSFORMATIONS[name])
    start = {"a": jnp.ones((3, 2), dtype), "b": jnp.ones(2, "float32")}
    slots = optimizer.init(start)
    new = jax.eval_shape(lambda p, s: optimizer.update(p, s, p, jnp.int32(0)), start, slots)
    described = jax.tree.map(lambda a: (a.shape, a.dtype, a.weak_type), new)
    assert described == jax.tree.map(lambda a: (jnp.shape(a), jnp.result_type(a), False), (start, slots))


def test_eager_use() -> None:
    optimizer = optimizers.get(optax.adam(0.5))
    variable = Variable(np.zeros(2))
    for _ in range(2):
        optimizer.apply([jnp.asarray([1.0, -3.0])], [variable])
    np.testing.assert_allclose(variable.numpy(), [-1.0, 1.0], rtol=1e-5)


def test_reconcile_starts_afresh_when_parameters_change() -> None:
    optimizer = optimizers.get(optax.adam(0.5))
    old = {"a": jnp.ones(2)}
    _, slots = optimizer.update(old, optimizer.init(old), old, 0)
    assert optimizer.match_slots(slots, old)["optax"] is slots["optax"]
    for new in ({"a": jnp.ones(2), "b": jnp.ones(2)}, {"a": jnp.ones(3)}):
        fitted = optimizer.match_slots(slots, new)
        assert jax.tree.map(jnp.shape, fitted) == jax.tree.map(jnp.shape, optimizer.init(new))
        assert not any(np.any(leaf) for leaf in jax.tree.leaves(fitted))


def test_what_cannot_be_honoured() -> None:
    with pytest.raises(InvalidArgument, match="weight_decay requires learning_rate="):
        optimizers.OptaxOptimizer(optax.sgd(0.1), weight_decay=0.1)
    with pytest.raises(InvalidArgument, match=r"tx must be an optax\.GradientTransformation"):
        optimizers.OptaxOptimizer("sgd")
    with pytest.raises(InvalidArgument, match="cannot be written into a configuration"):
        optimizers.serialize(optimizers.get(optax.sgd(0.1)))
    assert "learning_rate=None" in repr(optimizers.get(optax.sgd(0.1)))
