"""`PureOptimizer`, which implements `init` and `update` in terms of a subclass's `update_step`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fitwell import _call_context
from fitwell._typing import Array, Arrays
from fitwell._variables import Variable
from fitwell.errors import InvalidArgument, StateError, warn
from fitwell.optimizers import gradient_transforms
from fitwell.optimizers.deprecated_names import (
    alias_deprecated_methods,
)
from fitwell.optimizers.optimizer_options import ConfiguredOptimizer, OptState
from fitwell.optimizers.scheduled_hyperparameters import (
    StepHyperparameters,
)

__all__ = [
    "PureOptimizer",
    "promote_to_float32",
]


class PureOptimizer(ConfiguredOptimizer):
    """Base class that implements optimizers' pure functions. `Optimizer` documents the options."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        alias_deprecated_methods(cls)

    # -------------------------------------------------------------------------- defined by subclasses

    def init_slots(self) -> dict[str, Any]:
        """Return the initial values of the arrays that the optimizer stores for each parameter.

        Returns:
            dict[str, float | Array]: ``{slot name: initial value}``. Each array has the parameter's shape.
        """
        return {}

    def init_shared_slots(self) -> dict[str, float]:
        """Return the initial values of the scalars that all parameters share.

        Returns:
            dict[str, float]: ``{slot name: initial value}``.
        """
        return {}

    def update_shared_slots(self, shared: Arrays, hyperparameters: StepHyperparameters) -> Arrays:
        """Update the shared scalars.

        This method runs once per update, before `update_step`, which receives the result.

        Args:
            shared (dict[str, Array]): The scalars, keyed by the slot names in `init_shared_slots`.
            hyperparameters (StepHyperparameters): The hyperparameters of this update.

        Returns:
            dict[str, Array]: The new scalars.
        """
        return shared

    def update_step(
        self, gradient: Array, slots: Arrays, learning_rate: Any, hyperparameters: StepHyperparameters
    ) -> tuple[Array, Arrays]:
        """Compute the change to add to one parameter.

        Args:
            gradient (Array): The gradient after clipping. Its dtype is float32 or larger.
            slots (dict[str, Array]): This parameter's arrays, keyed by the slot names in `init_slots`.
            learning_rate (Array | float): The learning rate for this parameter, including its multiplier.
            hyperparameters (StepHyperparameters): The other hyperparameters of this update, such as
                ``hyperparameters.momentum``.

        Returns:
            tuple[Array, dict[str, Array]]: The change and the new slots.

        Raises:
            NotImplementedError: if the subclass does not define this method.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define update_step(gradient, slots, learning_rate, hyperparameters)"
        )

    # ---------------------------------------------------------------------------------- pure functions

    def slot_names(self) -> tuple[str, ...]:
        """Return the slot names for the current options. These are the keys in the result of `init`."""
        names = [*self.init_slots(), *self.init_shared_slots()]
        if self.use_ema:
            names.append("average")
        if self.gradient_accumulation_steps is not None:
            names.append("gradient_accumulator")
        return tuple(names)

    def init(self, parameters: Mapping[str, Array]) -> OptState:
        """Return the initial optimizer state.

        Args:
            parameters (dict[str, Array]): A dict that maps paths to parameters.

        Returns:
            dict: ``{slot name: {parameter path: array}}``, plus the shared scalars.
        """
        slots: OptState = {}
        for name, value in self.init_slots().items():
            slots[name] = {path: _full_like(p, value) for path, p in parameters.items()}
        dtype = _result_dtype(parameters)
        for name, value in self.init_shared_slots().items():
            slots[name] = np.asarray(value, dtype)
        if self.use_ema:
            # The averages start at the parameters' values instead of zero. Otherwise, a run without
            # updates would end with zeros, and the averages of a layer that is unfrozen later would be too small.
            slots["average"] = {
                path: jnp.array(p, jnp.promote_types(p.dtype, jnp.float32)) for path, p in parameters.items()
            }
        if self.gradient_accumulation_steps is not None:
            slots["gradient_accumulator"] = {path: _full_like(p, 0.0) for path, p in parameters.items()}
        return slots

    def match_slots(self, slots: OptState, parameters: Mapping[str, Array]) -> OptState:
        """Adapt an optimizer state to the current options and parameters.

        Missing arrays are initialized as in `init`. For example, arrays are missing after the momentum was
        changed from 0 or a layer was unfrozen. Arrays for parameters that no longer exist are dropped. Other
        arrays do not change.

        Args:
            slots (dict): The optimizer state.
            parameters (dict[str, Array]): A dict that maps paths to parameters.

        Returns:
            dict: The new optimizer state.
        """
        fitted = self.init(parameters)
        for name, fresh in fitted.items():
            kept = slots.get(name)
            if isinstance(fresh, dict) and isinstance(kept, dict):
                fitted[name] = {path: kept.get(path, array) for path, array in fresh.items()}
            elif kept is not None:
                fitted[name] = kept
        return fitted

    def update(
        self, gradients: Mapping[str, Array], slots: OptState, parameters: Mapping[str, Array], step: Any
    ) -> tuple[Arrays, OptState]:
        """Compute one update. This is a pure function that can be traced.

        Args:
            gradients (dict[str, Array]): A dict that maps parameter paths to gradients, which have the
                parameters' shapes.
            slots (dict): The optimizer state from `init` or the previous update.
            parameters (dict[str, Array]): A dict that maps paths to parameters.
            step (Array | int): Number of previous calls, as an int32. This is Keras's `iterations`, unless
                gradients are accumulated.

        Returns:
            tuple[dict[str, Array], dict]: The new parameters, with the dtypes of the old ones, and the new
            state.

        Raises:
            InvalidArgument: if gradients and parameters have different paths.
            StateError: if `slots` lacks an array that the options require. See `match_slots`.
        """
        if set(gradients) != set(parameters):
            odd = sorted(set(gradients) ^ set(parameters))
            raise InvalidArgument(
                f"{self.name}: gradients and parameters must have the same paths, but differ in {odd}"
            )
        missing = [name for name in self.slot_names() if name not in slots]
        if missing:
            raise StateError(
                f"{self.name}: the slots {missing} are missing; call match_slots(slots, parameters) to add them"
            )
        parameters = {path: jnp.asarray(p) for path, p in parameters.items()}
        gradients = {path: promote_to_float32(g, parameters[path]) for path, g in gradients.items()}
        step = jnp.asarray(step)
        if self.gradient_accumulation_steps is None:
            return self._update_parameters(gradients, slots, parameters, step, step)
        return self._accumulate_gradients(
            gradients, slots, parameters, step, self.gradient_accumulation_steps
        )

    def _accumulate_gradients(
        self, gradients: Arrays, slots: OptState, parameters: Arrays, step: Array, every: int
    ) -> tuple[Arrays, OptState]:
        others = {name: value for name, value in slots.items() if name != "gradient_accumulator"}
        others = jax.tree.map(jnp.asarray, others)
        sums = {path: slots["gradient_accumulator"][path] + g for path, g in gradients.items()}

        def apply_update() -> tuple[Arrays, OptState]:
            means = {path: total / every for path, total in sums.items()}
            new_parameters, new_slots = self._update_parameters(
                means, others, parameters, step, step // every
            )
            zeros = {path: jnp.zeros_like(total) for path, total in sums.items()}
            return new_parameters, {**new_slots, "gradient_accumulator": zeros}

        def keep_accumulating() -> tuple[Arrays, OptState]:
            return parameters, {**others, "gradient_accumulator": sums}

        due = (step + 1) % every == 0
        if not isinstance(due, jax.core.Tracer):
            # Outside a compiled loop, `cond` would compile both branches again at every step.
            return apply_update() if due else keep_accumulating()
        return lax.cond(due, apply_update, keep_accumulating)

    def _update_parameters(
        self, gradients: Arrays, slots: OptState, parameters: Arrays, step: Array, num_updates: Array
    ) -> tuple[Arrays, OptState]:
        hyperparameters = StepHyperparameters(self, step, num_updates, _result_dtype(parameters))
        rates = self._rates(parameters, hyperparameters)
        values = {path: promote_to_float32(p, p) for path, p in parameters.items()}
        gradients = self._transform_gradients(gradients, values, hyperparameters)
        if hyperparameters.weight_decay is not None:
            decay_rates = self._decay_rates(rates, hyperparameters)
            values = {
                path: value - decay_rates[path] * hyperparameters.weight_decay * value
                if self.reach.uses_weight_decay(path)
                else value
                for path, value in values.items()
            }
        values, new_slots = self._apply_update_steps(gradients, slots, values, rates, hyperparameters)
        if self.use_ema:
            new_slots["average"] = averages = self._update_average(slots["average"], values, hyperparameters)
            if self.ema_overwrite_frequency is not None:
                due = (num_updates + 1) % self.ema_overwrite_frequency == 0
                values = {path: jnp.where(due, averages[path], value) for path, value in values.items()}
        return _cast_like(values, parameters), _cast_like(
            new_slots, {name: slots[name] for name in new_slots}
        )

    def _rates(self, parameters: Arrays, hyperparameters: StepHyperparameters) -> dict[str, Any]:
        factors = {path: self.reach.learning_rate_multiplier(path) for path in parameters}
        rate = hyperparameters.learning_rate
        return {path: rate if found is None else rate * found.factor for path, found in factors.items()}

    def _decay_rates(self, rates: dict[str, Any], hyperparameters: StepHyperparameters) -> dict[str, Any]:
        """Return the factor by which each parameter's weight decay is multiplied.

        This is the learning rate times the parameter's weight decay multiplier. If there is none, the parameter's
        learning rate multiplier is used instead.
        """
        factors = {path: self.reach.weight_decay_multiplier(path) for path in rates}
        rate = hyperparameters.learning_rate
        return {
            path: rates[path] if found is None else rate * found.factor for path, found in factors.items()
        }

    def _transform_gradients(
        self, gradients: Arrays, values: Arrays, hyperparameters: StepHyperparameters
    ) -> Arrays:
        if hyperparameters.loss_scale_factor is not None:
            gradients = {path: g / hyperparameters.loss_scale_factor for path, g in gradients.items()}
        if hyperparameters.clipnorm is not None:
            gradients = gradient_transforms.clip_by_norm(gradients, hyperparameters.clipnorm)
        if hyperparameters.clipvalue is not None:
            gradients = gradient_transforms.clip_by_value(gradients, hyperparameters.clipvalue)
        if hyperparameters.global_clipnorm is not None:
            gradients = gradient_transforms.clip_by_global_norm(gradients, hyperparameters.global_clipnorm)
        if hyperparameters.coupled_weight_decay is not None:
            gradients = {
                path: g + hyperparameters.coupled_weight_decay * values[path]
                if self.reach.uses_weight_decay(path)
                else g
                for path, g in gradients.items()
            }
        if hyperparameters.gradient_noise is not None:
            key = _call_context.current_call_context().next_key()
            gradients = gradient_transforms.add_noise(
                gradients, hyperparameters.gradient_noise, hyperparameters.step, key
            )
        return gradients

    def _apply_update_steps(
        self,
        gradients: Arrays,
        slots: OptState,
        values: Arrays,
        rates: Mapping[str, Any],
        hyperparameters: StepHyperparameters,
    ) -> tuple[Arrays, OptState]:
        new_slots: OptState = {}
        shared = self.init_shared_slots()
        if shared:
            new_slots = dict(
                self.update_shared_slots({name: jnp.asarray(slots[name]) for name in shared}, hyperparameters)
            )
            hyperparameters.shared = new_slots
        # A slot that exists remains in use, even if its hyperparameter is later set to 0.
        names = [n for n in slots if n not in shared and n not in ("average", "gradient_accumulator")]
        new_slots = {**new_slots, **{name: {} for name in names}}
        new_values = {}
        for path, value in values.items():
            parameter_slots = {name: jnp.asarray(slots[name][path]) for name in names}
            change, parameter_slots = self.update_step(
                gradients[path], parameter_slots, rates[path], hyperparameters
            )
            new_values[path] = value + change
            for name in names:
                new_slots[name][path] = parameter_slots[name]
        return new_values, new_slots

    def _update_average(
        self, averages: Arrays, values: Arrays, hyperparameters: StepHyperparameters
    ) -> Arrays:
        momentum = jnp.where(hyperparameters.count == 1, 0.0, hyperparameters.ema_momentum)
        return {path: momentum * averages[path] + (1 - momentum) * value for path, value in values.items()}

    def finalize(self, parameters: Mapping[str, Array], slots: OptState) -> Arrays:
        """Return the final parameters of a run.

        These are the moving averages if `use_ema` is True, and `parameters` otherwise.
        """
        if not self.use_ema:
            return dict(parameters)
        return _cast_like({path: slots["average"][path] for path in parameters}, parameters)

    def scale_loss(self, loss: Array) -> Array:
        """Return the loss to differentiate, which is `loss` times `loss_scale_factor`."""
        factor = self.get_hyperparameter("loss_scale_factor")
        if factor is None:
            return loss
        return loss * (factor(self.step.value) if callable(factor) else factor)

    def bind_variables(
        self, variables: Mapping[str, Variable], names: Iterable[tuple[str, Variable]] = ()
    ) -> None:
        """Set the variable for each path that `init` and `update` receive.

        Multipliers and exclusions then also accept the variables' paths and the paths in `names`. Pass all
        variables, including frozen ones.

        If a variable's path has changed, its slots move to the new path. If all variables are new, the
        optimizer is used with a different model, so it warns and starts from scratch.

        Args:
            variables (dict[str, Variable]): A dict that maps paths to variables.
            names (Iterable[tuple[str, Variable]]): Additional ``(path, variable)`` pairs, such as
                ``("base/dense/kernel", variable)``. Default: ().

        Raises:
            InvalidArgument: if a multiplier or an exclusion matches no variable.
        """
        before = self.reach.variables
        self.reach.bind_variables(variables, names, self.name)
        if self.opt_state is None or not before:
            return
        now = {id(variable): path for path, variable in variables.items()}
        moves = {path: now.get(id(variable)) for path, variable in before.items()}
        if not any(moves.values()):
            warn(
                f"the optimizer {self.name!r} was used for a different model before, so its state was reset; create a "
                "separate optimizer for each model",
            )
            self.opt_state = None
            self.step.assign(0)
            return
        self.opt_state = {
            name: _move_slots(value, moves) if isinstance(value, dict) else value
            for name, value in self.opt_state.items()
        }


def _move_slots(slot: Mapping[str, Any], moves: Mapping[str, str | None]) -> dict[str, Any]:
    """Move a slot's arrays to their new paths, and drop the arrays for variables that no longer exist."""
    places = {path: moves.get(path, path) for path in slot}
    return {place: slot[path] for path, place in places.items() if place is not None}


def promote_to_float32(array: Array, parameter: Array) -> Array:
    """Convert `array` to the dtype of `parameter`, or to float32 if that dtype is smaller."""
    return jnp.asarray(array, jnp.promote_types(parameter.dtype, jnp.float32))


def _result_dtype(parameters: Mapping[str, Array]) -> Any:
    return jnp.result_type(jnp.float32, *(p.dtype for p in parameters.values()))


def _full_like(parameter: Array, value: Any) -> Any:
    dtype = jnp.promote_types(parameter.dtype, jnp.float32)
    if isinstance(value, jax.Array):
        return jnp.full(parameter.shape, value, dtype)
    # NumPy is used because JAX would compile one program for each shape.
    return np.full(parameter.shape, value, dtype)


def _cast_like(values: Any, templates: Any) -> Any:
    """Convert `values` to the dtypes of `templates`. The results are strongly typed, so a loop can carry them."""
    return jax.tree.map(
        lambda value, template: jnp.asarray(value, jnp.result_type(template)), values, templates
    )


alias_deprecated_methods(PureOptimizer)
