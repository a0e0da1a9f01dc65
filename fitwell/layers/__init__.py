"""Layers: functions of arrays that own their variables."""

from typing import Any

from fitwell._registry import serialize as _serialize
from fitwell.layers import experimental, normalization
from fitwell.layers.advanced_activations import ELU, LeakyReLU, PReLU, ReLU, RReLU, Softmax
from fitwell.layers.augmentation import RandomBrightness, RandomContrast, RandomFlip
from fitwell.layers.base import Layer, registry
from fitwell.layers.batch_normalization import BatchNormalization
from fitwell.layers.conv_depthwise import (
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
    SeparableConvolution1D,
    SeparableConvolution2D,
)
from fitwell.layers.conv_transpose import (
    Conv1DTranspose,
    Conv2DTranspose,
    Convolution1DTranspose,
    Convolution2DTranspose,
)
from fitwell.layers.convolutional import Conv1D, Conv2D, Convolution1D, Convolution2D
from fitwell.layers.core import Activation, Dense, Flatten, Input, InputLayer, Lambda
from fitwell.layers.embedding import Embedding
from fitwell.layers.gaussian_blur import GaussianBlur, RandomGaussianBlur
from fitwell.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from fitwell.layers.noise import GaussianDropout, GaussianNoise
from fitwell.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AvgPool1D,
    AvgPool2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    MaxPool1D,
    MaxPool2D,
    MaxPooling1D,
    MaxPooling2D,
)
from fitwell.layers.preprocessing import CategoryEncoding, Normalization, Rescaling
from fitwell.layers.random_affine import RandomRotation, RandomShear, RandomTranslation, RandomZoom
from fitwell.layers.regularization import (
    AlphaDropout,
    Dropout,
    MCAlphaDropout,
    MCDropout,
    SpatialDropout1D,
    SpatialDropout2D,
)
from fitwell.layers.reshaping import Permute, RepeatVector, Reshape
from fitwell.layers.resizing import (
    Cropping1D,
    Cropping2D,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)
from fitwell.layers.row_normalization import (
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)

get = registry.get
deserialize = registry.from_config


def serialize(layer: Any) -> Any:
    """Write `layer` as plain data, which `deserialize` reads; weights are not part of it.

    >>> deserialize(serialize(Dense(3, "relu", name="hidden")))
    Dense(units=3, activation=relu, name='hidden')
    """
    return _serialize(layer)


__all__ = [
    "Activation",
    "Add",
    "AlphaDropout",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNormalization",
    "CategoryEncoding",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "ELU",
    "Embedding",
    "Flatten",
    "GaussianBlur",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MCAlphaDropout",
    "MCDropout",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "RReLU",
    "RandomBrightness",
    "RandomContrast",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "Subtract",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "experimental",
    "get",
    "maximum",
    "minimum",
    "multiply",
    "normalization",
    "registry",
    "serialize",
    "subtract",
]


def __dir__() -> list[str]:
    return sorted(__all__)
