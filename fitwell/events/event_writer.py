"""`EventWriter`: a file that TensorBoard reads, written on a thread so that nobody waits for it."""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fitwell._file_io import check_path, os_error_reason
from fitwell._param_validation import Instance, Integer, Predicate, Rule, String, validate_params
from fitwell.errors import FileError, InvalidArgument
from fitwell.events import summaries, tensorboard_protos
from fitwell.events.model_graph import build_graph_def

# Makes an event without its time, on the writer's thread.
EventFactory = Callable[[], Any]

_file_counter = itertools.count()


# The rules of what is written.
EVENT_RULES: dict[str, Rule] = {
    "name": String(),
    "step": Integer(0) | None,
    "description": String() | None,
    "max_outputs": Integer(1),
    "buckets": Integer(1),
    "sample_rate": Integer(1),
    "hparams": Instance(Mapping, "a dict"),
    "values": Instance(Mapping, "a dict"),
    "figure": Predicate(lambda given: hasattr(given, "savefig"), "a figure of matplotlib"),
    "model": Predicate(lambda given: hasattr(given, "flatten") and hasattr(given, "layers"), "a model"),
}


class EventWriter:
    """Writes events to a new file in a folder.

    log_dir: the folder, made if need be; each run has one of its own. Every function returns at once: a thread turns
    values into events and writes them. Arrays may be changed afterwards. `flush` waits until everything is in the file;
    an error of the thread is raised by the next call. What a full disk took half of is cut off, so that the file
    stays readable, and nothing more is written to it. Closed at the latest when the process ends.
    """

    @validate_params()
    def __init__(self, log_dir: str | os.PathLike[str]) -> None:
        self.log_dir = str(check_path(log_dir, "log_dir"))
        pb = tensorboard_protos.load_protos()
        name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}.{next(_file_counter)}.v2"
        self._path = Path(self.log_dir) / name
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("wb", buffering=0)
        except OSError as error:
            raise FileError(
                f"no events can be written to {self.log_dir!r}: {os_error_reason(error)}"
            ) from None
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._errors: list[BaseException] = []
        work = (self._queue, file, pb, self._errors)
        thread = threading.Thread(target=_write_events, args=work, daemon=True, name="fitwell-events")
        thread.start()
        self._finalizer = weakref.finalize(self, _stop_thread, self._queue, thread)
        self.add(lambda: pb.Event(file_version="brain.Event:2"), None)

    def add(self, make: EventFactory, step: int | None) -> None:
        """Write the event that `make` returns, which the thread calls; it belongs to `step`."""
        self._raise()
        if not self._finalizer.alive:
            raise InvalidArgument(f"the writer for {self.log_dir!r} is closed")
        self._queue.put((make, step, time.time()))

    def _add_summary(self, make: EventFactory, step: int) -> None:
        event = tensorboard_protos.load_protos().Event
        self.add(lambda: event(summary=make()), step)

    @validate_params(EVENT_RULES)
    def scalar(self, name: str, data: Any, step: int, description: str | None = None) -> None:
        """Write a number."""
        snapshot = _snapshot("scalar", name, data)
        self._add_summary(lambda: summaries.scalar(name, snapshot, description), step)

    @validate_params(EVENT_RULES)
    def histogram(
        self,
        name: str,
        data: Any,
        step: int,
        buckets: int = summaries.BUCKETS,
        description: str | None = None,
    ) -> None:
        """Write the distribution of the values of an array; those that are not finite are left out."""
        snapshot = _snapshot("histogram", name, data)
        self._add_summary(lambda: summaries.histogram(name, snapshot, buckets, description), step)

    @validate_params(EVENT_RULES)
    def image(
        self, name: str, data: Any, step: int, max_outputs: int = 3, description: str | None = None
    ) -> None:
        """Write images ``[images, height, width, channels]``: bytes, or floats from 0 to 1."""
        snapshot = _snapshot("image", name, data)
        self._add_summary(lambda: summaries.image(name, snapshot, max_outputs, description), step)

    @validate_params(EVENT_RULES)
    def figure(self, name: str, figure: Any, step: int, description: str | None = None) -> None:
        """Write a Matplotlib figure as an image: a confusion matrix, a curve."""
        import io

        # Drawn at once: Matplotlib is not made for threads, and the figure may change.
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        width, height = figure.canvas.get_width_height()
        picture = buffer.getvalue()
        self._add_summary(lambda: summaries.png(name, [picture], width, height, description), step)

    @validate_params(EVENT_RULES)
    def text(self, name: str, data: Any, step: int, description: str | None = None) -> None:
        """Write a text, or an array of texts, in Markdown."""
        snapshot = np.array(data, dtype=object)
        summaries.check_text(name, snapshot)
        self._add_summary(lambda: summaries.text(name, snapshot, description), step)

    @validate_params(EVENT_RULES)
    def audio(
        self,
        name: str,
        data: Any,
        sample_rate: int,
        step: int,
        max_outputs: int = 3,
        description: str | None = None,
    ) -> None:
        """Write sounds ``[sounds, frames, channels]`` with values from -1 to 1."""
        snapshot = _snapshot("audio", name, data)
        self._add_summary(
            lambda: summaries.audio(name, snapshot, sample_rate, max_outputs, description), step
        )

    @validate_params(EVENT_RULES)
    def hparams(self, values: Mapping[str, Any]) -> None:
        """Write the hyperparameters of the run; its metrics are the scalars in the folder and those below it."""
        summaries.check_hparams(values)
        summary = summaries.hparams(values)
        self._add_summary(lambda: summary, 0)

    @validate_params(EVENT_RULES)
    def graph(self, model: Any) -> None:
        """Write the layers of a model and how they are connected."""
        definition = build_graph_def(model).SerializeToString()
        event = tensorboard_protos.load_protos().Event
        self.add(lambda: event(graph_def=definition), 0)

    @contextmanager
    def as_default(self) -> Iterator[EventWriter]:
        """Let `events.scalar` and its sisters write here inside the block (this thread only)."""
        from fitwell.events import summary_functions

        with summary_functions.use_default_writer(self):
            yield self

    def flush(self) -> None:
        """Return when everything is in the file."""
        done = threading.Event()
        self._queue.put(done)
        if self._finalizer.alive:
            done.wait()
        self._raise()

    def close(self) -> None:
        """Write what is left and close the file."""
        self._finalizer()
        self._raise()

    def _raise(self) -> None:
        if self._errors:
            error = self._errors.pop()
            if isinstance(error, OSError):
                raise FileError(f"cannot write {str(self._path)!r}: {os_error_reason(error)}") from None
            raise error


def _snapshot(kind: str, name: str, data: Any) -> Any:
    """Return the numbers in `data` as they are now: JAX's arrays never change, others are copied."""
    if not isinstance(data, jax.Array):
        try:
            data = np.array(data)
        except ValueError as error:  # lists of different lengths, among others
            raise InvalidArgument(f"{kind} {name!r}: data: {error}") from None
    summaries.check_array(kind, name, data)
    return data


def _write_events(work: queue.SimpleQueue[Any], file: Any, pb: Any, errors: list[BaseException]) -> None:
    """Write events until None comes; an event that cannot be written is reported and left out."""
    records = pb.RecordWriter(_AtomicRecordFile(file))
    full = False
    with contextlib.suppress(OSError), file:
        while True:
            item = work.get()
            if item is None:
                return
            if isinstance(item, threading.Event):
                item.set()
                continue
            if full:
                continue
            try:
                make, step, when = item
                event = make()
                event.wall_time = when
                if step is not None:
                    event.step = int(step)
                records.write(event.SerializeToString())
            except BaseException as error:
                errors.append(error)
                full = isinstance(error, OSError)


class _AtomicRecordFile:
    """Writes records to a file without a buffer: each whole, or none of it."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._end = 0

    def write(self, record: bytes) -> None:
        """Write one record at the end."""
        left = memoryview(record)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            self._file.truncate(self._end)
            raise
        self._end += len(record)


def _stop_thread(work: queue.SimpleQueue[Any], thread: threading.Thread) -> None:
    work.put(None)
    thread.join()
