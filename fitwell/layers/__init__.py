"""Neural network layers. A layer computes output arrays from input arrays, and owns its variables."""

from typing import Any

from fitwell._registry import serialize as _serialize
from fitwell.layers import normalization
from fitwell.layers import operation as _operation  # noqa: F401 - registers the operators of KerasTensor
from fitwell.layers.activation import Activation
from fitwell.layers.activity_regularization import ActivityRegularization
from fitwell.layers.alpha_dropout import AlphaDropout, MCAlphaDropout
from fitwell.layers.average_pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
)
from fitwell.layers.base import Layer, registry
from fitwell.layers.batch_normalization import BatchNormalization
from fitwell.layers.category_encoding import CategoryEncoding
from fitwell.layers.concatenate import Concatenate, concatenate
from fitwell.layers.conv import Conv1D, Conv2D, Convolution1D, Convolution2D
from fitwell.layers.conv_transpose import (
    Conv1DTranspose,
    Conv2DTranspose,
    Convolution1DTranspose,
    Convolution2DTranspose,
)
from fitwell.layers.cropping import Cropping1D, Cropping2D, Cropping3D
from fitwell.layers.dense import Dense
from fitwell.layers.deprecated_paths import experimental
from fitwell.layers.depthwise_conv import DepthwiseConv1D, DepthwiseConv2D
from fitwell.layers.dot import Dot, dot
from fitwell.layers.dropout import Dropout, MCDropout
from fitwell.layers.elu import ELU
from fitwell.layers.embedding import Embedding
from fitwell.layers.feature_scaling import FeatureScaling
from fitwell.layers.flatten import Flatten
from fitwell.layers.gaussian_blur import GaussianBlur
from fitwell.layers.gaussian_dropout import GaussianDropout
from fitwell.layers.gaussian_noise import GaussianNoise
from fitwell.layers.global_pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalAvgPool3D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPool3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
)
from fitwell.layers.group_normalization import GroupNormalization
from fitwell.layers.input_layer import Input, InputLayer
from fitwell.layers.lambda_layer import Lambda
from fitwell.layers.layer_normalization import LayerNormalization
from fitwell.layers.leaky_relu import LeakyReLU
from fitwell.layers.masking import Masking
from fitwell.layers.max_pooling import (
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from fitwell.layers.merging import (
    Add,
    Average,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    maximum,
    minimum,
    multiply,
    subtract,
)
from fitwell.layers.normalization import Normalization
from fitwell.layers.ntk_dense import NTKDense
from fitwell.layers.parametric_activation import ParametricActivation
from fitwell.layers.periodic_embedding import PeriodicEmbedding
from fitwell.layers.permute import Permute
from fitwell.layers.piecewise_linear_encoding import PiecewiseLinearEncoding, quantile_bin_edges
from fitwell.layers.prelu import PReLU
from fitwell.layers.random_brightness import RandomBrightness
from fitwell.layers.random_contrast import RandomContrast
from fitwell.layers.random_flip import RandomFlip
from fitwell.layers.random_gaussian_blur import RandomGaussianBlur
from fitwell.layers.random_rotation import RandomRotation
from fitwell.layers.random_shear import RandomShear
from fitwell.layers.random_translation import RandomTranslation
from fitwell.layers.random_zoom import RandomZoom
from fitwell.layers.recurrent import GRU, LSTM, SimpleRNN
from fitwell.layers.recurrent_cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from fitwell.layers.relu import ReLU
from fitwell.layers.repeat_vector import RepeatVector
from fitwell.layers.rescaling import Rescaling
from fitwell.layers.reshape import Reshape
from fitwell.layers.rms_normalization import RMSNormalization
from fitwell.layers.rnn import RNN
from fitwell.layers.rrelu import RReLU
from fitwell.layers.separable_conv import (
    SeparableConv1D,
    SeparableConv2D,
    SeparableConvolution1D,
    SeparableConvolution2D,
)
from fitwell.layers.softmax import Softmax
from fitwell.layers.spatial_dropout import SpatialDropout1D, SpatialDropout2D, SpatialDropout3D
from fitwell.layers.unit_normalization import UnitNormalization
from fitwell.layers.up_sampling import UpSampling1D, UpSampling2D
from fitwell.layers.wrapper import Bidirectional, TimeDistributed, Wrapper
from fitwell.layers.zero_padding import ZeroPadding1D, ZeroPadding2D, ZeroPadding3D


def get(identifier: Any) -> Any:
    """Return the layer that an identifier specifies.

    Args:
        identifier (str | Layer | type | dict): A name, a layer, a class or a configuration.

    Returns:
        Layer: The layer.

    Raises:
        InvalidArgument: if no layer matches the identifier.

    Example:
        >>> import fitwell as fw
        >>> fw.layers.get("flatten").name.startswith("flatten")
        True
    """
    return registry.get(identifier)


def deserialize(config: Any) -> Any:
    """Create a layer from a configuration that was returned by `serialize` or saved by Keras.

    Args:
        config (dict): The configuration.

    Returns:
        Layer: A new layer, without weights.

    Example:
        >>> import fitwell as fw
        >>> fw.layers.deserialize({"class_name": "Dense", "config": {"units": 3, "name": "hidden"}})
        Dense(units=3, name='hidden')
    """
    return registry.from_config(config)


def serialize(layer: Any) -> Any:
    """Return the layer's configuration, without weights, as JSON-compatible data for `deserialize`.

    Args:
        layer (Layer): The layer.

    Returns:
        dict: The configuration.

    Example:
        >>> import fitwell as fw
        >>> fw.layers.deserialize(fw.layers.serialize(fw.layers.Dense(3, "relu", name="hidden")))
        Dense(units=3, activation=relu, name='hidden')
    """
    return _serialize(layer)


__all__ = [
    "Activation",
    "ActivityRegularization",
    "Add",
    "AlphaDropout",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "Bidirectional",
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
    "Cropping3D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "ELU",
    "Embedding",
    "FeatureScaling",
    "Flatten",
    "GRU",
    "GRUCell",
    "GaussianBlur",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "Input",
    "InputLayer",
    "LSTM",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MCAlphaDropout",
    "MCDropout",
    "Masking",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "Minimum",
    "Multiply",
    "NTKDense",
    "Normalization",
    "PReLU",
    "ParametricActivation",
    "PeriodicEmbedding",
    "Permute",
    "PiecewiseLinearEncoding",
    "RMSNormalization",
    "RNN",
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
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "StackedRNNCells",
    "Subtract",
    "TimeDistributed",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
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
    "quantile_bin_edges",
    "registry",
    "serialize",
    "subtract",
]


def __dir__() -> list[str]:
    return sorted(__all__)
