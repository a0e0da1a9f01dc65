"""The rows that a model is trained or evaluated on, packed for it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from fitwell import config
from fitwell._data.loaders import Batch, count_rows
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
    """Rows in memory (or in a memory map), or a stream of batches, packed for one model.

    by_class: whether the weights of `batch` contain class weights.
    own_weights: the weights without them.
    """

    batch: Batch | None = None
    stream: BatchSource | None = None
    by_class: bool = False
    own_weights: Any = None

    @property
    def example(self) -> Batch:
        """Some rows, for their shapes."""
        if self.batch is not None:
            return self.batch
        assert self.stream is not None
        return self.stream.peek()

    @property
    def without_class_weight(self) -> Batch:
        """The rows for validation: as in Keras, without class weights."""
        assert self.batch is not None
        return dataclasses.replace(self.batch, weights=self.own_weights) if self.by_class else self.batch

    def split(self, fraction: float) -> tuple[FitData, FitData]:
        """Return the first rows and the last `fraction` of them, not shuffled before, as in Keras."""
        if self.batch is None:
            raise InvalidArgument("validation_split needs arrays; pass validation_data with a generator")
        rows = count_rows(self.batch)
        cut = int(rows * (1 - fraction))
        if cut in (0, rows):
            raise InvalidArgument(f"validation_split={fraction} leaves one part of {rows} rows empty")
        head = jax.tree.map(lambda leaf: leaf[:cut], self.batch)
        tail = jax.tree.map(lambda leaf: leaf[cut:], self.without_class_weight)
        return FitData(head), FitData(tail)


def pack_data(
    model: BaseModel, x: Any, y: Any, sample_weight: Any, class_weight: Any = None, *, learning: bool = False
) -> FitData:
    """Pack the data that the user passed: convert arrays, wrap streams.

    learning: whether the rows are for training; then the model keeps their categories.
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
                "with a generator as x, targets and weights come from it: yield (x, y, weights), leave y out"
            )
        return FitData(stream=BatchSource(x, pack, lambda batch: model._session.check(batch)))
    batch = pack_rows(x, y, sample_weight)
    weighted = apply_class_weight(class_weight, batch, whole=True)
    return FitData(weighted, by_class=class_weight is not None, own_weights=batch.weights)


def pack_validation_data(model: BaseModel, validation_data: Any) -> FitData:
    """Pack ``(x, y)``, ``(x, y, weights)`` or a generator."""
    if is_batch_iterable(validation_data):
        return pack_data(model, validation_data, None, None)
    if not isinstance(validation_data, list | tuple) or len(validation_data) not in (2, 3):
        raise InvalidArgument(
            "validation_data must be (x, y), (x, y, sample_weight) or a generator of such batches"
        )
    x, y, weights = unpack_x_y_sample_weight(tuple(validation_data))
    return pack_data(model, x, y, weights)


def must_stream(batch: Batch) -> bool:
    """Return whether the memory maps in `batch` are too large to load, so that batches are read from disk."""
    maps = [leaf for leaf in jax.tree.leaves(batch) if isinstance(leaf, np.memmap)]
    return sum(leaf.nbytes for leaf in maps) > config.memory_budget()
