"""Build a model from its configuration, within the memory budget of the load."""

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
    """Convert exceptions inside the block, which a configuration causes, to a `FileError` that names the file."""
    try:
        yield
    except FitwellError as error:
        if isinstance(error, FileError) and where in str(error):
            raise
        raise FileError(f"{where}: {error}") from error
    except Warning:
        raise  # a warning that the user has turned into an error
    except Exception as error:
        # Missing keys, values of other types, impossible sizes: each library raises different errors for them.
        raise FileError(f"{where}: not a readable configuration: {type(error).__name__}: {error}") from error


def build_model(config: Any, where: str) -> Any:
    """Return the model of `config`, in the format of Keras; its weights are read later.

    The memory budget (`fitwell._load_budget.limit_loading`) raises for a configuration that asks for larger weights
    than the file contains before they are allocated.
    """
    with convert_config_errors(where), shared_object_scope():
        model = deserialize(from_keras(config))
        # Layers other than models have no `fit` and no `predict`.
        if not isinstance(model, Layer) or not hasattr(model, "fit"):
            raise FileError(f"{where} does not contain a model")
        build = config.get("build_config") or {}
        if not model.built and build.get("input_shape") is not None:
            model.compute_output_shape(build["input_shape"])
    return model
