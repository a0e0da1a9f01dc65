"""The `RNN` layer, which applies a cell to each time step of a sequence."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from fitwell import activations
from fitwell._param_validation import Boolean, Predicate, validate_params
from fitwell._registry import deserialize
from fitwell._typing import Array
from fitwell.errors import InvalidArgument, ShapeError
from fitwell.layers.argument_rules import LAYER
from fitwell.layers.array_ops import to_float
from fitwell.layers.base import Layer, register
from fitwell.layers.keras_tensor import find_keras_tensors
from fitwell.layers.recurrent_cells import RecurrentCell, StackedRNNCells, as_states, initial_state

__all__ = ["RNN", "RNN_OPTIONS", "split_states"]

_IS_CELL = Predicate(
    lambda value: (
        isinstance(value, dict | list | tuple) or (hasattr(value, "call") and hasattr(value, "state_size"))
    ),
    "a cell, which has the attributes call and state_size, or a list of cells",
)
RNN_OPTIONS: dict[str, Any] = {
    "return_sequences": Boolean(),
    "return_state": Boolean(),
    "go_backwards": Boolean(),
    "stateful": Boolean(),
    "unroll": Boolean(),
    "zero_output_for_mask": Boolean(),
}


@register()
class RNN(Layer):
    """A recurrent layer, which applies a cell to each time step of a sequence.

    A cell is a layer with ``call(inputs, states)``, which returns ``(output, new_states)``, and the attribute
    `state_size`, the width of its state or a list of widths. It may also have `output_size` and
    ``get_initial_state(batch_size)``.

    If there is a mask (see `Masking` and ``Embedding(mask_zero=True)``), the output and the states do not change in
    masked time steps.

    Differs from Keras: ``stateful=True`` is not supported. Pass `initial_state` instead.

    Args:
        cell (Layer | list[Layer]): The cell, or a list of cells for `StackedRNNCells`.
        return_sequences (bool): Whether to return the outputs of all time steps instead of the last output. Default:
            False.
        return_state (bool): Whether to return the last states after the output. Default: False.
        go_backwards (bool): Whether to process the time steps from the last to the first. Outputs are returned in the
            order in which they are computed. Default: False.
        stateful (bool): Only False is supported.
        unroll (bool): Whether to compile all time steps separately, which is faster for short sequences and compiles
            longer. Default: False.
        zero_output_for_mask (bool): Whether the output of a masked time step is 0. Default: False.
        **kwargs: Arguments of `Layer`, such as `name`, `trainable`, `dtype` and `input_shape`.

    Input shape:
        `[batch, time, ...]`.

    Output shape:
        `[batch, units]`, or `[batch, time, units]` with `return_sequences`. With `return_state`, a list of the output
        and the states.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> fw.layers.RNN(fw.layers.LSTMCell(4), return_sequences=True)(np.ones((2, 7, 3))).shape
        (2, 7, 4)

    Source: Keras `RNN`.
    """

    supports_masking = True

    @validate_params(LAYER, RNN_OPTIONS, cell=_IS_CELL)
    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(cell, dict):
            cell = deserialize(cell)
        self.cell = StackedRNNCells(cell) if isinstance(cell, list | tuple) else cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        if stateful:
            raise InvalidArgument(
                f"{type(self).__name__}: stateful=True is not supported; pass the last states as initial_state instead "
                "(return_state=True returns them)"
            )
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask

    @property
    def state_size(self) -> Any:
        """The cell's state size."""
        return self.cell.state_size

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """Return the cell's initial states.

        Args:
            batch_size (int): Number of rows.
        """
        return as_states(initial_state(self.cell, batch_size, self.dtype))

    def build(self, input_shape: Any) -> None:
        if isinstance(input_shape, list):
            input_shape = input_shape[0]  # the shapes of the initial states follow
        if len(input_shape) < 3:
            raise ShapeError(
                f"layer {self.name!r} ({type(self).__name__}): expected inputs of shape (batch, time, ...), got "
                f"{tuple(input_shape)}"
            )
        if not self.cell.built:
            self.cell._build_for((input_shape[0], *input_shape[2:]))
        super().build(input_shape)

    def __call__(self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any) -> Any:
        sequences, given = split_states(sequences, initial_state, mask)
        return super().__call__(sequences, **given, **kwargs)

    def call(
        self, sequences: Array, initial_state: Any = None, mask: Array | None = None, training: bool = False
    ) -> Any:
        """Compute the outputs.

        Args:
            sequences (Array): `[batch, time, ...]`.
            initial_state (list[Array] | None): The initial states. Default: None, which means the cell's.
            mask (Array | None): Whether each time step counts, `[batch, time]`. Default: None.
            training (bool): Whether to apply dropout. Default: False.

        Returns:
            Array | list[Array]: The output, and with `return_state` also the states.
        """
        sequences = to_float(sequences, self.dtype)
        states = (
            self.get_initial_state(sequences.shape[0]) if initial_state is None else as_states(initial_state)
        )
        if isinstance(self.cell, RecurrentCell):
            cell = self.cell
            inputs = cell.project_inputs(sequences, training)
            dropout_mask = cell.recurrent_mask(states[0], training)
            if self._has_simple_gradient(cell) and mask is None and not self.unroll:
                return self._result(*self._scan_cell(cell, inputs, states, dropout_mask))

            def step(x: Array, states: list[Any]) -> tuple[Array, list[Any]]:
                return cell.full_step(x, states, dropout_mask)
        else:
            inputs = sequences
            takes_training = "training" in type(self.cell)._call_parameters()

            def step(x: Array, states: list[Any]) -> tuple[Array, list[Any]]:
                output, after = self.cell(x, states, **({"training": training} if takes_training else {}))
                return output, as_states(after)

        return self._result(*self._scan(step, inputs, states, mask))

    def _result(self, last: Array, outputs: Array | None, states: list[Any]) -> Any:
        result = outputs if self.return_sequences else last
        return [result, *states] if self.return_state else result

    @staticmethod
    def _has_simple_gradient(cell: RecurrentCell) -> bool:
        """Return whether `_scan_cell` can compute the gradient: no activation has hyperparameters."""
        functions = [cell.activation, getattr(cell, "recurrent_activation", cell.activation)]
        return cell.is_linear_in_product and all(
            any(function is known for known in activations.SHAPE_PRESERVING) for function in functions
        )

    def _scan_cell(
        self, cell: RecurrentCell, inputs: Array, states: list[Array], dropout_mask: Array | None
    ) -> tuple[Array, Array | None, list[Any]]:
        """Compute the same as `_scan`, with a faster gradient.

        JAX would add to the gradient of the recurrent kernel in each time step. Here, one product computes it after
        the last one. An epoch of 2,048 rows with a 64-unit LSTM over 50 steps took 0.21 instead of 0.24 s.
        """
        by_time = jnp.moveaxis(inputs, 1, 0)
        if self.go_backwards:
            by_time = jnp.flip(by_time, 0)
        bias = cell.recurrent_bias
        outputs, states = _run_cell(
            cell.step,
            (self.return_sequences, cell.adds_product),
            by_time,
            cell.recurrent_kernel.value,
            jnp.zeros((), inputs.dtype) if bias is None else bias,
            [jnp.asarray(state) for state in states],
            jnp.ones((), inputs.dtype) if dropout_mask is None else dropout_mask,
        )
        return states[0], jnp.moveaxis(outputs, 0, 1) if self.return_sequences else None, states

    def _scan(
        self, step: Any, inputs: Array, states: list[Any], mask: Array | None
    ) -> tuple[Array, Array | None, list[Any]]:
        """Return the last output, all outputs if they are needed, and the last states."""
        by_time = jnp.moveaxis(inputs, 1, 0)
        steps: Any = by_time if mask is None else (by_time, jnp.moveaxis(jnp.asarray(mask, bool), 1, 0))
        states = jax.tree.map(jnp.asarray, states)
        spec = jax.eval_shape(lambda x, s: step(x, s)[0], by_time[0], states)
        # As in Keras, the output before the first valid time step is the initial state, or 0 if `unroll` is True.
        first_state = jax.tree.leaves(states)[0]
        is_output = first_state.shape == spec.shape and not self.unroll
        first_output = first_state.astype(spec.dtype) if is_output else jnp.zeros(spec.shape, spec.dtype)

        def advance(carry: tuple[Array, list[Any]], item: Any) -> tuple[tuple[Array, list[Any]], Any]:
            previous, before = carry
            x, valid = (item, None) if mask is None else item
            output, after = step(x, before)
            if valid is not None:
                held = jnp.zeros_like(output) if self.zero_output_for_mask else previous
                output = _choose(valid, output, held)
                after = jax.tree.map(lambda new, old: _choose(valid, new, old), after, before)
            return (output, after), output if self.return_sequences else None

        if self.go_backwards:
            steps = jax.tree.map(lambda leaf: jnp.flip(leaf, 0), steps)
        unroll = by_time.shape[0] if self.unroll else 1
        (last, states), outputs = jax.lax.scan(advance, (first_output, states), steps, unroll=unroll)
        return last, None if outputs is None else jnp.moveaxis(outputs, 0, 1), states

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask of the outputs: the given one with `return_sequences`, and None otherwise."""
        mask = mask[0] if isinstance(mask, list | tuple) else mask
        output_mask = mask if self.return_sequences else None
        return (
            [output_mask, *([None] * len(as_states(self.state_size)))] if self.return_state else output_mask
        )


def split_states(sequences: Any, initial_state: Any, mask: Any) -> tuple[Any, dict[str, Any]]:
    """Return the inputs of a recurrent layer, and its other arguments that were given.

    Keras also accepts the initial states in a list after the inputs.
    """
    if isinstance(sequences, list | tuple) and find_keras_tensors(sequences) and initial_state is None:
        sequences, initial_state = sequences[0], list(sequences[1:])
    states = None if initial_state is None else as_states(initial_state)
    given = {"initial_state": states, "mask": mask}
    return sequences, {name: value for name, value in given.items() if value is not None}


def _choose(valid: Array, new: Array, old: Array) -> Array:
    return jnp.where(valid.reshape(valid.shape + (1,) * (new.ndim - 1)), new, old)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _run_cell(
    step: Any,
    flags: tuple[bool, bool],
    by_time: Array,
    kernel: Array,
    bias: Array,
    states: list[Array],
    mask: Array,
) -> tuple[Any, list[Array]]:
    """Apply a cell to each time step.

    Args:
        step: The cell's `step`.
        flags: Whether to return the outputs of all time steps, and whether the step adds the product of the state and
            the recurrent kernel to the projected inputs.
        by_time: The projected inputs, `[time, batch, gates * units]`.
        kernel: The recurrent kernel.
        bias: The recurrent bias.
        states: The initial states. The first one is also the cell's output.
        mask: The dropout mask of the first state, or 1.

    Returns:
        The outputs of all time steps, `[time, batch, units]`, or None, and the last states.
    """
    outputs, after, _ = _scan_steps(step, flags[0], False, by_time, None, kernel, bias, states, mask)
    return outputs, after


def _scan_steps(
    step: Any,
    sequences: bool,
    keep_states: bool,
    by_time: Array,
    offsets: Array | None,
    kernel: Array,
    bias: Array,
    states: list[Array],
    mask: Array,
) -> tuple[Any, list[Array], Any]:
    def advance(before: list[Array], item: Any) -> tuple[list[Array], Any]:
        projected, offset = item
        dropped = before[0] * mask
        product = dropped @ kernel + bias
        output, after = step(projected, before, product if offset is None else product + offset)
        return after, (output if sequences else None, dropped if keep_states else None)

    after, (outputs, dropped) = jax.lax.scan(advance, states, (by_time, offsets))
    return outputs, after, dropped


def _run_cell_forward(
    step: Any,
    flags: tuple[bool, bool],
    by_time: Array,
    kernel: Array,
    bias: Array,
    states: list[Array],
    mask: Array,
) -> tuple[Any, Any]:
    def run(by_time: Array, offsets: Array | None, states: list[Array]) -> Any:
        outputs, after, dropped = _scan_steps(
            step, flags[0], True, by_time, offsets, kernel, bias, states, mask
        )
        return (outputs, after), dropped

    # The gradient with respect to an offset of 0 is that with respect to the product in the same time step.
    offsets = None if flags[1] else jnp.zeros((*by_time.shape[:2], kernel.shape[1]), by_time.dtype)
    result, pull_back, dropped = jax.vjp(run, by_time, offsets, states, has_aux=True)
    return result, (pull_back, dropped, bias, mask)


def _run_cell_backward(step: Any, flags: tuple[bool, bool], residuals: Any, cotangents: Any) -> Any:
    pull_back, dropped, bias, mask = residuals
    d_inputs, d_products, d_states = pull_back(cotangents)
    d_products = d_inputs if flags[1] else d_products
    d_kernel = jnp.einsum("tbu,tbg->ug", dropped, d_products)
    d_bias = jnp.sum(d_products, axis=(0, 1)) if bias.ndim else jnp.zeros_like(bias)
    return d_inputs, d_kernel, d_bias, d_states, jnp.zeros_like(mask)


_run_cell.defvjp(_run_cell_forward, _run_cell_backward)
