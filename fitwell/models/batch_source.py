"""Batches that come from a generator, an iterable or a Sequence."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from fitwell._data.loaders import Batch
from fitwell.errors import DataError, InvalidArgument, ShapeError

__all__ = ["BatchSource", "iterate_batches", "label_batch_errors", "unpack_x", "unpack_x_y_sample_weight"]


def unpack_x_y_sample_weight(item: Any) -> tuple[Any, Any, Any]:
    """Return (x, y, weights) of an item ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, weights)`` of a generator.

    As in Keras, a list works like a tuple, because PyTorch's DataLoader yields lists; but not a list of numbers.
    """
    if not isinstance(item, tuple) and not _is_list_of_parts(item):
        return item, None, None
    if not 1 <= len(item) <= 3:
        raise DataError(
            f"a generator must yield (x,), (x, y) or (x, y, sample_weight), got {len(item)} items"
        )
    padded = (*item, None, None)
    return padded[0], padded[1], padded[2]


def _is_list_of_parts(item: Any) -> bool:
    return (
        isinstance(item, list)
        and bool(item)
        and any(_is_part(part) for part in item)
        and all(part is None or _is_part(part) or isinstance(part, list) for part in item)
    )


def _is_part(value: Any) -> bool:
    """Return whether `value` contains rows: an array, a data frame, a dict of them, or a list or tuple of them."""
    if isinstance(value, list | tuple):
        return any(map(_is_part, value))
    return isinstance(value, Mapping) or bool(getattr(value, "shape", ()))


def unpack_x(item: Any, names: Sequence[str] | None) -> Any:
    """Return x of an item that a generator yielded to `predict`; a list may be the inputs of a model with several."""
    if isinstance(item, list) and names is not None and len(names) == len(item) > 1:
        return item
    return unpack_x_y_sample_weight(item)[0]


@contextmanager
def label_batch_errors(number: int) -> Iterator[None]:
    """Prefix the errors of the block with the number of the batch."""
    try:
        yield
    except (DataError, InvalidArgument, ShapeError) as error:
        raise type(error)(f"batch {number + 1}: {error}") from None


def iterate_batches(source: Any) -> Iterator[Any]:
    """Return the batches of a source from its beginning; an iterator continues where it is."""
    if hasattr(source, "__iter__"):
        return iter(source)
    if hasattr(source, "__next__"):
        return cast("Iterator[Any]", source)
    # A Sequence may not raise an error after its end, like slices.
    return (source[index] for index in range(len(source)))


class BatchSource:
    """Batches from an iterable, which is restarted every epoch if possible.

    source: a generator or iterator (continues), an iterable (restarts each epoch), or an object with ``__getitem__``
        and ``__len__`` (Keras's Sequence).
    pack: makes a Batch of (x, y, weights).
    check: raises an error for a batch that the model cannot take; called after the program was made.
    """

    def __init__(
        self, source: Any, pack: Callable[[Any, Any, Any], Batch], check: Callable[[Batch], None]
    ) -> None:
        self.source = source
        self._pack = pack
        self._check = check
        self._iterator = source if hasattr(source, "__next__") else None
        self._peeked: list[Any] = []
        self._first: Batch | None = None

    @property
    def steps(self) -> int | None:
        """The number of batches per epoch, or None if the source does not know it."""
        try:
            return len(self.source) if hasattr(self.source, "__len__") else None
        except TypeError:
            return None  # a loader without length, such as PyTorch's for an iterable data set

    @property
    def is_iterator(self) -> bool:
        """Whether the source cannot be restarted."""
        return self._iterator is not None

    def peek(self) -> Batch:
        """Return the first batch without consuming it; later calls return the same one."""
        if self._first is None:
            try:
                item = next(self._open())
            except StopIteration:
                raise DataError("the generator yielded no batch at all") from None
            if self._iterator is not None:
                self._peeked.append(item)
            with label_batch_errors(0):
                self._first = self._pack(*unpack_x_y_sample_weight(item))
        return self._first

    def open_epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch."""
        peeked, self._peeked = self._peeked, []
        try:
            for number, item in enumerate(itertools.chain(peeked, self._open())):
                with label_batch_errors(number):
                    batch = self._pack(*unpack_x_y_sample_weight(item))
                    self._check(batch)
                yield batch
        finally:
            # A caller that knows the number of batches closes this generator after the last one.
            if hasattr(self.source, "on_epoch_end"):
                self.source.on_epoch_end()

    def fast_forward(self, batches: int, epochs: int) -> None:
        """Skip the `batches` in `epochs` whole epochs that a resumed run has used."""
        if self._iterator is None:
            for _ in range(epochs if hasattr(self.source, "on_epoch_end") else 0):
                self.source.on_epoch_end()
            return
        for number in range(batches):
            if self._peeked:
                self._peeked.pop()
            elif next(self._iterator, None) is None:
                raise DataError(
                    f"resume: the run had {batches} batches of the generator, which now ends after {number}"
                )

    def _open(self) -> Iterator[Any]:
        if self._iterator is not None:
            return self._iterator
        return iterate_batches(self.source)
