"""The `Embedding` layer."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from fitwell import constraints, initializers, regularizers
from fitwell._deprecation import warn_deprecated
from fitwell._param_validation import Integer, validate_param, validate_params
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import LAYER, NUMBERS
from fitwell.layers.base import Layer, register

__all__ = ["Embedding"]


@register()
class Embedding(Layer):
    """A layer that maps integer ids from 0 to ``input_dim - 1`` to learned vectors.

    An id outside this range is mapped to a vector of NaNs, never to the vector of a different id. During
    training, the NaNs stop the run.

    Differs from Keras: ``lora_rank`` is not supported.

    Args:
        input_dim (int): Size of the vocabulary.
        output_dim (int): Length of the vectors.
        embeddings_initializer (str | Initializer): Initializer for the vectors. Default: ``"uniform"`` (from
            -0.05 to 0.05).
        embeddings_regularizer (str | Regularizer | None): Penalty on the vectors. Default: None.
        embeddings_constraint (str | Constraint | None): Projection applied to the vectors after every update.
            Default: None.
        mask_zero (bool): Whether the id 0 marks a time step that the following layers skip, such as `LSTM`. Default:
            False.
        weights (array | list[array] | None): Initial matrix with the shape `[input_dim, output_dim]`, as an
            array or a list that contains one array. Default: None.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`. The deprecated
            `input_length` sets the input shape.

    Input shape:
        `[batch, ...]`. The ids are integers, or floats with integer values.

    Output shape:
        `[batch, ..., output_dim]`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Embedding(1000, 8)(np.array([[3, 17, 999]])).shape
        (1, 3, 8)

    Source: Keras `Embedding`.
    """

    supports_masking = True

    @validate_params(LAYER, input_dim=Integer(1), output_dim=Integer(1))
    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        **kwargs: Any,
    ) -> None:
        if "input_length" in kwargs:
            warn_deprecated(
                "Embedding(input_length=)", "Input(shape=(input_length,)) before the layer, or omit it"
            )
            length = kwargs.pop("input_length")
            if length is not None:
                kwargs.setdefault("input_shape", (length,))
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = bool(mask_zero)
        self._initial_weights = (
            None if weights is None else _to_matrix(weights, (self.input_dim, self.output_dim))
        )

    @classmethod
    def _arguments(cls) -> tuple[str, ...]:
        # The initial values are not part of the configuration, because they are saved with the weights.
        return tuple(name for name in super()._arguments() if name != "weights")

    def build(self, input_shape: Any) -> None:
        self.embeddings = self.add_weight(
            "embeddings",
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            self.embeddings_regularizer,
            self.embeddings_constraint,
        )
        if self._initial_weights is not None:
            self.embeddings.assign(self._initial_weights)
            self._initial_weights = None
        super().build(input_shape)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return which ids are not 0 if `mask_zero` is True, and None otherwise."""
        return jnp.not_equal(jnp.asarray(inputs), 0) if self.mask_zero else None

    def call(self, inputs: Array) -> Array:
        ids = inputs.astype(jnp.int32)
        # A negative id would otherwise count from the end of the vocabulary.
        ids = jnp.where(ids < 0, self.input_dim, ids)
        return jnp.take(self.embeddings.value, ids, axis=0, mode="fill")


def _to_matrix(weights: Any, shape: tuple[int, int]) -> np.ndarray:
    matrix = weights[0] if isinstance(weights, list) and len(weights) == 1 else weights
    array = np.asarray(validate_param("Embedding", "weights", matrix, NUMBERS))
    if array.shape != shape:
        raise ShapeError(f"Embedding: weights must have shape {shape}, got {array.shape}")
    return array
