"""`OptaxOptimizer`, which turns an `optax.GradientTransformation` into an optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

import jax
import jax.numpy as jnp

from fitwell._param_validation import Predicate, validate_params
from fitwell._typing import Array, Arrays
from fitwell.errors import InvalidArgument
from fitwell.optimizers.base import Optimizer, optimizer_registry
from fitwell.optimizers.optimizer_options import OptimizerOptions, OptState, ScalarOrSchedule
from fitwell.optimizers.pure_optimizer import promote_to_float32
from fitwell.optimizers.scheduled_hyperparameters import StepHyperparameters

__all__ = [
    "OptaxOptimizer",
    "is_transformation",
]


def is_transformation(value: Any) -> bool:
    """Return True if `value` has the methods `init` and `update` of an `optax.GradientTransformation`."""
    return callable(getattr(value, "init", None)) and callable(getattr(value, "update", None))


@optimizer_registry.register("optax")
class OptaxOptimizer(Optimizer):
    """An optimizer that applies an Optax gradient transformation.

    The update is ``u, state = tx.update(g, state, θ); θ += u``.

    fitwell does not import Optax. `get_config` raises `InvalidArgument`, because `tx` is code.

    Args:
        tx (optax.GradientTransformation): The transformation, such as ``optax.lion(1e-4)``.
        learning_rate (float | LearningRateSchedule | Callable | None): Use None if `tx` contains a learning
            rate, which is then a constant in the compiled program. Use a number or a schedule if it does not,
            as with ``optax.scale_by_lion()``. The update is then ``θ -= η u``, and changing η does not
            trigger recompilation. Default: None.
        **options: Keyword arguments that every `Optimizer` accepts; `weight_decay` and the multipliers
            require `learning_rate`.

    Raises:
        InvalidArgument: if an option requires `learning_rate`, but it is None.

    Example:
        >>> import fitwell as fw
        >>> import optax
        >>> fw.optimizers.OptaxOptimizer(optax.scale_by_lion(), learning_rate=1e-4).learning_rate
        0.0001
    """

    optional = Optimizer.optional | {"learning_rate"}

    @validate_params(tx=Predicate(is_transformation, "an optax.GradientTransformation"))
    def __init__(
        self, tx: Any, learning_rate: ScalarOrSchedule | None = None, **options: Unpack[OptimizerOptions]
    ) -> None:
        super().__init__(learning_rate, **options)
        self.tx = tx
        for name in ("weight_decay", "learning_rate_multipliers", "weight_decay_multipliers"):
            if learning_rate is None and options.get(name) is not None:
                raise InvalidArgument(
                    f"OptaxOptimizer: {name} requires learning_rate= and a transformation without a learning rate"
                )

    def slot_names(self) -> tuple[str, ...]:
        """Return the slot names. The first slot contains the transformation's state."""
        return ("optax", *super().slot_names())

    def init(self, parameters: Mapping[str, Array]) -> OptState:
        """Return the initial slots. See `Optimizer.init`."""
        state = self.tx.init({path: promote_to_float32(p, p) for path, p in parameters.items()})
        # The tuple is needed because a dict would be mistaken for a dict that is keyed by parameter path.
        return {"optax": (_strong(state),), **super().init(parameters)}

    def match_slots(self, slots: OptState, parameters: Mapping[str, Array]) -> OptState:
        """Adapt `slots` to `parameters`, and reset the state of `tx` if its shapes no longer match."""
        fitted = super().match_slots({name: s for name, s in slots.items() if name != "optax"}, parameters)
        shapes = [jax.tree.map(jnp.shape, state) for state in (slots.get("optax"), fitted["optax"])]
        return {**fitted, "optax": slots["optax"]} if shapes[0] == shapes[1] else fitted

    def _apply_update_steps(
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
        """Raise `InvalidArgument`, because an Optax transformation is code and cannot be saved as data."""
        raise InvalidArgument(
            "an Optax transformation cannot be written into a configuration; save the weights, and compile "
            "with the transformation again after loading them"
        )

    def __repr__(self) -> str:
        return f"OptaxOptimizer({self.tx!r}, learning_rate={self.get_hyperparameter('learning_rate')!r})"


def _strong(state: Any) -> Any:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.result_type(leaf)), state)
