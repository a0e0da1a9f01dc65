"""A budget that limits the memory, CPU time, layer calls and objects that loading an untrusted file may use.

A loader opens a budget with `limit_loading`, which also converts every error inside the block to a short fitwell
error that includes the file name. Code calls `charge_memory` before it allocates memory whose size depends on the file,
such as weights, metric state, arrays, HDF5 chunks and attributes, and archive members. Layers call `charge_call`, and
registries call `charge_object`. When no file is being loaded, these functions return immediately.

The limits grow with the file size, so that every saved model fits. In measurements with real models (convolutional
networks with up to 800 layers, nested models, Adam's state), loading uses less than a tenth of each limit.
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

# Memory limit in bytes: a constant, plus a multiple of the file size. The multiple is large because arrays use memory
# when they are read and again when they are assigned to variables, and the optimizer state needs additional memory.
MEMORY, MEMORY_PER_BYTE = 256 * 2**20, 32
# Limits on layer calls and on objects such as metrics. Each limit is a constant, plus a number per byte of
# configuration, up to a maximum. The shortest call that Keras writes takes 20 bytes, and the shortest metric name
# takes 5. A call takes about a millisecond, and a program with more calls than the maximum does not compile in
# reasonable time.
CALLS, CALLS_PER_BYTE, MOST_CALLS = 2_000, 1 / 15, 10_000
OBJECTS, OBJECTS_PER_BYTE, MOST_OBJECTS = 5_000, 1 / 15, 50_000
# Limit on CPU seconds. This is a last resort, because every resource that a file can request is counted first.
SECONDS, SECONDS_PER_BYTE = 30.0, 30e-6
# Maximum bytes of weights for a configuration without a weights file. This allows 67 million float32 weights, more than
# a ResNet152 has. Initializing them briefly takes five times as much memory.
LARGEST_WITHOUT_FILE = 2**28
# Maximum length of an error message in characters, before control characters are escaped.
LONGEST_MESSAGE = 900
# Maximum bytes of a JSON string, such as a configuration. A large model's configuration takes about 100 KB.
LARGEST_TEXT = 4 * 2**20


class LoadBudget:
    """The resources that remain for loading one file.

    Args:
        where: The file name for error messages.
        file_size: The file size in bytes, before decompression.
        weights: The maximum number of bytes for the model's weights. There is no limit by default.
        beyond: The end of the error message for a weight that exceeds the limit `weights`.
    """

    def __init__(
        self,
        where: str,
        file_size: float,
        weights: float = math.inf,
        beyond: str = "which is more than the file can contain",
    ) -> None:
        self.where = where
        self.weights = weights
        self.beyond = beyond
        self.memory = MEMORY + MEMORY_PER_BYTE * file_size
        # Whether all weights will be read from the file later, which makes initial values unnecessary.
        self.restores = False
        self.calls: float = CALLS
        self.objects: float = OBJECTS
        self.ends = time.thread_time() + SECONDS + SECONDS_PER_BYTE * file_size

    def extend_for_config(self, text: str | bytes) -> None:
        """Allow more layer calls and objects, in proportion to the length of a configuration."""
        self.calls = min(self.calls + CALLS_PER_BYTE * len(text), MOST_CALLS)
        self.objects = min(self.objects + OBJECTS_PER_BYTE * len(text), MOST_OBJECTS)

    def spend_memory(self, size: float, description: str) -> None:
        """Charge the memory for an allocation that is about to happen.

        Args:
            size: The number of bytes.
            description: A description of what is allocated, for the error message.

        Raises:
            FileError: if fewer bytes than `size` remain, or if loading has taken too long.
        """
        if not 0 <= size <= self.memory:
            raise FileError(
                f"{self.where}: {description} takes {_format_size(size)} bytes, but only {self.memory:,.0f} "
                "bytes remain for loading this file"
            )
        self.memory -= size
        self.check_time()

    def spend_weight(self, size: float, description: str) -> None:
        """Charge a weight with `size` bytes. The string `description` describes the weight in the error message."""
        if not 0 <= size <= self.weights:
            raise FileError(f"{self.where}: {description} takes {_format_size(size)} bytes, {self.beyond}")
        self.weights -= size
        self.check_time()

    def spend_call(self) -> None:
        """Charge one layer call."""
        self.calls -= 1
        if self.calls < 0:
            raise FileError(
                f"{self.where}: the model has more layer calls than are allowed for a file of this size"
            )
        self.check_time()

    def spend_object(self) -> None:
        """Charge one object that is built from a configuration."""
        self.objects -= 1
        if self.objects < 0:
            raise FileError(
                f"{self.where}: the configuration defines more objects than are allowed for its size"
            )
        self.check_time()

    def check_time(self) -> None:
        """Check that the CPU time that loading has taken so far is below the limit.

        Raises:
            FileError: if it exceeds the limit.
        """
        if time.thread_time() > self.ends:
            raise FileError(
                f"{self.where}: loading has taken more CPU time than is allowed for a file of this size"
            )


def _format_size(size: float) -> str:
    return f"{size:,}" if -(10**18) < size < 10**18 else "more than 10^18"


_current: ContextVar[LoadBudget | None] = ContextVar("budget", default=None)


def current() -> LoadBudget | None:
    """Return the budget of the current load, or None if no file is being loaded."""
    return _current.get()


def charge_memory(size: float, description: str) -> None:
    """Charge an allocation of `size` bytes to the current load. Do nothing if no file is being loaded."""
    budget = _current.get()
    if budget is not None:
        budget.spend_memory(size, description)


def charge_weight(owner: str, weight: str, shape: tuple[Any, ...], itemsize: int) -> None:
    """Charge a layer's new weight to the current load. Do nothing if no file is being loaded."""
    budget = _current.get()
    if budget is None:
        return
    description = f"layer {short_repr(owner)}: weight {short_repr(weight)} of shape {short_repr(shape)}"
    if any(size < 0 for size in shape):
        raise FileError(f"{budget.where}: {description} has a negative size")
    budget.spend_weight(math.prod(int(size) for size in shape) * itemsize, description)


def charge_call() -> None:
    """Charge one layer call to the current load. Do nothing if no file is being loaded."""
    budget = _current.get()
    if budget is not None:
        budget.spend_call()


def charge_object() -> None:
    """Charge the current load for one object in a configuration. Do nothing if no file is being loaded."""
    budget = _current.get()
    if budget is not None:
        budget.spend_object()


@contextmanager
def use_budget(budget: LoadBudget | None) -> Iterator[None]:
    """Use `budget` as the current budget inside the block. If it is None, nothing is limited."""
    token = _current.set(budget)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def limit_loading(
    where: str, file_size: float, weights: float = math.inf, **options: str
) -> Iterator[LoadBudget]:
    """Yield a new `LoadBudget`, which limits the resources for loading one file inside the block.

    Every error inside the block is converted to an error that includes the file name.

    Args:
        where: The file name for error messages.
        file_size: The file size in bytes.
        weights: The maximum number of bytes for the model's weights. There is no limit by default.
        options: Additional arguments for `LoadBudget`.

    Raises:
        FileError: if anything inside the block raises an exception. An exception that is already a `FileError` with
            the file name in its message keeps its class. Messages have at most 1,000 characters.

    >>> with limit_loading("model.keras", 1000) as budget:
    ...     budget.spend_memory(10**12, "a table")
    Traceback (most recent call last):
    fitwell.errors.FileError: model.keras: a table takes 1,000,000,000,000 bytes, but only \
268,467,456 bytes remain for loading this file
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
        raise  # a warning that the user configured to be an error
    except Exception as error:
        # A bad file can cause any exception, because zlib, lzma, XLA, tokenize, h5py and user classes raise different
        # ones.
        text = f"{where} cannot be read: {type(error).__name__}: {error}"
        raise FileError(_short(text)) from _short_cause(error)


def _short_cause(error: BaseException | None) -> BaseException | None:
    """Return `error` as the cause of a new exception, or None if its message is too long to show."""
    return error if len(str(error)) <= LONGEST_MESSAGE else None


def _short(text: str) -> str:
    """Remove the middle of a long message, because the file name is at its start and the fix at its end."""
    if len(text) > LONGEST_MESSAGE:
        text = f"{text[: LONGEST_MESSAGE // 2]} ... {text[-LONGEST_MESSAGE // 4 :]}"
    return escape_controls(text)[: LONGEST_MESSAGE + 90]
