"""Diagnosis of a loss or gradient that became nonfinite: the layer or variable, and the likely cause."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._data.loaders import Batch
from fitwell._engine.train_state import TrainState
from fitwell._engine.train_step import forward_training
from fitwell.callbacks.model_inspector import layer_outputs, loss_gradients

__all__ = ["diagnose_nonfinite_step"]

_ADVICE = (
    "Try a smaller learning rate, standardize the inputs and targets, or clip the gradients "
    "(optimizer argument clipnorm=1.0)."
)


def diagnose_nonfinite_step(program: Any, state: TrainState, batch: Batch, where: str) -> str:
    """Return a message that says where and why the loss or a gradient became nonfinite in a step.

    Args:
        program: The model's training program.
        state: The train state from before the step, so that the step can be repeated without compilation.
        batch: The batch of the step.
        where: A description of the step's position, such as "epoch 2, batch 7".
    """
    end = f" in {where}. Training stopped, and the model keeps the weights from before that batch. "
    culprit, loss = _first_bad_layer(program, state, batch)
    if np.isfinite(loss):
        path, kind = _first_bad_gradient(program, state, batch)
        return f"the gradient of {path!r} became {kind}{end}" + _gradient_cause(loss)
    kind = "infinite" if np.isinf(loss) else "NaN"
    return f"the loss became {kind}{end}" + _cause(program, state, batch, culprit)


def _first_bad_gradient(program: Any, state: TrainState, batch: Batch) -> tuple[str, str]:
    """Find the variable with a nonfinite gradient that is nearest to the loss.

    Returns:
        The path of the variable, and a description of its gradient: "NaN", "infinite" or "too large for an update".
    """
    gradients = loss_gradients(program, state, batch)
    for path, gradient in reversed(gradients.items()):
        if not _finite(gradient, None):
            return program.trainable[path].path, "NaN" if bool(jnp.isnan(gradient).any()) else "infinite"
    # The gradient is finite, so the update overflowed.
    return next(reversed(program.trainable)), "too large for an update"


def _gradient_cause(loss: float) -> str:
    return (
        f"The loss itself was {loss:.3g}, so a derivative in the model or the loss is infinite, undefined or too "
        "large. Typical causes are a square root or a norm at 0, a logarithm near 0, and a division by a small number. "
        "Add a small number to the argument of such a function, or handle this case separately with jnp.where. "
        f"{_ADVICE}"
    )


def _first_bad_layer(program: Any, state: TrainState, batch: Batch) -> tuple[Any, float]:
    loss, _ = forward_training(program, state, batch)
    for layer, output in layer_outputs(program, state, batch, training=True):
        # A model comes after its layers, so the first match is the innermost and earliest layer.
        if not all(_finite(leaf, batch.sample_mask) for leaf in jax.tree.leaves(output)):
            return layer, float(loss)
    return None, float(loss)


def _cause(program: Any, state: TrainState, batch: Batch, culprit: Any) -> str:
    if not all(_finite(leaf, batch.sample_mask) for leaf in jax.tree.leaves((batch.x, batch.y))):
        return "The batch itself contains NaN or infinite values. Clean the data first."
    bad = [path for path, value in state.trainable.items() if not _finite(value, None)]
    if bad:
        variable = program.trainable[bad[0]]
        return (
            f"The weights {variable.path!r} were already nonfinite before this batch, because nonfinite values were "
            "assigned or loaded."
        )
    if culprit is not None:
        weights = [float(jnp.max(jnp.abs(v))) for path, v in state.trainable.items() if v.size]
        return (
            f"The first nonfinite values are in the output of layer {culprit.name!r} ({type(culprit).__name__}). "
            f"The largest weight of the model is {max(weights, default=0.0):.3g}. {_ADVICE}"
        )
    largest = max(
        (float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(batch.y) if leaf.size), default=0.0
    )
    return (
        f"Every layer's output is finite, so the loss itself overflowed or received an invalid value "
        f"(the targets are as large as {largest:.3g}). {_ADVICE}"
    )


def _finite(array: Any, sample_mask: Any) -> bool:
    if not jnp.issubdtype(jnp.result_type(array), jnp.inexact):
        return True
    finite = jnp.isfinite(array)
    if sample_mask is not None and finite.ndim and finite.shape[0] == sample_mask.shape[0]:
        finite = finite | (sample_mask == 0).reshape((-1,) + (1,) * (finite.ndim - 1))
    return bool(jnp.all(finite))
