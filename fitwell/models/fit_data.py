"""The rows that a model is trained or evaluated on, packed for the model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from fitwell import config
from fitwell._data.loaders import Batch, count_rows
from fitwell._data.text_format import pluralize
from fitwell.errors import InvalidArgument
from fitwell.models import input_checks
from fitwell.models.base_model import BaseModel
from fitwell.models.batch_source import BatchSource, unpack_x_y_sample_weight
from fitwell.models.categorical_targets import TargetEncoder
from fitwell.models.class_weight import apply_class_weight
from fitwell.models.data_adapters import (
    is_batch_iterable,
    standardize_inputs,
    standardize_targets,
    standardize_weights,
)

__all__ = ["FitData", "must_stream", "pack_data", "pack_validation_data"]


@dataclass
class FitData:
    """Rows in memory or in a memory map, or a stream of batches, packed for one model.

    Attributes:
        batch: The rows, or None for a stream.
        stream: The stream of batches, or None for arrays.
        by_class: Whether the weights in `batch` include class weights.
        own_weights: The sample weights without class weights.
    """

    batch: Batch | None = None
    stream: BatchSource | None = None
    by_class: bool = False
    own_weights: Any = None

    @property
    def example(self) -> Batch:
        """A batch that shows the shapes of the rows."""
        if self.batch is not None:
            return self.batch
        assert self.stream is not None
        return self.stream.peek()

    @property
    def without_class_weight(self) -> Batch:
        """The rows without class weights. As in Keras, class weights do not apply to validation rows."""
        assert self.batch is not None
        return dataclasses.replace(self.batch, weights=self.own_weights) if self.by_class else self.batch

    def split(self, fraction: float) -> tuple[FitData, FitData]:
        """Split off the last `fraction` of the rows, and return both parts.

        As in Keras, the rows are not shuffled first.
        """
        if self.batch is None:
            raise InvalidArgument(
                "validation_split needs arrays; with a generator, pass validation_data instead"
            )
        rows = count_rows(self.batch)
        cut = int(rows * (1 - fraction))
        if cut in (0, rows):
            raise InvalidArgument(
                f"validation_split={fraction} of {pluralize(rows, 'row')} would leave no rows for training or "
                "none for validation"
            )
        head = jax.tree.map(lambda leaf: leaf[:cut], self.batch)
        tail = jax.tree.map(lambda leaf: leaf[cut:], self.without_class_weight)
        return FitData(head), FitData(tail)


def pack_data(
    model: BaseModel, x: Any, y: Any, sample_weight: Any, class_weight: Any = None, *, learning: bool = False
) -> FitData:
    """Convert the user's data to `FitData`.

    Arrays are packed into a `Batch`, and a stream of batches is wrapped in a `BatchSource`.

    Args:
        model: The model that the data is for.
        x: The inputs, or a stream of batches.
        y: The targets, or None.
        sample_weight: The sample weights, or None.
        class_weight: The class weights, or None.
        learning: Whether the rows are for training. If so, the model stores the categories of the targets.
    """

    def pack(x: Any, y: Any, weights: Any) -> Batch:
        return apply_class_weight(class_weight, pack_rows(x, y, weights))

    def pack_rows(x: Any, y: Any, weights: Any) -> Batch:
        names = model._output_names_for(y)
        batch = Batch(
            standardize_inputs(x, model.input_names, model._input_specs()[0]),
            standardize_targets(y, names, TargetEncoder(model, names, learning)),
            standardize_weights(weights, names),
        )
        input_checks.check_lengths(batch)
        return batch

    if is_batch_iterable(x):
        if y is not None or sample_weight is not None:
            raise InvalidArgument(
                "y and sample_weight must be omitted if x is a generator; yield (x, y, sample_weight) from it instead"
            )
        return FitData(stream=BatchSource(x, pack, lambda batch: model._session.check(batch)))
    batch = pack_rows(x, y, sample_weight)
    weighted = apply_class_weight(class_weight, batch, has_all_rows=True)
    return FitData(weighted, by_class=class_weight is not None, own_weights=batch.weights)


def pack_validation_data(model: BaseModel, validation_data: Any) -> FitData:
    """Pack validation data, which is ``(x, y)``, ``(x, y, weights)`` or a generator."""
    if is_batch_iterable(validation_data):
        return pack_data(model, validation_data, None, None)
    if not isinstance(validation_data, list | tuple) or len(validation_data) not in (2, 3):
        raise InvalidArgument(
            "validation_data must be (x, y), (x, y, sample_weight) or a generator of such batches"
        )
    x, y, weights = unpack_x_y_sample_weight(tuple(validation_data))
    return pack_data(model, x, y, weights)


def must_stream(batch: Batch) -> bool:
    """Return whether `batch` must be streamed from disk, because its memory maps exceed the memory budget."""
    maps = [leaf for leaf in jax.tree.leaves(batch) if isinstance(leaf, np.memmap)]
    return sum(leaf.nbytes for leaf in maps) > config.memory_budget()
