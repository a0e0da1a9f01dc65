"""Layers that contain another layer: `Wrapper`, `TimeDistributed` and `Bidirectional`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fitwell._call_context import current_call_context
from fitwell._param_validation import ListOf, NumericArray, Options, Predicate, validate_params
from fitwell._registry import deserialize, serialize
from fitwell._typing import Array
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.base import Layer, register
from fitwell.layers.recurrent_cells import as_states
from fitwell.layers.rnn import RNN, split_states

__all__ = ["Bidirectional", "TimeDistributed", "Wrapper"]

_IS_LAYER = Predicate(
    lambda value: isinstance(value, Layer) or (isinstance(value, dict) and "class_name" in value), "a layer"
)


@register()
class Wrapper(Layer):
    """Base class of layers that contain another layer.

    Args:
        layer (Layer): The layer.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable` and `dtype`.

    Example:
        >>> import fitwell as fw
        >>> fw.layers.Wrapper(fw.layers.Dense(2, name="inner")).layer.name
        'inner'

    Source: Keras `Wrapper`.
    """

    @validate_params(LAYER, layer=_IS_LAYER)
    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layer = deserialize(layer) if isinstance(layer, dict) else layer

    def build(self, input_shape: Any) -> None:
        if not self.layer.built:
            self.layer._build_for(input_shape)
        super().build(input_shape)


@register()
class TimeDistributed(Wrapper):
    """A layer that applies another layer to each time step.

    Args:
        layer (Layer): The layer.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable` and `dtype`.

    Input shape:
        `[batch, time, ...]`, where `[batch, ...]` is the inner layer's input shape.

    Output shape:
        `[batch, time, ...]`, where `[batch, ...]` is the inner layer's output shape.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.TimeDistributed(fw.layers.Conv2D(4, 3))(np.ones((2, 5, 8, 8, 1))).shape
        (2, 5, 6, 6, 4)

    Source: Keras `TimeDistributed`.
    """

    supports_masking = True

    def build(self, input_shape: Any) -> None:
        if not isinstance(input_shape, tuple) or len(input_shape) < 3:
            raise ShapeError(
                f"layer {self.name!r} (TimeDistributed): expected inputs of shape (batch, time, ...), got {input_shape}"
            )
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Array, mask: Array | None = None, training: bool = False) -> Any:
        """Compute the outputs. The time steps become rows of one large batch."""
        rows, steps = inputs.shape[:2]
        context = current_call_context()
        sample_mask, num_valid_rows = context.sample_mask, context.num_valid_rows
        inner = inputs.reshape(rows * steps, *inputs.shape[2:])
        if mask is not None:
            context.set_mask(inner, jnp.asarray(mask).reshape(rows * steps, *mask.shape[2:]))
        try:
            if sample_mask is not None:
                context.sample_mask = jnp.repeat(sample_mask, steps)
                context.num_valid_rows = None if num_valid_rows is None else num_valid_rows * steps
            outputs = self.layer(inner, training=training)
        finally:
            context.sample_mask, context.num_valid_rows = sample_mask, num_valid_rows
        return jax.tree.map(lambda leaf: leaf.reshape(rows, steps, *leaf.shape[1:]), outputs)


@register()
class Bidirectional(Layer):
    """A layer that applies a recurrent layer to a sequence in both directions.

    Args:
        layer (RNN): A recurrent layer, such as `LSTM`.
        merge_mode (str | None): How the outputs of both directions are combined: ``"concat"``, ``"sum"``, ``"mul"``,
            ``"ave"``, or None for a list of both. Default: ``"concat"``.
        weights (list[array] | None): Initial weights of both directions. Default: None.
        backward_layer (RNN | None): The layer for the backward direction, whose `go_backwards` differs from that of
            `layer`. Default: None, which means a copy of `layer`.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable` and `dtype`.

    Input shape:
        `[batch, time, features]`.

    Output shape:
        `[batch, 2 * units]` with ``"concat"``, or `[batch, time, 2 * units]` if the layer returns sequences. If the
        layer returns states, a list of the output and the states of both directions.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.Bidirectional(fw.layers.LSTM(4))(np.ones((2, 7, 3))).shape
        (2, 8)

    Source: Keras `Bidirectional`; Schuster and Paliwal (1997).
    """

    supports_masking = True

    @validate_params(
        LAYER,
        layer=_IS_LAYER,
        merge_mode=Options("concat", "sum", "mul", "ave") | None,
        weights=ListOf(NumericArray()) | None,
        backward_layer=_IS_LAYER | None,
    )
    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        layer = deserialize(layer) if isinstance(layer, dict) else layer
        backward = deserialize(backward_layer) if isinstance(backward_layer, dict) else backward_layer
        for given in (layer, backward):
            if given is not None and not isinstance(given, RNN):
                raise InvalidArgument(
                    f"Bidirectional: expected a recurrent layer, such as LSTM, got {type(given).__name__}"
                )
        self.merge_mode = merge_mode
        self._has_backward_layer = backward is not None
        self._initial_weights = weights
        self.forward_layer = _copy(layer, f"forward_{layer.name}", layer.go_backwards)
        if backward is None:
            backward = _copy(layer, f"backward_{layer.name}", not layer.go_backwards)
        self.backward_layer = backward
        for given in (self.forward_layer, backward):
            given.zero_output_for_mask = given.return_sequences  # as in Keras
        if backward.go_backwards == self.forward_layer.go_backwards:
            raise InvalidArgument(
                "Bidirectional: layer and backward_layer must have different values of go_backwards"
            )
        for name in ("return_sequences", "return_state"):
            if getattr(backward, name) != getattr(self.forward_layer, name):
                raise InvalidArgument(
                    f"Bidirectional: layer and backward_layer must have the same value of {name}"
                )

    @property
    def layer(self) -> Any:
        """The forward layer."""
        return self.forward_layer

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON-compatible data."""
        config: dict[str, Any] = {"name": self.name}
        if not self._trainable:
            config["trainable"] = False
        if self._dtype is not None:
            config["dtype"] = str(self._dtype)
        config |= {"layer": serialize(self.forward_layer), "merge_mode": self.merge_mode}
        config["layer"]["config"]["name"] = str(self.forward_layer.name).removeprefix("forward_")
        if self._has_backward_layer:
            config["backward_layer"] = serialize(self.backward_layer)
        return config

    def build(self, input_shape: Any) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer._build_for(input_shape)
        super().build(input_shape)
        if self._initial_weights is not None:
            self.set_weights(self._initial_weights)
            self._initial_weights = None

    def __call__(self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any) -> Any:
        sequences, given = split_states(sequences, initial_state, mask)
        return super().__call__(sequences, **given, **kwargs)

    def call(
        self, sequences: Array, initial_state: Any = None, mask: Array | None = None, training: bool = False
    ) -> Any:
        """Compute the outputs. The first half of `initial_state` is for the forward layer."""
        states = [None, None]
        if initial_state is not None:
            half = len(initial_state) // 2
            states = [initial_state[:half], initial_state[half:]]
        forward, backward = (
            layer(sequences, initial_state=state, mask=mask, training=training)
            for layer, state in zip((self.forward_layer, self.backward_layer), states, strict=True)
        )
        last_states: list[Any] = []
        if self.forward_layer.return_state:
            last_states = [*forward[1:], *backward[1:]]
            forward, backward = forward[0], backward[0]
        if self.forward_layer.return_sequences:
            # Both outputs are in the order of the forward layer.
            backward = jnp.flip(backward, 1)
        merged = _merge(self.merge_mode, forward, backward)
        if not last_states:
            return merged
        return [*(merged if self.merge_mode is None else [merged]), *last_states]

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask of the outputs: the given one if the layer returns sequences, and None otherwise."""
        mask = mask[0] if isinstance(mask, list | tuple) else mask
        output_mask = mask if self.forward_layer.return_sequences else None
        masks = [output_mask] * (2 if self.merge_mode is None else 1)
        if self.forward_layer.return_state:
            masks += [None] * (2 * len(as_states(self.forward_layer.state_size)))
        return masks if len(masks) > 1 else masks[0]


def _copy(layer: Any, name: str, go_backwards: bool) -> Any:
    config = layer.get_config()
    return type(layer).from_config(config | {"name": name, "go_backwards": go_backwards})


def _merge(mode: str | None, forward: Array, backward: Array) -> Any:
    if mode == "concat":
        return jnp.concatenate([forward, backward], axis=-1)
    if mode == "sum":
        return forward + backward
    if mode == "mul":
        return forward * backward
    return (forward + backward) / 2 if mode == "ave" else [forward, backward]
