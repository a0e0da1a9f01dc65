"""The compiled forward pass that `predict` uses, and the shapes of a model's outputs."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell import random
from fitwell._call_context import CallContext, call_context
from fitwell._data.loaders import count_rows, pad_rows
from fitwell._engine import xla_cpu_heuristics
from fitwell._engine.compile_cache import abstract_signature
from fitwell._traced_constants import TracedConstants
from fitwell._tracing_warnings import constants_changed, watch_tracing
from fitwell._user_code import explain_tracing_errors, has_user_code
from fitwell._variables import named_hyperparameters, stateless_scope
from fitwell.layers.variable_tracker import preserve_variables
from fitwell.models.base_model import BaseModel
from fitwell.models.executable_sharing import SharedExecutables, shared_executables, structure_key

__all__ = ["Inference", "infer_structs"]


class Inference:
    """The compiled forward pass of one model, for any number of rows.

    Attributes:
        draws: Whether the forward pass draws random numbers. This is known only after the first call.
    """

    def __init__(self, model: BaseModel) -> None:
        self.model = model
        self.variables = dict(model._named_variables())
        self.hyperparams = named_hyperparameters([layer for _, layer in model._flatten_layers()])
        self.draws = False
        self.constants: TracedConstants = {}
        self._has_own_code = has_user_code([layer for _, layer in model._flatten_layers()])
        self._shared: SharedExecutables[Inference] | None = None
        self._calls = 0

    @property
    def trace_dependencies(self) -> list[Any]:
        """All objects that tracing reads."""
        return [self.model, list(self.variables.items()), list(self.hyperparams)]

    def share(self, other: Inference) -> None:
        """Use the executables of `other` if its model has the same structure."""
        shared = other._sharing().share_with()
        known = self._shared is not None and self._shared.cache is shared.cache
        if not known and structure_key(self)[0] == shared.key:
            self._shared = shared

    def _sharing(self) -> SharedExecutables[Inference]:
        if self._shared is None:
            self._shared = shared_executables(self)
        return self._shared

    def __call__(self, x: Any, size: int | None = None) -> Any:
        """Compute the outputs for the rows of `x`, and return them as NumPy arrays.

        Args:
            x: The inputs.
            size: The number of rows per batch. Each batch is computed as if it were passed alone. Defaults to
                None, which means a single batch.
        """
        rows = count_rows(x)
        several = size is not None and rows > size
        if several:
            assert size is not None
            # Pad the number of batches to a power of two, so that few programs are compiled. Batches of zeros do not
            # affect the other batches.
            places = 1 << (rows // size - 1).bit_length()
            x = pad_rows(x, places * size)
            x = jax.tree.map(lambda leaf: np.asarray(leaf).reshape(places, size, *leaf.shape[1:]), x)
        elif self.model._supports_padding:
            # Pad the rows to a power of two, so that few programs are compiled.
            x = pad_rows(x, 1 << (rows - 1).bit_length())
        key = abstract_signature(x), several
        shared = self._sharing()
        executable = shared.cache.find(key)
        if (executable is None and not shared.is_unchanged) or constants_changed(shared.traced.constants):
            shared = self._shared = SharedExecutables(self, None)
            self.constants.clear()
            executable = None
        traced = shared.traced
        self._calls += count_rows(x) if several else 1
        arguments = self._arguments(x)
        if executable is None:
            forward = traced._forward_each if several else traced._forward
            step_rows = size if several and size else count_rows(x)
            executable = shared.cache.get(
                key,
                forward,
                (*arguments, np.uint32(0)),
                lambda: xla_cpu_heuristics.prefer_ynn_kernels(arguments[0], step_rows),
            )
        # Draw a seed only if tracing has shown that the model uses random numbers at inference.
        seed = random.next_seed() if traced.draws else 0
        outputs = executable(*arguments, np.uint32(seed))
        if several:
            outputs = jax.tree.map(lambda leaf: np.asarray(leaf).reshape(-1, *leaf.shape[2:]), outputs)
        return jax.tree.map(lambda output: np.asarray(output)[:rows], outputs)

    def _arguments(self, x: Any) -> tuple[Any, ...]:
        values = {path: variable.value for path, variable in self.variables.items()}
        hyperparams = {path: cell.as_array() for path, cell in self.hyperparams.items() if cell.is_number}
        return values, hyperparams, x, np.int32(self._calls)

    def _forward_each(
        self, values: dict[str, Any], hyperparams: dict[str, Any], x: Any, call: Any, seed: Any
    ) -> Any:
        """Compute the outputs for inputs of shape ``[batches, rows, ...]``, batch by batch."""
        size = jax.tree.leaves(x)[0].shape[1]
        is_fused = xla_cpu_heuristics.should_fuse_loop(values, size)

        def forward(index: Any) -> Any:
            if not is_fused:
                index = xla_cpu_heuristics.prevent_loop_fusion(index)
            batch = jax.tree.map(lambda leaf: leaf[index], x)
            return self._forward(values, hyperparams, batch, call + index, seed)

        return jax.lax.map(forward, jnp.arange(count_rows(x), dtype=jnp.int32))

    def _forward(
        self, values: dict[str, Any], hyperparams: dict[str, Any], x: Any, call: Any, seed: Any
    ) -> Any:
        cells: dict[Any, Any] = {self.variables[path]: value for path, value in values.items()}
        cells |= {self.hyperparams[path]: value for path, value in hyperparams.items()}
        context = CallContext(training=False, key=jax.random.key(seed), step=call)
        with stateless_scope(cells), call_context(context), watch_tracing(self.constants, self._has_own_code):
            outputs = self.model(x)
        self.draws = self.draws or context.rng_count > 0
        return outputs


def infer_structs(model: BaseModel, x: Any) -> Any:
    """Return the shapes and dtypes of the outputs for inputs like `x`, and build the model if necessary."""

    def forward(arrays: Any) -> Any:
        with call_context(CallContext(training=False, key=jax.random.key(0))), preserve_variables(model):
            return model(arrays)

    structs = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(np.shape(leaf), jnp.result_type(leaf)), x)
    with explain_tracing_errors():
        return jax.eval_shape(forward, structs)
