"""What loading a file from a stranger may cost: one budget of memory, calls, objects and time, charged beforehand.

A loader opens a budget with `limit_loading`, which also turns every error inside the block into one of fitwell's, short
and with the name of the file. Whatever allocates by what a file says (weights, tables of metrics, arrays, chunks
and attributes of HDF5, members of archives) calls `charge_memory` before it does, wherever it is called from; layers call
`charge_call`, registries `charge_object`. Outside of a load these cost one look and do nothing.

The limits grow with the file: what a user saved always fits. Measured on honest models (convolutional networks of
up to 800 layers, models within models, Adam's slots): they take less than a tenth of each.
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

# Bytes that any load may take, and for each byte of the file: its arrays are read, assigned and get slots.
MEMORY, MEMORY_PER_BYTE = 256 * 2**20, 32
# Calls of layers, and objects such as metrics, for any load and for each byte of a configuration (the shortest call
# that Keras wrote takes 20 bytes, the shortest name of a metric 5), and the most there may be: a call takes about a
# millisecond, and no program of more is compiled in reasonable time.
CALLS, CALLS_PER_BYTE, MOST_CALLS = 2_000, 1 / 15, 10_000
OBJECTS, OBJECTS_PER_BYTE, MOST_OBJECTS = 5_000, 1 / 15, 50_000
# Seconds of the processor, a last resort: everything that a file can ask for is counted before.
SECONDS, SECONDS_PER_BYTE = 30.0, 30e-6
# What a configuration without weights beside it may ask for: 67 million weights of float32, more than a ResNet152
# has. Drawing them takes five times as much for a moment.
LARGEST_WITHOUT_FILE = 2**28
LONGEST_MESSAGE = 900
# Of configurations and other JSON texts; those of large models take some 100 KB.
LARGEST_TEXT = 4 * 2**20


class LoadBudget:
    """What one load may still cost.

    Args:
        where: name of the file for error messages.
        file_size: bytes of the file, compressed as they are.
        weights: bytes that the weights of a model may take: what the file holds of them. No limit by default.
        beyond: what a weight that takes more is said to take.
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
        # Whether every weight that is made now is read from the file afterwards: then none is drawn.
        self.restores = False
        self.calls: float = CALLS
        self.objects: float = OBJECTS
        self.ends = time.thread_time() + SECONDS + SECONDS_PER_BYTE * file_size

    def extend_for_config(self, text: str | bytes) -> None:
        """Let a configuration that was read from the file call layers and make objects by its length."""
        self.calls = min(self.calls + CALLS_PER_BYTE * len(text), MOST_CALLS)
        self.objects = min(self.objects + OBJECTS_PER_BYTE * len(text), MOST_OBJECTS)

    def spend_memory(self, size: float, what: str) -> None:
        """Charge `size` bytes for `what`, which is about to be made; raises `FileError` if fewer are left."""
        if not 0 <= size <= self.memory:
            raise FileError(
                f"{self.where}: {what} takes {_format_size(size)} bytes, more than the {self.memory:,.0f} that loading this "
                "file may still take"
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
        """Raise `FileError` when the load has taken too long."""
        if time.thread_time() > self.ends:
            raise FileError(f"{self.where}: loading takes too long for a file of its size; given up")


def _format_size(size: float) -> str:
    return f"{size:,}" if -(10**18) < size < 10**18 else "more than 10^18"


_current: ContextVar[LoadBudget | None] = ContextVar("budget", default=None)


def current() -> LoadBudget | None:
    """Return the budget of the load that is going on, None outside of one."""
    return _current.get()


def charge_memory(size: float, what: str) -> None:
    """Charge memory that is about to be allocated to the load that is going on, if there is one."""
    budget = _current.get()
    if budget is not None:
        budget.spend_memory(size, what)


def charge_weight(owner: str, weight: str, shape: tuple[Any, ...], itemsize: int) -> None:
    """Charge a weight of a layer that is about to be made to the load that is going on, if there is one."""
    budget = _current.get()
    if budget is None:
        return
    what = f"layer {short_repr(owner)}: weight {short_repr(weight)} of shape {short_repr(shape)}"
    if any(size < 0 for size in shape):
        raise FileError(f"{budget.where}: {what} cannot be")
    budget.spend_weight(math.prod(int(size) for size in shape) * itemsize, what)


def charge_call() -> None:
    """Charge a call of a layer to the load that is going on, if there is one."""
    budget = _current.get()
    if budget is not None:
        budget.spend_call()


def charge_object() -> None:
    """Charge an object made from a configuration to the load that is going on, if there is one."""
    budget = _current.get()
    if budget is not None:
        budget.spend_object()


@contextmanager
def use_budget(budget: LoadBudget | None) -> Iterator[None]:
    """Charge what happens inside the block to `budget`."""
    token = _current.set(budget)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def limit_loading(
    where: str, file_size: float, weights: float = math.inf, **told: str
) -> Iterator[LoadBudget]:
    """Give a `LoadBudget` for reading one file, and turn every error inside the block into one that names the file.

    Args:
        where: name of the file.
        file_size: its bytes.
        weights: see `LoadBudget`.
        told: its `beyond`.

    Raises:
        FileError: for every exception inside the block; those of fitwell's that are a `FileError` with the name of
            the file keep their class. No message is longer than 1,000 characters, whatever the file holds.

    >>> with limit_loading("model.keras", 1000) as budget:
    ...     budget.spend_memory(10**12, "a table")
    Traceback (most recent call last):
    fitwell.errors.FileError: model.keras: a table takes 1,000,000,000,000 bytes, more than the 268,467,456 that \
loading this file may still take
    """
    budget = LoadBudget(where, file_size, weights, **told)
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
        raise  # one that the user has made an error
    except Exception as error:
        # Whatever a file makes libraries raise: zlib, lzma, XLA, tokenize, h5py and classes each have their own.
        text = f"{where} cannot be read: {type(error).__name__}: {error}"
        raise FileError(_short(text)) from _short_cause(error)


def _short_cause(error: BaseException | None) -> BaseException | None:
    """Return what a traceback may show as the cause: nothing as long as a file."""
    return error if len(str(error)) <= LONGEST_MESSAGE else None


def _short(text: str) -> str:
    """Return a message without its middle if it is long: the file is at its start, what to do at its end."""
    if len(text) > LONGEST_MESSAGE:
        text = f"{text[: LONGEST_MESSAGE // 2]} ... {text[-LONGEST_MESSAGE // 4 :]}"
    return escape_controls(text)[: LONGEST_MESSAGE + 90]
