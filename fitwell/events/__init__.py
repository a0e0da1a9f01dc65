"""Functions that write TensorBoard event files without TensorFlow. They have the same names as in ``tf.summary``.

>>> import tempfile
>>> from fitwell import events
>>> writer = events.create_file_writer(tempfile.mkdtemp())
>>> with writer.as_default():
...     events.scalar("loss", 0.5, step=1)
>>> writer.close()
"""

from fitwell.events.event_writer import EventWriter
from fitwell.events.summary_functions import (
    audio,
    create_file_writer,
    figure,
    graph,
    histogram,
    hparams,
    image,
    scalar,
    text,
)

__all__ = [
    "EventWriter",
    "audio",
    "create_file_writer",
    "figure",
    "graph",
    "histogram",
    "hparams",
    "image",
    "scalar",
    "text",
]


def __dir__() -> list[str]:
    return sorted(__all__)
