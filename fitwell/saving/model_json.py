"""The architecture of a model as JSON text, without weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fitwell._load_budget import LARGEST_WITHOUT_FILE, limit_loading
from fitwell._param_validation import Instance, validate_params
from fitwell._registry import custom_objects as custom_scope
from fitwell.layers.base import Layer
from fitwell.saving.bounded_json import dump_json, parse_json
from fitwell.saving.keras_v3_archive import model_config
from fitwell.saving.model_builder import build_model


@validate_params(model=Instance(Layer, "a model"))
def to_json(model: Any, **options: Any) -> str:
    """Return the architecture in Keras's words; `options` (``indent=2``) are those of `json.dumps`."""
    return dump_json(model_config(model), **options)


@validate_params(json_string=Instance((str, bytes), "the text that to_json wrote"))
def model_from_json(json_string: str | bytes, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return a model with new weights for what `to_json`, here or in Keras, wrote.

    custom_objects: classes and functions of your own that the text names. Raises `FileError` as `load_model` does,
    and for weights of more than 256 MiB together: no file beside the text vouches for them. A larger model is built in
    code, or loaded from a ``.keras`` file.
    """
    where = "model_from_json"
    beyond = (
        f"which is, with the weights before it, more than the {LARGEST_WITHOUT_FILE // 2**20} MiB that a text "
        "without a file of weights may ask for: build this model in code, or load_model a .keras file of it"
    )
    told = limit_loading(where, len(json_string), LARGEST_WITHOUT_FILE, beyond=beyond)
    with told, custom_scope(custom_objects or {}):
        return build_model(parse_json(json_string, where), where)
