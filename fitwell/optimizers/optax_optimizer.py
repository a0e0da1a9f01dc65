"""Any `optax.GradientTransformation` as a fitwell optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import jax
import jax.numpy as jnp

from fitwell._param_validation import Predicate, validate_params
from fitwell.errors import InvalidArgument
from fitwell.optimizers.base import Optimizer, optimizer_registry
from fitwell.optimizers.pure_optimizer import (
    Array,
    Arrays,
    OptimizerOptions,
    OptState,
    ScalarOrSchedule,
    promote_to_float32,
)
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters


def is_transformation(value: Any) -> bool:
    """Return whether `value` looks like an `optax.GradientTransformation`: it has `init` and `update`."""
    return callable(getattr(value, "init", None)) and callable(getattr(value, "update", None))


@optimizer_registry.register("optax")
class OptaxOptimizer(Optimizer):
    """An Optax gradient transformation: ``u, state = tx.update(g, state, θ); θ += u``.

    Args:
        tx: the transformation, such as ``optax.lion(1e-4)``.
        learning_rate: None when `tx` contains its own, a constant of the compiled program. A number or a
            schedule when it does not, as with ``optax.scale_by_lion()``: then ``θ -= η u``, and η is data.
        options: as for every `Optimizer`; `weight_decay` and `learning_rate_multipliers` need
            `learning_rate`.

    Optax is not imported by fitwell. `tx` is code, so `get_config` refuses to write it down.
    """

    optional = Optimizer.optional | {"learning_rate"}

    @validate_params(tx=Predicate(is_transformation, "an optax.GradientTransformation"))
    def __init__(
        self, tx: Any, learning_rate: ScalarOrSchedule | None = None, **options: Unpack[OptimizerOptions]
    ) -> None:
        super().__init__(learning_rate, **options)
        self.tx = tx
        for name in ("weight_decay", "learning_rate_multipliers"):
            if learning_rate is None and options.get(name) is not None:
                raise InvalidArgument(
                    f"OptaxOptimizer: {name} needs learning_rate=, and a transformation that has none"
                )

    def slot_names(self) -> tuple[str, ...]:
        """Return the names of the slots: the transformation's state is the first."""
        return ("optax", *super().slot_names())

    def init(self, parameters: Mapping[str, Array]) -> OptState:
        """Return the slots of a fresh run."""
        state = self.tx.init({path: promote_to_float32(p, p) for path, p in parameters.items()})
        # In a tuple, because a state that is a dictionary is not one by parameter path.
        return {"optax": (_strong(state),), **super().init(parameters)}

    def match_slots(self, slots: OptState, parameters: Mapping[str, Array]) -> OptState:
        """Return `slots` made to fit `parameters`; a state of `tx` that does not fit starts afresh."""
        fitted = super().match_slots({name: s for name, s in slots.items() if name != "optax"}, parameters)
        shapes = [jax.tree.map(jnp.shape, state) for state in (slots.get("optax"), fitted["optax"])]
        return {**fitted, "optax": slots["optax"]} if shapes[0] == shapes[1] else fitted

    def _apply_rules(
        self,
        gradients: Arrays,
        slots: OptState,
        values: Arrays,
        rates: Mapping[str, Any],
        settings: StepHyperparameters,
    ) -> tuple[Arrays, OptState]:
        changes, state = self.tx.update(gradients, slots["optax"][0], values)
        if settings.learning_rate is not None:
            changes = {path: -rates[path] * change for path, change in changes.items()}
        return {path: value + changes[path] for path, value in values.items()}, {"optax": (state,)}

    def get_config(self) -> dict[str, Any]:
        """Refuse: a transformation is code."""
        raise InvalidArgument(
            "an Optax transformation cannot be written into a configuration; save the weights, and compile "
            "with the transformation again after loading"
        )

    def __repr__(self) -> str:
        return f"OptaxOptimizer({self.tx!r}, learning_rate={self.get_hyperparameter('learning_rate')!r})"


def _strong(state: Any) -> Any:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.result_type(leaf)), state)
