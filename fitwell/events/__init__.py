"""TensorBoard event files without TensorFlow, through functions named like those of ``tf.summary``.

>>> import tempfile
>>> from fitwell import events
>>> writer = events.create_file_writer(tempfile.mkdtemp())
>>> with writer.as_default():
...     events.scalar("loss", 0.5, step=1)
>>> writer.close()
"""

from fitwell.events.functions import (
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
from fitwell.events.writer import EventWriter

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
