"""Checks that find mistakes in a model and its data before training.

Shapes and label ranges are checked once, on the host. The error messages say what to change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from fitwell._data.arrays import check_finite
from fitwell._data.loaders import Batch
from fitwell._data.text_format import pluralize
from fitwell._user_code import has_user_code
from fitwell.errors import DataError, InvalidArgument, ShapeError
from fitwell.losses.base import LossFunctionWrapper, loss_registry
from fitwell.models.compile_config import OutputLoss

__all__ = [
    "check_inputs",
    "check_lengths",
    "check_overrides",
    "check_targets",
    "check_values",
    "check_weights",
]

_SPARSE = ("SparseCategoricalCrossentropy",)
_CATEGORICAL = ("CategoricalCrossentropy", "CategoricalFocalCrossentropy")
_BINARY = ("BinaryCrossentropy", "BinaryFocalCrossentropy")


def check_lengths(batch: Batch) -> int:
    """Return the number of rows. Raise `DataError` if it is zero or differs between the arrays."""
    named = [("x", leaf) for leaf in jax.tree.leaves(batch.x)]
    named += [("y", leaf) for leaf in batch.y or []]
    named += [("sample_weight", leaf) for leaf in batch.weights or [] if leaf is not None]
    rows = [np.shape(leaf)[0] for _, leaf in named]
    if len(set(rows)) > 1:
        found = ", ".join(
            f"{name}: {pluralize(count, 'row')}" for (name, _), count in zip(named, rows, strict=True)
        )
        raise DataError(f"all arrays must have the same number of rows, got {found}")
    if rows[0] == 0:
        raise DataError("the data is empty: x has 0 rows")
    return rows[0]


def check_inputs(x: Any, shapes: Sequence[tuple[Any, ...]] | None, names: Sequence[str], first: str) -> None:
    """Raise `ShapeError` if the inputs do not have the shapes that the model was built for."""
    if shapes is None:
        return
    arrays = x if isinstance(x, list) else [x]
    for array, shape, name in zip(arrays, shapes, names, strict=False):
        actual = tuple(np.shape(array))
        fits = len(actual) == len(shape) and all(
            want is None or want == got for want, got in zip(shape[1:], actual[1:], strict=True)
        )
        if not fits:
            wanted = f"({', '.join(['batch', *(str(size) for size in shape[1:])])})"
            hint = ""
            if len(actual) + 1 == len(shape) and actual == tuple(size for size in shape[1:]):
                hint = "; for a single row, add the batch axis: x[np.newaxis]"
            elif len(actual) == len(shape) - 1 and shape[-1] == 1:
                hint = "; add the last axis: x[..., np.newaxis]"
            where = f"input {name!r}" if len(shapes) > 1 else f"the input of layer {first!r}"
            raise ShapeError(f"{where}: expected shape {wanted}, got {actual}{hint}")


def check_values(batch: Batch, terms: Sequence[OutputLoss]) -> None:
    """Raise `DataError` if training data contains NaN or infinity, which would later make the loss NaN.

    The targets of a user-defined loss are not checked, because the loss may ignore NaN as a missing target.
    """
    masked = {term.output for term in terms if has_user_code([term.loss])}
    for index, leaf in enumerate(jax.tree.leaves(batch.x)):
        check_finite(leaf, "x" if index == 0 else f"x[{index}]")
    for output, leaf in enumerate(batch.y or []):
        if output not in masked:
            check_finite(leaf, "y")
    for leaf in batch.weights or []:
        if leaf is not None:
            check_finite(leaf, "sample_weight")


def check_targets(
    y: Sequence[Any] | None, shapes: Sequence[tuple[Any, ...]], terms: Sequence[OutputLoss], several: bool
) -> None:
    """Raise an error if the targets do not match the outputs and the losses."""
    for term in terms:
        where = f"output {term.name!r}: " if several else ""
        if y is None:
            raise DataError(f"{where}the loss {type(term.loss).__name__} needs targets; pass y")
        _check_target(y[term.output], shapes[term.output], term.loss, where)


def _check_target(y: Any, output: tuple[Any, ...], loss: Any, where: str) -> None:
    kind = type(loss).__name__
    if isinstance(loss, LossFunctionWrapper) or not loss_registry.has(type(loss)):
        return  # a user-defined loss may compare the outputs with anything, such as quantiles or class indices
    shape = tuple(np.shape(y))
    width = output[-1] if len(output) > 1 else 1
    if kind in _SPARSE:
        _check_class_indices(np.asarray(y), shape, output, width, where, loss)
        return
    if kind in _CATEGORICAL and (len(shape) == 1 or shape[-1] == 1) and width != 1:
        raise DataError(
            f"{where}{kind} expects one-hot targets of shape (rows, {width}), got shape {shape}; "
            'for class indices, use loss="sparse_categorical_crossentropy", or convert them with utils.to_categorical'
        )
    if kind in (*_CATEGORICAL, "KLDivergence") and width == 1:
        raise InvalidArgument(
            f"{where}{kind} needs one output unit per class, but the output has width 1; use more units with a "
            'softmax, or loss="binary_crossentropy" with one sigmoid unit'
        )
    squeezed = shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape
    out = output[:-1] if len(output) > 1 and output[-1] == 1 else output
    if len(squeezed) != len(out) or any(
        want is not None and want != got for want, got in zip(out[1:], squeezed[1:], strict=True)
    ):
        hint = ""
        if kind in _BINARY and len(squeezed) == 1 and width > 1:
            hint = '; if y contains one class index per row, use loss="sparse_categorical_crossentropy"'
        raise ShapeError(
            f"{where}targets of shape {shape} do not match outputs of shape {_format_shape(output)}{hint}"
        )
    if kind in _BINARY:
        values = np.asarray(y)
        low, high = values.min(), values.max()
        if low < 0 or high > 1:
            raise DataError(f"{where}{kind} expects targets from 0 to 1, got values from {low:g} to {high:g}")


def check_weights(
    weights: Sequence[Any] | None,
    shapes: Sequence[tuple[Any, ...]],
    terms: Sequence[OutputLoss],
    several: bool,
) -> None:
    """Raise `DataError` if the sample weights do not match the outputs.

    There must be one weight for each row, or one for each time step or pixel.
    """
    for term in terms if weights is not None else ():
        weight, output = weights[term.output], shapes[term.output]  # type: ignore[index]
        if (
            weight is None
            or isinstance(term.loss, LossFunctionWrapper)
            or not loss_registry.has(type(term.loss))
        ):
            continue  # the shape of a user-defined loss is known only when it is called
        shape = tuple(np.shape(weight))
        places = output[: max(len(output) - 1, 1)]
        while len(shape) > len(places) and shape[-1] == 1:
            shape = shape[:-1]
        if len(shape) > len(places) or any(
            want is not None and got not in (1, want)
            for want, got in zip(places[1:], shape[1:], strict=False)
        ):
            where = f"output {term.name!r}: " if several else ""
            inner = f" or one per position with shape {_format_shape(places)}" if len(places) > 1 else ""
            raise DataError(
                f"{where}sample_weight: expected one weight per row with shape (rows,){inner}, "
                f"got shape {np.shape(weight)}"
            )


def _check_class_indices(
    y: np.ndarray, shape: tuple[int, ...], output: tuple[Any, ...], width: Any, where: str, loss: Any
) -> None:
    if width == 1:
        raise InvalidArgument(
            f"{where}sparse_categorical_crossentropy needs one output unit per class, but the output has width 1; "
            'use Dense(number_of_classes, activation="softmax"), or loss="binary_crossentropy" with one sigmoid unit'
        )
    squeezed = shape[:-1] if len(shape) == len(output) and shape[-1] == 1 else shape
    if len(squeezed) != len(output) - 1:
        hint = "; for one-hot targets, use categorical_crossentropy" if shape[-1:] == (width,) else ""
        raise ShapeError(
            f"{where}class indices of shape {shape} do not match outputs of shape {_format_shape(output)}{hint}"
        )
    if np.issubdtype(y.dtype, np.floating) and np.any(y != np.floor(y)):
        raise DataError(
            f"{where}sparse_categorical_crossentropy expects integer class indices, got {y[y != np.floor(y)][0]:g}"
        )
    ignored = getattr(loss, "ignore_class", None)
    valid = y if ignored is None else y[y != ignored]
    if valid.size and (valid.min() < 0 or valid.max() >= width):
        wrong = valid.min() if valid.min() < 0 else valid.max()
        hint = "; class indices start at 0" if valid.min() == 1 and valid.max() == width else ""
        raise DataError(
            f"{where}class indices must be between 0 and {width - 1} for {width} output units, got {int(wrong)}{hint}"
        )


def _format_shape(shape: tuple[Any, ...]) -> str:
    """Format a shape, with the word "rows" in place of the number of rows."""
    return f"({', '.join(['rows', *(str(size) for size in shape[1:])])})"


# Methods that a subclass of Keras's Model may override for a custom training step.
_KERAS_STEP_METHODS = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics")


def check_overrides(model: type) -> None:
    """Raise `InvalidArgument` if a model defines custom training steps, because `fit` would never call them."""
    for name in _KERAS_STEP_METHODS:
        if hasattr(model, name):
            raise InvalidArgument(
                f"{model.__name__} defines {name}, which fitwell never calls; pass losses and metrics to compile, add "
                "other loss terms with add_loss in call, and implement custom update rules as subclasses of "
                "optimizers.Optimizer"
            )
