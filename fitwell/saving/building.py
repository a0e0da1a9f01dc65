"""Building a model from its configuration, within the size of the file that it came from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fitwell.errors import FileError, FitwellError
from fitwell.layers.base import Layer
from fitwell.layers.limits import limited_weights
from fitwell.registry import deserialize, sharing
from fitwell.saving.dialect import from_keras

# What a configuration may be wrong in once it is JSON: missing keys, values of other kinds, sizes of no sense.
_MISTAKES = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    AssertionError,
    NotImplementedError,
    ArithmeticError,
    RecursionError,
    MemoryError,
)


@contextmanager
def readable(where: str) -> Iterator[None]:
    """Turn whatever a configuration makes classes raise inside the block into a `FileError` that names the file."""
    try:
        yield
    except FitwellError as error:
        if isinstance(error, FileError) and where in str(error):
            raise
        raise FileError(f"{where}: {error}") from error
    except _MISTAKES as error:
        raise FileError(f"{where}: not a readable configuration: {type(error).__name__}: {error}") from error


def built_from(config: Any, where: str, file_size: float) -> Any:
    """Return the model that `config`, in Keras's words, describes, with weights still to be read.

    file_size: the bytes of the file, which its weights cannot exceed: a configuration that asks for more is
    refused before they are made.
    """
    with readable(where), limited_weights(file_size), sharing():
        model = deserialize(from_keras(config))
        # Other layers than models can neither be trained nor asked.
        if not isinstance(model, Layer) or not hasattr(model, "fit"):
            raise FileError(f"{where} does not describe a model")
        build = config.get("build_config") or {}
        if not model.built and build.get("input_shape") is not None:
            model.compute_output_shape(build["input_shape"])
    return model
