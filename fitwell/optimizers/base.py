"""`Optimizer`, the base class of all optimizers. It adds Keras's interface to the pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax.numpy as jnp

from fitwell._deprecation import warn_deprecated
from fitwell._param_validation import Predicate, validate_params
from fitwell._registry import Registry
from fitwell._typing import Array
from fitwell._variables import Variable
from fitwell.errors import InvalidArgument, StateError
from fitwell.optimizers.deprecated_names import DeprecatedOptimizerMethods
from fitwell.optimizers.optimizer_options import OptState, ScalarOrSchedule
from fitwell.optimizers.pure_optimizer import PureOptimizer

__all__ = [
    "Optimizer",
    "optimizer_registry",
]

optimizer_registry = Registry("optimizer")
_SEVERAL = Predicate(lambda value: isinstance(value, Iterable) and not isinstance(value, str), "a list")


class Optimizer(DeprecatedOptimizerMethods, PureOptimizer):
    """Base class of all optimizers, with the pure functions `init` and `update` and Keras's interface.

    Args:
        learning_rate (float | LearningRateSchedule | Callable): η, which is a number or a schedule.
        weight_decay (float | None): λ for decoupled weight decay, which applies ``θ -= η λ θ`` before each
            update. Default: None.
        coupled_weight_decay (float | None): λ for coupled weight decay, which applies ``g += λ θ`` after
            clipping. PyTorch's SGD calls this weight decay; Keras offers it only as an l2 penalty. Default:
            None.
        clipnorm (float | None): Largest allowed norm for each parameter's gradient. Default: None.
        clipvalue (float | None): Largest allowed absolute value for each gradient component. Default: None.
        global_clipnorm (float | None): Largest allowed norm for all gradients together. As in Keras 3, at
            most one of the three clipping arguments is allowed. To clip twice, compile with
            ``optax.chain(optax.clip_by_global_norm(1.0), optax.clip(0.5), optax.sgd(0.01))``. Default: None.
        gradient_noise (float | None): Initial variance v of the Gaussian noise that is added to the clipped gradients.
            At step t (0-based), the variance is ``v / (1 + t)^0.55``. Default: None.
        use_ema (bool): True to keep an exponential moving average of the parameters. Default: False.
        ema_momentum (float): β in the average ``a = β a + (1 - β) θ``. The first update sets ``a = θ``.
            Default: 0.99.
        ema_overwrite_frequency (int | None): Interval, in updates, at which the parameters are overwritten
            with their averages. Default: None, which means that the parameters are overwritten only at the
            end of `fit`, through `finalize`.
        gradient_accumulation_steps (int | None): Number of gradients (at least 2) to average for each update.
            Default: None, which means one update per gradient.
        loss_scale_factor (float | None): Factor by which `scale_loss` multiplies the loss, and by which
            updates divide the gradients. Default: None.
        learning_rate_multipliers (dict | None): A dict ``{layer or name: factor}`` for discriminative
            learning rates. Each factor multiplies η for all parameters in the layer or model that its key
            specifies. A name may also be a path (``"dense/kernel"``, ``"base/dense"``). If more than one key
            matches a parameter, the closest match is used. Changing a factor does not trigger recompilation. Default:
            None.
        weight_decay_multipliers (dict | None): A dict ``{layer or name: factor}`` like the one above, for decoupled
            weight decay: ``θ -= η λ factor θ``. A factor of 0 excludes parameters from the decay. Parameters without
            a factor use their learning rate multiplier. Default: None.
        name (str | None): The optimizer's name. Default: None, which means the class name in lowercase.

    `hyperparameters` lists the numeric arguments, and each may be a schedule (any function of the step). They are
    traced, so assigning a new number does not trigger recompilation. Switching between None, a number and a schedule
    triggers recompilation, as does changing a count or a flag. Gradients and slots are at least float32, even for
    half-precision parameters, because half precision cannot represent Adam's ``(1 - β₂) g²`` accurately.

    If layers are frozen or unfrozen and the model is compiled again with the same optimizer object, the
    optimizer keeps its step and the slots for variables that it has already trained, and initializes slots
    for new variables. (Keras raises an error in this case.) A new optimizer starts from scratch.

    A subclass defines `update_step`. It also defines `init_slots` if it stores arrays for each parameter.

    Differs from Keras: options are keyword-only. With accumulated gradients, the moving average changes only
    when an update is made. (Keras averages the unchanged parameters again at each step in between.)

    Example:
        >>> import jax.numpy as jnp
        >>> import fitwell as fw
        >>> class SignSGD(fw.optimizers.Optimizer):
        ...     def update_step(self, gradient, slots, learning_rate, hyperparameters):
        ...         return -learning_rate * jnp.sign(gradient), slots
        >>> optimizer = SignSGD(0.5)
        >>> new, _ = optimizer.update({"w": jnp.ones(2)}, {}, {"w": jnp.zeros(2)}, 0)
        >>> new["w"].tolist()
        [-0.5, -0.5]

    Source: Keras `Optimizer`; Optax `GradientTransformation`.
    """

    def __init__(self, learning_rate: ScalarOrSchedule, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self._variables: list[Variable] = []
        self._keys: dict[int, str] = {}

    @property
    def iterations(self) -> Variable | Array:
        """Number of updates so far. As in Keras, steps that only accumulate gradients do not count."""
        every = self.gradient_accumulation_steps
        return self.step if every is None else self.step.value // every

    @property
    def lr(self) -> Any:
        """Deprecated name for `learning_rate`."""
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
        """Exclude parameters from both kinds of weight decay.

        Args:
            var_list (list[Variable | str]): Variables, or their paths. Default: ().
            var_names (list[str]): Regular expressions. A variable is excluded if one of them matches any part of
                its name (the last part of its path). For example, ``["bias", "gamma", "beta"]`` restricts the decay
                to kernels. Default: ().

        Raises:
            StateError: if the optimizer has already been built.
        """
        if self.opt_state is not None:
            raise StateError(
                f"{self.name}: exclude_from_weight_decay must be called before build and the first update"
            )
        self.reach.exclude_from_weight_decay(var_list or (), var_names or ())

    def build(self, variables: Iterable[Variable]) -> None:
        """Create the optimizer state for `variables`.

        The first call to `apply` builds the optimizer if necessary.

        Args:
            variables (Iterable[Variable]): All variables that the optimizer may update.
        """
        self._variables = list(variables)
        self._keys.clear()
        used_paths: set[str] = set()
        for index, variable in enumerate(self._variables):
            # User-created variables may share a path, but slots may not.
            key = variable.path if variable.path not in used_paths else f"{variable.path}_{index}"
            used_paths.add(key)
            self._keys[id(variable)] = key
        self.bind_variables({self._keys[id(v)]: v for v in self._variables})
        self.opt_state = self.init({self._keys[id(v)]: v.value for v in self._variables})

    @property
    def built(self) -> bool:
        """Whether the optimizer state exists."""
        return self.opt_state is not None

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable | Array:
        """Update variables with their gradients.

        Args:
            grads_and_vars (Iterable[tuple[Array | None, Variable]]): ``(gradient, variable)`` pairs.

        Returns:
            Variable | Array: The value of `iterations`.
        """
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self.iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Iterable[Variable] | None = None) -> None:
        """Update each variable with its gradient.

        Args:
            grads (list[Array | None]): One gradient for each variable. A variable whose gradient is None is
                not updated.
            trainable_variables (Iterable[Variable] | None): The variables to update. Default: None, which
                means the variables that were passed to `build`.

        Raises:
            InvalidArgument: if all gradients are None, if the numbers of gradients and variables differ, or
                if a variable was not passed to `build`.
        """
        if trainable_variables is not None and not self._variables:
            self.build(trainable_variables := list(trainable_variables))
        variables = self._variables if trainable_variables is None else list(trainable_variables)
        if len(grads) != len(variables) or not variables:
            raise InvalidArgument(f"{self.name}: got {len(grads)} gradients for {len(variables)} variables")
        unknown = [v.path for v in variables if id(v) not in self._keys]
        if unknown:
            raise InvalidArgument(
                f"{self.name} was not built with the variables {unknown}; create a new optimizer or build this "
                "one again"
            )
        pairs = {self._keys[id(v)]: (g, v) for g, v in zip(grads, variables) if g is not None}
        if not pairs:
            raise InvalidArgument(f"{self.name}: none of the variables has a gradient")

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
        """Overwrite variables with their moving averages if `use_ema` is True.

        Args:
            var_list (Iterable[Variable]): The variables.
        """
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
