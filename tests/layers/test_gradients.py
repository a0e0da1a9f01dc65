"""Gradients of every registered layer against finite differences in float64.

A new layer comes in by itself, with its examples in `tests.layers.examples`; a layer without an example fails
the harness there.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fitwell
from fitwell import layers
from fitwell._call_context import CallContext, call_context
from fitwell._data.loaders import Batch
from fitwell._variables import stateless_scope
from fitwell.layers.base import Layer
from tests.finite_differences import check_gradients
from tests.layers.examples import CASES, Case

# Step functions, or integer inputs: the derivative is zero or undefined.
WITHOUT = {"CategoryEncoding"}


def modes(example: Case) -> list[bool]:
    return [True, False] if example.noisy or example.learns else [True]


everywhere = pytest.mark.parametrize(
    ("name", "example", "training"),
    [
        pytest.param(name, example, training, id=f"{name}-{number}-{'training' if training else 'inference'}")
        for name, examples in CASES.items()
        if name not in WITHOUT
        for number, example in enumerate(examples)
        for training in modes(example)
    ],
)


@everywhere
def test_gradients_of_weights_and_inputs(name: str, example: Case, training: bool) -> None:
    with jax.enable_x64(True):
        layer: Layer = example.build(layers.registry.lookup(name), dtype="float64")
        inputs = [jnp.asarray(x) for x in example.inputs(dtype=np.float64)]
        layer._maybe_build(inputs[0] if len(inputs) == 1 else inputs)
        draw = np.random.default_rng(5)
        variables = layer.trainable_variables
        weights = [draw.uniform(0.5, 1.5, v.shape) for v in variables]
        key = jax.random.key(11)

        def outputs(weights: list[Any], inputs: list[Any]) -> Any:
            context = CallContext(training=training, key=key, step=3)
            others = {v: v.value for v in layer.non_trainable_variables}
            with stateless_scope(dict(zip(variables, weights, strict=True)) | others), call_context(context):
                return layer(inputs[0] if len(inputs) == 1 else inputs)

        if jnp.issubdtype(inputs[0].dtype, jnp.floating):
            gradients = check_gradients(outputs, weights, inputs)
        else:
            gradients = check_gradients(lambda weights: outputs(weights, inputs), weights)
        assert any(bool(np.any(np.asarray(leaf) != 0)) for leaf in jax.tree.leaves(gradients))


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize(
    ("loss", "units", "activation"),
    [
        ("mse", 2, None),
        ("sparse_categorical_crossentropy", 3, "softmax"),
        ("binary_crossentropy", 1, "sigmoid"),
    ],
)
def test_gradients_of_a_whole_training_step(loss: str, units: int, activation: Any, padded: bool) -> None:
    """Differentiate a whole step as the engine does: layers, batch norm, penalties, weights, padding and loss."""
    with jax.enable_x64(True):
        draw = np.random.default_rng(3)
        x = draw.normal(size=(7, 4))
        targets: dict[str, Any] = {
            "mse": draw.normal(size=(7, 2)),
            "sparse_categorical_crossentropy": draw.integers(0, 3, 7),
            "binary_crossentropy": draw.integers(0, 2, 7).astype(np.float64),
        }
        model = fitwell.Sequential(
            [
                layers.Dense(
                    5,
                    "tanh",
                    input_shape=(4,),
                    dtype="float64",
                    kernel_regularizer=fitwell.regularizers.L1L2(0.01, 0.02),
                    bias_initializer="ones",
                    bias_regularizer="l2",
                    activity_regularizer=fitwell.regularizers.l2(0.03),
                ),
                layers.BatchNormalization(dtype="float64"),
                layers.Dropout(0.3, dtype="float64"),
                layers.Dense(units, activation, dtype="float64"),
            ]
        )
        model.compile(loss=loss, optimizer="sgd")
        weight = draw.uniform(0, 2, 7)
        sample_mask = jnp.asarray([1.0] * 5 + [0.0] * 2) if padded else None
        batch = Batch(jnp.asarray(x), [jnp.asarray(targets[loss])], [jnp.asarray(weight)], sample_mask)
        program = model._session.get_program(batch)
        hyperparams = {path: jnp.float64(cell.raw_value) for path, cell in program.hyperparams.items()}
        statistics = {path: v.value for path, v in program.non_trainable.items()}
        trainable = {path: v.value for path, v in program.trainable.items()}

        def total(trainable: Any) -> Any:
            return program.forward(
                trainable,
                statistics,
                hyperparams,
                batch,
                training=True,
                key=jax.random.key(1),
                step=jnp.int32(0),
            )[0]

        check_gradients(total, trainable)
