"""The rows that members share: packed once, moved to each device once, divided into folds where asked."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import numpy as np

from fitwell import config
from fitwell.data.feeds import count_rows
from fitwell.engine import devices
from fitwell.engine.machine import Validation
from fitwell.errors import InvalidArgument
from fitwell.models.model import Model
from fitwell.models.objective import classifies
from fitwell.models.training import Data, gather, gather_validation, resident_validation, too_large
from fitwell.population.folds import Fold, as_pairs, make_folds


class Rows:
    """Training and validation rows of one population, packed for one model.

    data, validation: as in `Fit`. folds: None when all members learn from all rows. count: of training rows.
    categories: those that the numbers of the targets stand for, by output (see `Runtime.categories`).
    """

    def __init__(
        self, data: Data, validation: Data | None, folds: Sequence[Fold] | None, categories: dict[int, Any]
    ) -> None:
        self.categories = categories
        self.validation = validation
        self.folds = folds
        self.count = count_rows(data.example)
        self._parts: dict[int | None, Data | None] = {None: validation}
        self._placed = {devices.here(): _brought(data)}
        self._blocks: dict[tuple[int | None, jax.Device, bool], Validation | None] = {}
        self._placing = threading.Lock()

    @property
    def data(self) -> Data:
        """The training rows, on the device of this thread."""
        device = devices.here()
        with self._placing:
            if device not in self._placed:
                self._placed[device] = _brought(next(iter(self._placed.values())))
            return self._placed[device]

    def validation_of(self, fold: int | None) -> Data | None:
        """Return the rows that members of `fold` are validated with."""
        if fold not in self._parts:
            assert self.folds is not None and fold is not None
            chosen = self.folds[fold].validation
            rows = jax.tree.map(lambda leaf: np.asarray(leaf)[chosen], self.data.measured)
            self._parts[fold] = Data(rows) if chosen.size else None
        return self._parts[fold]

    def block_of(
        self, fold: int | None, validation: Data, batch_size: int | None, pad: bool
    ) -> Validation | None:
        """Return them as a block for the dispatch, made once for each device and whether rows may be padded."""
        place = fold, devices.here(), pad
        if place not in self._blocks:
            room = None if self.folds is None else _room(len(part.validation) for part in self.folds)
            self._blocks[place] = resident_validation(validation, batch_size, room, pad=pad)
        return self._blocks[place]

    def chosen_by(self, fold: int | None) -> dict[str, Any]:
        """Return the rows that members of `fold` learn from, as arguments of `ArrayFeed`."""
        if self.folds is None or fold is None:
            return {}
        room = _room(len(part.train) for part in self.folds)
        return {"chosen": self.folds[fold].train, "room": room}


def _room(sizes: Iterable[int]) -> int | None:
    """Return the places that parts of these sizes need to have one shape; None when they have it anyway."""
    found = set(sizes)
    return max(found) if len(found) > 1 else None


class Source:
    """What the user passed to `Population.fit`, packed once for all models that take it in the same form."""

    def __init__(
        self,
        x: Any,
        y: Any,
        *,
        sample_weight: Any,
        class_weight: Any,
        validation_data: Any,
        validation_split: float,
        folds: Any,
        splits: Any,
    ) -> None:
        if (folds is not None or splits is not None) and (validation_data is not None or validation_split):
            raise InvalidArgument(
                "fit: with folds or splits each member is validated with the rows it does not learn from; "
                "leave validation_data and validation_split out"
            )
        self._given = (x, y, sample_weight, class_weight)
        self._validation_data = validation_data
        self._validation_split = validation_split
        self._folds, self._splits = folds, None if splits is None else as_pairs(splits)
        self._divided: list[Fold] | None = None
        self._packed: dict[Any, Rows] = {}

    def rows_for(self, model: Model) -> Rows:
        """Return the rows in the form that `model` takes."""
        inputs, outputs = model.input_names, model.output_names_for(self._given[1])
        shapes = model.expected_inputs()[0]
        # Names matter where there are several; a single one is often a number that counts models.
        form = (
            inputs and (tuple(inputs) if len(inputs) > 1 else 1),
            tuple(outputs) if len(outputs) > 1 else 1,
            # A last axis of 1 is given or taken as the shapes say.
            shapes and tuple((len(shape), shape[-1] == 1) for shape in shapes),
        )
        if form not in self._packed:
            self._packed[form] = self._pack(model)
        return self._packed[form]

    def _pack(self, model: Model) -> Rows:
        data = gather(model, *self._given, learning=True)
        batch = data.batch
        if batch is None:
            raise InvalidArgument(
                "Population.fit: each member visits the rows in an order of its own, so x must be arrays, not a "
                "generator; arrays too large for memory may be memory-mapped (numpy.load(..., mmap_mode='r'))"
            )
        validation = None
        if self._validation_data is not None:
            validation = gather_validation(model, self._validation_data)
            if validation.batch is None:
                raise InvalidArgument(
                    "Population.fit: validation_data must be arrays, not a generator, which one member would use up"
                )
        elif self._validation_split:
            data, validation = data.split(self._validation_split)
        if self._divided is None and (self._folds is not None or self._splits is not None):
            # Once for all: a splitter without a seed of its own divides anew whenever it is asked.
            if too_large(batch):
                raise InvalidArgument(
                    "Population.fit: with folds or splits all rows must be in memory, and these memory-mapped ones are "
                    f"more than the {config.memory_budget():,} bytes that may be loaded: allow more by "
                    "fw.config.set_memory_budget(bytes), or train on parts of the arrays"
                )
            self._divided = make_folds(self._folds, self._splits, batch, classifies(model.loss))
        return Rows(data, validation, self._divided, dict(model.runtime.categories))


def _brought(data: Data) -> Data:
    """Return rows on the device of this thread, which the feeds of all members there share.

    Those that are too large for that stay on disk.
    """
    assert data.batch is not None
    if too_large(data.batch):
        return data
    return dataclasses.replace(data, batch=jax.tree.map(devices.bring, data.batch))
