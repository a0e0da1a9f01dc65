"""Warnings about likely mistakes that cause no error but make training useless.

There is no warning about anything that a user may have intended. User-defined losses, and user-defined activations
at the end of the model, are not checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from fitwell import activations, losses, metrics
from fitwell._data.loaders import Batch
from fitwell._variables import Variable
from fitwell.errors import MistakeWarning, warn
from fitwell.layers.base import Layer
from fitwell.models.base_model import BaseModel
from fitwell.models.compile_config import OutputMetric, sample_rows
from fitwell.models.output_activations import OutputActivation, output_activations

__all__ = [
    "warn_about_likely_mistakes",
]

# Larger inputs or targets drive an untrained network far outside the range in which it learns.
_MAX_MAGNITUDE = 1e4
# The fraction of values that must be out of range to cause a warning, so that a few outliers do not matter.
_MIN_FRACTION = 0.01
_MIN_ROWS = 20
# Rows are considered sorted if the probability that shuffled rows have such an order is less than this.
_MAX_CHANCE = 1e-6

_CLASS_LOSSES = (
    losses.CategoricalCrossentropy,
    losses.SparseCategoricalCrossentropy,
    losses.CategoricalFocalCrossentropy,
    losses.CategoricalGeneralizedCrossEntropy,
    losses.KLDivergence,
)
_LABEL_LOSSES = (losses.BinaryCrossentropy, losses.BinaryFocalCrossentropy)
_VALUE_LOSSES = (
    losses.MeanSquaredError,
    losses.MeanAbsoluteError,
    losses.MeanAbsolutePercentageError,
    losses.MeanSquaredLogarithmicError,
    losses.Huber,
    losses.LogCosh,
    losses.Poisson,
)


def warn_about_likely_mistakes(
    model: BaseModel,
    batch: Batch,
    program: Any,
    tail: Batch | None,
    fixed_optimizer: bool,
    has_all_rows: bool,
) -> None:
    """Warn about every likely mistake in `model` and its training data.

    Args:
        model: The model.
        batch: Training rows.
        program: The model's training program.
        tail: The last rows if they were split off for validation, else None.
        fixed_optimizer: Whether the run has no callbacks. (A callback might change the optimizer.)
        has_all_rows: Whether `batch` contains all the training data.
    """
    ends = output_activations(model, batch.x)
    found = [*_check_weights(model, program.trainable), *_check_inputs(model, batch)]
    if fixed_optimizer and model.optimizer.is_zero("learning_rate"):
        found.append(
            "the learning rate is 0, so fit does not change the weights; use learning_rate=0.01, for example"
        )
    for term in program.losses:
        y = None if batch.y is None else sample_rows(batch.y[term.output])
        where = f"output {term.name!r}: " if len(program.losses) > 1 else ""
        output_messages = [*_check_output(term.loss, ends[term.output], y)]
        if y is not None:
            requested = [metric for metric in program.metrics if metric.output == term.output]
            output_messages += _check_metrics(term.loss, requested, y)
            if has_all_rows:
                output_messages += _check_constant_targets(term.loss, batch, y)
        if tail is not None and batch.y is not None and tail.y is not None:
            output_messages += _check_validation_split(term.loss, batch.y[term.output], tail.y[term.output])
        found += [f"{where}{text}" for text in output_messages]
    for text in found:
        warn(text, MistakeWarning)


def _check_constant_targets(loss: Any, batch: Batch, y: np.ndarray) -> Iterator[str]:
    judged = isinstance(loss, (*_CLASS_LOSSES, *_LABEL_LOSSES, *_VALUE_LOSSES))
    inputs = [sample_rows(leaf) for leaf in jax.tree.leaves(batch.x)]
    if judged and len(y) >= _MIN_ROWS and np.all(y == y[:1]) and not all(np.all(x == x[:1]) for x in inputs):
        yield (
            f"the targets of all rows are the same, {np.ravel(y[0])[:5].tolist()}, so there is nothing to learn from "
            "them; check how y was computed"
        )


def _check_validation_split(loss: Any, learned: Any, validated: Any) -> Iterator[str]:
    """Check whether the rows seem to be sorted.

    They seem to be sorted if the validation rows contain a class that the training rows lack, or if all of them
    belong to one class, which would be unlikely in a random split.
    """
    known, held_out = _classes(learned), _classes(validated)
    if known is None or held_out is None or not isinstance(loss, (*_CLASS_LOSSES, *_LABEL_LOSSES)):
        return
    if len(held_out) < _MIN_ROWS:
        return
    new = np.setdiff1d(held_out, known)
    if new.size:
        some = ", ".join(f"{label:g}" for label in new[:5])
        found = f"these rows contain classes that the rows before them lack ({some})"
    elif (
        np.all(held_out == held_out[0])
        and _chance_of_one_class(known == held_out[0], len(held_out)) < _MAX_CHANCE
    ):
        found = f"these rows all belong to class {held_out[0]:g}, unlike the rows before them"
    else:
        return
    yield (
        f"validation_split takes the last rows, and {found}, so the rows seem to be sorted. "
        "Before fit, shuffle them with order = np.random.permutation(len(x)); x, y = x[order], y[order]"
    )


def _chance_of_one_class(is_of_class: np.ndarray, rows: int) -> float:
    """Return the probability that a random validation split contains only rows of a certain class.

    Args:
        is_of_class: A mask of the training rows that belong to the class.
        rows: The number of validation rows, all of which belong to the class.
    """
    inside, others = int(is_of_class.sum()) + rows, int(is_of_class.size - is_of_class.sum())
    places = np.arange(rows)
    return float(np.prod((inside - places) / (inside + others - places)))


def _classes(y: Any) -> np.ndarray | None:
    """Return the class of each row, or None if the targets are not classes."""
    y = np.asarray(y)
    if y.ndim > 2:
        return None
    if y.ndim == 2 and y.shape[1] > 1:
        one_hot = np.all((y == 0) | (y == 1)) and np.all(y.sum(axis=1) == 1)
        return y.argmax(axis=1) if one_hot else None
    return y.ravel() if np.all(y == np.round(y)) else None


# --- the model alone ------------------------------------------------------------------------------------------


def _check_weights(model: BaseModel, learned: Mapping[str, Variable]) -> Iterator[str]:
    """Check the variables that the program trains, regardless of changes to `trainable` after `compile`."""
    if not learned:
        if model.variables:
            yield "no layer is trainable, so fit does not change the weights; set layer.trainable = True and recompile"
        return
    if int(model.optimizer.step.raw_value) == 0:
        kernels = [v for v in learned.values() if "kernel" in v.name and len(v.shape) > 1]
        alike = [kernel for kernel in kernels if _is_constant(np.asarray(kernel.raw_value))]
        hidden = [kernel for kernel in kernels[:-1] if kernel.shape[-1] > 1]
        if len(alike) > 1 and any(kernel is one for kernel in hidden for one in alike):
            names = " and ".join(repr(kernel.path) for kernel in alike[:3])
            yield (
                f"each of the weights {names} is filled with a single value, so all units of a layer learn the same "
                "thing; initialize them randomly with kernel_initializer='glorot_uniform' (the default), or "
                "'he_normal' for ReLU"
            )
        else:
            yield from _check_dead_layers(model, alike)


def _check_dead_layers(model: BaseModel, constant: Sequence[Variable]) -> Iterator[str]:
    """Check for layers whose ReLU outputs are all 0 initially. Their gradients are 0, so they stay 0."""
    for _, layer in model._flatten_layers():
        if getattr(layer, "activation", None) is not activations.relu:
            continue
        bias = getattr(layer, "bias", None)
        kernel = next((one for one in constant if one is getattr(layer, "kernel", None)), None)
        if kernel is None or np.any(np.asarray(kernel.raw_value)):
            continue
        if bias is None or not np.any(np.asarray(bias.raw_value)):
            yield (
                f"the weights {kernel.path!r} are all 0, so every ReLU and its gradient are 0, and the layer "
                "never learns; initialize them randomly with kernel_initializer='he_normal'"
            )


def _is_constant(array: np.ndarray) -> bool:
    flat = array.reshape(-1)
    # Compare the first values before the rest, because they already differ in most kernels.
    return flat.size > 1 and bool(np.all(flat[:16] == flat[0])) and bool(np.all(flat == flat[0]))


def _check_inputs(model: BaseModel, batch: Batch) -> Iterator[str]:
    leaves = jax.tree.leaves(batch.x)
    first = next((layer for layer in model.layers if layer.variables or "Norm" in type(layer).__name__), None)
    has_kernel = any(hasattr(first, name) for name in ("kernel", "depthwise_kernel"))
    # If there is more than one input, one of them may contain the indices for an embedding.
    if len(leaves) != 1 or not has_kernel or _is_scaled(model, first):
        return
    largest = _largest(leaves[0])
    if largest >= _MAX_MAGNITUDE:
        yield (
            f"the inputs are as large as {largest:.3g}, which makes the first layer saturate or diverge; scale each "
            "column to mean 0 and standard deviation 1 with x = (x - x.mean(axis=0)) / x.std(axis=0), or begin the "
            "model with a layers.Normalization that was adapted to x"
        )


def _is_scaled(model: BaseModel, first: Layer | None) -> bool:
    """Return whether an operation before the first layer that learns may change the scale of the inputs."""
    layers = model.layers
    place = next(place for place, layer in enumerate(layers) if layer is first)
    shapes_only = ("InputLayer", "Flatten", "Reshape", "Permute", "Dropout", "ZeroPadding1D", "ZeroPadding2D")
    return any(type(layer).__name__ not in shapes_only for layer in layers[:place])


def _largest(array: Any) -> float:
    some = sample_rows(array)
    return max(-float(some.min()), float(some.max())) if some.size and some.dtype.kind in "fiu" else 0.0


# --- an output, its loss and its targets ------------------------------------------------------------------------


def _check_output(loss: Any, end: OutputActivation | None, y: np.ndarray | None) -> Iterator[str]:
    values = None if y is None or y.dtype.kind not in "fiub" or not y.size else y.astype(np.float64)
    if end is not None:
        yield from _check_output_activation(loss, end, values)
    if values is not None:
        yield from _check_targets(loss, end, values)


def _check_output_activation(loss: Any, end: OutputActivation, y: np.ndarray | None) -> Iterator[str]:
    if end.activation == "softmax" and end.width == 1:
        yield (
            "a softmax over one unit is always 1; use Dense(1, activation='sigmoid') with "
            "loss='binary_crossentropy', or one unit per class with loss='sparse_categorical_crossentropy'"
        )
        return
    from_logits = bool(getattr(loss, "from_logits", False))
    named = _loss_name(loss)
    if isinstance(loss, (*_CLASS_LOSSES, *_LABEL_LOSSES)):
        wanted = "softmax" if isinstance(loss, _CLASS_LOSSES) else "sigmoid"
        if from_logits and end.activation in ("relu", "tanh"):
            yield (
                f"from_logits=True expects logits, which can be any numbers, but the last layer uses {end.activation}, "
                "which limits their range; remove the activation"
            )
        elif not from_logits and end.can_leave_unit_interval:
            logits = ", or no activation and from_logits=True" if hasattr(loss, "from_logits") else ""
            yield (
                f"{named} expects probabilities, but the last layer uses {end.description}; use "
                f"activation={wanted!r}{logits}"
            )
    if isinstance(loss, _LABEL_LOSSES) and end.activation == "softmax" and end.width != 1:
        one_hot = y is None or y.ndim < 2 or not _has_several_labels(y)
        instead = (
            "for one class per row, use loss='categorical_crossentropy'"
            if one_hot
            else "for more than one label per row, use activation='sigmoid'"
        )
        yield f"{named} evaluates each unit independently, but softmax outputs sum to 1; {instead}"
    if isinstance(loss, losses.Hinge | losses.SquaredHinge) and end.range is not None and end.range[0] == 0:
        yield (
            f"{named} expects values below 0 for one class and above 0 for the other, but the last layer uses "
            f"{end.activation}, which never returns values below 0; use activation='tanh' or no activation"
        )
    # `_check_targets` warns about targets below 0, which these losses do not accept.
    is_refused = (
        isinstance(loss, losses.Poisson | losses.MeanSquaredLogarithmicError)
        and y is not None
        and y.min() < 0
    )
    if isinstance(loss, _VALUE_LOSSES) and y is not None and end.range is not None and not is_refused:
        low, high = end.range
        outside = np.mean((y < low - 1e-6) | (y > high + 1e-6))
        if outside > _MIN_FRACTION:
            yield (
                f"the last layer uses {end.activation}, which returns values {_format_range(low, high)}, but "
                f"the targets range from {y.min():.3g} to {y.max():.3g}; remove the activation, or scale the targets"
            )


def _format_range(low: float, high: float) -> str:
    return f"from {low:g} to {high:g}" if np.isfinite(high) else f"of at least {low:g}"


def _check_targets(loss: Any, end: OutputActivation | None, y: np.ndarray) -> Iterator[str]:
    named = _loss_name(loss)
    if isinstance(
        loss, (losses.CategoricalCrossentropy, losses.CategoricalFocalCrossentropy, losses.KLDivergence)
    ):
        if y.ndim > 1 and y.shape[-1] > 1:
            sums = y.sum(axis=-1)
            if np.any(y < 0) or np.mean((np.abs(sums - 1) > 1e-3) & (sums != 0)) > _MIN_FRACTION:
                yield (
                    f"{named} expects targets that sum to 1 in every row, but these targets do not; for more than one "
                    "label per row, use activation='sigmoid' and loss='binary_crossentropy'"
                )
    elif isinstance(loss, losses.Hinge | losses.SquaredHinge):
        if np.any((y != 0) & (np.abs(y) != 1)):
            yield f"{named} expects labels -1 and 1 (or 0 and 1), but the labels range from {y.min():g} to {y.max():g}"
    elif isinstance(loss, losses.MeanSquaredLogarithmicError | losses.Poisson):
        if y.min() < 0:
            yield f"{named} expects targets of at least 0, but the smallest one is {y.min():.3g}; use loss='mse'"
    elif isinstance(loss, losses.MeanAbsolutePercentageError) and np.mean(y == 0) > _MIN_FRACTION:
        yield f"{named} divides by the targets, but some of them are 0; use loss='mae'"
    scaled = isinstance(
        loss, losses.MeanSquaredLogarithmicError | losses.MeanAbsolutePercentageError | losses.Poisson
    )
    if isinstance(loss, _VALUE_LOSSES) and not scaled and np.mean(np.abs(y)) >= _MAX_MAGNITUDE:
        yield (
            f"the average magnitude of the targets is {np.mean(np.abs(y)):.3g}, far from the outputs of an untrained "
            "network, so training is very slow or diverges; scale them with (y - y.mean()) / y.std(), and scale the "
            "predictions back"
        )


def _check_metrics(loss: Any, requested: Sequence[OutputMetric], y: np.ndarray) -> Iterator[str]:
    counting = [term.name for term in requested if isinstance(term.metric, _COUNT_METRICS)]
    are_values = isinstance(loss, _VALUE_LOSSES) and y.dtype.kind == "f" and np.mean(y != np.round(y)) > 0.5
    if counting and are_values:
        yield (
            f"{counting[0]} counts correct classes, but the targets are continuous, so this metric is not informative; "
            "use metrics=['mae'] or ['r2_score']"
        )
    argmax_metrics = [term.name for term in requested if isinstance(term.metric, metrics.CategoricalAccuracy)]
    if argmax_metrics and isinstance(loss, _LABEL_LOSSES) and y.ndim > 1 and _are_soft_labels(y):
        yield (
            f"{argmax_metrics[0]} compares the largest value of each row, but each row of the targets has multiple "
            "values between 0 and 1, so this metric is not informative; use metrics=['mae'], or round the targets"
        )


_COUNT_METRICS = (
    metrics.Accuracy,
    metrics.BinaryAccuracy,
    metrics.CategoricalAccuracy,
    metrics.SparseCategoricalAccuracy,
    metrics.SignAccuracy,
)


def _are_soft_labels(y: np.ndarray) -> bool:
    """Return whether rows contain multiple values between 0 and 1 that are not class probabilities."""
    between = np.mean((y > 0) & (y < 1)) > _MIN_FRACTION
    return bool(between and np.mean(np.abs(y.sum(axis=-1) - 1) > 1e-3) > _MIN_FRACTION)


def _has_several_labels(y: np.ndarray) -> bool:
    return bool(np.any(y.sum(axis=-1) != 1))


def _loss_name(loss: Any) -> str:
    return str(getattr(loss, "name", type(loss).__name__))
