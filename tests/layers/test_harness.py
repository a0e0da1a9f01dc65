"""Run every registered layer through one harness; a layer without an example fails."""

from __future__ import annotations

import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fitwell
from fitwell import layers
from fitwell._call_context import CallContext, call_context
from fitwell._registry import serialize
from fitwell._variables import named_hyperparameters, stateless_scope
from fitwell.layers.base import Layer
from tests.agreement import agree
from tests.layers.examples import CASES, ELSEWHERE, ROWS, Case

KEY = jax.random.key(11)


def registered() -> set[str]:
    entries = {layers.registry.lookup(name) for name in layers.registry.names()}
    return {entry.__name__ for entry in entries if entry.__module__.startswith("fitwell.")}


everywhere = pytest.mark.parametrize(
    ("name", "example"),
    [
        pytest.param(name, item, id=f"{name}-{i}")
        for name, items in CASES.items()
        for i, item in enumerate(items)
    ],
)


def made(name: str, example: Case, **more: Any) -> tuple[Any, list[Any]]:
    """Return a built layer with weights that are not all equal, and inputs."""
    layer = example.build(layers.registry.lookup(name), **more)
    inputs = example.inputs()
    layer(*packed(inputs))
    draw = np.random.default_rng(5)
    for variable in layer.variables:
        if jnp.issubdtype(variable.dtype, jnp.floating):
            variable.assign(draw.uniform(0.5, 1.5, variable.shape))
    return layer, inputs


def packed(inputs: list[Any]) -> tuple[Any, ...]:
    return (inputs[0],) if len(inputs) == 1 else (inputs,)


def run(layer: Layer, inputs: list[Any], training: bool, rows: Any = None) -> tuple[Any, list[Any]]:
    """Call `layer` as a run does: with bound variables, a key and row weights. Return outputs and new variables."""
    context = CallContext(training=training, key=KEY, step=3, sample_mask=rows)
    with stateless_scope({v: v.value for v in layer.variables}) as bound, call_context(context):
        outputs = layer(*packed(inputs))
        return outputs, [bound[v] for v in layer.variables]


def close(actual: Any, expected: Any, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(
        np.asarray(actual, np.float64), np.asarray(expected, np.float64), rtol=tolerance, atol=tolerance
    )


def test_every_layer_has_an_example() -> None:
    assert registered() - set(CASES) - set(ELSEWHERE) == set()
    assert set(CASES) | set(ELSEWHERE) <= registered()


def test_every_layer_is_exported() -> None:
    assert set(CASES) - set(layers.__all__) == set()
    missing = [name for name in layers.__all__ if not hasattr(layers, name)]
    assert missing == []


@everywhere
def test_shapes(name: str, example: Case) -> None:
    """The inferred shape is that of the output: by eval_shape, compute_output_shape, and symbolic calls."""
    layer, inputs = made(name, example)
    output = layer(*packed(inputs))
    assert jax.eval_shape(lambda *x: run(layer, list(x), False)[0], *inputs).shape == output.shape
    row = (None, *output.shape[1:])
    shapes = [(None, *shape) for shape in example.shapes]
    assert layer.compute_output_shape(shapes[0] if len(shapes) == 1 else shapes) == row
    fresh = example.build(layers.registry.lookup(name))
    assert fresh.compute_output_shape(shapes[0] if len(shapes) == 1 else shapes) == row
    assert fresh.built
    tensors = [layers.Input(shape, dtype=x.dtype) for shape, x in zip(example.shapes, inputs, strict=True)]
    tensor = layer(*packed(tensors))
    assert tensor.shape == row
    assert tensor.dtype == output.dtype


@everywhere
def test_eager_equals_symbolic_equals_compiled(name: str, example: Case) -> None:
    layer, inputs = made(name, example)
    modes = (False, True)
    both = jax.jit(lambda *x: [run(layer, list(x), training) for training in modes])(*inputs)
    for training, (compiled, new_statistics) in zip(modes, both, strict=True):
        eager, statistics = run(layer, inputs, training)
        close(compiled, eager)
        for new, old in zip(new_statistics, statistics, strict=True):
            close(new, old)
    if not example.always:
        tensors = [
            layers.Input(shape, dtype=x.dtype) for shape, x in zip(example.shapes, inputs, strict=True)
        ]
        model = fitwell.Model(tensors, layer(*packed(tensors)))
        close(model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0), layer(*packed(inputs)))


@everywhere
def test_configuration_round_trip(name: str, example: Case) -> None:
    layer, inputs = made(name, example)
    config = json.loads(json.dumps(serialize(layer)))
    copy = layers.deserialize(config)
    assert copy.get_config() == layer.get_config()
    copy(*packed(inputs))
    copy.set_weights(layer.get_weights())
    for training in (False, True):
        close(run(copy, inputs, training)[0], run(layer, inputs, training)[0], 1e-7)


@everywhere
def test_training_flag(name: str, example: Case) -> None:
    """Noise comes in training only, and statistics move in training only."""
    layer, inputs = made(name, example)
    before = layer.get_weights()
    resting, after = run(layer, inputs, False)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)
    moving, after = run(layer, inputs, True)
    changed = not np.allclose(np.asarray(resting), np.asarray(moving), atol=1e-6)
    assert changed == ((example.noisy and not example.always) or example.learns)
    assert example.learns == any(
        not np.allclose(np.asarray(o), np.asarray(n)) for o, n in zip(before, after, strict=True)
    )
    if example.noisy and not example.always:
        floats = np.asarray(inputs[0])
        if name != "RReLU":
            np.testing.assert_array_equal(resting, floats)


@everywhere
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_dtype_is_kept(name: str, example: Case, dtype: str) -> None:
    with jax.enable_x64(dtype == "float64"):
        layer = example.build(layers.registry.lookup(name), dtype=dtype)
        inputs = example.inputs()
        layer._maybe_build(*packed([jnp.asarray(x) for x in inputs]))
        for training in (False, True):
            output, statistics = jax.eval_shape(lambda *x, t=training: run(layer, list(x), t), *inputs)
            assert output.dtype == jnp.dtype(dtype)
            assert [new.dtype for new in statistics] == [v.dtype for v in layer.variables]
        assert {v.dtype for v in layer.trainable_variables} <= {jnp.dtype(dtype)}
        if dtype == "float16" and example is CASES[name][0]:
            assert bool(jnp.isfinite(run(layer, inputs, True)[0]).all())


@everywhere
@pytest.mark.parametrize("training", [False, True])
def test_padding_rows_change_nothing(name: str, example: Case, training: bool) -> None:
    """The rows that pad a short batch leave outputs, noise and statistics of the real rows as they are."""
    layer, inputs = made(name, example)
    alone, statistics = run(layer, inputs, training)
    other = example.inputs(2, seed=9)
    longer = [
        np.concatenate([x, y * (1 if example.below else 100)]) for x, y in zip(inputs, other, strict=True)
    ]
    weights = jnp.array([1.0] * ROWS + [0.0] * 2)
    padded, padded_statistics = run(layer, longer, training, weights)
    close(padded[:ROWS], alone, 1e-6)
    for new, old in zip(padded_statistics, statistics, strict=True):
        close(new, old, 1e-6)


@everywhere
def test_hyperparameters_map(name: str, example: Case) -> None:
    """vmap over a stack of hyperparameters gives what they give one by one, without tracing them as constants."""
    layer, inputs = made(name, example)
    cells = named_hyperparameters(layer)
    if not cells:
        pytest.skip("no hyperparameters")
    stacks = {path: jnp.asarray(cell.as_array()) * jnp.array([1.0, 0.9, 0.5]) for path, cell in cells.items()}

    def forward(values: dict[str, Any]) -> Any:
        with stateless_scope({cells[path]: value for path, value in values.items()}):
            return run(layer, inputs, True)[0]

    mapped = jax.vmap(forward)(stacks)
    for member in range(3):
        own = {path: stack[member] for path, stack in stacks.items()}
        close(mapped[member], forward(own), 1e-5)
    for path, cell in cells.items():
        cell.raw_value = float(stacks[path][2])
    close(mapped[2], run(layer, inputs, True)[0], 1e-5)


@everywhere
def test_equals_keras(name: str, example: Case) -> None:
    import keras

    if example.keras is None:
        assert example.why
        pytest.skip(example.why)
    layer, inputs = made(name, example)
    peer = getattr(keras.layers, name)(**example.keras)
    peer(*packed(inputs))
    if layer.variables:
        peer.set_weights(layer.get_weights())
    # Keras's augmentations are active unless `training=False`.
    off = {"training": False} if example.noisy else {}
    resting, against = peer(*packed(inputs), **off), "Keras, at inference" if example.noisy else "Keras"
    agree(layer(*packed(inputs)), resting, row=f"layers/{name}", against=against, rtol=1e-5, atol=1e-5)
    if not example.noisy:
        expected = peer(*packed(inputs), training=True) if example.learns else peer(*packed(inputs))
        actual, statistics = run(layer, inputs, True)
        agree(actual, expected, row=f"layers/{name}", against="Keras", rtol=1e-5, atol=1e-5)
        for new, old in zip(statistics, peer.get_weights(), strict=True):
            close(new, old)
