"""`Dataset`, the part of ``tf.data.Dataset`` that feeds arrays to `fit`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from fitwell import random
from fitwell.errors import InvalidArgument

__all__ = ["Dataset"]


class Dataset:
    """A sequence of elements, which are computed while it is iterated over.

    Each method returns a new dataset, as in TensorFlow.

    Args:
        iterate: A function that returns a new iterator over the elements.
        length: The number of elements, or None if it is not known.
    """

    def __init__(self, iterate: Callable[[], Iterator[Any]], length: int | None = None) -> None:
        self._iterate = iterate
        self._length = length

    @classmethod
    def from_tensor_slices(cls, tensors: Any) -> Dataset:
        """Return a dataset with one element per row of `tensors`, an array or a structure of arrays."""
        arrays = jax.tree.map(np.asarray, tensors, is_leaf=lambda leaf: isinstance(leaf, list))
        lengths = {len(leaf) for leaf in jax.tree.leaves(arrays)}
        if len(lengths) != 1:
            raise InvalidArgument(
                f"Dataset.from_tensor_slices: arrays of different lengths: {sorted(lengths)}"
            )
        count = lengths.pop()
        return cls(lambda: (_row(arrays, number) for number in range(count)), count)

    @classmethod
    def from_generator(
        cls,
        generator: Callable[..., Any],
        output_types: Any = None,
        output_shapes: Any = None,
        args: Any = (),
        output_signature: Any = None,
        name: str | None = None,
    ) -> Dataset:
        """Return a dataset of what ``generator(*args)`` yields. Types and shapes are those of the elements."""
        return cls(lambda: iter(generator(*(args or ()))))

    @classmethod
    def range(cls, *args: int) -> Dataset:
        """Return a dataset of integers. The arguments are those of `range`."""
        numbers = range(*args)
        return cls(lambda: (np.int64(number) for number in numbers), len(numbers))

    @classmethod
    def zip(cls, *datasets: Any) -> Dataset:
        """Return a dataset of tuples with one element of each dataset."""
        parts = datasets[0] if len(datasets) == 1 and isinstance(datasets[0], tuple) else datasets
        lengths = [part._length for part in parts]
        known = None if None in lengths else min(length for length in lengths if length is not None)
        return cls(lambda: zip(*parts, strict=False), known)

    def shuffle(
        self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True
    ) -> Dataset:
        """Return a dataset in random order. Each element is drawn from a buffer of `buffer_size` elements."""
        first = random.next_seed() if seed is None else seed
        iterations = itertools.count()

        def iterate() -> Iterator[Any]:
            rng = np.random.default_rng([first, next(iterations) if reshuffle_each_iteration else 0])
            buffer: list[Any] = []
            for element in self:
                if len(buffer) < buffer_size:
                    buffer.append(element)
                    continue
                place = int(rng.integers(len(buffer)))
                yield buffer[place]
                buffer[place] = element
            for place in rng.permutation(len(buffer)):
                yield buffer[place]

        return Dataset(iterate, self._length)

    def batch(self, batch_size: int, drop_remainder: bool = False, **options: Any) -> Dataset:
        """Return a dataset of batches."""

        def iterate() -> Iterator[Any]:
            elements = iter(self)
            while chunk := list(itertools.islice(elements, batch_size)):
                if len(chunk) < batch_size and drop_remainder:
                    return
                yield jax.tree.map(lambda *leaves: np.stack(leaves), *chunk)

        length = self._length
        if length is not None:
            length = length // batch_size if drop_remainder else -(-length // batch_size)
        return Dataset(iterate, length)

    def unbatch(self) -> Dataset:
        """Return a dataset of the batches' rows."""

        def iterate() -> Iterator[Any]:
            for batch in self:
                for number in range(len(jax.tree.leaves(batch)[0])):
                    yield _row(batch, number)

        return Dataset(iterate)

    def map(self, map_func: Callable[..., Any], *args: Any, **options: Any) -> Dataset:
        """Return a dataset of ``map_func(*element)``, or ``map_func(element)`` if elements are not tuples."""

        def apply(element: Any) -> Any:
            found = map_func(*element) if isinstance(element, tuple) else map_func(element)
            return jax.tree.map(np.asarray, found)

        return Dataset(lambda: map(apply, self), self._length)

    def filter(self, predicate: Callable[..., Any]) -> Dataset:
        """Return a dataset of the elements for which `predicate` is true."""
        return Dataset(lambda: (e for e in self if (predicate(*e) if isinstance(e, tuple) else predicate(e))))

    def repeat(self, count: int | None = None) -> Dataset:
        """Return a dataset that repeats the elements `count` times, or without end."""
        if count is None or count < 0:
            return Dataset(lambda: itertools.chain.from_iterable(itertools.repeat(self)))
        length = None if self._length is None else self._length * count
        return Dataset(lambda: itertools.chain.from_iterable(itertools.repeat(self, count)), length)

    def take(self, count: int) -> Dataset:
        """Return a dataset of the first `count` elements."""
        length = count if self._length is None else min(count, self._length)
        return Dataset(lambda: itertools.islice(iter(self), count), None if count < 0 else length)

    def skip(self, count: int) -> Dataset:
        """Return a dataset without the first `count` elements."""
        length = None if self._length is None else max(0, self._length - count)
        return Dataset(lambda: itertools.islice(iter(self), count, None), length)

    def cache(self, filename: str = "") -> Dataset:
        """Return a dataset that keeps its elements in memory after the first iteration."""
        kept: list[Any] = []
        complete = False

        def iterate() -> Iterator[Any]:
            nonlocal complete
            if complete:
                yield from kept
                return
            kept.clear()
            for element in self:
                kept.append(element)
                yield element
            complete = True

        return Dataset(iterate, self._length)

    def prefetch(self, buffer_size: int) -> Dataset:
        """Return the dataset itself, because `fit` prepares batches in the background."""
        return self

    def as_numpy_iterator(self) -> Iterator[Any]:
        """Return an iterator over the elements, which are NumPy arrays anyway."""
        return iter(self)

    def cardinality(self) -> int:
        """Return the number of elements, or -2 if it is not known."""
        return -2 if self._length is None else self._length

    def __iter__(self) -> Iterator[Any]:
        return self._iterate()

    def __len__(self) -> int:
        if self._length is None:
            raise TypeError("the length of this dataset is not known")
        return self._length


def _row(arrays: Any, number: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[number], arrays)
