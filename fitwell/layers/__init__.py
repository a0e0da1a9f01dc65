"""Layers: functions of arrays that own their variables."""

from fitwell.layers.base import Layer, registry
from fitwell.layers.core import Activation, Dense, Flatten, Input, InputLayer, Lambda
from fitwell.layers.merge import Add, Concatenate, add, concatenate
from fitwell.layers.normalization import BatchNormalization
from fitwell.layers.regularization import Dropout

get = registry.get
deserialize = registry.from_config

__all__ = [
    "Activation",
    "Add",
    "BatchNormalization",
    "Concatenate",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "add",
    "concatenate",
    "deserialize",
    "get",
    "registry",
]
