"""The functions of ``tf.summary``: they write to the writer whose ``as_default()`` block they are called in."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fitwell._param_validation import validate_params
from fitwell.errors import InvalidArgument, StateError
from fitwell.events.event_writer import EVENT_RULES, EventWriter
from fitwell.events.summaries import BUCKETS

_local = threading.local()


@validate_params()
def create_file_writer(logdir: str | os.PathLike[str]) -> EventWriter:
    """Return a writer of a new event file in the folder `logdir`."""
    return EventWriter(logdir)


@contextmanager
def use_default_writer(writer: EventWriter) -> Iterator[None]:
    """Make `writer` the one that the functions here write to, inside the block."""
    stack: list[EventWriter] = _local.__dict__.setdefault("writers", [])
    stack.append(writer)
    try:
        yield
    finally:
        stack.pop()


def _writer() -> EventWriter:
    stack: list[EventWriter] = getattr(_local, "writers", [])
    if not stack:
        raise StateError(
            "there is no writer: call this inside `with events.create_file_writer(folder).as_default():`"
        )
    return stack[-1]


def _step(name: str, step: int | None) -> int:
    if step is None:
        raise InvalidArgument(
            f"{name!r} needs a step, the number of its place on the horizontal axis: step=..."
        )
    return int(step)


@validate_params(EVENT_RULES)
def scalar(name: str, data: Any, step: int | None = None, description: str | None = None) -> None:
    """Write a number."""
    _writer().scalar(name, data, _step(name, step), description)


@validate_params(EVENT_RULES)
def histogram(
    name: str, data: Any, step: int | None = None, buckets: int = BUCKETS, description: str | None = None
) -> None:
    """Write the distribution of the values of an array."""
    _writer().histogram(name, data, _step(name, step), buckets, description)


@validate_params(EVENT_RULES)
def image(
    name: str, data: Any, step: int | None = None, max_outputs: int = 3, description: str | None = None
) -> None:
    """Write images ``[images, height, width, channels]``: bytes, or floats from 0 to 1."""
    _writer().image(name, data, _step(name, step), max_outputs, description)


@validate_params(EVENT_RULES)
def figure(name: str, figure: Any, step: int | None = None, description: str | None = None) -> None:
    """Write a Matplotlib figure as an image."""
    _writer().figure(name, figure, _step(name, step), description)


@validate_params(EVENT_RULES)
def text(name: str, data: Any, step: int | None = None, description: str | None = None) -> None:
    """Write a text, or an array of texts, in Markdown."""
    _writer().text(name, data, _step(name, step), description)


@validate_params(EVENT_RULES)
def audio(
    name: str,
    data: Any,
    sample_rate: int,
    step: int | None = None,
    max_outputs: int = 3,
    description: str | None = None,
) -> None:
    """Write sounds ``[sounds, frames, channels]`` with values from -1 to 1."""
    _writer().audio(name, data, sample_rate, _step(name, step), max_outputs, description)


@validate_params(EVENT_RULES)
def hparams(hparams: Mapping[str, Any]) -> None:
    """Write the hyperparameters of the run in whose folder the writer writes."""
    _writer().hparams(hparams)


@validate_params(EVENT_RULES)
def graph(model: Any) -> None:
    """Write the layers of a model and how they are connected."""
    _writer().graph(model)
