"""The functions and classes from Keras's ``utils``, some of which are defined in other modules."""

from __future__ import annotations

from fitwell._data.arrays import class_codes
from fitwell._deprecation import deprecated_module_getattr
from fitwell._engine.compile_cache import clear_caches
from fitwell._registry import custom_objects as custom_object_scope
from fitwell.models.model_visualization import plot_model
from fitwell.random import set_random_seed
from fitwell.saving import (
    CustomObjectScope,
    deserialize_keras_object,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from fitwell.utils import np_utils, vis_utils
from fitwell.utils.numerical_utils import normalize, to_categorical
from fitwell.utils.py_dataset import PyDataset
from fitwell.utils.sequence_utils import pad_sequences

__all__ = [
    "CustomObjectScope",
    "PyDataset",
    "class_codes",
    "clear_caches",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_registered_name",
    "get_registered_object",
    "normalize",
    "np_utils",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "to_categorical",
    "vis_utils",
]

__getattr__ = deprecated_module_getattr(__name__, __name__, {"Sequence": "PyDataset"})


def __dir__() -> list[str]:
    return sorted(__all__)
