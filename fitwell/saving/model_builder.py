"""Building a model from its configuration, within the budget of the load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fitwell._registry import deserialize, shared_object_scope
from fitwell.errors import FileError, FitwellError
from fitwell.layers.base import Layer
from fitwell.saving.keras_config import from_keras


@contextmanager
def convert_config_errors(where: str) -> Iterator[None]:
    """Turn whatever a configuration makes classes raise inside the block into a `FileError` that names the file."""
    try:
        yield
    except FitwellError as error:
        if isinstance(error, FileError) and where in str(error):
            raise
        raise FileError(f"{where}: {error}") from error
    except Warning:
        raise  # one that the user has made an error
    except Exception as error:
        # Missing keys, values of other kinds, sizes that make no sense: each library has errors of its own for them.
        raise FileError(f"{where}: not a readable configuration: {type(error).__name__}: {error}") from error


def build_model(config: Any, where: str) -> Any:
    """Return the model that `config`, in Keras's words, describes, with weights still to be read.

    Called within a budget (`fitwell._load_budget.limit_loading`): a configuration that asks for larger weights than the file
    holds is refused before they are made.
    """
    with convert_config_errors(where), shared_object_scope():
        model = deserialize(from_keras(config))
        # Other layers than models can neither be trained nor asked.
        if not isinstance(model, Layer) or not hasattr(model, "fit"):
            raise FileError(f"{where} does not describe a model")
        build = config.get("build_config") or {}
        if not model.built and build.get("input_shape") is not None:
            model.compute_output_shape(build["input_shape"])
    return model
