"""Batches that come from a generator, another iterable or a Keras `Sequence`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from fitwell._data.loaders import Batch
from fitwell.errors import DataError, InvalidArgument, ShapeError

__all__ = ["BatchSource", "iterate_batches", "label_batch_errors", "unpack_x", "unpack_x_y_sample_weight"]


def unpack_x_y_sample_weight(item: Any) -> tuple[Any, Any, Any]:
    """Split an item that a generator yielded into x, y and the sample weights, with None for missing parts.

    The item may be ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, weights)``. As in Keras, a list works like a
    tuple, because PyTorch's DataLoader yields lists. A list of numbers, however, is x itself.
    """
    if not isinstance(item, tuple) and not _is_list_of_parts(item):
        return item, None, None
    if not 1 <= len(item) <= 3:
        raise DataError(
            f"a generator must yield (x,), (x, y) or (x, y, sample_weight), got a tuple or list of {len(item)} items"
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
    """Return whether `value` may be x, y or the sample weights of a batch.

    This is true of arrays, data frames and mappings, and of lists and tuples that contain one of these.
    """
    if isinstance(value, list | tuple):
        return any(map(_is_part, value))
    return isinstance(value, Mapping) or bool(getattr(value, "shape", ()))


def unpack_x(item: Any, names: Sequence[str] | None) -> Any:
    """Return x from an item that a generator yielded to `predict`.

    Args:
        item: The item. For a model with more than one input, it may be a list of the inputs.
        names: The names of the model's inputs, or None if they are unknown.
    """
    if isinstance(item, list) and names is not None and len(names) == len(item) > 1:
        return item
    return unpack_x_y_sample_weight(item)[0]


@contextmanager
def label_batch_errors(number: int) -> Iterator[None]:
    """Add the batch number to the messages of errors that are raised inside the block.

    Args:
        number: The 0-based index of the batch. The message counts from 1.
    """
    try:
        yield
    except (DataError, InvalidArgument, ShapeError) as error:
        raise type(error)(f"batch {number + 1}: {error}") from None


def iterate_batches(source: Any) -> Iterator[Any]:
    """Return an iterator over the source's batches.

    If the source is an iterator, the batches start at its current position.
    """
    if hasattr(source, "__iter__"):
        return iter(source)
    if hasattr(source, "__next__"):
        return cast("Iterator[Any]", source)
    # Use the length, because a Sequence may not raise an error past its end, for example if it slices an array.
    return (source[index] for index in range(len(source)))


class BatchSource:
    """A source of batches that is restarted every epoch if possible.

    Args:
        source: One of three kinds of objects: a generator or iterator, which continues from epoch to epoch;
            an iterable, which is restarted every epoch; or an object with ``__getitem__`` and ``__len__``,
            such as a Keras `Sequence`.
        pack: A function that makes a `Batch` from x, y and the sample weights.
        check: A function that raises an error if the model cannot take a batch. It is called only after the
            model's program has been created.
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
        """The number of batches per epoch, or None if it is unknown."""
        try:
            return len(self.source) if hasattr(self.source, "__len__") else None
        except TypeError:
            return None  # a loader without a length, such as a PyTorch loader of an iterable data set

    @property
    def is_iterator(self) -> bool:
        """Whether the source is an iterator, which cannot be restarted."""
        return self._iterator is not None

    def peek(self) -> Batch:
        """Return the first batch without consuming it. Later calls return the same batch."""
        if self._first is None:
            try:
                item = next(self._open())
            except StopIteration:
                raise DataError("the generator did not yield any batches") from None
            if self._iterator is not None:
                self._peeked.append(item)
            with label_batch_errors(0):
                self._first = self._pack(*unpack_x_y_sample_weight(item))
        return self._first

    def open_epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of one epoch."""
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
        """Skip the batches that a resumed run has already used.

        Args:
            batches: Number of batches to skip if the source is an iterator.
            epochs: Number of finished epochs. If the source is not an iterator, its method `on_epoch_end` (if
                any) is called once for each finished epoch.
        """
        if self._iterator is None:
            for _ in range(epochs if hasattr(self.source, "on_epoch_end") else 0):
                self.source.on_epoch_end()
            return
        for number in range(batches):
            if self._peeked:
                self._peeked.pop()
            elif next(self._iterator, None) is None:
                raise DataError(
                    f"resume: the run already used {batches} batches, but the generator now ends after {number}"
                )

    def _open(self) -> Iterator[Any]:
        if self._iterator is not None:
            return self._iterator
        return iterate_batches(self.source)
