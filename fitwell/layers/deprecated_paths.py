"""Module paths from Keras 2, such as `layers.core`, which still work but give a deprecation warning.

The modules are created from a table, so that no path needs a separate file.
"""

from __future__ import annotations

import sys
from types import ModuleType

from fitwell._deprecation import add_deprecated_module

__all__ = ["experimental"]

_NAMES = {
    "advanced_activations": ["ELU", "LeakyReLU", "PReLU", "ReLU", "RReLU", "Softmax"],
    "convolutional": ["Conv1D", "Conv2D", "Convolution1D", "Convolution2D"],
    "core": ["Activation", "Dense", "Flatten", "Input", "InputLayer", "Lambda"],
    "embeddings": ["Embedding"],
    "merge": [
        "Add",
        "Average",
        "Concatenate",
        "Dot",
        "Maximum",
        "Minimum",
        "Multiply",
        "Subtract",
        "add",
        "average",
        "concatenate",
        "dot",
        "maximum",
        "minimum",
        "multiply",
        "subtract",
    ],
    "noise": ["AlphaDropout", "GaussianDropout", "GaussianNoise"],
    "pooling": [
        "AveragePooling1D",
        "AveragePooling2D",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "MaxPooling1D",
        "MaxPooling2D",
    ],
    "experimental": ["preprocessing"],
    "experimental.preprocessing": [
        "CategoryEncoding",
        "Normalization",
        "RandomContrast",
        "RandomFlip",
        "RandomRotation",
        "RandomTranslation",
        "RandomZoom",
        "Rescaling",
    ],
}


def _create(path: str, names: list[str]) -> ModuleType:
    """Create the module `fitwell.layers.<path>`, which provides `names` from `fitwell.layers`."""
    full = f"fitwell.layers.{path}"
    module = add_deprecated_module(full, "fitwell.layers", names)
    if "." not in path:
        setattr(sys.modules["fitwell.layers"], path, module)
    return module


_modules = {path: _create(path, names) for path, names in _NAMES.items()}
experimental = _modules["experimental"]
vars(experimental).update(__path__=[], preprocessing=_modules["experimental.preprocessing"])
