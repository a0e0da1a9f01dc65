"""Functions that convert values to TensorBoard summaries, one for each kind of summary."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from fitwell._escaping import short_repr
from fitwell._typing import NumpyArray
from fitwell.errors import InvalidArgument
from fitwell.events import tensorboard_protos

__all__ = [
    "BUCKETS",
    "audio",
    "check_array",
    "check_hparams",
    "check_text",
    "histogram",
    "hparams",
    "image",
    "png",
    "scalar",
    "text",
]

BUCKETS = 30


def _summary(tag: str, tensor: Any, metadata: Any) -> Any:
    summary = tensorboard_protos.load_protos().Summary()
    summary.value.add(tag=tag, tensor=tensor, metadata=metadata)
    return summary


def check_array(kind: str, tag: str, data: Any) -> None:
    """Check that `data` has a shape and dtype that are valid for this `kind` of summary.

    The check does not wait for a JAX array's values to be computed.

    Args:
        kind: The kind of summary, such as ``"image"``.
        tag: The tag of the chart, for error messages.
        data: The array to check.

    Raises:
        InvalidArgument: if the shape or the dtype is not valid.
    """
    where, shape = f"{kind} {tag!r}: data", tuple(data.shape)
    # bfloat16 is not a NumPy type, and its kind is "V" (void).
    if data.dtype.kind not in "biuf" and data.dtype.name != "bfloat16":
        raise InvalidArgument(
            f"{where} must be a number or an array of numbers, got {short_repr(data if data.ndim else data.item())}"
        )
    if kind == "scalar" and data.size != 1:
        raise InvalidArgument(f"{where}: expected one number, got an array of shape {shape}")
    if kind == "image" and (data.ndim != 4 or shape[-1] not in (1, 2, 3, 4) or not data.size):
        raise InvalidArgument(
            f"{where}: expected [images, height, width, channels] with 1 to 4 channels, got shape {shape}"
        )
    if kind == "image" and data.dtype.kind in "iu" and data.dtype != np.uint8:
        raise InvalidArgument(
            f"{where}: expected uint8 from 0 to 255, or floats from 0 to 1, got {data.dtype}. "
            "If all values are from 0 to 255, use data.astype('uint8')."
        )
    if kind == "audio" and (data.ndim != 3 or not data.shape[2]):
        raise InvalidArgument(f"{where}: expected [clips, frames, channels], got shape {shape}")


def check_text(tag: str, data: Any) -> None:
    """Check that `data` is a string or an array of strings.

    Raises:
        InvalidArgument: if `data` contains anything else.
    """
    for part in np.array(data, dtype=object).ravel():
        if not isinstance(part, str | bytes):
            raise InvalidArgument(
                f"text {tag!r}: data must be a string or an array of strings, got {short_repr(part)}"
            )


def check_hparams(values: Mapping[str, Any]) -> None:
    """Check that the names of hyperparameters are strings and that the values are numbers, strings or booleans.

    Raises:
        InvalidArgument: if a name or a value has any other type.
    """
    for name, value in values.items():
        if not isinstance(name, str):
            raise InvalidArgument(f"hparams: names must be strings, got {short_repr(name)}")
        if not isinstance(value, bool | int | float | str | np.number | np.bool_):
            raise InvalidArgument(
                f"hparams: {name!r} must be a number, a string or a boolean, got {short_repr(value)}. You can convert "
                "other values with str()."
            )


def scalar(tag: str, data: Any, description: str | None = None) -> Any:
    """Create a scalar summary of one number."""
    pb = tensorboard_protos.load_protos()
    value = np.asarray(data, np.float32)
    return _summary(
        tag,
        pb.make_tensor(value.reshape(())),
        pb.scalar.create_summary_metadata(display_name=None, description=description),
    )


def histogram(tag: str, data: Any, buckets: int = BUCKETS, description: str | None = None) -> Any:
    """Create a histogram summary of the finite values in `data`.

    Each row of the histogram table consists of a bucket's left edge, right edge and count.
    """
    pb = tensorboard_protos.load_protos()
    values = np.asarray(data, np.float64).ravel()
    values = values[np.isfinite(values)]
    if not values.size:
        table = np.zeros((buckets, 3))
    elif values.min() == values.max():
        # Use the same format as TensorBoard. All edges are equal to the value, and the last bucket contains all counts.
        table = np.full((buckets, 3), values[0])
        table[:, 2] = 0
        table[-1, 2] = values.size
    else:
        counts, edges = np.histogram(values, buckets)
        table = np.stack([edges[:-1], edges[1:], counts], axis=1)
    return _summary(
        tag,
        pb.make_tensor(table, dtype=np.float64),
        pb.histogram.create_summary_metadata(display_name=None, description=description),
    )


def image(tag: str, data: Any, max_outputs: int = 3, description: str | None = None) -> Any:
    """Create an image summary.

    `data` has the shape ``[images, height, width, channels]``. Its values are uint8, or floats in [0, 1].
    """
    pixels = np.asarray(data)
    if pixels.dtype != np.uint8:
        pixels = (np.clip(np.nan_to_num(pixels), 0, 1) * 255 + 0.5).astype(np.uint8)
    height, width = pixels.shape[1:3]
    return png(tag, [_png(picture) for picture in pixels[:max_outputs]], width, height, description)


def png(tag: str, images: list[bytes], width: int, height: int, description: str | None = None) -> Any:
    """Create an image summary from images that are already encoded as PNG files."""
    pb = tensorboard_protos.load_protos()
    content = [str(width).encode(), str(height).encode(), *images]
    return _summary(
        tag,
        pb.make_tensor(np.array(content, dtype=object)),
        pb.image.create_summary_metadata(display_name=None, description=description),
    )


def _png(pixels: NumpyArray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()


def text(tag: str, data: Any, description: str | None = None) -> Any:
    """Create a text summary of a Markdown string or an array of Markdown strings."""
    pb = tensorboard_protos.load_protos()
    return _summary(
        tag,
        pb.make_tensor(np.array(data, dtype=object)),
        pb.text.create_summary_metadata(display_name=None, description=description),
    )


def audio(tag: str, data: Any, sample_rate: int, max_outputs: int = 3, description: str | None = None) -> Any:
    """Encode audio clips as 16-bit WAV files, and create a summary of them.

    `data` has the shape ``[clips, frames, channels]`` and values in [-1, 1].
    """
    pb = tensorboard_protos.load_protos()
    sounds = np.asarray(data, np.float64)
    encoding = pb.audio.Encoding.Value("WAV")
    # The second column is for labels, which TensorBoard no longer shows.
    rows = [[_wav(sound, sample_rate), b""] for sound in sounds[:max_outputs]]
    return _summary(
        tag,
        pb.make_tensor(np.array(rows, dtype=object)),
        pb.audio.create_summary_metadata(display_name=None, description=description, encoding=encoding),
    )


def _wav(sound: NumpyArray, sample_rate: int) -> bytes:
    import wave

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((np.clip(sound, -1, 1) * 32767).round().astype("<i2").tobytes())
    return buffer.getvalue()


def hparams(values: Mapping[str, Any]) -> Any:
    """Create a summary of a run's hyperparameters. The dict `values` maps names to hyperparameters."""
    return tensorboard_protos.load_protos().hparams(dict(values))
