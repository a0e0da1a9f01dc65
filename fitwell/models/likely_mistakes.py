"""Mistakes that train to nonsense without an error: what is nearly always meant otherwise is said before training.

Whatever a user may want on purpose stays quiet: only what is known (a built-in loss, a built-in activation at the
very end of the model) is judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from fitwell import activations, losses, metrics
from fitwell._data.loaders import Batch
from fitwell.errors import MistakeWarning, warn
from fitwell.layers.base import Layer
from fitwell.models.compile_config import OutputMetric, sample_rows
from fitwell.models.output_activations import OutputActivation, output_activations

if TYPE_CHECKING:
    from fitwell._variables import Variable
    from fitwell.models.model import Model

# Above it, inputs or targets drive an untrained network far outside the range in which it learns.
_HUGE = 1e4
# Share of values that must be out of reach, so that a few outliers say nothing.
_SHARE = 0.01
_FEW = 20
# Rows that are in such an order so rarely when they were shuffled are taken for sorted.
_CHANCE = 1e-6

_OF_CLASSES = (
    losses.CategoricalCrossentropy,
    losses.SparseCategoricalCrossentropy,
    losses.CategoricalFocalCrossentropy,
    losses.CategoricalGeneralizedCrossEntropy,
    losses.KLDivergence,
)
_OF_LABELS = (losses.BinaryCrossentropy, losses.BinaryFocalCrossentropy)
_OF_VALUES = (
    losses.MeanSquaredError,
    losses.MeanAbsoluteError,
    losses.MeanAbsolutePercentageError,
    losses.MeanSquaredLogarithmicError,
    losses.Huber,
    losses.LogCosh,
    losses.Poisson,
)


def warn_about_likely_mistakes(
    model: Model, batch: Batch, program: Any, tail: Batch | None, alone: bool, whole: bool
) -> None:
    """Warn of every mistake that is found in `model` and the data it is about to be trained on.

    program: the model's. tail: the last rows, when they were split off for validation. alone: no callback may change
    the optimizer. whole: `batch` is all that is learned from.
    """
    ends = output_activations(model, batch.x)
    found = [*_of_weights(model, program.trainable), *_of_inputs(model, batch)]
    if alone and model.optimizer.is_zero("learning_rate"):
        found.append(
            "the learning rate is 0, so that fit changes nothing: give the optimizer learning_rate=0.01, say"
        )
    for term in program.losses:
        y = None if batch.y is None else sample_rows(batch.y[term.output])
        where = f"output {term.name!r}: " if len(program.losses) > 1 else ""
        of_output = [*_of_output(term.loss, ends[term.output], y)]
        if y is not None:
            asked = [metric for metric in program.metrics if metric.output == term.output]
            of_output += _of_metrics(term.loss, asked, y)
            if whole:
                of_output += _of_constants(term.loss, batch, y)
        if tail is not None and batch.y is not None and tail.y is not None:
            of_output += _of_division(term.loss, batch.y[term.output], tail.y[term.output])
        found += [f"{where}{text}" for text in of_output]
    for text in found:
        warn(text, MistakeWarning)


def _of_constants(loss: Any, batch: Batch, y: np.ndarray) -> Iterator[str]:
    judged = isinstance(loss, (*_OF_CLASSES, *_OF_LABELS, *_OF_VALUES))
    inputs = [sample_rows(leaf) for leaf in jax.tree.leaves(batch.x)]
    if judged and len(y) >= _FEW and np.all(y == y[:1]) and not all(np.all(x == x[:1]) for x in inputs):
        yield (
            f"the targets of all rows are the same, {np.ravel(y[0])[:5].tolist()}: there is nothing to learn from "
            "them; look at how y was made"
        )


def _of_division(loss: Any, learned: Any, validated: Any) -> Iterator[str]:
    """Tell when rows split off for validation are of a new class, or of one alone: they are sorted by class."""
    known, asked = _classes(learned), _classes(validated)
    if known is None or asked is None or not isinstance(loss, (*_OF_CLASSES, *_OF_LABELS)):
        return
    if len(asked) < _FEW:
        return
    new = np.setdiff1d(asked, known)
    if new.size:
        some = ", ".join(f"{label:g}" for label in new[:5])
        found = f"class {some} is only among these"
    elif np.all(asked == asked[0]) and _by_chance(known == asked[0], len(asked)) < _CHANCE:
        found = f"these are all of class {asked[0]:g}, unlike the rows before"
    else:
        return
    yield (
        f"validation_split takes the last rows, and {found}: the rows seem to be sorted. "
        "Shuffle them before fit: order = np.random.permutation(len(x)), then x[order] and y[order]"
    )


def _by_chance(is_of_class: np.ndarray, rows: int) -> float:
    """Return how probable it is that shuffled rows, of which so many are of a class, end in `rows` of that class."""
    inside, others = int(is_of_class.sum()) + rows, int(is_of_class.size - is_of_class.sum())
    places = np.arange(rows)
    return float(np.prod((inside - places) / (inside + others - places)))


def _classes(y: Any) -> np.ndarray | None:
    """Return the class of every row; None where rows have none."""
    y = np.asarray(y)
    if y.ndim > 2:
        return None
    if y.ndim == 2 and y.shape[1] > 1:
        one_hot = np.all((y == 0) | (y == 1)) and np.all(y.sum(axis=1) == 1)
        return y.argmax(axis=1) if one_hot else None
    return y.ravel() if np.all(y == np.round(y)) else None


# --- the model alone ------------------------------------------------------------------------------------------


def _of_weights(model: Model, learned: Mapping[str, Variable]) -> Iterator[str]:
    """Judge the variables that the program trains, which `trainable` set since `compile` says nothing of."""
    if not learned:
        if model.variables:
            yield "no layer is trainable, so that fit changes nothing: set trainable = True and compile again"
        return
    if int(model.optimizer.step.raw_value) == 0:
        kernels = [v for v in learned.values() if "kernel" in v.name and len(v.shape) > 1]
        alike = [kernel for kernel in kernels if _is_constant(np.asarray(kernel.raw_value))]
        hidden = [kernel for kernel in kernels[:-1] if kernel.shape[-1] > 1]
        if len(alike) > 1 and any(kernel is one for kernel in hidden for one in alike):
            names = " and ".join(repr(kernel.path) for kernel in alike[:3])
            yield (
                f"the weights {names} are all one number, so that all units of a layer compute and learn the same: "
                "draw them at random, with kernel_initializer='glorot_uniform' (the default) or 'he_normal' for ReLU"
            )
        else:
            yield from _of_dead_layers(model, alike)


def _of_dead_layers(model: Model, constant: Sequence[Variable]) -> Iterator[str]:
    """Tell of layers whose ReLUs are all 0 at first: their gradient there is 0, so that they stay so."""
    for _, layer in model._flatten_layers():
        if getattr(layer, "activation", None) is not activations.relu:
            continue
        bias = getattr(layer, "bias", None)
        kernel = next((one for one in constant if one is getattr(layer, "kernel", None)), None)
        if kernel is None or np.any(np.asarray(kernel.raw_value)):
            continue
        if bias is None or not np.any(np.asarray(bias.raw_value)):
            yield (
                f"the weights {kernel.path!r} are all 0 and every ReLU of them too, which have no gradient there: the "
                "layer never learns; draw them at random, with kernel_initializer='he_normal'"
            )


def _is_constant(array: np.ndarray) -> bool:
    flat = array.reshape(-1)
    # Most kernels differ among their first numbers.
    return flat.size > 1 and bool(np.all(flat[:16] == flat[0])) and bool(np.all(flat == flat[0]))


def _of_inputs(model: Model, batch: Batch) -> Iterator[str]:
    leaves = jax.tree.leaves(batch.x)
    first = next((layer for layer in model.layers if layer.variables or "Norm" in type(layer).__name__), None)
    has_kernel = any(hasattr(first, name) for name in ("kernel", "depthwise_kernel"))
    # Of several inputs one may be numbers of an embedding.
    if len(leaves) != 1 or not has_kernel or _is_scaled(model, first):
        return
    largest = _largest(leaves[0])
    if largest >= _HUGE:
        yield (
            f"the inputs reach {largest:.3g}: with numbers so large the first layer saturates or diverges; bring every "
            "column to mean 0 and deviation 1, x = (x - x.mean(axis=0)) / x.std(axis=0), or begin with a "
            "layers.Normalization that was adapted to x"
        )


def _is_scaled(model: Model, first: Layer | None) -> bool:
    """Return whether something before the first layer that learns may change the scale of the inputs."""
    layers = model.layers
    place = next(place for place, layer in enumerate(layers) if layer is first)
    shapes_only = ("InputLayer", "Flatten", "Reshape", "Permute", "Dropout", "ZeroPadding1D", "ZeroPadding2D")
    return any(type(layer).__name__ not in shapes_only for layer in layers[:place])


def _largest(array: Any) -> float:
    some = sample_rows(array)
    return max(-float(some.min()), float(some.max())) if some.size and some.dtype.kind in "fiu" else 0.0


# --- an output, its loss and its targets ------------------------------------------------------------------------


def _of_output(loss: Any, end: OutputActivation | None, y: np.ndarray | None) -> Iterator[str]:
    values = None if y is None or y.dtype.kind not in "fiub" or not y.size else y.astype(np.float64)
    if end is not None:
        yield from _of_ending(loss, end, values)
    if values is not None:
        yield from _of_targets(loss, end, values)


def _of_ending(loss: Any, end: OutputActivation, y: np.ndarray | None) -> Iterator[str]:
    if end.activation == "softmax" and end.width == 1:
        yield (
            "a softmax over one unit is 1 whatever the inputs: use Dense(1, activation='sigmoid') with "
            "loss='binary_crossentropy', or one unit per class with loss='sparse_categorical_crossentropy'"
        )
        return
    from_logits = bool(getattr(loss, "from_logits", False))
    named = _snake(loss)
    if isinstance(loss, (*_OF_CLASSES, *_OF_LABELS)):
        wanted = "softmax" if isinstance(loss, _OF_CLASSES) else "sigmoid"
        if from_logits and end.activation in ("relu", "tanh"):
            yield (
                f"from_logits=True takes any number, and the last layer ends in {end.activation}, which cannot give "
                f"all: leave the activation of the last layer out"
            )
        elif not from_logits and end.can_leave_unit_interval:
            logits = ", or keep it linear and write from_logits=True" if hasattr(loss, "from_logits") else ""
            yield (
                f"{named} takes probabilities, and the last layer ends in {end.description}: give it "
                f"activation={wanted!r}{logits}"
            )
    if isinstance(loss, _OF_LABELS) and end.activation == "softmax" and end.width != 1:
        one_hot = y is None or y.ndim < 2 or not _has_several_labels(y)
        instead = (
            "for one class per row write loss='categorical_crossentropy'"
            if one_hot
            else "for several labels per row, activation='sigmoid'"
        )
        yield f"{named} judges every unit by itself, and a softmax lets them sum to 1: {instead}"
    if isinstance(loss, losses.Hinge | losses.SquaredHinge) and end.range is not None and end.range[0] == 0:
        yield (
            f"{named} takes margins, below 0 for one class and above 0 for the other, and the last layer ends in "
            f"{end.activation}, which gives none below 0: give it activation='tanh', or none"
        )
    # Of targets below 0, which those losses do not take at all, `_of_targets` tells.
    is_refused = (
        isinstance(loss, losses.Poisson | losses.MeanSquaredLogarithmicError)
        and y is not None
        and y.min() < 0
    )
    if isinstance(loss, _OF_VALUES) and y is not None and end.range is not None and not is_refused:
        low, high = end.range
        outside = np.mean((y < low - 1e-6) | (y > high + 1e-6))
        if outside > _SHARE:
            yield (
                f"the last layer ends in {end.activation}, which gives values {_between(low, high)}, but targets go "
                f"from {y.min():.3g} to {y.max():.3g}: leave its activation out, or scale the targets"
            )


def _between(low: float, high: float) -> str:
    return f"from {low:g} to {high:g}" if np.isfinite(high) else f"of at least {low:g}"


def _of_targets(loss: Any, end: OutputActivation | None, y: np.ndarray) -> Iterator[str]:
    named = _snake(loss)
    if isinstance(
        loss, (losses.CategoricalCrossentropy, losses.CategoricalFocalCrossentropy, losses.KLDivergence)
    ):
        if y.ndim > 1 and y.shape[-1] > 1:
            sums = y.sum(axis=-1)
            if np.any(y < 0) or np.mean((np.abs(sums - 1) > 1e-3) & (sums != 0)) > _SHARE:
                yield (
                    f"{named} takes targets that sum to 1 in every row, and these do not: for several labels per row "
                    "use activation='sigmoid' and loss='binary_crossentropy'"
                )
    elif isinstance(loss, losses.Hinge | losses.SquaredHinge):
        if np.any((y != 0) & (np.abs(y) != 1)):
            yield f"{named} takes labels -1 and 1 (or 0 and 1), and these go from {y.min():g} to {y.max():g}"
    elif isinstance(loss, losses.MeanSquaredLogarithmicError | losses.Poisson):
        if y.min() < 0:
            yield f"{named} takes targets of at least 0, and these begin at {y.min():.3g}: use loss='mse'"
    elif isinstance(loss, losses.MeanAbsolutePercentageError) and np.mean(y == 0) > _SHARE:
        yield f"{named} divides by the targets, and some are 0: use loss='mae'"
    scaled = isinstance(
        loss, losses.MeanSquaredLogarithmicError | losses.MeanAbsolutePercentageError | losses.Poisson
    )
    if isinstance(loss, _OF_VALUES) and not scaled and np.mean(np.abs(y)) >= _HUGE:
        yield (
            f"the targets are about {np.mean(np.abs(y)):.3g} in size, far from what an untrained network gives, so "
            "that training takes very long or diverges: scale them, (y - y.mean()) / y.std(), and the predictions back"
        )


def _of_metrics(loss: Any, asked: Sequence[OutputMetric], y: np.ndarray) -> Iterator[str]:
    counting = [term.name for term in asked if isinstance(term.metric, _COUNTING)]
    are_values = isinstance(loss, _OF_VALUES) and y.dtype.kind == "f" and np.mean(y != np.round(y)) > 0.5
    if counting and are_values:
        yield (
            f"{counting[0]} counts right classes, and the targets are values, so it says nothing of them: measure with "
            "metrics=['mae'] or ['r2_score']"
        )
    of_largest = [term.name for term in asked if isinstance(term.metric, metrics.CategoricalAccuracy)]
    if of_largest and isinstance(loss, _OF_LABELS) and y.ndim > 1 and _are_soft_labels(y):
        yield (
            f"{of_largest[0]} asks for the largest of each row, and the targets are several values from 0 to 1 for "
            "each, so it says nothing of them: measure with metrics=['mae'], or round the targets"
        )


_COUNTING = (
    metrics.Accuracy,
    metrics.BinaryAccuracy,
    metrics.CategoricalAccuracy,
    metrics.SparseCategoricalAccuracy,
    metrics.SignAccuracy,
)


def _are_soft_labels(y: np.ndarray) -> bool:
    """Return whether rows hold several values between 0 and 1 that are not shares of one class or another."""
    between = np.mean((y > 0) & (y < 1)) > _SHARE
    return bool(between and np.mean(np.abs(y.sum(axis=-1) - 1) > 1e-3) > _SHARE)


def _has_several_labels(y: np.ndarray) -> bool:
    return bool(np.any(y.sum(axis=-1) != 1))


def _snake(loss: Any) -> str:
    return str(getattr(loss, "name", type(loss).__name__))
