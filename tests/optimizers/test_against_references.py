"""Compare options that Keras lacks with PyTorch, Optax and closed forms."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fitwell import _call_context, optimizers
from tests.agreement import agree

STEPS = 30


def torch_run(
    make: Any, stream: Any, groups: dict[str, dict[str, float]] | None = None
) -> dict[str, np.ndarray]:
    torch = pytest.importorskip("torch")
    parameters = {path: torch.tensor(value.copy()) for path, value in stream.start.items()}
    optimizer = make([{"params": [p], **(groups or {}).get(path, {})} for path, p in parameters.items()])
    for step in range(STEPS):
        for path, parameter in parameters.items():
            parameter.grad = torch.tensor(stream.given[path][step])
        optimizer.step()
    return {path: parameter.detach().numpy() for path, parameter in parameters.items()}


def optax_run(transformation: Any, stream: Any) -> dict[str, np.ndarray]:
    parameters = {path: jnp.asarray(value) for path, value in stream.start.items()}
    state = transformation.init(parameters)
    for step in range(STEPS):
        changes, state = transformation.update(stream.gradients(parameters, step), state, parameters)
        parameters = optax.apply_updates(parameters, changes)
    return {path: np.asarray(value) for path, value in parameters.items()}


def assert_same(name: str, against: str, ours: Any, theirs: Any) -> None:
    for path, expected in theirs.items():
        row, reference = f"optimizers/{name}", f"{against}, 30 steps"
        agree(ours[path], expected, row=row, against=reference, rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("nesterov", [False, True])
def test_coupled_weight_decay_is_that_of_pytorch(nesterov: bool, stream: Any, run: Any) -> None:
    torch = pytest.importorskip("torch")
    # PyTorch's momentum leaves the learning rate out of m, which is the same while the rate is constant.
    expected = torch_run(
        lambda groups: torch.optim.SGD(groups, lr=0.05, momentum=0.8, weight_decay=0.3, nesterov=nesterov),
        stream,
    )
    ours = optimizers.SGD(0.05, momentum=0.8, nesterov=nesterov, coupled_weight_decay=0.3)
    assert_same("SGD", "PyTorch", run(ours, stream.gradients, stream.start, STEPS)[0], expected)


def test_coupled_weight_decay_spares_what_is_excluded(stream: Any, run: Any) -> None:
    ours = optimizers.SGD(0.05, coupled_weight_decay=0.3)
    ours.exclude_from_weight_decay(var_names=["bias"])
    decayed, _ = run(ours, stream.gradients, stream.start, STEPS)
    plain, _ = run(optimizers.SGD(0.05), stream.gradients, stream.start, STEPS)
    np.testing.assert_array_equal(decayed["dense/bias"], plain["dense/bias"])
    assert np.abs(decayed["dense/kernel"] - plain["dense/kernel"]).max() > 0.01


def test_multipliers_are_rates_of_pytorch_parameter_groups(stream: Any, run: Any) -> None:
    torch = pytest.importorskip("torch")
    groups = {"dense/bias": {"lr": 0.02 * 0.25}}
    expected = torch_run(
        lambda groups: torch.optim.AdamW(groups, lr=0.02, eps=1e-12, weight_decay=0.4), stream, groups
    )
    # PyTorch adds ε to the corrected root, Keras and fitwell to the uncorrected.
    ours = optimizers.AdamW(
        0.02, epsilon=1e-12, weight_decay=0.4, learning_rate_multipliers={"dense/bias": 0.25}
    )
    assert_same("AdamW", "PyTorch", run(ours, stream.gradients, stream.start, STEPS)[0], expected)


def test_nadam_is_that_of_pytorch_with_a_faster_momentum_schedule(stream: Any, run: Any) -> None:
    torch = pytest.importorskip("torch")
    expected = torch_run(
        lambda groups: torch.optim.NAdam(groups, lr=0.02, eps=1e-3, momentum_decay=1.0), stream
    )
    ours = optimizers.Nadam(0.02, epsilon=1e-3)
    assert_same("Nadam", "PyTorch", run(ours, stream.gradients, stream.start, STEPS)[0], expected)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (optimizers.SGD(0.1, 0.9, nesterov=True), optax.sgd(0.1, 0.9, nesterov=True)),
        (optimizers.Adagrad(0.1), optax.adagrad(0.1)),
        (optimizers.Adadelta(1.0, rho=0.9, epsilon=1e-3), optax.adadelta(1.0, rho=0.9, eps=1e-3)),
        (optimizers.Adamax(0.05, epsilon=1e-8), optax.adamax(0.05)),
        (optimizers.RMSprop(0.05, epsilon=1e-3), optax.rmsprop(0.05, eps=1e-3)),
        (
            optimizers.RMSprop(0.05, centered=True, momentum=0.5, epsilon=1e-3),
            optax.rmsprop(0.05, eps=1e-3, centered=True, momentum=0.5),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_rules_are_those_of_optax(ours: Any, theirs: Any, stream: Any, run: Any) -> None:
    updated, _ = run(ours, stream.gradients, stream.start, STEPS)
    assert_same(type(ours).__name__, "Optax", updated, optax_run(theirs, stream))


def test_adam_is_nearer_to_its_formula_than_the_rounding_of_its_numbers(stream: Any, run: Any) -> None:
    rate, beta_1, beta_2 = 0.01, float(np.float32(0.9)), float(np.float32(0.999))
    expected = {}
    for path, start in stream.start.items():
        value, m, v = start.astype(np.float64), 0.0, 0.0
        for t in range(1, STEPS + 1):
            g = stream.given[path][t - 1].astype(np.float64)
            m = beta_1 * m + (1 - beta_1) * g
            v = beta_2 * v + (1 - beta_2) * g**2
            corrected = np.sqrt(v) + 1e-7
            value -= rate * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / corrected
        expected[path] = value
    ours, _ = run(optimizers.Adam(rate), stream.gradients, stream.start, STEPS)
    for path, value in expected.items():
        against = "closed form in float64, 30 steps"
        agree(ours[path], value, row="optimizers/Adam", against=against, rtol=2e-6, atol=2e-6)


# ------------------------------------------------------------------------------------------------- noise


def noisy_gradients(optimizer: Any, step: int, seed: int = 3) -> dict[str, Any]:
    """Return the gradients that SGD with rate 1 saw in place of zeros."""
    start = {"a/kernel": jnp.zeros((200, 200)), "b/kernel": jnp.zeros((200, 200))}
    with _call_context.call_context(_call_context.CallContext(key=jax.random.key(seed))):
        moved, _ = optimizer.update(start, optimizer.init(start), start, jnp.int32(step))
    return {path: -np.asarray(value) for path, value in moved.items()}


@pytest.mark.parametrize("step", [0, 1, 99])
def test_gradient_noise_is_annealed(step: int) -> None:
    noise = noisy_gradients(optimizers.SGD(1.0, gradient_noise=0.3), step)
    expected = (0.3 / (1 + step) ** 0.55) ** 0.5
    for values in noise.values():
        # 40,000 draws: the standard error of a standard deviation is 0.35 %.
        assert values.std() == pytest.approx(expected, rel=0.015)
        assert abs(values.mean()) < 4 * expected / 200


def test_gradient_noise_differs_between_parameters_steps_and_seeds_and_repeats() -> None:
    optimizer = optimizers.SGD(1.0, gradient_noise=0.3)
    first, again = noisy_gradients(optimizer, 0), noisy_gradients(optimizer, 0)
    np.testing.assert_array_equal(first["a/kernel"], again["a/kernel"])
    other_step = noisy_gradients(optimizer, 1)["a/kernel"] * 2**0.275
    for other in (first["b/kernel"], other_step, noisy_gradients(optimizer, 0, seed=4)["a/kernel"]):
        assert abs(np.corrcoef(first["a/kernel"].ravel(), other.ravel())[0, 1]) < 0.03


def test_gradient_noise_comes_after_clipping() -> None:
    noise = noisy_gradients(optimizers.SGD(1.0, gradient_noise=0.3, clipvalue=0.001), 0)
    assert np.abs(noise["a/kernel"]).max() > 1
