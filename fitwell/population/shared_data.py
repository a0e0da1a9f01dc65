"""Data that the members of a population share. It is packed once, copied to each device once, and split into folds."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import numpy as np

from fitwell import config
from fitwell._data.loaders import count_rows
from fitwell._engine import devices
from fitwell._engine.batch_access import Validation
from fitwell._typing import PyTree
from fitwell.errors import InvalidArgument
from fitwell.models.batch_loading import device_validation
from fitwell.models.compile_config import is_classification_loss
from fitwell.models.fit_data import FitData, must_stream, pack_data, pack_validation_data
from fitwell.models.model import Model
from fitwell.population.folds import Fold, check_splits, make_folds

__all__ = ["PopulationData", "SharedRows"]


class SharedRows:
    """Training and validation rows that all members with the same input format share.

    Args:
        data: The training rows.
        validation: The validation rows for all members, or None.
        folds: The cross-validation folds, or None if all members train on all rows.
        categories: The class names of each output (see `TrainingSession.categories`).

    Attributes:
        count: The number of training rows.
    """

    def __init__(
        self,
        data: FitData,
        validation: FitData | None,
        folds: Sequence[Fold] | None,
        categories: dict[int, Any],
    ) -> None:
        self.categories = categories
        self.validation = validation
        self.folds = folds
        self.count = count_rows(data.example)
        self._parts: dict[int | None, FitData | None] = {None: validation}
        self._by_device = {devices.current_device(): _on_device(data)}
        self._blocks: dict[tuple[int | None, jax.Device, bool], Validation | None] = {}
        self._device_lock = threading.Lock()

    @property
    def data(self) -> FitData:
        """The training rows on this thread's device."""
        device = devices.current_device()
        with self._device_lock:
            if device not in self._by_device:
                self._by_device[device] = _on_device(next(iter(self._by_device.values())))
            return self._by_device[device]

    def validation_for(self, fold: int | None) -> FitData | None:
        """Return the validation rows for `fold` (or for all members if it is None), or None if there are none."""
        if fold not in self._parts:
            assert self.folds is not None and fold is not None
            chosen = self.folds[fold].validation
            rows = jax.tree.map(lambda leaf: np.asarray(leaf)[chosen], self.data.without_class_weight)
            self._parts[fold] = FitData(rows) if chosen.size else None
        return self._parts[fold]

    def validation_block(
        self, fold: int | None, validation: FitData, batch_size: int | None, pad: bool
    ) -> Validation | None:
        """Return a fold's validation rows in the format for dispatches, and cache them for each device.

        Args:
            fold: The index of the fold, or None.
            validation: The validation rows of the fold.
            batch_size: The number of rows per batch, or None for the default.
            pad: Whether the last batch is padded.

        Returns:
            The validation rows, or None.
        """
        key = fold, devices.current_device(), pad
        if key not in self._blocks:
            room = None if self.folds is None else _padded_size(len(part.validation) for part in self.folds)
            self._blocks[key] = device_validation(validation, batch_size, room, pad=pad)
        return self._blocks[key]

    def train_indices(self, fold: int | None) -> dict[str, Any]:
        """Return keyword arguments that make `ArrayLoader` load only the training rows of `fold`."""
        if self.folds is None or fold is None:
            return {}
        room = _padded_size(len(part.train) for part in self.folds)
        return {"row_indices": self.folds[fold].train, "bucket_rows": room}


def _padded_size(sizes: Iterable[int]) -> int | None:
    """Return the largest of `sizes`, to which all parts are padded, or None if the sizes are equal."""
    distinct_sizes = set(sizes)
    return max(distinct_sizes) if len(distinct_sizes) > 1 else None


class PopulationData:
    """The data for one call to `Population.fit`, which is packed once for all models with the same input format."""

    def __init__(
        self,
        x: PyTree,
        y: PyTree,
        *,
        sample_weight: PyTree,
        class_weight: Any,
        validation_data: PyTree,
        validation_split: float,
        folds: Any,
        splits: Any,
    ) -> None:
        if (folds is not None or splits is not None) and (validation_data is not None or validation_split):
            raise InvalidArgument(
                "fit: with folds or splits, each member validates on the rows that it does not train on; "
                "omit validation_data and validation_split"
            )
        self._arguments = (x, y, sample_weight, class_weight)
        self._validation_data = validation_data
        self._validation_split = validation_split
        self._folds, self._splits = folds, None if splits is None else check_splits(splits)
        self._made_folds: list[Fold] | None = None
        self._packed: dict[Any, SharedRows] = {}

    def rows_for(self, model: Model) -> SharedRows:
        """Return the rows in the input format that `model` requires."""
        inputs, outputs = model.input_names, model._output_names_for(self._arguments[1])
        shapes = model._input_specs()[0]
        # Ignore the name of a single input or output, because generated names contain a counter.
        form = (
            inputs and (tuple(inputs) if len(inputs) > 1 else 1),
            tuple(outputs) if len(outputs) > 1 else 1,
            # Packing adds or removes a last axis of size 1 to match the model's input shapes.
            shapes and tuple((len(shape), shape[-1] == 1) for shape in shapes),
        )
        if form not in self._packed:
            self._packed[form] = self._pack(model)
        return self._packed[form]

    def _pack(self, model: Model) -> SharedRows:
        data = pack_data(model, *self._arguments, learning=True)
        batch = data.batch
        if batch is None:
            raise InvalidArgument(
                "Population.fit: x must be an array or a collection of arrays, not a generator, because each member "
                "reads the rows in a different order; memory-map arrays that are too large for memory "
                "(numpy.load(..., mmap_mode='r'))"
            )
        validation = None
        if self._validation_data is not None:
            validation = pack_validation_data(model, self._validation_data)
            if validation.batch is None:
                raise InvalidArgument(
                    "Population.fit: validation_data must be (x, y) or (x, y, sample_weight), not a generator, because "
                    "the first member would exhaust the generator"
                )
        elif self._validation_split:
            data, validation = data.split(self._validation_split)
        if self._made_folds is None and (self._folds is not None or self._splits is not None):
            # Split only once, because a splitter without a seed returns different folds each time.
            if must_stream(batch):
                raise InvalidArgument(
                    "Population.fit: with folds or splits, all rows must be in memory, but these memory-mapped arrays "
                    f"exceed the budget of {config.memory_budget():,} bytes; raise the budget with "
                    "fw.config.set_memory_budget(bytes), or train on parts of the arrays"
                )
            self._made_folds = make_folds(
                self._folds, self._splits, batch, is_classification_loss(model.loss)
            )
        return SharedRows(data, validation, self._made_folds, dict(model._session.categories))


def _on_device(data: FitData) -> FitData:
    """Copy the rows to this thread's device, unless they stay on disk because they exceed the memory budget."""
    assert data.batch is not None
    if must_stream(data.batch):
        return data
    return dataclasses.replace(data, batch=jax.tree.map(devices.to_current_device, data.batch))
