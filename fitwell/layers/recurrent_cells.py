"""The cells of recurrent layers, which compute one time step."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell import activations, constraints, initializers, regularizers
from fitwell._call_context import current_call_context
from fitwell._param_validation import Boolean, Identifier, Integer, Predicate, Real, Rule, validate_params
from fitwell._typing import Array
from fitwell.errors import ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import Layer, register

__all__ = ["GRUCell", "LSTMCell", "RecurrentCell", "SimpleRNNCell", "StackedRNNCells", "as_states"]

RECURRENT: dict[str, Rule] = LAYER | {
    "units": Integer(1),
    "recurrent_activation": Identifier(activations.get),
    "recurrent_initializer": Identifier(initializers.get),
    "recurrent_regularizer": Identifier(regularizers.get),
    "recurrent_constraint": Identifier(constraints.get),
    "dropout": Real(0, 1),
    "recurrent_dropout": Real(0, 1),
    "use_bias": Boolean(),
    "unit_forget_bias": Boolean(),
    "reset_after": Boolean(),
    "seed": Integer(0) | None,
}


def as_states(states: Any) -> list[Array]:
    """Return a cell's states as a list. A single state may be passed without a list."""
    return list(states) if isinstance(states, list | tuple) else [states]


class RecurrentCell(Layer):
    """Base class of the cells in this module.

    A recurrent layer computes `project_inputs` for all time steps together, because one large matrix product is faster
    than many small ones, and then `step` for each time step.
    """

    num_gates = 1
    # Whether `step` uses the product of the state and the recurrent kernel only in ``projected + product``.
    adds_product = True

    def __init__(
        self,
        units: int,
        activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        recurrent_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        recurrent_regularizer: Any,
        bias_regularizer: Any,
        kernel_constraint: Any,
        recurrent_constraint: Any,
        bias_constraint: Any,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.seed = seed

    @property
    def state_size(self) -> Any:
        """The width of the state, or a list with the width of each state."""
        return self.units

    @property
    def output_size(self) -> int:
        """The width of the output."""
        return self.units

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """The shape of the bias."""
        return (self.num_gates * self.units,)

    def build(self, input_shape: Any) -> None:
        if isinstance(input_shape, list):
            input_shape = input_shape[0]  # the shapes of the states follow
        if not input_shape or input_shape[-1] is None:
            raise ShapeError(
                f"layer {self.name!r}: {type(self).__name__} needs inputs with a known width, got shape {input_shape}"
            )
        width = self.num_gates * self.units
        self.kernel = self.add_weight(
            "kernel",
            (input_shape[-1], width),
            self.kernel_initializer,
            self.kernel_regularizer,
            self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel",
            (self.units, width),
            self.recurrent_initializer,
            self.recurrent_regularizer,
            self.recurrent_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", self.bias_shape, self.initialize_bias, self.bias_regularizer, self.bias_constraint
            )
        super().build(input_shape)

    def initialize_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        """Return the initial bias."""
        initialize: Any = self.bias_initializer
        value: Array = initialize(shape, dtype=dtype)
        return value

    def get_initial_state(self, batch_size: int | None = None) -> list[Array]:
        """Return states of zeros.

        Args:
            batch_size (int | None): Number of rows.
        """
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [jnp.zeros((batch_size or 1, size), self.dtype) for size in sizes]

    def call(self, inputs: Array, states: Any, training: bool = False) -> tuple[Array, list[Array]]:
        """Compute one time step.

        Args:
            inputs (Array): `[batch, features]`.
            states (list[Array]): The states after the previous time step, each `[batch, units]`.
            training (bool): Whether to apply dropout.

        Returns:
            tuple[Array, list[Array]]: The output, and the states after this time step.
        """
        states = as_states(states)
        projected = self.project_inputs(to_float(inputs, self.dtype)[:, None], training)[:, 0]
        return self.full_step(projected, states, self.recurrent_mask(states[0], training))

    def full_step(
        self, projected: Array, states: list[Array], mask: Array | None
    ) -> tuple[Array, list[Array]]:
        """Compute one time step from projected inputs, with the dropout mask of the state."""
        product = self.multiply_state(apply_dropout(states[0], mask))
        return self.step(projected, states, product)

    def project_inputs(self, sequence: Array, training: bool) -> Array:
        """Multiply the inputs of all time steps by the kernel, and add the bias.

        Args:
            sequence (Array): `[batch, time, features]`.
            training (bool): Whether to apply dropout. All time steps have the same mask.

        Returns:
            Array: `[batch, time, gates * units]`.
        """
        if sequence.shape[-1] != self.kernel.shape[0]:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): expected {self.kernel.shape[0]} features, got inputs "
                f"with {sequence.shape[-1]}"
            )
        if training and self.dropout:
            sequence = sequence * self._sample_mask(self.dropout, (sequence.shape[0], 1, sequence.shape[2]))
        projected: Array = sequence @ self.kernel.value
        return projected if self.input_bias is None else projected + self.input_bias

    @property
    def input_bias(self) -> Array | None:
        """The bias that is added to the projected inputs, or None."""
        return None if self.bias is None else self.bias.value

    def recurrent_mask(self, state: Array, training: bool) -> Array | None:
        """Return the dropout mask of the state, which is the same for all time steps, or None without dropout."""
        if not (training and self.recurrent_dropout):
            return None
        return self._sample_mask(self.recurrent_dropout, state.shape)

    def _sample_mask(self, rate: float, shape: tuple[int, ...]) -> Array:
        keep = 1 - rate
        mask = jax.random.bernoulli(current_call_context().next_key(self.seed), keep, shape)
        return mask.astype(self.dtype) * (1 / keep if keep else 0)

    def multiply_state(self, state: Array) -> Array:
        """Return the product of the state and the recurrent kernel."""
        product: Array = state @ self.recurrent_kernel.value
        return product if self.recurrent_bias is None else product + self.recurrent_bias

    @property
    def recurrent_bias(self) -> Array | None:
        """The bias that is added to the product of the state and the recurrent kernel, or None."""
        return None

    @property
    def is_linear_in_product(self) -> bool:
        """Whether `step` depends on the recurrent kernel only through the argument `product`."""
        return True

    def step(self, projected: Array, states: list[Array], product: Array) -> tuple[Array, list[Array]]:
        """Compute one time step.

        Args:
            projected (Array): The projected inputs, `[batch, gates * units]`.
            states (list[Array]): The states after the previous time step.
            product (Array): The product of the state, after dropout, and the recurrent kernel, plus `recurrent_bias`.
        """
        raise NotImplementedError


def apply_dropout(state: Array, mask: Array | None) -> Array:
    """Return the state after dropout with `mask`, or unchanged if it is None."""
    return state if mask is None else state * mask


@register()
class SimpleRNNCell(RecurrentCell):
    """The cell of `SimpleRNN`, which computes ``activation(x @ kernel + h @ recurrent_kernel + bias)``.

    Args:
        units (int): Width of the output and of the state h.
        activation (str | Callable | None): Activation function. Default: ``"tanh"``.
        use_bias (bool): Whether to add the bias. Default: True.
        kernel_initializer (str | Initializer): Initializer for the kernel. Default: ``"glorot_uniform"``.
        recurrent_initializer (str | Initializer): Initializer for the recurrent kernel. Default: ``"orthogonal"``.
        bias_initializer (str | Initializer): Initializer for the bias. Default: ``"zeros"``.
        kernel_regularizer (str | Regularizer | None): Penalty on the kernel. Default: None.
        recurrent_regularizer (str | Regularizer | None): Penalty on the recurrent kernel. Default: None.
        bias_regularizer (str | Regularizer | None): Penalty on the bias. Default: None.
        kernel_constraint (str | Constraint | None): Projection applied to the kernel after every update. Default: None.
        recurrent_constraint (str | Constraint | None): Projection applied to the recurrent kernel after every update.
            Default: None.
        bias_constraint (str | Constraint | None): Projection applied to the bias after every update. Default: None.
        dropout (float): Fraction of the inputs to drop. Default: 0.
        recurrent_dropout (float): Fraction of the state to drop. Default: 0.
        seed (int | None): Seed for a separate random stream for dropout. Default: None.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable` and `dtype`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> cell = fw.layers.SimpleRNNCell(4)
        >>> output, states = cell(np.ones((2, 3)), [np.zeros((2, 4))])
        >>> output.shape, len(states)
        ((2, 4), 1)

    Source: Keras `SimpleRNNCell`.
    """

    @validate_params(RECURRENT)
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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip

    def step(self, projected: Array, states: list[Array], product: Array) -> tuple[Array, list[Array]]:
        output = self.activation(projected + product)
        return output, [output]


@register()
class LSTMCell(RecurrentCell):
    """The cell of `LSTM`.

    With the gates ``i, f, g, o = split(x @ kernel + h @ recurrent_kernel + bias)``, it computes
    ``c' = σ(f) c + σ(i) act(g)`` and ``h' = σ(o) act(c')``, where σ is `recurrent_activation`.

    Args:
        units (int): Width of the output and of the states h and c.
        activation (str | Callable | None): Activation function act. Default: ``"tanh"``.
        recurrent_activation (str | Callable | None): Activation function of the gates. Default: ``"sigmoid"``.
        use_bias (bool): Whether to add the bias. Default: True.
        kernel_initializer (str | Initializer): Initializer for the kernel. Default: ``"glorot_uniform"``.
        recurrent_initializer (str | Initializer): Initializer for the recurrent kernel. Default: ``"orthogonal"``.
        bias_initializer (str | Initializer): Initializer for the bias. Default: ``"zeros"``.
        unit_forget_bias (bool): Whether the bias of the gate f starts at 1. Default: True.
        kernel_regularizer (str | Regularizer | None): Penalty on the kernel. Default: None.
        recurrent_regularizer (str | Regularizer | None): Penalty on the recurrent kernel. Default: None.
        bias_regularizer (str | Regularizer | None): Penalty on the bias. Default: None.
        kernel_constraint (str | Constraint | None): Projection applied to the kernel after every update. Default: None.
        recurrent_constraint (str | Constraint | None): Projection applied to the recurrent kernel after every update.
            Default: None.
        bias_constraint (str | Constraint | None): Projection applied to the bias after every update. Default: None.
        dropout (float): Fraction of the inputs to drop. Default: 0.
        recurrent_dropout (float): Fraction of the state h to drop. Default: 0.
        seed (int | None): Seed for a separate random stream for dropout. Default: None.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable` and `dtype`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> cell = fw.layers.LSTMCell(4)
        >>> output, states = cell(np.ones((2, 3)), [np.zeros((2, 4)), np.zeros((2, 4))])
        >>> output.shape, len(states)
        ((2, 4), 2)

    Source: Keras `LSTMCell`; Hochreiter and Schmidhuber (1997).
    """

    num_gates = 4

    @validate_params(RECURRENT)
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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias

    @property
    def state_size(self) -> list[int]:
        """The widths of the states h and c."""
        return [self.units, self.units]

    def initialize_bias(self, shape: tuple[int, ...], dtype: Any = None) -> Array:
        """Return the initial bias."""
        value = super().initialize_bias(shape, dtype)
        if self.unit_forget_bias:
            # NumPy, because a layer may be built while a function is traced.
            ones = np.array(value)
            ones[self.units : 2 * self.units] = 1
            return ones  # type: ignore[return-value]
        return value

    def step(self, projected: Array, states: list[Array], product: Array) -> tuple[Array, list[Array]]:
        i, f, g, o = jnp.split(projected + product, 4, axis=-1)
        c = states[1]
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, [h, c]


@register()
class GRUCell(RecurrentCell):
    """The cell of `GRU`.

    With ``z = σ(x K_z + h R_z)``, ``r = σ(x K_r + h R_r)`` and ``g = act(x K_g + r (h R_g))`` (plus biases), it
    computes ``h' = z h + (1 - z) g``, where σ is `recurrent_activation`. If `reset_after` is False,
    ``g = act(x K_g + (r h) R_g)``.

    Args:
        units (int): Width of the output and of the state h.
        activation (str | Callable | None): Activation function act. Default: ``"tanh"``.
        recurrent_activation (str | Callable | None): Activation function of the gates. Default: ``"sigmoid"``.
        use_bias (bool): Whether to add the biases. Default: True.
        kernel_initializer (str | Initializer): Initializer for the kernel. Default: ``"glorot_uniform"``.
        recurrent_initializer (str | Initializer): Initializer for the recurrent kernel. Default: ``"orthogonal"``.
        bias_initializer (str | Initializer): Initializer for the biases. Default: ``"zeros"``.
        kernel_regularizer (str | Regularizer | None): Penalty on the kernel. Default: None.
        recurrent_regularizer (str | Regularizer | None): Penalty on the recurrent kernel. Default: None.
        bias_regularizer (str | Regularizer | None): Penalty on the biases. Default: None.
        kernel_constraint (str | Constraint | None): Projection applied to the kernel after every update. Default: None.
        recurrent_constraint (str | Constraint | None): Projection applied to the recurrent kernel after every update.
            Default: None.
        bias_constraint (str | Constraint | None): Projection applied to the biases after every update. Default: None.
        dropout (float): Fraction of the inputs to drop. Default: 0.
        recurrent_dropout (float): Fraction of the state to drop. Default: 0.
        seed (int | None): Seed for a separate random stream for dropout. Default: None.
        reset_after (bool): Whether the gate r is applied after the matrix product. Default: True.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable` and `dtype`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> cell = fw.layers.GRUCell(4)
        >>> output, states = cell(np.ones((2, 3)), [np.zeros((2, 4))])
        >>> output.shape, len(states)
        ((2, 4), 1)

    Source: Keras `GRUCell`; Cho et al. (2014).
    """

    num_gates = 3
    adds_product = False

    @validate_params(RECURRENT)
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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        reset_after: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = reset_after

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """The shape of the bias, which has a second row for the recurrent product if `reset_after` is True."""
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    @property
    def input_bias(self) -> Array | None:
        """The bias that is added to the projected inputs, or None."""
        if self.bias is None:
            return None
        return self.bias.value[0] if self.reset_after else self.bias.value

    @property
    def recurrent_bias(self) -> Array | None:
        """The bias that is added to the product of the state and the recurrent kernel, or None."""
        return None if self.bias is None or not self.reset_after else self.bias.value[1]

    @property
    def is_linear_in_product(self) -> bool:
        """Whether `step` depends on the recurrent kernel only through the argument `product`."""
        return self.reset_after

    def full_step(
        self, projected: Array, states: list[Array], mask: Array | None
    ) -> tuple[Array, list[Array]]:
        """Compute one time step from projected inputs, with the dropout mask of the state."""
        if self.reset_after:
            return super().full_step(projected, states, mask)
        state, h, kernel = states[0], apply_dropout(states[0], mask), self.recurrent_kernel.value
        x_z, x_r, x_g = jnp.split(projected, 3, axis=-1)
        h_z, h_r = jnp.split(h @ kernel[:, : 2 * self.units], 2, axis=-1)
        z, r = self.recurrent_activation(x_z + h_z), self.recurrent_activation(x_r + h_r)
        g = self.activation(x_g + (r * h) @ kernel[:, 2 * self.units :])
        state = z * state + (1 - z) * g
        return state, [state]

    def step(self, projected: Array, states: list[Array], product: Array) -> tuple[Array, list[Array]]:
        x_z, x_r, x_g = jnp.split(projected, 3, axis=-1)
        h_z, h_r, h_g = jnp.split(product, 3, axis=-1)
        z, r = self.recurrent_activation(x_z + h_z), self.recurrent_activation(x_r + h_r)
        g = self.activation(x_g + r * h_g)
        state = z * states[0] + (1 - z) * g
        return state, [state]


_CELLS = Predicate(
    lambda value: isinstance(value, list | tuple) and len(value) > 0, "a list of cells that is not empty"
)


@register()
class StackedRNNCells(Layer):
    """A cell that applies several cells one after another, in every time step.

    Args:
        cells (list[Layer]): The cells.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable` and `dtype`.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> cell = fw.layers.StackedRNNCells([fw.layers.GRUCell(4), fw.layers.LSTMCell(5)])
        >>> cell.state_size
        [4, [5, 5]]
        >>> fw.layers.RNN(cell)(np.ones((2, 7, 3))).shape
        (2, 5)

    Source: Keras `StackedRNNCells`.
    """

    @validate_params(LAYER, cells=_CELLS)
    def __init__(self, cells: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        from fitwell._registry import deserialize

        self.cells = [deserialize(cell) if isinstance(cell, dict) else cell for cell in cells]

    @property
    def state_size(self) -> list[Any]:
        """A list with the state size of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """The width of the last cell's output."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Return a list with the initial states of each cell."""
        return [initial_state(cell, batch_size or 1, self.dtype) for cell in self.cells]

    def build(self, input_shape: Any) -> None:
        if isinstance(input_shape, list):
            input_shape = input_shape[0]  # the shapes of the states follow
        for cell in self.cells:
            if not cell.built:
                cell._build_for(input_shape)
            input_shape = (input_shape[0], output_size(cell))
        super().build(input_shape)

    def call(self, inputs: Array, states: Any, training: bool = False) -> tuple[Array, list[Any]]:
        """Compute one time step. See `LSTMCell`."""
        new_states = []
        for cell, state in zip(self.cells, states, strict=True):
            is_list = isinstance(state, list | tuple)
            inputs, after = cell(inputs, as_states(state), training=training)
            new_states.append(list(as_states(after)) if is_list else as_states(after)[0])
        return inputs, new_states


def output_size(cell: Any) -> Any:
    """Return the width of a cell's output, which is its first state's width unless the cell has `output_size`."""
    size = getattr(cell, "output_size", None)
    if size is not None:
        return size
    return cell.state_size[0] if isinstance(cell.state_size, list | tuple) else cell.state_size


def initial_state(cell: Any, batch_size: int, dtype: Any) -> Any:
    """Return a cell's initial state: that of its `get_initial_state`, or zeros."""
    if hasattr(cell, "get_initial_state"):
        return cell.get_initial_state(batch_size=batch_size)

    def zeros(size: Any) -> Any:
        if isinstance(size, list | tuple) and not all(isinstance(item, int) for item in size):
            return [zeros(item) for item in size]
        return jnp.zeros((batch_size, *(size if isinstance(size, tuple) else (size,))), dtype)

    sizes = cell.state_size
    return [zeros(size) for size in sizes] if isinstance(sizes, list) else zeros(sizes)
