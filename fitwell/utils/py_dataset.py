"""`PyDataset`, the base class for data sets whose batches are computed on demand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = [
    "PyDataset",
]


class PyDataset:
    """Base class for data sets that compute their batches on demand, for `fit`, `evaluate` and `predict`.

    A subclass defines ``__len__``, which returns the number of batches in an epoch, and
    ``__getitem__(self, index)``, which returns ``(x, y)`` or ``(x, y, sample_weight)``. It may define
    `on_epoch_end`. One thread loads batches in advance.

    ``Sequence`` is a deprecated name for this class.

    Example:
        >>> import numpy as np
        >>> import fitwell as fw
        >>> class Squares(fw.utils.PyDataset):
        ...     def __len__(self):
        ...         return 2
        ...     def __getitem__(self, index):
        ...         x = np.full((4, 1), index, np.float32)
        ...         return x, x**2
        >>> len(list(Squares()))
        2

    Source: Keras `PyDataset`.
    """

    def __len__(self) -> int:
        raise NotImplementedError(
            f"{type(self).__name__} must define __len__(self), which returns the number of batches"
        )

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} must define __getitem__(self, index), which returns one batch"
        )

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def on_epoch_end(self) -> None:
        """Prepare the next epoch, for example by shuffling the rows. The default implementation does nothing."""
