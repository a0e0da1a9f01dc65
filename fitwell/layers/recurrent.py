"""The recurrent layers with built-in cells: `SimpleRNN`, `LSTM` and `GRU`."""

from __future__ import annotations

from typing import Any

from fitwell._param_validation import validate_params
from fitwell.layers.base import register
from fitwell.layers.recurrent_cells import RECURRENT, GRUCell, LSTMCell, SimpleRNNCell
from fitwell.layers.rnn import RNN, RNN_OPTIONS

__all__ = ["GRU", "LSTM", "SimpleRNN"]

_RULES = RECURRENT | RNN_OPTIONS


class _CellLayer(RNN):
    """Base class of the layers in this module, whose cell's arguments are attributes of the layer too."""

    def __getattr__(self, name: str) -> Any:
        # Python calls this method only if the layer has no such attribute.
        cell = self.__dict__.get("cell")
        if cell is None or name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(cell, name)


@register()
class SimpleRNN(_CellLayer):
    """A recurrent layer whose output is fed back at the next time step.

    See `SimpleRNNCell` for the formula and for the arguments that are not described here, and `RNN` for masks.

    Differs from Keras: ``stateful=True`` is not supported.

    Args:
        units (int): Width of the output and of the state.
        activation (str | Callable | None): Activation function. Default: ``"tanh"``.
        use_bias (bool): Whether to add the bias. Default: True.
        kernel_initializer (str | Initializer): Initializer for the kernel. Default: ``"glorot_uniform"``.
        recurrent_initializer (str | Initializer): Initializer for the recurrent kernel. Default: ``"orthogonal"``.
        bias_initializer (str | Initializer): Initializer for the bias. Default: ``"zeros"``.
        kernel_regularizer (str | Regularizer | None): Penalty on the kernel. Default: None.
        recurrent_regularizer (str | Regularizer | None): Penalty on the recurrent kernel. Default: None.
        bias_regularizer (str | Regularizer | None): Penalty on the bias. Default: None.
        activity_regularizer (str | Regularizer | None): Penalty on the outputs. Default: None.
        kernel_constraint (str | Constraint | None): Projection applied to the kernel after every update. Default: None.
        recurrent_constraint (str | Constraint | None): Projection applied to the recurrent kernel after every update.
            Default: None.
        bias_constraint (str | Constraint | None): Projection applied to the bias after every update. Default: None.
        dropout (float): Fraction of the inputs to drop. All time steps have the same mask. Default: 0.
        recurrent_dropout (float): Fraction of the state to drop. All time steps have the same mask. Default: 0.
        seed (int | None): Seed for a separate random stream for dropout. Default: None.
        return_sequences (bool): Whether to return the outputs of all time steps instead of the last output. Default:
            False.
        return_state (bool): Whether to return the last states after the output. Default: False.
        go_backwards (bool): Whether to process the time steps from the last to the first. Default: False.
        stateful (bool): Only False is supported.
        unroll (bool): Whether to compile all time steps separately. Default: False.
        zero_output_for_mask (bool): Whether the output of a masked time step is 0. Default: False.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, time, features]`.

    Output shape:
        `[batch, units]`, or `[batch, time, units]` with `return_sequences`. With `return_state`, a list of the output
        and the states.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.SimpleRNN(4, return_sequences=True)(np.ones((2, 7, 3))).shape
        (2, 7, 4)

    Source: Keras `SimpleRNN`.
    """

    @validate_params(_RULES)
    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        cell = SimpleRNNCell(
            units=units, activation=activation, use_bias=use_bias, kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint, bias_constraint=bias_constraint, dropout=dropout,
            recurrent_dropout=recurrent_dropout, seed=seed, dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
        )  # fmt: skip
        super().__init__(
            cell,
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            unroll,
            zero_output_for_mask,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )


@register()
class LSTM(_CellLayer):
    """A recurrent layer with long short-term memory.

    See `LSTMCell` for the formula and for the arguments that are not described here, and `RNN` for masks.

    Differs from Keras: ``stateful=True`` is not supported.

    Args:
        units (int): Width of the output and of the states.
        activation (str | Callable | None): Activation function. Default: ``"tanh"``.
        recurrent_activation (str | Callable | None): Activation function of the gates. Default: ``"sigmoid"``.
        use_bias (bool): Whether to add the bias. Default: True.
        kernel_initializer (str | Initializer): Initializer for the kernel. Default: ``"glorot_uniform"``.
        recurrent_initializer (str | Initializer): Initializer for the recurrent kernel. Default: ``"orthogonal"``.
        bias_initializer (str | Initializer): Initializer for the bias. Default: ``"zeros"``.
        unit_forget_bias (bool): Whether the bias of the forget gate starts at 1. Default: True.
        kernel_regularizer (str | Regularizer | None): Penalty on the kernel. Default: None.
        recurrent_regularizer (str | Regularizer | None): Penalty on the recurrent kernel. Default: None.
        bias_regularizer (str | Regularizer | None): Penalty on the bias. Default: None.
        activity_regularizer (str | Regularizer | None): Penalty on the outputs. Default: None.
        kernel_constraint (str | Constraint | None): Projection applied to the kernel after every update. Default: None.
        recurrent_constraint (str | Constraint | None): Projection applied to the recurrent kernel after every update.
            Default: None.
        bias_constraint (str | Constraint | None): Projection applied to the bias after every update. Default: None.
        dropout (float): Fraction of the inputs to drop. All time steps have the same mask. Default: 0.
        recurrent_dropout (float): Fraction of the state to drop. All time steps have the same mask. Default: 0.
        seed (int | None): Seed for a separate random stream for dropout. Default: None.
        return_sequences (bool): Whether to return the outputs of all time steps instead of the last output. Default:
            False.
        return_state (bool): Whether to return the last states after the output. Default: False.
        go_backwards (bool): Whether to process the time steps from the last to the first. Default: False.
        stateful (bool): Only False is supported.
        unroll (bool): Whether to compile all time steps separately. Default: False.
        use_cudnn (str | bool): Accepted for compatibility with Keras. It has no effect.
        zero_output_for_mask (bool): Whether the output of a masked time step is 0. Default: False.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, time, features]`.

    Output shape:
        `[batch, units]`, or `[batch, time, units]` with `return_sequences`. With `return_state`, a list of the output
        and the states.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.LSTM(4, return_sequences=True)(np.ones((2, 7, 3))).shape
        (2, 7, 4)

    Source: Keras `LSTM`; Hochreiter and Schmidhuber (1997).
    """

    @validate_params(_RULES)
    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: Any = "auto",
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        cell = LSTMCell(
            units=units, activation=activation, recurrent_activation=recurrent_activation, use_bias=use_bias,
            kernel_initializer=kernel_initializer, recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer, unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer, recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint, bias_constraint=bias_constraint, dropout=dropout,
            recurrent_dropout=recurrent_dropout, seed=seed, dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
        )  # fmt: skip
        super().__init__(
            cell,
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            unroll,
            zero_output_for_mask,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.use_cudnn = use_cudnn


@register()
class GRU(_CellLayer):
    """A recurrent layer with gated recurrent units.

    See `GRUCell` for the formula and for the arguments that are not described here, and `RNN` for masks.

    Differs from Keras: ``stateful=True`` is not supported.

    Args:
        units (int): Width of the output and of the state.
        activation (str | Callable | None): Activation function. Default: ``"tanh"``.
        recurrent_activation (str | Callable | None): Activation function of the gates. Default: ``"sigmoid"``.
        use_bias (bool): Whether to add the bias. Default: True.
        kernel_initializer (str | Initializer): Initializer for the kernel. Default: ``"glorot_uniform"``.
        recurrent_initializer (str | Initializer): Initializer for the recurrent kernel. Default: ``"orthogonal"``.
        bias_initializer (str | Initializer): Initializer for the bias. Default: ``"zeros"``.
        kernel_regularizer (str | Regularizer | None): Penalty on the kernel. Default: None.
        recurrent_regularizer (str | Regularizer | None): Penalty on the recurrent kernel. Default: None.
        bias_regularizer (str | Regularizer | None): Penalty on the bias. Default: None.
        activity_regularizer (str | Regularizer | None): Penalty on the outputs. Default: None.
        kernel_constraint (str | Constraint | None): Projection applied to the kernel after every update. Default: None.
        recurrent_constraint (str | Constraint | None): Projection applied to the recurrent kernel after every update.
            Default: None.
        bias_constraint (str | Constraint | None): Projection applied to the bias after every update. Default: None.
        dropout (float): Fraction of the inputs to drop. All time steps have the same mask. Default: 0.
        recurrent_dropout (float): Fraction of the state to drop. All time steps have the same mask. Default: 0.
        seed (int | None): Seed for a separate random stream for dropout. Default: None.
        return_sequences (bool): Whether to return the outputs of all time steps instead of the last output. Default:
            False.
        return_state (bool): Whether to return the last states after the output. Default: False.
        go_backwards (bool): Whether to process the time steps from the last to the first. Default: False.
        stateful (bool): Only False is supported.
        unroll (bool): Whether to compile all time steps separately. Default: False.
        reset_after (bool): Whether the reset gate is applied after the matrix product. Default: True.
        use_cudnn (str | bool): Accepted for compatibility with Keras. It has no effect.
        zero_output_for_mask (bool): Whether the output of a masked time step is 0. Default: False.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, time, features]`.

    Output shape:
        `[batch, units]`, or `[batch, time, units]` with `return_sequences`. With `return_state`, a list of the output
        and the states.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.GRU(4, return_sequences=True)(np.ones((2, 7, 3))).shape
        (2, 7, 4)

    Source: Keras `GRU`; Cho et al. (2014).
    """

    @validate_params(_RULES)
    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        cell = GRUCell(
            units=units, activation=activation, recurrent_activation=recurrent_activation, use_bias=use_bias,
            kernel_initializer=kernel_initializer, recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint, dropout=dropout, recurrent_dropout=recurrent_dropout, seed=seed,
            reset_after=reset_after, dtype=kwargs.get("dtype"), trainable=kwargs.get("trainable", True),
        )  # fmt: skip
        super().__init__(
            cell,
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            unroll,
            zero_output_for_mask,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.use_cudnn = use_cudnn
