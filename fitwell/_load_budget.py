"""A budget of memory, calls, objects and time for loading an untrusted file, charged in advance.

A loader opens a budget with `limit_loading`, which also turns every error inside the block into a short fitwell
error that names the file. Code that allocates memory according to a file (weights, metric state, arrays, chunks and
attributes of HDF5, members of archives) calls `charge_memory` first. Layers call `charge_call`, registries call
`charge_object`. Outside a load these functions do nothing and cost one lookup.

The limits grow with the size of the file, so every saved model fits. Measured on real models (convolutional networks
of up to 800 layers, nested models, Adam's state), they use less than a tenth of each limit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from fitwell._escaping import escape_controls, short_repr
from fitwell.errors import FileError, FitwellError

__all__ = [
    "CALLS",
    "CALLS_PER_BYTE",
    "LARGEST_TEXT",
    "LARGEST_WITHOUT_FILE",
    "LONGEST_MESSAGE",
    "LoadBudget",
    "MEMORY",
    "MEMORY_PER_BYTE",
    "MOST_CALLS",
    "MOST_OBJECTS",
    "OBJECTS",
    "OBJECTS_PER_BYTE",
    "SECONDS",
    "SECONDS_PER_BYTE",
    "charge_call",
    "charge_memory",
    "charge_object",
    "charge_weight",
    "current",
    "limit_loading",
    "use_budget",
]

# Bytes for any load, plus bytes per byte of the file: arrays are read, assigned and get optimizer state.
MEMORY, MEMORY_PER_BYTE = 256 * 2**20, 32
# Calls of layers, and objects such as metrics: for any load, per byte of a configuration (the shortest call written by
# Keras takes 20 bytes, the shortest name of a metric 5), and in total. A call takes about a millisecond, and a program
# with more calls does not compile in reasonable time.
CALLS, CALLS_PER_BYTE, MOST_CALLS = 2_000, 1 / 15, 10_000
OBJECTS, OBJECTS_PER_BYTE, MOST_OBJECTS = 5_000, 1 / 15, 50_000
# CPU seconds, a last resort: all resources that a file can request are counted first.
SECONDS, SECONDS_PER_BYTE = 30.0, 30e-6
# Bytes of weights for a configuration without a weights file: 67 million float32 weights, more than a ResNet152 has.
# Initializing them takes five times as much for a moment.
LARGEST_WITHOUT_FILE = 2**28
LONGEST_MESSAGE = 900
# Bytes of configurations and other JSON strings. Those of large models take about 100 KB.
LARGEST_TEXT = 4 * 2**20


class LoadBudget:
    """The remaining resources of one load.

    Args:
        where: name of the file for error messages.
        file_size: compressed size of the file in bytes.
        weights: bytes for the weights of a model, as stored in the file. No limit by default.
        beyond: the end of the error message for a weight that exceeds this limit.
    """

    def __init__(
        self,
        where: str,
        file_size: float,
        weights: float = math.inf,
        beyond: str = "more than the file can hold",
    ) -> None:
        self.where = where
        self.weights = weights
        self.beyond = beyond
        self.memory = MEMORY + MEMORY_PER_BYTE * file_size
        # Whether all weights are read from the file afterwards, so that they need not be initialized.
        self.restores = False
        self.calls: float = CALLS
        self.objects: float = OBJECTS
        self.ends = time.thread_time() + SECONDS + SECONDS_PER_BYTE * file_size

    def extend_for_config(self, text: str | bytes) -> None:
        """Allow calls of layers and objects in proportion to the length of a configuration."""
        self.calls = min(self.calls + CALLS_PER_BYTE * len(text), MOST_CALLS)
        self.objects = min(self.objects + OBJECTS_PER_BYTE * len(text), MOST_OBJECTS)

    def spend_memory(self, size: float, what: str) -> None:
        """Charge `size` bytes for `what`, which is about to be allocated. Raises `FileError` if fewer are left."""
        if not 0 <= size <= self.memory:
            raise FileError(
                f"{self.where}: {what} takes {_format_size(size)} bytes, more than the {self.memory:,.0f} that "
                "loading this file may still take"
            )
        self.memory -= size
        self.check_time()

    def spend_weight(self, size: float, what: str) -> None:
        """Charge a weight of `size` bytes."""
        if not 0 <= size <= self.weights:
            raise FileError(f"{self.where}: {what} takes {_format_size(size)} bytes, {self.beyond}")
        self.weights -= size
        self.check_time()

    def spend_call(self) -> None:
        """Charge one call of a layer."""
        self.calls -= 1
        if self.calls < 0:
            raise FileError(f"{self.where}: the model calls its layers more often than its size allows")
        self.check_time()

    def spend_object(self) -> None:
        """Charge one object made from a configuration."""
        self.objects -= 1
        if self.objects < 0:
            raise FileError(f"{self.where}: the configuration makes more objects than its size allows")
        self.check_time()

    def check_time(self) -> None:
        """Raise `FileError` if the load has taken too long."""
        if time.thread_time() > self.ends:
            raise FileError(f"{self.where}: loading takes too long for a file of this size")


def _format_size(size: float) -> str:
    return f"{size:,}" if -(10**18) < size < 10**18 else "more than 10^18"


_current: ContextVar[LoadBudget | None] = ContextVar("budget", default=None)


def current() -> LoadBudget | None:
    """Return the budget of the current load, or None outside a load."""
    return _current.get()


def charge_memory(size: float, what: str) -> None:
    """Charge memory that is about to be allocated to the current load, if any."""
    budget = _current.get()
    if budget is not None:
        budget.spend_memory(size, what)


def charge_weight(owner: str, weight: str, shape: tuple[Any, ...], itemsize: int) -> None:
    """Charge a weight of a layer that is about to be created to the current load, if any."""
    budget = _current.get()
    if budget is None:
        return
    what = f"layer {short_repr(owner)}: weight {short_repr(weight)} of shape {short_repr(shape)}"
    if any(size < 0 for size in shape):
        raise FileError(f"{budget.where}: {what} has a negative size")
    budget.spend_weight(math.prod(int(size) for size in shape) * itemsize, what)


def charge_call() -> None:
    """Charge a call of a layer to the current load, if any."""
    budget = _current.get()
    if budget is not None:
        budget.spend_call()


def charge_object() -> None:
    """Charge an object built from a configuration to the current load, if any."""
    budget = _current.get()
    if budget is not None:
        budget.spend_object()


@contextmanager
def use_budget(budget: LoadBudget | None) -> Iterator[None]:
    """Use `budget` as the current budget inside the block."""
    token = _current.set(budget)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def limit_loading(
    where: str, file_size: float, weights: float = math.inf, **options: str
) -> Iterator[LoadBudget]:
    """Yield a `LoadBudget` for reading one file, and turn every error inside the block into one that names the file.

    Args:
        where: name of the file.
        file_size: size of the file in bytes.
        weights: see `LoadBudget`.
        options: the argument `beyond` of `LoadBudget`.

    Raises:
        FileError: for every exception inside the block. A `FileError` that already names the file keeps its class.
            Messages have at most 1,000 characters.

    >>> with limit_loading("model.keras", 1000) as budget:
    ...     budget.spend_memory(10**12, "a table")
    Traceback (most recent call last):
    fitwell.errors.FileError: model.keras: a table takes 1,000,000,000,000 bytes, more than the 268,467,456 that \
loading this file may still take
    """
    budget = LoadBudget(where, file_size, weights, **options)
    try:
        with use_budget(budget):
            yield budget
    except FitwellError as error:
        text = str(error)
        if not isinstance(error, FileError) or where not in text:
            raise FileError(_short(f"{where}: {text}")) from _short_cause(error)
        error.args = (_short(text),)
        error.__cause__ = _short_cause(error.__cause__)
        raise
    except Warning:
        raise  # a warning that the user turned into an error
    except Exception as error:
        # A bad file can cause any exception: zlib, lzma, XLA, tokenize, h5py and user classes raise different ones.
        text = f"{where} cannot be read: {type(error).__name__}: {error}"
        raise FileError(_short(text)) from _short_cause(error)


def _short_cause(error: BaseException | None) -> BaseException | None:
    """Return the cause for a traceback, or None if its message is as long as a file."""
    return error if len(str(error)) <= LONGEST_MESSAGE else None


def _short(text: str) -> str:
    """Cut the middle of a long message: its start names the file, its end the remedy."""
    if len(text) > LONGEST_MESSAGE:
        text = f"{text[: LONGEST_MESSAGE // 2]} ... {text[-LONGEST_MESSAGE // 4 :]}"
    return escape_controls(text)[: LONGEST_MESSAGE + 90]
