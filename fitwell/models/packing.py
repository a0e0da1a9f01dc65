"""What users pass as x, y and weights, turned into one `Batch` of arrays that fits the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fitwell.arguments import Integer, Items, Real
from fitwell.data.arrays import as_array, class_codes
from fitwell.data.feeds import Batch
from fitwell.errors import DataError, InvalidArgument, nearest

CLASS_WEIGHT = (Items(Integer(0), Real(0)) | None).said(
    "a dict from class numbers to numbers of at least 0, such as {0: 1.0, 1: 5.0}, or None"
)


def is_stream(x: Any) -> bool:
    """Return whether `x` yields batches: a generator, an iterator, or an iterable that is no array or container."""
    if isinstance(x, list | tuple | Mapping | np.ndarray | str | bytes) or hasattr(x, "shape"):
        return False
    return (
        hasattr(x, "__next__")
        or hasattr(x, "__iter__")
        or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))
    )


def _is_container_of_arrays(value: Any) -> bool:
    """Return whether `value` is a list or tuple of arrays, rather than one nested list of numbers."""
    return isinstance(value, tuple) or (
        isinstance(value, list)
        and bool(value)
        and all(hasattr(item, "shape") for item in value)
        and all(len(item.shape) > 0 for item in value)
    )


def pack_inputs(x: Any, names: Sequence[str] | None, what: str = "x") -> Any:
    """Return the inputs as the model's call takes them.

    names: of the model's inputs when they are known (a functional model): several are passed as a list in
    that order, whether they come as a list, a tuple or a dict. Otherwise the given structure is kept.
    """
    if names is None:
        if isinstance(x, Mapping):
            return {key: as_array(value, f"{what}[{key!r}]") for key, value in x.items()}
        if _is_container_of_arrays(x):
            return [as_array(value, f"{what}[{i}]") for i, value in enumerate(x)]
        return as_array(x, what)
    arrays = _in_order(x, names, what, "input")
    return arrays[0] if len(names) == 1 else arrays


def _in_order(value: Any, names: Sequence[str], what: str, role: str) -> list[Any]:
    if isinstance(value, Mapping) or (hasattr(value, "columns") and len(names) > 1):
        unknown = [key for key in value if key not in names]
        missing = [name for name in names if name not in value]
        if missing or unknown:
            wrong = (
                f"has no {missing[0]!r}"
                if missing
                else f"has {unknown[0]!r}{nearest(str(unknown[0]), names)}"
            )
            raise DataError(f"{what} {wrong}: the model's {role}s are called {', '.join(map(repr, names))}")
        return [as_array(value[name], f"{what}[{name!r}]") for name in names]
    if len(names) == 1:
        if _is_container_of_arrays(value) and len(value) == 1:
            value = value[0]
        return [as_array(value, what)]
    if not isinstance(value, list | tuple) or len(value) != len(names):
        came = f"{len(value)} arrays" if isinstance(value, list | tuple) else type(value).__name__
        raise DataError(f"{what}: the model has {len(names)} {role}s ({', '.join(names)}), got {came}")
    return [as_array(item, f"{what}[{i}]") for i, item in enumerate(value)]


def pack_targets(y: Any, names: Sequence[str], what: str = "y") -> list[Any] | None:
    """Return the targets, one array per output. Categorical labels of pandas become class numbers."""
    if y is None:
        return None
    return _in_order(_class_numbers(y, what), names, what, "output")


def _class_numbers(y: Any, what: str) -> Any:
    """Return pandas categories (alone, or in a list or dict of targets) as class numbers in their own order."""
    if isinstance(y, Mapping):
        return {key: _class_numbers(value, f"{what}[{key!r}]") for key, value in y.items()}
    if isinstance(y, list | tuple) and any(_is_categorical(item) for item in y):
        return [_class_numbers(item, f"{what}[{i}]") for i, item in enumerate(y)]
    return class_codes(y, what)[0] if _is_categorical(y) else y


def _is_categorical(value: Any) -> bool:
    return str(getattr(value, "dtype", "")) == "category"


def pack_weights(weights: Any, names: Sequence[str], what: str = "sample_weight") -> list[Any] | None:
    """Return the sample weights, one array (or None) per output; one array serves all outputs."""
    if weights is None:
        return None
    if isinstance(weights, Mapping):
        unknown = [key for key in weights if key not in names]
        if unknown:
            raise DataError(
                f"{what} has {unknown[0]!r}{nearest(str(unknown[0]), names)}: no output has that name"
            )
        given = [weights.get(name) for name in names]
    elif _is_container_of_arrays(weights) and len(names) > 1:
        if len(weights) != len(names):
            raise DataError(f"{what}: {len(weights)} arrays for {len(names)} outputs")
        given = list(weights)
    else:
        given = [weights] * len(names)
    return [None if item is None else _as_weights(item, what) for item in given]


def _as_weights(value: Any, what: str) -> Any:
    array = as_array(value, what)
    if array.ndim != 1:
        raise DataError(f"{what}: expected one weight per row, shape (rows,), got shape {tuple(array.shape)}")
    return np.asarray(array, np.float32)


def apply_class_weight(class_weight: Mapping[Any, float] | None, batch: Batch) -> Batch:
    """Multiply the weight of each row by that of its class. One output only, with integer or one-hot targets."""
    if class_weight is None:
        return batch
    if batch.y is None or len(batch.y) != 1:
        raise InvalidArgument("class_weight works for models with a single output; use sample_weight instead")
    y = np.asarray(batch.y[0])
    one_hot = y.ndim > 1 and y.shape[-1] > 1
    if not one_hot and y.size != len(y):
        raise InvalidArgument(
            f"class_weight needs one class per row, y has shape {y.shape}; use sample_weight instead"
        )
    classes = np.argmax(y, axis=-1) if one_hot else np.round(y.reshape(len(y)))
    present, places = np.unique(classes, return_inverse=True)
    # By number and not by place: hinge losses call a class -1.
    weights = np.array([class_weight.get(int(label), 1.0) for label in present], np.float32)[places]
    given = batch.weights[0] if batch.weights is not None else None
    return Batch(batch.x, batch.y, [weights if given is None else weights * given], batch.rows)


def split_batch(item: Any) -> tuple[Any, Any, Any]:
    """Return (x, y, weights) of what a generator yielded: ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, weights)``."""
    if not isinstance(item, tuple):
        return item, None, None
    if not 1 <= len(item) <= 3:
        raise DataError(
            f"a generator must yield (x,), (x, y) or (x, y, sample_weight), got {len(item)} items"
        )
    padded = (*item, None, None)
    return padded[0], padded[1], padded[2]


class Stream:
    """Batches from an iterable, started again every epoch where that is possible.

    source: a generator or iterator (goes on where it was), an iterable (begins anew each epoch), or an
    object with ``__getitem__`` and ``__len__`` (Keras's Sequence). pack: turns (x, y, weights) into a Batch.
    """

    def __init__(self, source: Any, pack: Callable[[Any, Any, Any], Batch]) -> None:
        self.source = source
        self.pack = pack
        self._iterator = source if hasattr(source, "__next__") else None
        self._peeked: list[Any] = []
        self._first: Batch | None = None

    @property
    def steps(self) -> int | None:
        """The number of batches in an epoch, where the source knows it."""
        return len(self.source) if hasattr(self.source, "__len__") else None

    @property
    def endless(self) -> bool:
        """Whether the source cannot be started again."""
        return self._iterator is not None

    def peek(self) -> Batch:
        """Return the first batch without using it up; asked again, the same one."""
        if self._first is None:
            try:
                item = next(self._open())
            except StopIteration:
                raise DataError("the generator yielded no batch at all") from None
            if self._iterator is not None:
                self._peeked.append(item)
            self._first = self.pack(*split_batch(item))
        return self._first

    def open_epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch."""
        peeked, self._peeked = self._peeked, []
        try:
            for item in peeked:
                yield self.pack(*split_batch(item))
            for item in self._open():
                yield self.pack(*split_batch(item))
        finally:
            # Who knows the number of batches drops this after the last one, and never asks for one more.
            if hasattr(self.source, "on_epoch_end"):
                self.source.on_epoch_end()

    def skip(self, batches: int, epochs: int) -> None:
        """Pass over what a run that goes on has had: `batches` in `epochs` whole epochs."""
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
        if hasattr(self.source, "__iter__"):
            return iter(self.source)
        return (self.source[index] for index in range(len(self.source)))
