"""What users pass as x, y and weights, turned into one `Batch` of arrays that fits the model."""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from fitwell._data.arrays import as_array
from fitwell._data.loaders import Batch
from fitwell._param_validation import Identifier
from fitwell.errors import DataError, InvalidArgument, ShapeError, did_you_mean
from fitwell.layers.keras_tensor import KerasTensor


def is_batch_iterable(x: Any) -> bool:
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


def standardize_inputs(
    x: Any, names: Sequence[str] | None, shapes: Sequence[tuple[Any, ...]] | None = None, what: str = "x"
) -> Any:
    """Return the inputs as the model's call takes them.

    names: of the model's inputs when they are known (a functional model): several are passed as a list in
    that order, whether they come as a list, a tuple or a dict. Otherwise the given structure is kept.
    shapes: those that the inputs should have, when they are known: a last axis of 1 is given or taken, as in Keras.
    """
    if names is None:
        if isinstance(x, Mapping):
            return {key: as_array(value, f"{what}[{key!r}]") for key, value in x.items()}
        if _is_container_of_arrays(x):
            return [as_array(value, f"{what}[{i}]") for i, value in enumerate(x)]
        return as_array(x, what)
    arrays = _in_order(x, names, what, "input")
    if shapes is not None:
        arrays = [
            match_rank(array, len(shape), shape[-1:]) for array, shape in zip(arrays, shapes, strict=True)
        ]
    return arrays[0] if len(names) == 1 else arrays


def match_rank(array: Any, axes: int, last: tuple[Any, ...]) -> Any:
    """Return an input with a last axis of 1 more or less, where that gives it the number of axes wanted."""
    if not hasattr(array, "ndim"):
        return array
    if array.ndim + 1 == axes and last == (1,):
        return array[..., None]
    if array.ndim == axes + 1 and array.shape[-1] == 1:
        return array[..., 0]
    return array


def cast_input(array: Any, symbol: KerasTensor) -> Any:
    """Return an input of a model as `symbol` says, which stands for it: of its number of axes and of its type.

    Integers become floats where the Input said so (it does by default), as in Keras: a layer of the user's that
    subtracts 10 from pixels must not meet -10 as 246. Where a half float could not hold them, they stay integers.
    """
    array = match_rank(array, len(symbol.shape), symbol.shape[-1:])
    if not hasattr(array, "astype") or array.dtype == symbol.dtype:
        return array
    half = jnp.issubdtype(symbol.dtype, jnp.floating) and symbol.dtype.itemsize < 4
    if half and array.dtype.kind in "iu" and array.dtype.itemsize > 1:
        return array
    return array.astype(symbol.dtype)


def _in_order(
    value: Any,
    names: Sequence[str],
    what: str,
    role: str,
    convert: Callable[[Any, int, str], Any] = lambda value, index, what: as_array(value, what),
) -> list[Any]:
    """Return one array for each name; `convert` makes it, given the value, its number and what to call it."""
    if isinstance(value, Mapping) or (hasattr(value, "columns") and len(names) > 1):
        # A frame of Polars yields its columns, not their names.
        given = list(value) if isinstance(value, Mapping) else list(value.columns)
        unknown = [key for key in given if key not in names]
        missing = [name for name in names if name not in given]
        if missing or unknown:
            parts = [f"no {missing[0]!r}"] if missing else []
            parts += [f"{unknown[0]!r}{did_you_mean(str(unknown[0]), names)}"] if unknown else []
            wrong = f"has {' but '.join(parts)}"
            hint = "; targets are no part of it: a generator yields (x, y)" if _is_target(unknown) else ""
            raise DataError(
                f"{what} {wrong}: the model's {role}s are called {', '.join(map(repr, names))}{hint}"
            )
        return [convert(value[name], index, f"{what}[{name!r}]") for index, name in enumerate(names)]
    if len(names) == 1:
        if _is_container_of_arrays(value) and len(value) == 1:
            value = value[0]
        return [convert(value, 0, what)]
    if not isinstance(value, list | tuple) or len(value) != len(names):
        came = f"{len(value)} arrays" if isinstance(value, list | tuple) else type(value).__name__
        raise DataError(f"{what}: the model has {len(names)} {role}s ({', '.join(names)}), got {came}")
    return [convert(item, i, f"{what}[{i}]") for i, item in enumerate(value)]


def _is_target(keys: Sequence[Any]) -> bool:
    """Return whether one of these keys of a dict is what data sets call targets."""
    return any(str(key).lower() in ("y", "label", "labels", "target", "targets") for key in keys)


def standardize_targets(
    y: Any, names: Sequence[str], convert: Callable[[Any, int, str], Any], what: str = "y"
) -> list[Any] | None:
    """Return the targets, one array per output; `convert` makes it, given the value, the output and its name here."""
    return None if y is None else _in_order(y, names, what, "output", convert)


def standardize_weights(weights: Any, names: Sequence[str], what: str = "sample_weight") -> list[Any] | None:
    """Return the sample weights, one array (or None) per output; one array serves all outputs."""
    if weights is None:
        return None
    if isinstance(weights, Mapping):
        unknown = [key for key in weights if key not in names]
        if unknown:
            raise DataError(
                f"{what} has {unknown[0]!r}{did_you_mean(str(unknown[0]), names)}: no output has that name"
            )
        given = [weights.get(name) for name in names]
    elif _is_list_of_weights(weights, len(names)):
        if len(weights) != len(names):
            raise DataError(f"{what}: {len(weights)} arrays for {len(names)} outputs")
        given = list(weights)
    else:
        given = [weights] * len(names)
    return [None if item is None else _as_weights(item, what) for item in given]


def _is_list_of_weights(weights: Any, outputs: int) -> bool:
    """Return whether these are weights by output, some of which may have none, rather than one weight a row."""
    if not isinstance(weights, list | tuple) or not weights:
        return False
    arrays = [item for item in weights if item is not None]
    return all(np.ndim(item) > 0 for item in arrays) and (outputs > 1 or len(weights) == 1)


def _as_weights(value: Any, what: str) -> Any:
    """Return weights as floats: one for each row, or for each time step or pixel of the rows."""
    array = np.asarray(as_array(value, what), np.float32)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def apply_class_weight(class_weight: Mapping[Any, float] | None, batch: Batch, whole: bool = False) -> Batch:
    """Multiply the weight of each row by that of its class. One output only, with integer or one-hot targets.

    whole: whether the batch is all there is, so that classes which cannot occur are seen to be mistakes.
    """
    if class_weight is None:
        return batch
    factors = _by_class(class_weight)
    if batch.y is None or len(batch.y) != 1:
        raise InvalidArgument("class_weight works for models with a single output; use sample_weight instead")
    y = np.asarray(batch.y[0])
    # Numbers of several steps, or labels of which a row may have several, only look like one-hot rows.
    one_hot = y.ndim > 1 and y.shape[-1] > 1 and bool(np.all(y >= 0)) and np.allclose(y.sum(axis=-1), 1)
    if not one_hot and y.size != len(y):
        raise InvalidArgument(
            f"class_weight needs one class per row, as a number or one-hot; y has shape {y.shape}, and is not: use "
            "sample_weight instead"
        )
    classes = np.argmax(y, axis=-1) if one_hot else np.round(y.reshape(len(y)))
    present, places = np.unique(classes, return_inverse=True)
    _check_classes(factors, present, y.shape[-1] if one_hot else None, whole)
    # By number and not by place: hinge losses call a class -1.
    weights = np.array([factors.get(int(label), 1.0) for label in present], np.float32)[places]
    given = batch.weights[0] if batch.weights is not None else None
    if given is not None:
        axes = max(weights.ndim, given.ndim)
        weights, given = (w.reshape(w.shape + (1,) * (axes - w.ndim)) for w in (weights, given))
        weights = weights * given
    return Batch(batch.x, batch.y, [weights], batch.rows)


def _check_classes(classes: Iterable[int], present: np.ndarray, columns: int | None, whole: bool) -> None:
    for label in classes:
        if columns is not None and not 0 <= label < columns:
            raise InvalidArgument(
                f"class_weight: there is a weight for class {label}, but one-hot targets of {columns} columns"
            )
        if whole and label < 0 and present.min() >= 0:
            raise InvalidArgument(
                f"class_weight: there is a weight for class {label}, but y has no such class"
            )


def _by_class(class_weight: Any) -> dict[int, float]:
    """Return class weights by integer: classes may be written as any numbers that equal one, as in ``0.0 == 0``."""
    if not hasattr(class_weight, "items"):
        raise InvalidArgument(
            "class_weight: expected a dict of class numbers and weights, such as {0: 1.0, 1: 5.0}, got "
            f"{type(class_weight).__name__}; a list of weights in the order of the classes is dict(enumerate(weights))"
        )
    factors: dict[int, float] = {}
    for key, value in class_weight.items():
        if not isinstance(key, numbers.Real | np.bool_) or not float(key).is_integer():
            raise InvalidArgument(
                f"class_weight: expected class numbers as keys, such as {{0: 1.0, 1: 5.0}}, got {key!r}; the classes "
                "of other labels are numbered by fitwell.utils.class_codes"
            )
        if not isinstance(value, numbers.Real) or not math.isfinite(value) or value < 0:
            raise InvalidArgument(
                f"class_weight: the weight of class {key!r} must be a finite number of at least 0, got {value!r}"
            )
        factors[int(float(key))] = float(value)
    return factors


CLASS_WEIGHT = Identifier(_by_class) | None


def unpack_x_y_sample_weight(item: Any) -> tuple[Any, Any, Any]:
    """Return (x, y, weights) of what a generator yielded: ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, weights)``.

    As in Keras a list is as good as a tuple, which is what PyTorch's DataLoader yields; but not a list of numbers.
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
    """Return whether `value` holds rows: an array, a frame, a dict of them, or a list or tuple of them."""
    if isinstance(value, list | tuple):
        return any(map(_is_part, value))
    return isinstance(value, Mapping) or bool(getattr(value, "shape", ()))


def unpack_x(item: Any, names: Sequence[str] | None) -> Any:
    """Return x of what a generator yielded to `predict`, where a list may be the inputs of a model that has several."""
    if isinstance(item, list) and names is not None and len(names) == len(item) > 1:
        return item
    return unpack_x_y_sample_weight(item)[0]


@contextmanager
def label_batch_errors(number: int) -> Iterator[None]:
    """Begin the errors of the block with the batch that they are about."""
    try:
        yield
    except (DataError, InvalidArgument, ShapeError) as error:
        raise type(error)(f"batch {number + 1}: {error}") from None


def iterate_batches(source: Any) -> Iterator[Any]:
    """Return the batches of a source from its beginning; an iterator goes on where it is."""
    if hasattr(source, "__iter__"):
        return iter(source)
    if hasattr(source, "__next__"):
        return cast("Iterator[Any]", source)
    # Beyond its length a Sequence need not fail, as slices do not.
    return (source[index] for index in range(len(source)))


class BatchSource:
    """Batches from an iterable, started again every epoch where that is possible.

    source: a generator or iterator (goes on where it was), an iterable (begins anew each epoch), or an
    object with ``__getitem__`` and ``__len__`` (Keras's Sequence). pack: turns (x, y, weights) into a Batch.
    check: refuses a batch that the model cannot take; called once there is a program.
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
        """The number of batches in an epoch, where the source knows it."""
        try:
            return len(self.source) if hasattr(self.source, "__len__") else None
        except TypeError:
            return None  # the loader of a data set that has no length, as PyTorch's may be

    @property
    def is_iterator(self) -> bool:
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
            # Who knows the number of batches drops this after the last one, and never asks for one more.
            if hasattr(self.source, "on_epoch_end"):
                self.source.on_epoch_end()

    def fast_forward(self, batches: int, epochs: int) -> None:
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
        return iterate_batches(self.source)
