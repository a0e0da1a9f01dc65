"""Example arguments and inputs for every registered layer: the table that the harness runs through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fitwell import schedules

ROWS = 4


@dataclass(frozen=True)
class Case:
    """One layer with arguments, and the shapes of one row of its inputs.

    below: inputs are integers from 0 to this. keras: the arguments that Keras takes for the same layer; None
    where it has none such, or gives other numbers on purpose (`why`). noisy: random in training. always: random at
    inference too. positive: inputs are not negative.
    """

    arguments: dict[str, Any] = field(default_factory=dict)
    shapes: tuple[tuple[int, ...], ...] = ((6,),)
    below: int | None = None
    keras: dict[str, Any] | None = field(default_factory=dict)
    noisy: bool = False
    always: bool = False
    learns: bool = False
    why: str = ""

    def inputs(self, rows: int = ROWS, seed: int = 1, dtype: Any = np.float32) -> list[Any]:
        """Return one array per input."""
        draw = np.random.default_rng(seed)
        if self.below is not None:
            return [draw.integers(0, self.below, (rows, *shape)).astype(np.int32) for shape in self.shapes]
        return [draw.normal(size=(rows, *shape)).astype(dtype) for shape in self.shapes]

    def build(self, layer_class: Any, **more: Any) -> Any:
        """Return a new layer of ours."""
        return layer_class(**self.arguments, **more)


def case(*shapes: tuple[int, ...], **arguments: Any) -> Case:
    """Return a case whose arguments Keras takes as they are."""
    return Case(arguments, shapes or ((6,),), keras=arguments)


def noisy(*shapes: tuple[int, ...], **arguments: Any) -> Case:
    return Case(arguments, shapes or ((6,),), keras=arguments, noisy=True)


def ours(*shapes: tuple[int, ...], why: str, **arguments: Any) -> Case:
    return Case(arguments, shapes or ((6,),), keras=None, why=why)


SEQUENCE = (9, 4)
IMAGE = (8, 7, 4)
FIRST = (4, 8, 7)
VOLUME = (4, 5, 6, 2)
PIXELS = (6, 5, 2)

CASES: dict[str, list[Case]] = {
    # --- dense and simple
    "Dense": [case(units=5), case((3, 6), units=2, activation="tanh", use_bias=False)],
    "Flatten": [case((3, 4))],
    "Activation": [case(activation="relu"), case(activation="softmax")],
    "Reshape": [case((12,), target_shape=(3, 4)), case((3, 4), target_shape=(-1, 2))],
    "Permute": [case((2, 3, 4), dims=(3, 1, 2))],
    "RepeatVector": [case(n=3)],
    "ActivityRegularization": [case(l1=0.1, l2=0.2)],
    # --- volumes
    "MaxPooling3D": [case(VOLUME), case(VOLUME, pool_size=(2, 1, 3), strides=1, padding="same")],
    "AveragePooling3D": [
        case(VOLUME, pool_size=2),
        case(VOLUME, pool_size=(2, 1, 3), strides=1, padding="same"),
    ],
    "GlobalMaxPooling3D": [case(VOLUME), case(VOLUME, keepdims=True)],
    "GlobalAveragePooling3D": [case(VOLUME), case(VOLUME, keepdims=True)],
    "ZeroPadding3D": [case(VOLUME), case(VOLUME, padding=((0, 1), (2, 0), (1, 1)))],
    "Cropping3D": [case(VOLUME, cropping=1), case(VOLUME, cropping=((0, 1), (2, 0), (1, 1)))],
    "SpatialDropout3D": [noisy(VOLUME, rate=0.3)],
    # --- recurrent
    "SimpleRNN": [case(SEQUENCE, units=5), case(SEQUENCE, units=5, return_sequences=True, go_backwards=True)],
    "LSTM": [
        case(SEQUENCE, units=5),
        case(SEQUENCE, units=5, return_sequences=True, unit_forget_bias=False, unroll=True),
    ],
    "GRU": [case(SEQUENCE, units=5), case(SEQUENCE, units=5, reset_after=False, use_bias=False)],
    "Masking": [case(SEQUENCE, mask_value=0.5)],
    # --- activations
    "ReLU": [case(), case(max_value=0.8, negative_slope=0.1, threshold=0.2)],
    "LeakyReLU": [case(), case(negative_slope=0.1)],
    "PReLU": [
        case(alpha_initializer="ones"),
        case((3, 4), shared_axes=[1], alpha_initializer="glorot_uniform"),
    ],
    "RReLU": [
        Case(noisy=True, keras=None, why="not in Keras"),
        Case({"lower": 0.2, "upper": 0.9}, noisy=True, keras=None, why="not in Keras"),
    ],
    "ELU": [case(), case(alpha=0.5)],
    "Softmax": [case(), case((3, 4), axis=1), case((3, 4), axis=[1, 2])],
    # --- tables
    "NTKDense": [
        ours(units=5, why="not in Keras"),
        ours((3, 6), units=2, activation="tanh", use_bias=False, why="not in Keras"),
    ],
    "ParametricActivation": [ours(activation="selu", why="not in Keras")],
    "FeatureScaling": [ours(why="not in Keras"), ours((3, 4), why="not in Keras")],
    "PeriodicEmbedding": [
        ours(why="not in Keras"),
        ours(output_dim=3, num_frequencies=5, activation="relu", include_input=False, why="not in Keras"),
    ],
    "PiecewiseLinearEncoding": [
        ours((3,), bin_edges=[[-1.0, 0.0, 0.5], [0.0], [-2.0, 3.0]], why="not in Keras"),
    ],
    # --- regularization
    "Dropout": [
        noisy(rate=0.4),
        Case(
            {"rate": schedules.FlatCosineDecay(0.4, 10)},
            noisy=True,
            keras=None,
            why="Keras takes numbers only",
        ),
        noisy((3, 6), rate=0.4, noise_shape=(None, 1, 6), seed=3),
    ],
    "MCDropout": [Case({"rate": 0.4}, noisy=True, always=True, keras=None, why="not in Keras")],
    "AlphaDropout": [noisy(rate=0.4), noisy((3, 6), rate=0.2, noise_shape=(None, 1, 6))],
    "MCAlphaDropout": [Case({"rate": 0.4}, noisy=True, always=True, keras=None, why="not in Keras")],
    "GaussianNoise": [noisy(stddev=0.3), noisy(stddev=0.3, seed=5)],
    "GaussianDropout": [noisy(rate=0.4)],
    "SpatialDropout1D": [noisy(SEQUENCE, rate=0.4)],
    "SpatialDropout2D": [noisy(IMAGE, rate=0.4), noisy(FIRST, rate=0.4, data_format="channels_first")],
    # --- normalization
    "BatchNormalization": [
        Case({"momentum": 0.8}, keras={"momentum": 0.8}, learns=True),
        Case({"axis": [1, 2]}, ((3, 4, 2),), keras=None, learns=True, why="Keras 3 takes one axis only"),
    ],
    "LayerNormalization": [
        case(),
        case((3, 4), axis=[1, 2], epsilon=0.1),
        case((3, 4), axis=1, center=False, scale=False),
    ],
    "RMSNormalization": [
        case(epsilon=0.1),
        ours((3, 4), axis=1, why="Keras cannot broadcast its scale along another axis than the last"),
    ],
    "GroupNormalization": [case(groups=3), case(IMAGE, groups=2), case(FIRST, groups=-1, axis=1)],
    "UnitNormalization": [case(), case((3, 4), axis=[1, 2])],
    # --- merging
    "Concatenate": [case((3, 4), (3, 2)), case((3, 4), (2, 4), axis=1)],
    "Add": [case((6,), (6,), (6,))],
    "Subtract": [case((3, 6), (3, 6))],
    "Multiply": [case((6,), (6,), (6,))],
    "Average": [case((6,), (6,), (6,))],
    "Maximum": [case((6,), (6,), (6,))],
    "Minimum": [case((6,), (6,), (6,))],
    "Dot": [
        case((6,), (6,), axes=1),
        case((3, 5), (4, 3), axes=(1, 2)),
        case((3, 5), (2, 5), axes=-1, normalize=True),
    ],
    # --- preprocessing
    "Normalization": [
        case(mean=[0.0, 1.0, 2.0, 0.5, 0.1, 3.0], variance=[1.0, 2.0, 0.5, 4.0, 1.0, 9.0]),
        case((3, 2), axis=None, mean=2.0, variance=4.0, invert=True),
        ours((3, 2), axis=1, why="Keras has no statistics before adapt; compared in test_preprocessing.py"),
    ],
    "Rescaling": [case(scale=1 / 255, offset=-1.0), case(scale=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])],
    "Embedding": [Case({"input_dim": 7, "output_dim": 3}, ((5,),), 7, {"input_dim": 7, "output_dim": 3})],
    "CategoryEncoding": [
        Case({"num_tokens": 7, "output_mode": mode}, shape, 7, {"num_tokens": 7, "output_mode": mode})
        for mode, shape in (
            ("one_hot", ((1,),)),
            ("one_hot", ((5,),)),
            ("multi_hot", ((5,),)),
            ("count", ((5,),)),
        )
    ],
    # --- augmentation
    "RandomTranslation": [noisy(PIXELS, height_factor=0.3, width_factor=(0.1, 0.4))],
    "RandomRotation": [
        noisy(PIXELS, factor=0.2),
        noisy((2, 6, 5), factor=0.2, data_format="channels_first", fill_mode="constant"),
        Case({"factor": 0.2}, ((6, 5),), keras=None, noisy=True, why="Keras takes three axes as one image"),
    ],
    "RandomZoom": [
        noisy(PIXELS, height_factor=0.3),
        noisy(PIXELS, height_factor=0.3, width_factor=(0.1, 0.4)),
    ],
    "RandomShear": [noisy(PIXELS, x_factor=0.3, y_factor=(0.1, 0.2))],
    "RandomFlip": [noisy(PIXELS), noisy(PIXELS, mode="vertical", seed=5)],
    "RandomContrast": [noisy(PIXELS, factor=0.5, value_range=(-9, 9))],
    "RandomBrightness": [noisy(PIXELS, factor=0.5, value_range=(-9, 9))],
    "GaussianBlur": [
        # Not random, but training only.
        Case({"sigma": 0.8, "kernel_size": (3, 5)}, (PIXELS,), keras=None, noisy=True, why="not in Keras")
    ],
    "RandomGaussianBlur": [noisy(PIXELS, factor=(1.0, 1.0), value_range=(-9, 9))],
    # --- convolution
    "Conv1D": [
        case(SEQUENCE, filters=3, kernel_size=3),
        case(SEQUENCE, filters=3, kernel_size=3, strides=2, padding="same", activation="relu"),
        case(SEQUENCE, filters=6, kernel_size=2, padding="causal", dilation_rate=2, groups=2),
        case((4, 9), filters=3, kernel_size=4, padding="same", data_format="channels_first", use_bias=False),
    ],
    "Conv2D": [
        case(IMAGE, filters=3, kernel_size=3),
        case(IMAGE, filters=6, kernel_size=(2, 3), strides=2, padding="same", groups=2),
        case(IMAGE, filters=3, kernel_size=2, dilation_rate=(2, 1), activation="tanh"),
        case(FIRST, filters=3, kernel_size=3, strides=(1, 2), data_format="channels_first"),
    ],
    "Conv1DTranspose": [
        case(SEQUENCE, filters=3, kernel_size=3),
        case(SEQUENCE, filters=3, kernel_size=2, strides=3),
        case(SEQUENCE, filters=3, kernel_size=4, strides=3, padding="same"),
        case(SEQUENCE, filters=3, kernel_size=3, strides=2, padding="same", output_padding=1),
        case((4, 9), filters=3, kernel_size=3, dilation_rate=2, data_format="channels_first"),
    ],
    "Conv2DTranspose": [
        case(IMAGE, filters=3, kernel_size=(3, 2)),
        case(IMAGE, filters=3, kernel_size=3, strides=2, padding="same"),
        case(IMAGE, filters=3, kernel_size=(2, 4), strides=(3, 2), padding="same"),
        case(IMAGE, filters=3, kernel_size=3, strides=2, output_padding=(1, 0)),
        case(FIRST, filters=3, kernel_size=3, strides=2, padding="same", data_format="channels_first"),
    ],
    "DepthwiseConv1D": [
        case(SEQUENCE, kernel_size=3, depth_multiplier=2),
        case(SEQUENCE, kernel_size=3, padding="same", strides=2),
    ],
    "DepthwiseConv2D": [
        case(IMAGE, kernel_size=3, depth_multiplier=2),
        case(IMAGE, kernel_size=(2, 3), padding="same", strides=2, activation="relu"),
        case(FIRST, kernel_size=3, depth_multiplier=2, data_format="channels_first"),
    ],
    "SeparableConv1D": [
        case(SEQUENCE, filters=5, kernel_size=3, depth_multiplier=2),
        case(SEQUENCE, filters=5, kernel_size=3, padding="same", dilation_rate=2),
        ours(SEQUENCE, why="Keras refuses causal padding here", filters=5, kernel_size=3, padding="causal"),
    ],
    "SeparableConv2D": [
        case(IMAGE, filters=5, kernel_size=3, depth_multiplier=2),
        case(IMAGE, filters=5, kernel_size=3, padding="same", strides=2, activation="relu"),
        case(FIRST, filters=5, kernel_size=3, data_format="channels_first"),
    ],
    # --- pooling and resizing
    "MaxPooling1D": [case(SEQUENCE), case(SEQUENCE, pool_size=3, strides=2, padding="same")],
    "MaxPooling2D": [
        case(IMAGE),
        case(IMAGE, pool_size=(3, 2), strides=(2, 1), padding="same"),
        case(FIRST, data_format="channels_first"),
    ],
    "AveragePooling1D": [
        case(SEQUENCE, pool_size=2),
        case(SEQUENCE, pool_size=4, strides=3, padding="same"),
    ],
    "AveragePooling2D": [
        case(IMAGE, pool_size=2),
        case(IMAGE, pool_size=(3, 2), strides=(2, 1), padding="same"),
        case(FIRST, pool_size=3, padding="same", data_format="channels_first"),
    ],
    "GlobalMaxPooling1D": [case(SEQUENCE)],
    "GlobalMaxPooling2D": [case(IMAGE, keepdims=True)],
    "GlobalAveragePooling1D": [case(SEQUENCE, keepdims=True)],
    "GlobalAveragePooling2D": [case(IMAGE), case(FIRST, data_format="channels_first")],
    "ZeroPadding1D": [case(SEQUENCE, padding=(1, 2))],
    "ZeroPadding2D": [
        case(IMAGE, padding=((1, 2), (0, 3))),
        case(FIRST, padding=(1, 2), data_format="channels_first"),
    ],
    "Cropping1D": [case(SEQUENCE, cropping=(1, 2))],
    "Cropping2D": [case(IMAGE, cropping=((1, 2), (0, 3)))],
    "UpSampling1D": [case(SEQUENCE, size=3)],
    "UpSampling2D": [
        case(IMAGE, size=(2, 3)),
        case(IMAGE, interpolation="bilinear"),
        case(FIRST, size=(1, 2), interpolation="bilinear", data_format="channels_first"),
    ],
}

# Registered, but no layer in the sense of the harness.
ELSEWHERE = {
    "Functional": "a model: tests/models",
    "Sequential": "a model: tests/models",
    "InputLayer": "computes nothing: tests/layers/test_core.py",
    "SimpleRNNCell": "takes states or a layer: tests/layers/test_recurrent.py",
    "LSTMCell": "takes states or a layer: tests/layers/test_recurrent.py",
    "GRUCell": "takes states or a layer: tests/layers/test_recurrent.py",
    "StackedRNNCells": "takes states or a layer: tests/layers/test_recurrent.py",
    "RNN": "takes states or a layer: tests/layers/test_recurrent.py",
    "Wrapper": "takes states or a layer: tests/layers/test_recurrent.py",
    "TimeDistributed": "takes states or a layer: tests/layers/test_recurrent.py",
    "Bidirectional": "takes states or a layer: tests/layers/test_recurrent.py",
    "Lambda": "wraps code, is never restored: tests/layers/test_core.py",
    "Operation": "made by arithmetic on KerasTensors: tests/layers/test_core.py",
    "GetItem": "made by indexing KerasTensors: tests/layers/test_core.py",
}
