"""`ModelProgram`: a model in the form of the pure functions that the engine compiles (`TrainProgram`).

These functions bind a state's values to the model's variables, call the layers and collect the results.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import jax
import jax.numpy as jnp

from fitwell import config
from fitwell import metrics as metrics_package
from fitwell._broadcast_warning import warn_on_row_broadcast
from fitwell._call_context import CallContext, call_context, current_call_context
from fitwell._engine.train_program import Batch, ForwardResult
from fitwell._traced_constants import TracedConstants
from fitwell._tracing_warnings import watch_tracing
from fitwell._typing import Array, Arrays
from fitwell._user_code import explain_tracing_errors, has_user_code
from fitwell._variables import (
    Bindable,
    Bindings,
    Hyperparameter,
    Variable,
    named_hyperparameters,
    stateless_scope,
)
from fitwell.errors import InvalidArgument
from fitwell.layers.base import Layer
from fitwell.losses.alignment import squeeze_or_expand_to_same_rank
from fitwell.models.array_packing import DtypeRaveler
from fitwell.models.base_model import BaseModel
from fitwell.models.compile_config import OutputLoss, OutputMetric, loss_names, named_results

__all__ = ["ModelProgram", "as_outputs", "use_trainable_flags"]


class ModelProgram:
    """The pure functions of one compiled model.

    Attributes:
        variables: All variables, keyed by path.
        trainable: The variables that gradients update.
        non_trainable: The other variables.
        hyperparams: The hyperparameters, keyed by path.
        constants: The constants that user-defined code read when it was traced.
        supports_padding: Whether all parts treat rows independently, so that batches may be padded.
    """

    def __init__(
        self,
        model: BaseModel,
        optimizer: Any,
        losses: Sequence[OutputLoss],
        metrics: Sequence[OutputMetric],
        outputs: Sequence[str],
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.losses = list(losses)
        self.metrics = list(metrics)
        self.output_names = list(outputs)
        self._trainable_flags = {layer: layer.trainable for _, layer in model._flatten_layers()}
        self.variables: dict[str, Variable] = dict(model._named_variables())
        self.trainable: dict[str, Variable] = dict(model._named_trainable_variables())
        learned = {id(variable) for variable in self.trainable.values()}
        self.non_trainable = {path: v for path, v in self.variables.items() if id(v) not in learned}
        optimizer.bind_variables(self.variables, model._variables_by_name())
        self.hyperparams = self._hyperparameters()
        names = loss_names(self.output_names, self.losses)
        self._trackers = {name: metrics_package.Mean(name=name) for name in names}
        self._metric_variables = self._accumulators()
        self._raveler = DtypeRaveler(self._metric_variables)
        self._own_code = self._has_own_code()
        # The constants that user-defined code read when it was traced.
        self.constants: TracedConstants = {}
        self.supports_padding = (
            all(layer.supports_padding for _, layer in model._flatten_layers()) and self._honors_sample_mask()
        )

    def _has_own_code(self) -> bool:
        """Return whether the program contains user-defined code."""
        layers = [layer for _, layer in self.model._flatten_layers()]
        parts = [*layers, self.optimizer, *(term.loss for term in self.losses)]
        parts += [term.metric for term in self.metrics]
        parts += [part.loss for part in parts if isinstance(part, metrics_package.LossMetric)]
        parts += [part for v in self.variables.values() for part in (v.regularizer, v.constraint)]
        parts += [cell.raw_value for cell in vars(self.optimizer).get("_hyperparameters", {}).values()]
        return has_user_code(parts)

    def _watched(self) -> AbstractContextManager[None]:
        return watch_tracing(self.constants, self._own_code)

    def bind_optimizer(self) -> None:
        """Bind the optimizer to the variables again, in case it has trained a different model in the meantime."""
        known = self.optimizer.reach.variables
        if any(known.get(path) is not variable for path, variable in self.variables.items()):
            self.optimizer.bind_variables(self.variables, self.model._variables_by_name())

    def _hyperparameters(self) -> dict[str, Hyperparameter]:
        # A layer's hyperparameters include those of its regularizers and activations, but not those of its sublayers,
        # which are visited separately.
        layers = list(self.model._flatten_layers())
        seen = {id(layer) for _, layer in layers}
        found: dict[str, Hyperparameter] = {}
        # Visit these before the model, which has the optimizer as an attribute, so that the optimizer's paths begin
        # with "optimizer".
        for name, root in (("optimizer", self.optimizer), ("loss", self.losses), ("metrics", self.metrics)):
            found |= named_hyperparameters(root, name, seen)
        for path, layer in layers:
            seen.discard(id(layer))
            found |= named_hyperparameters(layer, f"model.{path}" if path else "model", seen)
        return found

    @property
    def trace_dependencies(self) -> list[Any]:
        """All objects that tracing reads."""
        return [
            self.model,
            self.optimizer,
            self.losses,
            self.metrics,
            list(self.trainable.items()),
            list(self.non_trainable.items()),
            list(self.hyperparams),
            self.optimizer.slot_names(),  # there is no array for momentum if the argument momentum is 0
            # If there is more than one output, the names of results contain the names of outputs.
            self.output_names if len(self.output_names) > 1 else None,
            [term.name for term in self.metrics],
            list(self._trainable_flags.values()),
        ]

    def check_optimizer(self) -> None:
        """Raise `InvalidArgument` if the optimizer has hyperparameters that the compiled program does not use."""
        now = named_hyperparameters(self.optimizer, "optimizer")
        new = [path for path, cell in now.items() if self.hyperparams.get(path) is not cell]
        if new:
            raise InvalidArgument(
                f"{', '.join(new)} {'was' if len(new) == 1 else 'were'} set after the model was compiled, so the "
                f"compiled program does not use {'it' if len(new) == 1 else 'them'}; compile the model again with "
                "optimizer=model.optimizer, which keeps the optimizer's state"
            )

    def _accumulators(self) -> dict[str, Variable]:
        objects = {**self._trackers, **{term.name: term.metric for term in self.metrics}}
        return {f"{name}/{i}": v for name, metric in objects.items() for i, v in enumerate(metric.variables)}

    def _honors_sample_mask(self) -> bool:
        """Return whether losses, metrics and activity regularizers ignore padding rows.

        The result is False if any of these parts is user-defined, because user-defined code might not ignore padding
        rows.
        """
        parts = [term.loss for term in self.losses] + [term.metric for term in self.metrics]
        parts += [part.loss for part in parts if isinstance(part, metrics_package.LossMetric)]
        penalties = [layer.activity_regularizer for _, layer in self.model._flatten_layers()]
        if not all(penalty is None or getattr(penalty, "supports_padding", False) for penalty in penalties):
            return False
        code = [getattr(part, "fn", type(part)) for part in parts]
        return all(getattr(piece, "__module__", "").startswith("fitwell.") for piece in code)

    # --- the engine's protocol -----------------------------------------------------------------------------

    def forward(
        self,
        trainable: Arrays,
        non_trainable: Arrays,
        hyperparams: Arrays,
        batch: Batch,
        *,
        training: bool,
        key: Array,
        step: Array,
    ) -> tuple[Array, ForwardResult]:
        """Call the model on a batch, and return the loss, the outputs and the updated non-trainable variables."""
        context = CallContext(
            training=training,
            key=key,
            step=step,
            sample_mask=batch.sample_mask,
            num_valid_rows=batch.num_valid_rows,
        )
        with (
            self.bound(trainable, non_trainable, hyperparams) as bound,
            call_context(context),
            use_trainable_flags(self._trainable_flags),
            self._watched(),
        ):
            outputs = as_outputs(self.model(batch.x))
            parts = {f"{term.name}_loss": self._loss_of(term, outputs, batch) for term in self.losses}
            weighted = [parts[f"{term.name}_loss"] * term.weight for term in self.losses]
            total = sum([*self._penalties(), *context.losses], start=sum(weighted[1:], start=weighted[0]))
            after = {path: bound[variable] for path, variable in self.non_trainable.items()}
        total = jnp.asarray(total)
        if training and total.ndim:
            raise InvalidArgument(
                f"the loss has shape {total.shape}, but fit needs a single number to minimize; do not use "
                "reduction='none' in the losses, and pass a single number, such as a mean, to add_loss"
            )
        return total, ForwardResult(outputs, after, parts)

    def bound(
        self,
        trainable: Mapping[str, Array] | None = None,
        non_trainable: Mapping[str, Array] | None = None,
        hyperparams: Mapping[str, Array] | None = None,
        metrics: Mapping[str, Array] | None = None,
    ) -> AbstractContextManager[Bindings]:
        """Bind values to the model's variables, hyperparameters and metric variables inside the block.

        The context manager yields a mapping of all values, including those that the block assigns.

        Args:
            trainable: Values of trainable variables, keyed by path.
            non_trainable: Values of non-trainable variables, keyed by path.
            hyperparams: Values of hyperparameters, keyed by path.
            metrics: Values of metric variables, packed into one array per dtype.
        """
        values: dict[Bindable, Any] = {}
        for cells, new_values in (
            (self.trainable, trainable),
            (self.non_trainable, non_trainable),
            (self._metric_variables, self._raveler.unravel(metrics) if metrics else None),
            (self.hyperparams, hyperparams),
        ):
            values |= {cells[path]: value for path, value in (new_values or {}).items()}
        return stateless_scope(values)

    def _loss_of(self, term: OutputLoss, outputs: list[Array], batch: Batch) -> Array:
        weight = None if batch.weights is None else batch.weights[term.output]
        output = outputs[term.output]
        mask = current_call_context().get_mask(output)
        if mask is not None:
            weight = _apply_mask(weight, mask, term.loss, batch.sample_mask)
        with warn_on_row_broadcast(output.shape[0], self._own_code):
            return term.loss(
                _align_timesteps(batch.y[term.output], output, weight), output, sample_weight=weight
            )

    def _penalties(self) -> list[Array]:
        return [v.regularizer(v.value) for v in self.trainable.values() if v.regularizer is not None]

    def result_names(self) -> list[str]:
        """Return the names of the results, starting with the loss."""
        names: list[str] = []
        # Collect the names in their order of creation, because JAX returns dicts sorted by key.
        with explain_tracing_errors():
            jax.eval_shape(lambda: names.extend(self.compute_metrics(self.init_metrics(), {})))
        return names

    def update(
        self,
        gradients: Arrays,
        opt_state: Any,
        trainable: Arrays,
        hyperparams: Arrays,
        step: Array,
        key: Array,
    ) -> tuple[Arrays, Any]:
        """Apply one optimizer update, and then the constraints."""
        # Optimizers may add noise to gradients, which comes from a separate random stream.
        context = CallContext(training=True, key=jax.random.fold_in(key, 0), step=step)
        with self.bound(hyperparams=hyperparams), call_context(context), self._watched():
            fresh, opt_state = self.optimizer.update(gradients, opt_state, trainable, step)
            for path, variable in self.trainable.items():
                if variable.constraint is not None:
                    fresh[path] = variable.constraint(fresh[path])
        return fresh, opt_state

    def scale_loss(self, loss: Array, hyperparams: Arrays) -> Array:
        """Return the value to differentiate.

        This is the loss, multiplied by a scale factor if the optimizer uses loss scaling to prevent underflow.
        """
        with self.bound(hyperparams=hyperparams):
            return self.optimizer.scale_loss(loss)

    def update_metrics(
        self, metrics: Arrays, loss: Array, forward: ForwardResult, batch: Batch, hyperparams: Arrays
    ) -> Arrays:
        """Add one batch to the metrics, and return their new values."""
        num_valid_rows = _num_valid_rows(batch)
        context = CallContext(training=False)
        with (
            self.bound(hyperparams=hyperparams, metrics=metrics) as bound,
            call_context(context),
            self._watched(),
        ):
            for name, tracker in self._trackers.items():
                value = loss if name == "loss" else forward.parts[name]
                tracker.update_state(value, sample_weight=num_valid_rows)
            for term in self.metrics:
                output = forward.outputs[term.output]
                with warn_on_row_broadcast(output.shape[0], self._own_code):
                    _update_metric(term, batch, output)
            return self._joined(bound)

    def init_metrics(self) -> Arrays:
        """Return the values of the metric variables after `reset_state`."""
        start: dict[Bindable, Any] = {v: jnp.zeros(v.shape, v.dtype) for v in self._metric_variables.values()}
        with stateless_scope(start) as bound:
            for metric in [*self._trackers.values(), *(term.metric for term in self.metrics)]:
                metric.reset_state()
            return self._joined(bound)

    def _joined(self, values: Mapping[Bindable, Any]) -> Arrays:
        return self._raveler.ravel({path: values[cell] for path, cell in self._metric_variables.items()})

    def compute_metrics(self, metrics: Arrays, hyperparams: Arrays) -> Arrays:
        """Return a dict that maps result names to single numbers, starting with the loss."""
        with self.bound(hyperparams=hyperparams, metrics=metrics), self._watched():
            found = {name: tracker.result() for name, tracker in self._trackers.items()}
            for term in self.metrics:
                for name, value in named_results(term):
                    if name in found:
                        raise InvalidArgument(
                            f"two metric results have the name {name!r}; rename one of the metrics, or change the "
                            "key if a metric returns a dict"
                        )
                    # Convert it inside the block, because a metric may return a variable, whose value is bound only
                    # here.
                    found[name] = _as_scalar(name, value)
        return found

    def hyperparam_value(self, path: str, hyperparams: Arrays, step: Array) -> Array:
        """Return the value of the hyperparameter at `path`.

        If it follows a schedule, return its value at `step`.
        """
        if path in hyperparams:
            return hyperparams[path]
        with self.bound(hyperparams=hyperparams):
            value = self.optimizer.get_hyperparameter(path.removeprefix("optimizer."))
            return jnp.asarray(value(step) if callable(value) else value)


def _update_metric(term: OutputMetric, batch: Batch, output: Array) -> None:
    """Add one batch to a metric, after aligning the targets with the predictions as in a loss."""
    sample_weight = sample_mask = batch.sample_mask
    if term.weighted and batch.weights is not None and batch.weights[term.output] is not None:
        sample_weight = batch.weights[term.output]
        if sample_mask is not None:
            axes = (1,) * (sample_weight.ndim - 1)
            sample_weight = sample_weight * sample_mask.reshape(sample_mask.shape + axes)
    y_true, y_pred = squeeze_or_expand_to_same_rank(
        _align_timesteps(batch.y[term.output], output, sample_weight), output
    )
    if jnp.issubdtype(y_true.dtype, jnp.integer) and y_true.dtype.itemsize < 4:
        y_true = y_true.astype(jnp.int32)  # otherwise, 0 - 1 would be 255 in user-defined code
    if sample_weight is None:
        # A user-defined metric may not have a sample_weight argument.
        term.metric.update_state(y_true, y_pred)
    else:
        term.metric.update_state(y_true, y_pred, sample_weight=sample_weight)


def _apply_mask(weight: Any, mask: Array, loss: Any, sample_mask: Array | None) -> Array:
    """Return the weights of the time steps, in which masked time steps have the weight 0, as in Keras.

    A loss that divides by the number of values divides by the number of time steps that are not masked.
    """
    factor = mask.astype(config.float_dtype())
    if getattr(loss, "reduction", None) in ("sum_over_batch_size", "mean"):
        rows = jnp.ones(len(mask)) if sample_mask is None else sample_mask
        valid = jnp.sum(factor * rows.reshape(-1, *(1,) * (mask.ndim - 1)))
        factor = factor * (jnp.sum(rows) * math.prod(mask.shape[1:]) / (valid + config.epsilon()))
    if weight is None:
        return factor
    weight = jnp.asarray(weight)
    return weight.reshape(weight.shape + (1,) * (factor.ndim - weight.ndim)) * factor


def _align_timesteps(y: Any, output: Array, weight: Any) -> Array:
    """Add a last axis to targets of shape ``[n, t]`` if the outputs have one and each time step has a weight."""
    y = jnp.asarray(y)
    places = 0 if weight is None else jnp.ndim(weight)
    return y[..., None] if 1 < places == y.ndim == output.ndim - 1 and output.shape[-1] == 1 else y


def _as_scalar(name: str, value: Any) -> Array:
    try:
        array = jnp.asarray(value)
    except (TypeError, ValueError):
        raise InvalidArgument(
            f"metric {name!r}: result() must return a number or a dict of numbers, got {type(value).__name__}"
        ) from None
    if array.size != 1:
        raise InvalidArgument(
            f"metric {name!r} returns an array of shape {array.shape}, but logs contain single numbers; make it "
            "return one number, for example with average='macro' or a single threshold, or call the metric on y and "
            "model.predict(x) after training"
        )
    return array.reshape(())


@contextmanager
def use_trainable_flags(flags: Mapping[Layer, bool]) -> Iterator[None]:
    """Inside the block, set the layers' `trainable` flags to `flags`, because batch normalization depends on them."""
    now = {layer: layer._trainable for layer in flags}
    for layer, learning in flags.items():
        layer._trainable = learning
    try:
        yield
    finally:
        for layer, learning in now.items():
            layer._trainable = learning


def as_outputs(outputs: Any) -> list[Array]:
    """Return the outputs of a model as a list. The outputs in a dict are sorted by key."""
    if isinstance(outputs, dict):
        # JAX sorts dicts by key, and output names have the same order everywhere.
        return [outputs[name] for name in sorted(outputs)]
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _num_valid_rows(batch: Batch) -> Array:
    if batch.num_valid_rows is not None:
        return batch.num_valid_rows
    if batch.sample_mask is not None:
        return jnp.sum(batch.sample_mask)
    return jnp.float32(jax.tree.leaves(batch.x)[0].shape[0])
