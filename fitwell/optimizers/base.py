"""The base of all optimizers: everything around a rule, so that a rule is a few lines."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypedDict

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fitwell import context
from fitwell.errors import InvalidArgument, Problems, StateError, nearest
from fitwell.optimizers import gradients as change
from fitwell.optimizers.settings import Scheduled, Settings
from fitwell.optimizers.spellings import translate, warn_older
from fitwell.registry import Registry
from fitwell.schedules import LearningRateSchedule
from fitwell.variables import Hyperparametric, Variable

Array = jax.Array
Arrays = dict[str, Array]
Slots = dict[str, Any]
Rate = float | LearningRateSchedule | Any

optimizers = Registry("optimizer")


class Options(TypedDict, total=False):
    """The keyword arguments that every optimizer takes; `Optimizer` describes them."""

    weight_decay: Rate | None
    coupled_weight_decay: Rate | None
    clipnorm: Rate | None
    clipvalue: Rate | None
    global_clipnorm: Rate | None
    gradient_noise: Rate | None
    use_ema: bool
    ema_momentum: Rate
    ema_overwrite_frequency: int | None
    gradient_accumulation_steps: int | None
    loss_scale_factor: Rate | None
    learning_rate_multipliers: Mapping[str, float] | None
    name: str | None


_POSITIVE = (np.finfo(np.float32).tiny.item(), math.inf)


class Multiplier(Hyperparametric):
    """The factor on the learning rate of the parameters under one path."""

    hyperparameters = ("factor",)

    def __init__(self, prefix: str, factor: float) -> None:
        self.prefix = prefix
        self.factor = factor

    def covers(self, paths: Iterable[str]) -> bool:
        """Return whether one of a parameter's `paths` is `prefix`, or lies under it."""
        return any(path == self.prefix or path.startswith(self.prefix + "/") for path in paths)


class Optimizer(Scheduled):
    """Base of all optimizers: two pure functions, `init` and `update`, and a thin Keras face.

    Args:
        learning_rate: η, a float or a schedule of the step.
        weight_decay: decoupled decay λ: ``θ -= η λ θ`` before each update; None for none.
        coupled_weight_decay: λ added to the gradient as ``g += λ θ`` after clipping (what PyTorch's SGD
            calls weight decay; Keras has it only as an l2 penalty); None for none.
        clipnorm: largest norm of the gradient of each parameter.
        clipvalue: largest absolute value of each component of a gradient.
        global_clipnorm: largest norm of the whole gradient. At most one of the three is given.
        gradient_noise: η of the annealed noise ``N(0, η / (1 + t)^0.55)`` added to clipped gradients.
        use_ema: keep an exponential moving average of the parameters.
        ema_momentum: β of the average ``a = β a + (1 - β) θ``; the first update sets ``a = θ``.
        ema_overwrite_frequency: overwrite the parameters by their average every so many updates; None
            leaves that to `finalize`, which `fit` calls at its end.
        gradient_accumulation_steps: n ≥ 2: update only every n-th time, with the mean of n gradients.
        loss_scale_factor: c: `scale_loss` multiplies the loss by c, updates divide gradients by c.
        learning_rate_multipliers: ``{path prefix: factor}``; the longest prefix that covers a parameter
            (``"dense"`` covers ``"dense/kernel"``, not ``"dense_1/kernel"``) multiplies its learning rate.
        name: the class's name in lower case by default.

    Every number is data: `hyperparameters` names them, each may be a schedule (any function of the step),
    and changing one never recompiles. Whether one is None, a number or a schedule is structure, and so
    are the arguments that are counts or flags. Gradient and slot arithmetic is in float32 at least; the
    slots of a half-precision parameter are float32, because ``(1 - β₂) g²`` is lost in half precision.

    A subclass gives `slot_values` and `rule`, nothing else:

    >>> class SignSGD(Optimizer):
    ...     def rule(self, gradient, slots, rate, settings):
    ...         return -rate * jnp.sign(gradient), slots

    Differs from Keras: options are keyword-only; accumulated gradients advance the moving average only
    when an update is made (Keras averages the unchanged parameters again at each step in between).
    """

    hyperparameters: ClassVar[tuple[str, ...]] = (
        "learning_rate",
        "weight_decay",
        "coupled_weight_decay",
        "clipnorm",
        "clipvalue",
        "global_clipnorm",
        "gradient_noise",
        "ema_momentum",
        "loss_scale_factor",
    )
    limits: ClassVar[dict[str, tuple[float, float]]] = {
        "weight_decay": (0, math.inf),
        "coupled_weight_decay": (0, math.inf),
        "clipnorm": _POSITIVE,
        "clipvalue": _POSITIVE,
        "global_clipnorm": _POSITIVE,
        "gradient_noise": (0, math.inf),
        "ema_momentum": (0, 1),
        "loss_scale_factor": _POSITIVE,
        "momentum": (0, 1),
        "rho": (0, 1),
        "beta_1": (0, 1),
        "beta_2": (0, 1),
        "epsilon": (0, math.inf),
    }

    def __init__(self, learning_rate: Rate, **options: Any) -> None:
        where = type(self).__name__
        learning_rate = translate(where, learning_rate, options, self._arguments())
        self.step = Variable(np.int32(0), name="iteration", trainable=False)
        self.slots: Slots | None = None
        self._multipliers: tuple[Multiplier, ...] = ()
        self._excluded: tuple[Variable | str, ...] = ()
        self._excluded_names: re.Pattern[str] | None = None
        self._known: dict[str, Variable] = {}
        self._keys: dict[int, str] = {}
        self._variables: list[Variable] = []

        self.learning_rate = learning_rate
        self.weight_decay = options.get("weight_decay")
        self.coupled_weight_decay = options.get("coupled_weight_decay")
        self.clipnorm = options.get("clipnorm")
        self.clipvalue = options.get("clipvalue")
        self.global_clipnorm = options.get("global_clipnorm")
        self.gradient_noise = options.get("gradient_noise")
        self.use_ema = bool(options.get("use_ema", False))
        self.ema_momentum = options.get("ema_momentum", 0.99)
        self.ema_overwrite_frequency = _count(where, "ema_overwrite_frequency", 1, options)
        self.gradient_accumulation_steps = _count(where, "gradient_accumulation_steps", 2, options)
        self.loss_scale_factor = options.get("loss_scale_factor")
        self.learning_rate_multipliers = options.get("learning_rate_multipliers")
        self.name = options.get("name") or where.lower()

        clips = [
            name for name in ("clipnorm", "clipvalue", "global_clipnorm") if options.get(name) is not None
        ]
        if len(clips) > 1:
            raise InvalidArgument(
                f"{where}: give only one of clipnorm, clipvalue, global_clipnorm, not {clips}"
            )
        if self.ema_overwrite_frequency is not None and not self.use_ema:
            raise InvalidArgument(f"{where}: ema_overwrite_frequency needs use_ema=True")

    @classmethod
    def _arguments(cls) -> tuple[str, ...]:
        own = super()._arguments()
        return (*own, *(name for name in Options.__annotations__ if name not in own))

    # ------------------------------------------------------------------------- what a subclass defines

    def slot_values(self) -> dict[str, Any]:
        """Return ``{slot name: initial value}`` of the arrays kept for each parameter, of its shape."""
        return {}

    def shared_values(self) -> dict[str, float]:
        """Return ``{slot name: initial value}`` of the scalars kept once for all parameters."""
        return {}

    def advance(self, shared: Arrays, settings: Settings) -> Arrays:
        """Return the shared scalars after one more update; called before the rules, which see the result."""
        return shared

    def rule(self, gradient: Array, slots: Arrays, rate: Any, settings: Settings) -> tuple[Array, Arrays]:
        """Return ``(change, new slots)`` of one parameter; `change` is added to it.

        Args:
            gradient: the gradient after clipping, in float32 at least.
            slots: this parameter's arrays, named as in `slot_values`.
            rate: its learning rate, any multiplier included.
            settings: the other hyperparameters in force, such as ``settings.momentum``.
        """
        raise NotImplementedError(f"{type(self).__name__} must define rule(gradient, slots, rate, settings)")

    # ---------------------------------------------------------------------------------- pure functions

    def slot_names(self) -> tuple[str, ...]:
        """Return the names of the slots that the present settings need: the structure of `init`'s result."""
        names = [*self.slot_values(), *self.shared_values()]
        if self.use_ema:
            names.append("average")
        if self.gradient_accumulation_steps is not None:
            names.append("gradient_accumulator")
        return tuple(names)

    def init(self, parameters: Mapping[str, Array]) -> Slots:
        """Return the slots of a fresh run: ``{slot name: {parameter path: array}}``, and shared scalars."""
        slots: Slots = {}
        for name, value in self.slot_values().items():
            slots[name] = {path: _filled(p, value) for path, p in parameters.items()}
        dtype = _common_dtype(parameters)
        for name, value in self.shared_values().items():
            slots[name] = np.asarray(value, dtype)
        if self.use_ema:
            slots["average"] = {path: _filled(p, 0.0) for path, p in parameters.items()}
        if self.gradient_accumulation_steps is not None:
            slots["gradient_accumulator"] = {path: _filled(p, 0.0) for path, p in parameters.items()}
        return slots

    def reconcile(self, slots: Slots, parameters: Mapping[str, Array]) -> Slots:
        """Return `slots` made to fit the present settings and `parameters`: fresh where something is new.

        After momentum was set from 0 to something else, or a layer was unfrozen, the missing arrays start
        as `init` makes them; those of parameters that are gone are dropped. Nothing else changes.
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
        self, gradients: Mapping[str, Array], slots: Slots, parameters: Mapping[str, Array], step: Any
    ) -> tuple[Arrays, Slots]:
        """Return ``(new parameters, new slots)``: a pure function, made for tracing.

        Args:
            gradients: by parameter path, of the parameters' shapes.
            slots: from `init`, or from the update before.
            parameters: by path; every one comes back with the dtype it had.
            step: int32 scalar, the number of times `update` was called before (`Keras`'s iterations
                when no gradients are accumulated).

        Raises `InvalidArgument` when gradients and parameters have different paths, `StateError` when
        `slots` lacks an array that the settings need (see `reconcile`).
        """
        if set(gradients) != set(parameters):
            odd = sorted(set(gradients) ^ set(parameters))
            raise InvalidArgument(f"{self.name}: gradients and parameters differ in their paths: {odd}")
        missing = [name for name in self.slot_names() if name not in slots]
        if missing:
            raise StateError(
                f"{self.name}: the slots {missing} are missing; call reconcile(slots, parameters)"
            )
        parameters = {path: jnp.asarray(p) for path, p in parameters.items()}
        gradients = {path: working(g, parameters[path]) for path, g in gradients.items()}
        step = jnp.asarray(step)
        if self.gradient_accumulation_steps is None:
            return self._update(gradients, slots, parameters, step, step)
        return self._accumulate(gradients, slots, parameters, step, self.gradient_accumulation_steps)

    def _accumulate(
        self, gradients: Arrays, slots: Slots, parameters: Arrays, step: Array, every: int
    ) -> tuple[Arrays, Slots]:
        others = {name: value for name, value in slots.items() if name != "gradient_accumulator"}
        others = jax.tree.map(jnp.asarray, others)
        sums = {path: slots["gradient_accumulator"][path] + g for path, g in gradients.items()}

        def make() -> tuple[Arrays, Slots]:
            means = {path: total / every for path, total in sums.items()}
            new_parameters, new_slots = self._update(means, others, parameters, step, step // every)
            zeros = {path: jnp.zeros_like(total) for path, total in sums.items()}
            return new_parameters, {**new_slots, "gradient_accumulator": zeros}

        def wait() -> tuple[Arrays, Slots]:
            return parameters, {**others, "gradient_accumulator": sums}

        due = (step + 1) % every == 0
        if not isinstance(due, jax.core.Tracer):
            # Outside a compiled loop `cond` would compile both branches again at every step.
            return make() if due else wait()
        return lax.cond(due, make, wait)

    def _update(
        self, gradients: Arrays, slots: Slots, parameters: Arrays, step: Array, made: Array
    ) -> tuple[Arrays, Slots]:
        settings = Settings(self, step, made, _common_dtype(parameters))
        rates = self._rates(parameters, settings)
        values = {path: working(p, p) for path, p in parameters.items()}
        gradients = self._prepare(gradients, values, settings)
        if settings.weight_decay is not None:
            values = {
                path: value - rates[path] * settings.weight_decay * value if self._decays(path) else value
                for path, value in values.items()
            }
        values, new_slots = self._apply_rules(gradients, slots, values, rates, settings)
        if self.use_ema:
            new_slots["average"] = averages = self._average(slots["average"], values, settings)
            if self.ema_overwrite_frequency is not None:
                due = (made + 1) % self.ema_overwrite_frequency == 0
                values = {path: jnp.where(due, averages[path], value) for path, value in values.items()}
        return _like(values, parameters), _like(new_slots, {name: slots[name] for name in new_slots})

    def _rates(self, parameters: Arrays, settings: Settings) -> dict[str, Any]:
        rates = {}
        for path in parameters:
            covering = [m for m in self._multipliers if m.covers(self._paths(path))]
            rate = settings.learning_rate
            rates[path] = rate * max(covering, key=lambda m: len(m.prefix)).factor if covering else rate
        return rates

    def _prepare(self, gradients: Arrays, values: Arrays, settings: Settings) -> Arrays:
        if settings.loss_scale_factor is not None:
            gradients = {path: g / settings.loss_scale_factor for path, g in gradients.items()}
        if settings.clipnorm is not None:
            gradients = change.clip_by_norm(gradients, settings.clipnorm)
        if settings.clipvalue is not None:
            gradients = change.clip_by_value(gradients, settings.clipvalue)
        if settings.global_clipnorm is not None:
            gradients = change.clip_by_global_norm(gradients, settings.global_clipnorm)
        if settings.coupled_weight_decay is not None:
            gradients = {
                path: g + settings.coupled_weight_decay * values[path] if self._decays(path) else g
                for path, g in gradients.items()
            }
        if settings.gradient_noise is not None:
            key = context.current().next_key()
            gradients = change.add_noise(gradients, settings.gradient_noise, settings.step, key)
        return gradients

    def _apply_rules(
        self, gradients: Arrays, slots: Slots, values: Arrays, rates: Mapping[str, Any], settings: Settings
    ) -> tuple[Arrays, Slots]:
        new_slots: Slots = {}
        shared = self.shared_values()
        if shared:
            new_slots = dict(self.advance({name: jnp.asarray(slots[name]) for name in shared}, settings))
            settings.shared = new_slots
        # A slot the state has keeps being used, whatever its hyperparameter was set to since.
        names = [n for n in slots if n not in shared and n not in ("average", "gradient_accumulator")]
        new_slots = {**new_slots, **{name: {} for name in names}}
        new_values = {}
        for path, value in values.items():
            own = {name: jnp.asarray(slots[name][path]) for name in names}
            difference, own = self.rule(gradients[path], own, rates[path], settings)
            new_values[path] = value + difference
            for name in names:
                new_slots[name][path] = own[name]
        return new_values, new_slots

    def _average(self, averages: Arrays, values: Arrays, settings: Settings) -> Arrays:
        momentum = jnp.where(settings.count == 1, 0.0, settings.ema_momentum)
        return {path: momentum * averages[path] + (1 - momentum) * value for path, value in values.items()}

    def finalize(self, parameters: Mapping[str, Array], slots: Slots) -> Arrays:
        """Return the parameters to keep at the end of a run: their moving average, if there is one."""
        if not self.use_ema:
            return dict(parameters)
        return _like({path: slots["average"][path] for path in parameters}, parameters)

    def scale_loss(self, loss: Array) -> Array:
        """Return the loss to differentiate, `loss` times `loss_scale_factor`."""
        factor = self.setting("loss_scale_factor")
        if factor is None:
            return loss
        return loss * (factor(self.step.value) if callable(factor) else factor)

    # ------------------------------------------------------------------------------------ weight decay

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
        if self.slots is not None:
            raise StateError(f"{self.name}: exclude_from_weight_decay must be called before the first update")
        self._excluded = tuple(var_list or ())
        patterns = list(var_names or ())
        self._excluded_names = re.compile("|".join(patterns)) if patterns else None

    def _decays(self, path: str) -> bool:
        paths, variable = self._paths(path), self._known.get(path)
        if any(spared is variable or _path(spared) in paths for spared in self._excluded):
            return False
        name = path.rsplit("/", 1)[-1]
        return self._excluded_names is None or self._excluded_names.search(name) is None

    def _paths(self, path: str) -> tuple[str, ...]:
        known = self._known.get(path)
        return (path,) if known is None else (path, known.path)

    def recognise(self, variables: Mapping[str, Variable]) -> None:
        """Learn which variable is behind each path that `init` and `update` will see.

        A model may address its parameters by position (``"layers.0/kernel"``) and its user by name
        (``"dense/kernel"``): multipliers and exclusions work with either. Give all variables, frozen
        ones too: `InvalidArgument` names what matches none of them.
        """
        self._known = dict(variables)
        problems = Problems(self.name)
        every = [path for known in variables for path in self._paths(known)]
        for multiplier in self._multipliers:
            if not multiplier.covers(every):
                hint = nearest(multiplier.prefix, [*every, *(path.rsplit("/", 1)[0] for path in every)])
                problems.add(f"learning_rate_multipliers: no parameter under {multiplier.prefix!r}{hint}")
        for spared in self._excluded:
            if _path(spared) not in every and all(spared is not known for known in variables.values()):
                hint = nearest(_path(spared), every)
                problems.add(f"exclude_from_weight_decay: no parameter {_path(spared)!r}{hint}")
        problems.raise_any()

    # ---------------------------------------------------------------------------------- the Keras face

    @property
    def iterations(self) -> Variable | Array:
        """The number of updates made so far (as in Keras, those really made when accumulating)."""
        every = self.gradient_accumulation_steps
        return self.step if every is None else self.step.value // every

    @property
    def lr(self) -> Any:
        """Older spelling of `learning_rate`."""
        warn_older("optimizer.lr", "optimizer.learning_rate")
        return self.learning_rate

    @lr.setter
    def lr(self, value: Any) -> None:
        warn_older("optimizer.lr", "optimizer.learning_rate")
        self.learning_rate = value

    @property
    def learning_rate_multipliers(self) -> dict[str, float] | None:
        """``{path prefix: factor}``, or None; assigning one with the same prefixes does not recompile."""
        return {m.prefix: m.factor for m in self._multipliers} or None

    @learning_rate_multipliers.setter
    def learning_rate_multipliers(self, factors: Mapping[str, float] | None) -> None:
        factors = dict(factors or {})
        if tuple(factors) == tuple(m.prefix for m in self._multipliers):
            for multiplier in self._multipliers:
                multiplier.factor = factors[multiplier.prefix]
        else:
            self._multipliers = tuple(Multiplier(prefix, factor) for prefix, factor in factors.items())

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots for `variables`; the first `apply` does it otherwise."""
        self._variables = list(variables)
        self._keys = {}
        taken: set[str] = set()
        for index, variable in enumerate(self._variables):
            # Variables made by hand may share a name; slots may not.
            key = variable.path if variable.path not in taken else f"{variable.path}_{index}"
            taken.add(key)
            self._keys[id(variable)] = key
        self.recognise({self._keys[id(v)]: v for v in self._variables})
        self.slots = self.init({self._keys[id(v)]: v.value for v in self._variables})

    @property
    def built(self) -> bool:
        """Whether the slots have been made."""
        return self.slots is not None

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
        slots = self.reconcile(self.slots or {}, everything)
        gradients = {key: jnp.asarray(gradient) for key, (gradient, _) in pairs.items()}
        parameters = {key: everything[key] for key in pairs}
        new_parameters, new_slots = self.update(gradients, _only(slots, pairs), parameters, self.step.value)
        for key, (_, variable) in pairs.items():
            variable.assign(new_parameters[key])
        self.slots = _merged(slots, new_slots)
        self.step.assign(self.step.value + 1)

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Overwrite `var_list` by their moving averages, if the optimizer keeps any."""
        if self.use_ema and self.slots is not None:
            for variable in var_list:
                variable.assign(self.slots["average"][self._keys[id(variable)]])


def _count(where: str, name: str, least: int, options: Mapping[str, Any]) -> int | None:
    value = options.get(name)
    if value is not None and (not isinstance(value, int | np.integer) or value < least):
        raise InvalidArgument(
            f"{where}: {name} must be an integer of at least {least}, or None, got {value!r}"
        )
    return None if value is None else int(value)


def _path(variable: Variable | str) -> str:
    return variable if isinstance(variable, str) else variable.path


def working(array: Array, parameter: Array) -> Array:
    """Return `array` in the precision in which `parameter` is updated: its own, float32 at least."""
    return jnp.asarray(array, jnp.promote_types(parameter.dtype, jnp.float32))


def _common_dtype(parameters: Mapping[str, Array]) -> Any:
    return jnp.result_type(jnp.float32, *(p.dtype for p in parameters.values()))


def _filled(parameter: Array, value: Any) -> Any:
    dtype = jnp.promote_types(parameter.dtype, jnp.float32)
    if isinstance(value, jax.Array):
        return jnp.full(parameter.shape, value, dtype)
    # Zeros from NumPy need no compilation, unlike JAX's, one program for each shape.
    return np.full(parameter.shape, value, dtype)


def _like(values: Any, templates: Any) -> Any:
    """Return `values` with the dtypes of `templates`, strongly typed, so that a loop can carry them."""
    return jax.tree.map(
        lambda value, template: jnp.asarray(value, jnp.result_type(template)), values, templates
    )


def _only(slots: Slots, paths: Iterable[str]) -> Slots:
    keep = set(paths)
    return {
        name: {p: a for p, a in value.items() if p in keep} if isinstance(value, dict) else value
        for name, value in slots.items()
    }


def _merged(slots: Slots, new: Slots) -> Slots:
    return {
        name: {**value, **new[name]} if isinstance(value, dict) else new[name]
        for name, value in slots.items()
    }
