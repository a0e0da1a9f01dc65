"""Functions like those in ``tf.summary`` that write to the default writer.

The default writer is the writer whose ``as_default()`` block is active.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fitwell._param_validation import validate_params
from fitwell._typing import PathType
from fitwell.errors import InvalidArgument
from fitwell.events.default_writer import get_default_writer
from fitwell.events.event_writer import EVENT_RULES, EventWriter
from fitwell.events.summaries import BUCKETS

__all__ = [
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


@validate_params()
def create_file_writer(logdir: PathType) -> EventWriter:
    """Create a new event file, and return its writer.

    Args:
        logdir (str | PathLike): The folder for the file. It is created if it does not exist.

    Returns:
        EventWriter: The writer.

    Raises:
        FileError: if the file cannot be created.
        MissingExtra: if the package ``tensorboard`` is not installed.

    Example:
        >>> import os, tempfile
        >>> from fitwell import events
        >>> folder = tempfile.mkdtemp()
        >>> events.create_file_writer(folder).close()
        >>> len(os.listdir(folder))
        1

    Source: TensorFlow ``tf.summary.create_file_writer``.
    """
    return EventWriter(logdir)


def _step(name: str, step: int | None) -> int:
    if step is None:
        raise InvalidArgument(
            f"{name!r} needs a step, which is its position on the horizontal axis. Pass step=..."
        )
    return int(step)


@validate_params(EVENT_RULES)
def scalar(name: str, data: Any, step: int | None = None, description: str | None = None) -> None:
    """Write a number to the default writer.

    Args:
        name (str): The tag of the chart.
        data (ArrayLike): The number, or an array with one element.
        step (int): The position on the horizontal axis, which must be >= 0.
        description (str | None): A description in Markdown. Default: None.

    Raises:
        StateError: if there is no default writer.
        InvalidArgument: if an argument is not valid.

    Example:
        >>> import tempfile
        >>> from fitwell import events
        >>> writer = events.create_file_writer(tempfile.mkdtemp())
        >>> with writer.as_default():
        ...     events.scalar("loss", 0.5, step=1)
        >>> writer.close()

    Source: TensorFlow ``tf.summary.scalar``.
    """
    get_default_writer().scalar(name, data, _step(name, step), description)


@validate_params(EVENT_RULES)
def histogram(
    name: str, data: Any, step: int | None = None, buckets: int = BUCKETS, description: str | None = None
) -> None:
    """Write a histogram of an array's values to the default writer.

    Args:
        name (str): The tag of the chart.
        data (ArrayLike): An array of any shape. Values that are not finite are ignored.
        step (int): The position on the horizontal axis, which must be >= 0.
        buckets (int): The number of buckets. Default: 30.
        description (str | None): A description in Markdown. Default: None.

    Raises:
        StateError: if there is no default writer.
        InvalidArgument: if an argument is not valid.

    Example:
        >>> import numpy as np, tempfile
        >>> from fitwell import events
        >>> writer = events.create_file_writer(tempfile.mkdtemp())
        >>> with writer.as_default():
        ...     events.histogram("weights", np.ones(10), step=1)
        >>> writer.close()

    Source: TensorFlow ``tf.summary.histogram``.
    """
    get_default_writer().histogram(name, data, _step(name, step), buckets, description)


@validate_params(EVENT_RULES)
def image(
    name: str, data: Any, step: int | None = None, max_outputs: int = 3, description: str | None = None
) -> None:
    """Write images to the default writer.

    Args:
        name (str): The tag of the chart.
        data (ArrayLike): The images, of shape ``[images, height, width, channels]``, with 1 to 4 channels. Values are
            uint8, or floats in [0, 1].
        step (int): The position on the horizontal axis, which must be >= 0.
        max_outputs (int): The maximum number of images. Default: 3.
        description (str | None): A description in Markdown. Default: None.

    Raises:
        StateError: if there is no default writer.
        InvalidArgument: if an argument is not valid.

    Example:
        >>> import numpy as np, tempfile
        >>> from fitwell import events
        >>> writer = events.create_file_writer(tempfile.mkdtemp())
        >>> with writer.as_default():
        ...     events.image("digits", np.zeros((1, 8, 8, 1)), step=1)
        >>> writer.close()

    Source: TensorFlow ``tf.summary.image``.
    """
    get_default_writer().image(name, data, _step(name, step), max_outputs, description)


@validate_params(EVENT_RULES)
def figure(name: str, figure: Any, step: int | None = None, description: str | None = None) -> None:
    """Write a Matplotlib figure as an image to the default writer.

    Args:
        name (str): The tag of the image.
        figure (matplotlib.figure.Figure): The figure.
        step (int): The position on the horizontal axis, which must be >= 0.
        description (str | None): A description in Markdown. Default: None.

    Raises:
        StateError: if there is no default writer.
        InvalidArgument: if an argument is not valid.

    Example:
        >>> import matplotlib.pyplot as plt, tempfile
        >>> from fitwell import events
        >>> writer = events.create_file_writer(tempfile.mkdtemp())
        >>> with writer.as_default():
        ...     events.figure("curve", plt.figure(figsize=(1, 1)), step=1)
        >>> writer.close()
    """
    get_default_writer().figure(name, figure, _step(name, step), description)


@validate_params(EVENT_RULES)
def text(name: str, data: Any, step: int | None = None, description: str | None = None) -> None:
    """Write a string, or an array of strings, to the default writer.

    Args:
        name (str): The tag of the chart.
        data (str | ArrayLike): One or more strings in Markdown.
        step (int): The position on the horizontal axis, which must be >= 0.
        description (str | None): A description in Markdown. Default: None.

    Raises:
        StateError: if there is no default writer.
        InvalidArgument: if an argument is not valid.

    Example:
        >>> import tempfile
        >>> from fitwell import events
        >>> writer = events.create_file_writer(tempfile.mkdtemp())
        >>> with writer.as_default():
        ...     events.text("note", "*first* run", step=1)
        >>> writer.close()

    Source: TensorFlow ``tf.summary.text``.
    """
    get_default_writer().text(name, data, _step(name, step), description)


@validate_params(EVENT_RULES)
def audio(
    name: str,
    data: Any,
    sample_rate: int,
    step: int | None = None,
    max_outputs: int = 3,
    description: str | None = None,
) -> None:
    """Write audio clips to the default writer.

    Args:
        name (str): The tag of the chart.
        data (ArrayLike): The clips, of shape ``[clips, frames, channels]``, with values in [-1, 1].
        step (int): The position on the horizontal axis, which must be >= 0.
        sample_rate (int): The number of frames per second.
        max_outputs (int): The maximum number of clips. Default: 3.
        description (str | None): A description in Markdown. Default: None.

    Raises:
        StateError: if there is no default writer.
        InvalidArgument: if an argument is not valid.

    Example:
        >>> import numpy as np, tempfile
        >>> from fitwell import events
        >>> writer = events.create_file_writer(tempfile.mkdtemp())
        >>> with writer.as_default():
        ...     events.audio("tone", np.zeros((1, 100, 1)), sample_rate=8000, step=1)
        >>> writer.close()

    Source: TensorFlow ``tf.summary.audio``.
    """
    get_default_writer().audio(name, data, sample_rate, _step(name, step), max_outputs, description)


@validate_params(EVENT_RULES)
def hparams(hparams: Mapping[str, Any]) -> None:
    """Write the hyperparameters of the run to the default writer.

    Args:
        hparams (Mapping[str, int | float | str | bool]): A dict that maps names to hyperparameters.

    Raises:
        StateError: if there is no default writer.
        InvalidArgument: if a name is not a string, or if a value is not a number, a string or a boolean.

    Example:
        >>> import tempfile
        >>> from fitwell import events
        >>> writer = events.create_file_writer(tempfile.mkdtemp())
        >>> with writer.as_default():
        ...     events.hparams({"learning_rate": 0.1, "units": 64})
        >>> writer.close()

    Source: TensorBoard ``hparams`` plugin.
    """
    get_default_writer().hparams(hparams)


@validate_params(EVENT_RULES)
def graph(model: Any) -> None:
    """Write a graph of a model's layers and their connections to the default writer.

    Args:
        model (Model): The model.

    Raises:
        StateError: if there is no default writer.

    Example:
        >>> import fitwell as fw, tempfile
        >>> from fitwell import events
        >>> writer = events.create_file_writer(tempfile.mkdtemp())
        >>> with writer.as_default():
        ...     events.graph(fw.Sequential([fw.layers.Dense(1, input_shape=(2,))]))
        >>> writer.close()

    Source: TensorFlow ``tf.summary.graph``.
    """
    get_default_writer().graph(model)
