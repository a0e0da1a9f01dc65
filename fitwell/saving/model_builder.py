"""Functions that build a model from its configuration, within the memory budget for loading a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fitwell._registry import deserialize, shared_object_scope
from fitwell.errors import FileError, FitwellError
from fitwell.layers.base import Layer
from fitwell.saving.keras_config import from_keras

__all__ = ["build_model", "convert_config_errors"]


@contextmanager
def convert_config_errors(where: str) -> Iterator[None]:
    """Convert exceptions inside the block to a `FileError` that includes the file name.

    Use it around code that can fail because a configuration is not valid.
    """
    try:
        yield
    except FitwellError as error:
        if isinstance(error, FileError) and where in str(error):
            raise
        raise FileError(f"{where}: {error}") from error
    except Warning:
        raise  # a warning that the user configured to be an error
    except Exception as error:
        # Each library raises different errors for missing keys, values of the wrong type and impossible sizes.
        raise FileError(
            f"{where}: the configuration is not readable: {type(error).__name__}: {error}"
        ) from error


def build_model(config: Any, where: str) -> Any:
    """Build a model from `config`, which is in Keras's format. The weights are read later.

    Raises:
        FileError: if the configuration is not valid, or if it requires larger weights than the file contains. In the
            second case, the load's budget (`fitwell._load_budget.limit_loading`) raises the error before any memory is
            allocated.
    """
    with convert_config_errors(where), shared_object_scope():
        model = deserialize(from_keras(config))
        # Only models have the method `fit`.
        if not isinstance(model, Layer) or not hasattr(model, "fit"):
            raise FileError(f"{where} does not contain a model")
        build = config.get("build_config") or {}
        if not model.built and build.get("input_shape") is not None:
            model.compute_output_shape(build["input_shape"])
    return model
