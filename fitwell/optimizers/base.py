"""The base of all optimizers: the Keras face over the pure functions of `core`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax.numpy as jnp

from fitwell._deprecation import warn_deprecated
from fitwell._param_validation import Predicate, validate_params
from fitwell._registry import Registry
from fitwell._variables import Variable
from fitwell.errors import InvalidArgument, StateError
from fitwell.optimizers.pure_optimizer import Array, OptState, PureOptimizer, ScalarOrSchedule

optimizer_registry = Registry("optimizer")
_SEVERAL = Predicate(lambda value: isinstance(value, Iterable) and not isinstance(value, str), "a list")


class Optimizer(PureOptimizer):
    """Base of all optimizers: two pure functions, `init` and `update`, and a thin Keras face.

    Args:
        learning_rate: η, a float or a schedule of the step.
        weight_decay: decoupled decay λ: ``θ -= η λ θ`` before each update; None for none.
        coupled_weight_decay: λ added to the gradient as ``g += λ θ`` after clipping (what PyTorch's SGD
            calls weight decay; Keras has it only as an l2 penalty); None for none.
        clipnorm: largest norm of the gradient of each parameter.
        clipvalue: largest absolute value of each component of a gradient.
        global_clipnorm: largest norm of the whole gradient. At most one of the three is given, as in Keras 3; for
            two of them compile with ``optax.chain(optax.clip_by_global_norm(1.0), optax.clip(0.5), optax.sgd(0.01))``.
        gradient_noise: η of the annealed noise ``N(0, η / (1 + t)^0.55)`` added to clipped gradients.
        use_ema: keep an exponential moving average of the parameters.
        ema_momentum: β of the average ``a = β a + (1 - β) θ``; the first update sets ``a = θ``.
        ema_overwrite_frequency: overwrite the parameters by their average every so many updates; None
            leaves that to `finalize`, which `fit` calls at its end.
        gradient_accumulation_steps: n ≥ 2: update only every n-th time, with the mean of n gradients.
        loss_scale_factor: c: `scale_loss` multiplies the loss by c, updates divide gradients by c.
        learning_rate_multipliers: ``{layer or name: factor}``, discriminative rates: η of every parameter
            under that layer or model is multiplied by the factor. A name may be a path (``"dense/kernel"``,
            ``"base/dense"``); the closest one counts. Factors are data, the set of names is structure.
        name: the class's name in lower case by default.

    Every number is data: `hyperparameters` names them, each may be a schedule (any function of the step),
    and changing one never recompiles. Whether one is None, a number or a schedule is structure, and so
    are the arguments that are counts or flags. Gradient and slot arithmetic is in float32 at least; the
    slots of a half-precision parameter are float32, because ``(1 - β₂) g²`` is lost in half precision.

    An optimizer that goes on after a layer was frozen or unfrozen and the model compiled again with that same
    object keeps its step and the slots of the variables it trained; those of new ones begin as `init` makes
    them. (Keras refuses; there, as here, a new optimizer starts afresh.)

    A subclass gives `init_slots` and `rule`, nothing else:

    >>> class SignSGD(Optimizer):
    ...     def rule(self, gradient, slots, rate, settings):
    ...         return -rate * jnp.sign(gradient), slots

    Differs from Keras: options are keyword-only; accumulated gradients advance the moving average only
    when an update is made (Keras averages the unchanged parameters again at each step in between).
    """

    def __init__(self, learning_rate: ScalarOrSchedule, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self._variables: list[Variable] = []
        self._keys: dict[int, str] = {}

    @property
    def iterations(self) -> Variable | Array:
        """The number of updates made so far (as in Keras, those really made when accumulating)."""
        every = self.gradient_accumulation_steps
        return self.step if every is None else self.step.value // every

    @property
    def lr(self) -> Any:
        """Older spelling of `learning_rate`."""
        warn_deprecated("optimizer.lr", "optimizer.learning_rate")
        return self.learning_rate

    @lr.setter
    def lr(self, value: Any) -> None:
        warn_deprecated("optimizer.lr", "optimizer.learning_rate")
        self.learning_rate = value

    @validate_params(var_list=_SEVERAL | None, var_names=_SEVERAL | None)
    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable | str] = (), var_names: Iterable[str] = ()
    ) -> None:
        """Spare some parameters both kinds of weight decay.

        Args:
            var_list: variables, or their paths.
            var_names: patterns; a variable is spared whose name (the last part of its path) contains one,
                so ``["bias", "gamma", "beta"]`` leaves the decay to kernels.

        Raises `StateError` after the first update.
        """
        if self.opt_state is not None:
            raise StateError(f"{self.name}: exclude_from_weight_decay must be called before the first update")
        self.reach.exclude_from_weight_decay(var_list or (), var_names or ())

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots for `variables`; the first `apply` does it otherwise."""
        self._variables = list(variables)
        self._keys.clear()
        taken: set[str] = set()
        for index, variable in enumerate(self._variables):
            # Variables made by hand may share a name; slots may not.
            key = variable.path if variable.path not in taken else f"{variable.path}_{index}"
            taken.add(key)
            self._keys[id(variable)] = key
        self.bind_variables({self._keys[id(v)]: v for v in self._variables})
        self.opt_state = self.init({self._keys[id(v)]: v.value for v in self._variables})

    @property
    def built(self) -> bool:
        """Whether the slots have been made."""
        return self.opt_state is not None

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable | Array:
        """Update variables by ``(gradient, variable)`` pairs, and return `iterations`."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self.iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Iterable[Variable] | None = None) -> None:
        """Update `trainable_variables`, by default those of `build`, by one gradient each.

        A variable whose gradient is None is left alone; `InvalidArgument` if all are, or if a variable
        is not among those that the optimizer was built with.
        """
        if trainable_variables is not None and not self._variables:
            self.build(trainable_variables := list(trainable_variables))
        variables = self._variables if trainable_variables is None else list(trainable_variables)
        if len(grads) != len(variables) or not variables:
            raise InvalidArgument(f"{self.name}: got {len(grads)} gradients for {len(variables)} variables")
        unknown = [v.path for v in variables if id(v) not in self._keys]
        if unknown:
            raise InvalidArgument(
                f"{self.name} was not built with {unknown}: make a new optimizer, or build again"
            )
        pairs = {self._keys[id(v)]: (g, v) for g, v in zip(grads, variables) if g is not None}
        if not pairs:
            raise InvalidArgument(f"{self.name}: no gradient for any variable")

        everything = {self._keys[id(v)]: v.value for v in self._variables}
        slots = self.match_slots(self.opt_state or {}, everything)
        gradients = {key: jnp.asarray(gradient) for key, (gradient, _) in pairs.items()}
        parameters = {key: everything[key] for key in pairs}
        new_parameters, new_slots = self.update(
            gradients, _select_paths(slots, pairs), parameters, self.step.value
        )
        for key, (_, variable) in pairs.items():
            variable.assign(new_parameters[key])
        self.opt_state = _merge_paths(slots, new_slots)
        self.step.assign(self.step.value + 1)

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Overwrite `var_list` by their moving averages, if the optimizer keeps any."""
        if self.use_ema and self.opt_state is not None:
            for variable in var_list:
                variable.assign(self.opt_state["average"][self._keys[id(variable)]])


def _select_paths(slots: OptState, paths: Iterable[str]) -> OptState:
    keep = set(paths)
    return {
        name: {p: a for p, a in value.items() if p in keep} if isinstance(value, dict) else value
        for name, value in slots.items()
    }


def _merge_paths(slots: OptState, new: OptState) -> OptState:
    return {
        name: {**value, **new[name]} if isinstance(value, dict) else new[name]
        for name, value in slots.items()
    }
