"""The class `EventWriter`, which writes TensorBoard event files in a background thread."""

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
from fitwell._typing import PathType
from fitwell.errors import FileError, InvalidArgument
from fitwell.events import summaries, tensorboard_protos
from fitwell.events.default_writer import use_default_writer
from fitwell.events.model_graph import build_graph_def

__all__ = ["EVENT_RULES", "EventWriter"]

# A function that creates an event without its time. The writer's thread calls it.
EventFactory = Callable[[], Any]

_file_counter = itertools.count()

# Validation rules for the arguments.
EVENT_RULES: dict[str, Rule] = {
    "name": String(),
    "step": Integer(0) | None,
    "description": String() | None,
    "max_outputs": Integer(1),
    "buckets": Integer(1),
    "sample_rate": Integer(1),
    "hparams": Instance(Mapping, "a dict"),
    "values": Instance(Mapping, "a dict"),
    "figure": Predicate(lambda value: hasattr(value, "savefig"), "a Matplotlib figure"),
    "model": Predicate(
        lambda value: hasattr(value, "_flatten_layers") and hasattr(value, "layers"), "a model"
    ),
}


class EventWriter:
    """A writer that creates a TensorBoard event file in a folder.

    Most methods return immediately, and a background thread converts the values to events and writes them. It is safe
    to change an array after the call. `flush` waits until all events are in the file. If the thread fails, the next
    method call raises the thread's error. If the disk is full, the incomplete record is removed, so that the file
    remains readable, and nothing more is written. If `close` is not called, the file is closed when the process ends.

    Args:
        log_dir (str | PathLike): The folder for the file. Use a separate folder for each run. It is created if it does
            not exist.

    Raises:
        FileError: if the file cannot be created or written.
        MissingExtra: if the package ``tensorboard`` is not installed.

    Example:
        >>> import os, tempfile
        >>> from fitwell import events
        >>> folder = tempfile.mkdtemp()
        >>> writer = events.EventWriter(folder)
        >>> writer.scalar("loss", 0.5, step=1)
        >>> writer.close()
        >>> [name.startswith("events.out.tfevents") for name in os.listdir(folder)]
        [True]

    Source: TensorFlow ``tf.summary.SummaryWriter``.
    """

    @validate_params()
    def __init__(self, log_dir: PathType) -> None:
        self.log_dir = str(check_path(log_dir, "log_dir"))
        pb = tensorboard_protos.load_protos()
        name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}.{next(_file_counter)}.v2"
        self._path = Path(self.log_dir) / name
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("wb", buffering=0)
        except OSError as error:
            raise FileError(f"cannot write events to {self.log_dir!r}: {os_error_reason(error)}") from None
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._errors: list[BaseException] = []
        work = (self._queue, file, pb, self._errors)
        thread = threading.Thread(target=_write_events, args=work, daemon=True, name="fitwell-events")
        thread.start()
        self._finalizer = weakref.finalize(self, _stop_thread, self._queue, thread)
        self.add(lambda: pb.Event(file_version="brain.Event:2"), None)

    def add(self, make: EventFactory, step: int | None) -> None:
        """Schedule an event to be written.

        Args:
            make: A function that returns the event. The writer's thread calls it.
            step: The event's step, or None if it has no step.
        """
        self._raise()
        if not self._finalizer.alive:
            raise InvalidArgument(f"the writer for {self.log_dir!r} is closed")
        self._queue.put((make, step, time.time()))

    def _add_summary(self, make: EventFactory, step: int) -> None:
        event = tensorboard_protos.load_protos().Event
        self.add(lambda: event(summary=make()), step)

    @validate_params(EVENT_RULES)
    def scalar(self, name: str, data: Any, step: int, description: str | None = None) -> None:
        """Write a number.

        Args:
            name (str): The tag of the chart.
            data (ArrayLike): The number, or an array with one element.
            step (int): The position on the horizontal axis, which must be >= 0.
            description (str | None): A description in Markdown. Default: None.
        """
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
        """Write a histogram of an array's values.

        Args:
            name (str): The tag of the chart.
            data (ArrayLike): An array of any shape. Values that are not finite are ignored.
            buckets (int): The number of buckets. Default: 30.
            step (int): The position on the horizontal axis, which must be >= 0.
            description (str | None): A description in Markdown. Default: None.
        """
        snapshot = _snapshot("histogram", name, data)
        self._add_summary(lambda: summaries.histogram(name, snapshot, buckets, description), step)

    @validate_params(EVENT_RULES)
    def image(
        self, name: str, data: Any, step: int, max_outputs: int = 3, description: str | None = None
    ) -> None:
        """Write images.

        Args:
            name (str): The tag of the chart.
            data (ArrayLike): The images, of shape ``[images, height, width, channels]``, with 1 to 4 channels. Values
                are uint8, or floats in [0, 1].
            max_outputs (int): The maximum number of images. Default: 3.
            step (int): The position on the horizontal axis, which must be >= 0.
            description (str | None): A description in Markdown. Default: None.
        """
        snapshot = _snapshot("image", name, data)
        self._add_summary(lambda: summaries.image(name, snapshot, max_outputs, description), step)

    @validate_params(EVENT_RULES)
    def figure(self, name: str, figure: Any, step: int, description: str | None = None) -> None:
        """Write a Matplotlib figure as an image.

        Args:
            name (str): The tag of the image.
            figure (matplotlib.figure.Figure): The figure.
            step (int): The position on the horizontal axis, which must be >= 0.
            description (str | None): A description in Markdown. Default: None.
        """
        import io

        # Render the figure in the calling thread, because Matplotlib is not thread-safe and the figure may change.
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        width, height = figure.canvas.get_width_height()
        picture = buffer.getvalue()
        self._add_summary(lambda: summaries.png(name, [picture], width, height, description), step)

    @validate_params(EVENT_RULES)
    def text(self, name: str, data: Any, step: int, description: str | None = None) -> None:
        """Write a string, or an array of strings.

        Args:
            name (str): The tag of the chart.
            data (str | ArrayLike): One or more strings in Markdown.
            step (int): The position on the horizontal axis, which must be >= 0.
            description (str | None): A description in Markdown. Default: None.
        """
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
        """Write audio clips.

        Args:
            name (str): The tag of the chart.
            data (ArrayLike): The clips, of shape ``[clips, frames, channels]``, with values in [-1, 1].
            sample_rate (int): The number of frames per second.
            max_outputs (int): The maximum number of clips. Default: 3.
            step (int): The position on the horizontal axis, which must be >= 0.
            description (str | None): A description in Markdown. Default: None.
        """
        snapshot = _snapshot("audio", name, data)
        self._add_summary(
            lambda: summaries.audio(name, snapshot, sample_rate, max_outputs, description), step
        )

    @validate_params(EVENT_RULES)
    def hparams(self, values: Mapping[str, Any]) -> None:
        """Write the hyperparameters of the run.

        TensorBoard shows them with the run's metrics, which are the scalars in the writer's folder and its subfolders.

        Args:
            values (Mapping[str, int | float | str | bool]): A dict that maps names to hyperparameters.
        """
        summaries.check_hparams(values)
        summary = summaries.hparams(values)
        self._add_summary(lambda: summary, 0)

    @validate_params(EVENT_RULES)
    def graph(self, model: Any) -> None:
        """Write a graph of a model's layers and their connections.

        Args:
            model (Model): The model.
        """
        definition = build_graph_def(model).SerializeToString()
        event = tensorboard_protos.load_protos().Event
        self.add(lambda: event(graph_def=definition), 0)

    @contextmanager
    def as_default(self) -> Iterator[EventWriter]:
        """Use this writer in `events.scalar` and similar functions inside the block.

        Other threads are not affected.
        """
        with use_default_writer(self):
            yield self

    def flush(self) -> None:
        """Wait until all events are in the file."""
        done = threading.Event()
        self._queue.put(done)
        if self._finalizer.alive:
            done.wait()
        self._raise()

    def close(self) -> None:
        """Wait until all events are in the file, and close the file."""
        self._finalizer()
        self._raise()

    def _raise(self) -> None:
        if self._errors:
            error = self._errors.pop()
            if isinstance(error, OSError):
                raise FileError(f"cannot write {str(self._path)!r}: {os_error_reason(error)}") from None
            raise error


def _snapshot(kind: str, name: str, data: Any) -> Any:
    """Return `data` as an array that does not change if the caller changes `data` later.

    A JAX array is immutable, so it is returned unchanged. Other data is copied to a NumPy array.
    """
    if not isinstance(data, jax.Array):
        try:
            data = np.array(data)
        except ValueError as error:  # for example, lists of different lengths
            raise InvalidArgument(f"{kind} {name!r}: data: {error}") from None
    summaries.check_array(kind, name, data)
    return data


def _write_events(work: queue.SimpleQueue[Any], file: Any, pb: Any, errors: list[BaseException]) -> None:
    """Write events from the queue until the item None arrives.

    If an event cannot be written, it is skipped and the exception is appended to `errors`. After an `OSError`, no more
    events are written.
    """
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
    """An unbuffered file in which each record is written either completely or not at all."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._end = 0

    def write(self, record: bytes) -> None:
        """Append one record."""
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
