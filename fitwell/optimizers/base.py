"""`Optimizer`, the base class of all optimizers: the Keras interface of the pure functions."""

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
    """Base class of all optimizers: two pure functions, `init` and `update`, and the interface of Keras.

    Args:
        learning_rate (float | LearningRateSchedule | Callable): η, a number or a schedule of the step.
        weight_decay (float | None): Decoupled decay λ: ``θ -= η λ θ`` before each update. Default: None.
        coupled_weight_decay (float | None): λ, which is added to the gradient after clipping, ``g += λ θ``. PyTorch's
            SGD calls it weight decay; Keras has it only as an l2 penalty. Default: None.
        clipnorm (float | None): Largest norm of the gradient of each parameter. Default: None.
        clipvalue (float | None): Largest absolute value of each component of a gradient. Default: None.
        global_clipnorm (float | None): Largest norm of the whole gradient. As in Keras 3, at most one of the three is
            allowed; to clip twice, compile with
            ``optax.chain(optax.clip_by_global_norm(1.0), optax.clip(0.5), optax.sgd(0.01))``. Default: None.
        gradient_noise (float | None): η of the annealed noise ``N(0, η / (1 + t)^0.55)``, which is added to the clipped
            gradients. Default: None.
        use_ema (bool): True to keep an exponential moving average of the parameters. Default: False.
        ema_momentum (float): β of the average ``a = β a + (1 - β) θ``; the first update sets ``a = θ``. Default: 0.99.
        ema_overwrite_frequency (int | None): Number of updates after which the parameters are overwritten by their
            average; None for never, but `fit` does it at its end, through `finalize`. Default: None.
        gradient_accumulation_steps (int | None): n ≥ 2: update every n-th time, with the mean of n gradients.
            Default: None.
        loss_scale_factor (float | None): c: `scale_loss` multiplies the loss by c, and updates divide gradients by c.
            Default: None.
        learning_rate_multipliers (dict | None): ``{layer or name: factor}``, discriminative learning rates: η of each
            parameter of that layer or model is multiplied by the factor. A name may be a path (``"dense/kernel"``,
            ``"base/dense"``); the closest one is used. Changing factors does not recompile. Default: None.
        name (str | None): Name of the optimizer. Default: the class name in lower case.

    All numbers are traced arguments: `hyperparameters` lists them, each may be a schedule (any function of the step),
    and changing one never recompiles. A change between None, a number and a schedule, or of a count or a flag, compiles
    again. Gradients and slots are at least float32, also for half-precision parameters, because ``(1 - β₂) g²`` is lost
    in half precision.

    If layers are frozen or unfrozen and the model is compiled again with the same optimizer object, the optimizer keeps
    its step and the slots of the variables that it has trained; slots of new variables are initialized. (Keras raises
    an error in this case.) A new optimizer starts from scratch.

    A subclass defines `update_step`, and `init_slots` if it keeps arrays for each parameter.

    Differs from Keras: options are keyword-only; with accumulated gradients, the moving average advances only when an
    update is made (Keras averages the unchanged parameters again at each step in between).

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
        """The number of updates so far; as in Keras, only real updates count if gradients are accumulated."""
        every = self.gradient_accumulation_steps
        return self.step if every is None else self.step.value // every

    @property
    def lr(self) -> Any:
        """Deprecated name of `learning_rate`."""
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
            var_names (list[str]): Patterns; variables whose name (the last part of the path) contains one are excluded,
                so that ``["bias", "gamma", "beta"]`` restricts the decay to kernels. Default: ().

        Raises:
            StateError: if the optimizer has made an update.
        """
        if self.opt_state is not None:
            raise StateError(f"{self.name}: exclude_from_weight_decay must be called before the first update")
        self.reach.exclude_from_weight_decay(var_list or (), var_names or ())

    def build(self, variables: Iterable[Variable]) -> None:
        """Create the optimizer state for `variables`. The first `apply` calls it if it was not called before.

        Args:
            variables (Iterable[Variable]): All variables that the optimizer may update.
        """
        self._variables = list(variables)
        self._keys.clear()
        taken: set[str] = set()
        for index, variable in enumerate(self._variables):
            # User-created variables may share a path, but slots may not.
            key = variable.path if variable.path not in taken else f"{variable.path}_{index}"
            taken.add(key)
            self._keys[id(variable)] = key
        self.bind_variables({self._keys[id(v)]: v for v in self._variables})
        self.opt_state = self.init({self._keys[id(v)]: v.value for v in self._variables})

    @property
    def built(self) -> bool:
        """True if the optimizer state exists."""
        return self.opt_state is not None

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable | Array:
        """Update variables by their gradients.

        Args:
            grads_and_vars (Iterable[tuple[Array | None, Variable]]): Pairs of gradient and variable.

        Returns:
            Variable | Array: `iterations`.
        """
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self.iterations

    def apply(self, grads: Sequence[Any], trainable_variables: Iterable[Variable] | None = None) -> None:
        """Update variables by one gradient each.

        Args:
            grads (list[Array | None]): Gradients; a variable whose gradient is None is not updated.
            trainable_variables (Iterable[Variable] | None): The variables. Default: None, those of `build`.

        Raises:
            InvalidArgument: if all gradients are None, their number is not that of the variables, or a variable is not
            among
                those of `build`.
        """
        if trainable_variables is not None and not self._variables:
            self.build(trainable_variables := list(trainable_variables))
        variables = self._variables if trainable_variables is None else list(trainable_variables)
        if len(grads) != len(variables) or not variables:
            raise InvalidArgument(f"{self.name}: got {len(grads)} gradients for {len(variables)} variables")
        unknown = [v.path for v in variables if id(v) not in self._keys]
        if unknown:
            raise InvalidArgument(
                f"{self.name} was not built with {unknown}: create a new optimizer, or build it again"
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
        """Overwrite variables by their moving averages, if `use_ema` is True.

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
