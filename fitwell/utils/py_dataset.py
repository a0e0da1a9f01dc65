"""Batches that are computed when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class PyDataset:
    """Base of data that a class computes batch by batch, for `fit`, `evaluate` and `predict`.

    A subclass defines ``__len__``, the number of batches in an epoch, and ``__getitem__(self, index)``, which
    returns ``(x, y)`` or ``(x, y, sample_weight)``; it may define `on_epoch_end`. One thread reads ahead.

    Its older name is ``Sequence``, and keeps working.
    """

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must define __len__(self), the number of batches")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(self, index), one batch")

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def on_epoch_end(self) -> None:
        """Do what is to be done between epochs, such as a new order of rows."""
