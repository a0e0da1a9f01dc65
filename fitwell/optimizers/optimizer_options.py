"""The options that all optimizers share, and their validation rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypedDict

import numpy as np

from fitwell._param_validation import Boolean, Instance, Integer, Real, Rule, String, validate_param
from fitwell._variables import Variable
from fitwell.errors import InvalidArgument
from fitwell.optimizers.deprecated_names import (
    translate_deprecated_arguments,
)
from fitwell.optimizers.parameter_filters import Multiplier, ParameterFilters
from fitwell.optimizers.scheduled_hyperparameters import (
    ScheduledHyperparameters,
    scalar_or_schedule_rule,
)
from fitwell.schedules import LearningRateSchedule

__all__ = [
    "ConfiguredOptimizer",
    "OptState",
    "OptimizerOptions",
    "ScalarOrSchedule",
]

OptState = dict[str, Any]
ScalarOrSchedule = float | LearningRateSchedule | Any


class OptimizerOptions(TypedDict, total=False):
    """The keyword arguments that every optimizer accepts. See `Optimizer`.

    Example:
        >>> import fitwell as fw
        >>> options: fw.optimizers.OptimizerOptions = {"clipnorm": 1.0, "use_ema": True}
        >>> fw.optimizers.SGD(0.1, **options).use_ema
        True
    """

    weight_decay: ScalarOrSchedule | None
    coupled_weight_decay: ScalarOrSchedule | None
    clipnorm: ScalarOrSchedule | None
    clipvalue: ScalarOrSchedule | None
    global_clipnorm: ScalarOrSchedule | None
    gradient_noise: ScalarOrSchedule | None
    use_ema: bool
    ema_momentum: ScalarOrSchedule
    ema_overwrite_frequency: int | None
    gradient_accumulation_steps: int | None
    loss_scale_factor: ScalarOrSchedule | None
    learning_rate_multipliers: Mapping[Any, float] | None
    weight_decay_multipliers: Mapping[Any, float] | None
    name: str | None


# Numbers below this limit become 0 in float32.
_POSITIVE = scalar_or_schedule_rule(
    Real(np.finfo(np.float32).tiny.item()).described_as("a finite number above 0")
)
_NON_NEGATIVE, _UNIT_INTERVAL = scalar_or_schedule_rule(Real(0)), scalar_or_schedule_rule(Real(0, 1))
_OPTION_RULES: dict[str, Rule] = {
    "use_ema": Boolean(),
    "ema_overwrite_frequency": Integer(1) | None,
    "gradient_accumulation_steps": Integer(2) | None,
    "learning_rate_multipliers": Instance(Mapping, "a dict that maps layers or paths to numbers") | None,
    "weight_decay_multipliers": Instance(Mapping, "a dict that maps layers or paths to numbers") | None,
    "name": String() | None,
}


class ConfiguredOptimizer(ScheduledHyperparameters):
    """Base class that stores the options that all optimizers share. `Optimizer` documents them."""

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
    optional: ClassVar[frozenset[str]] = frozenset(hyperparameters) - {"learning_rate", "ema_momentum"}
    limits: ClassVar[dict[str, Rule]] = {
        "weight_decay": _NON_NEGATIVE,
        "coupled_weight_decay": _NON_NEGATIVE,
        "clipnorm": _POSITIVE,
        "clipvalue": _POSITIVE,
        "global_clipnorm": _POSITIVE,
        "gradient_noise": _NON_NEGATIVE,
        "ema_momentum": _UNIT_INTERVAL,
        "loss_scale_factor": _POSITIVE,
        "momentum": _UNIT_INTERVAL,
        "rho": _UNIT_INTERVAL,
        "beta_1": _UNIT_INTERVAL,
        "beta_2": _UNIT_INTERVAL,
        "epsilon": _NON_NEGATIVE,
    }

    opt_state: OptState | None

    def __init__(self, learning_rate: ScalarOrSchedule, **options: Any) -> None:
        where = type(self).__name__
        learning_rate = translate_deprecated_arguments(where, learning_rate, options, self._arguments())
        options = {
            name: validate_param(where, name, value, _OPTION_RULES[name]) if name in _OPTION_RULES else value
            for name, value in options.items()
        }
        self.step = Variable(np.int32(0), name="iteration", trainable=False)
        self.opt_state: OptState | None = None
        self.reach = ParameterFilters()

        self.learning_rate = learning_rate
        self.weight_decay = options.get("weight_decay")
        self.coupled_weight_decay = options.get("coupled_weight_decay")
        self.clipnorm = options.get("clipnorm")
        self.clipvalue = options.get("clipvalue")
        self.global_clipnorm = options.get("global_clipnorm")
        self.gradient_noise = options.get("gradient_noise")
        self.use_ema = options.get("use_ema", False)
        self.ema_momentum = options.get("ema_momentum", 0.99)
        self.ema_overwrite_frequency = options.get("ema_overwrite_frequency")
        self.gradient_accumulation_steps = options.get("gradient_accumulation_steps")
        self.loss_scale_factor = options.get("loss_scale_factor")
        self.learning_rate_multipliers = options.get("learning_rate_multipliers")
        self.weight_decay_multipliers = options.get("weight_decay_multipliers")
        self.name = options.get("name") or where.lower()

        clips = [
            name for name in ("clipnorm", "clipvalue", "global_clipnorm") if options.get(name) is not None
        ]
        if len(clips) > 1:
            raise InvalidArgument(
                f"{where}: pass only one of clipnorm, clipvalue and global_clipnorm, not {' and '.join(clips)}, "
                "because Keras versions apply them in different orders. To clip twice, specify the order: "
                f"optimizer=optax.chain(optax.clip_by_global_norm(1.0), optax.clip(0.5), optax.{where.lower()}(...))"
            )
        if self.ema_overwrite_frequency is not None and not self.use_ema:
            raise InvalidArgument(f"{where}: ema_overwrite_frequency requires use_ema=True")

    @classmethod
    def _arguments(cls) -> tuple[str, ...]:
        own = super()._arguments()
        return (*own, *(name for name in OptimizerOptions.__annotations__ if name not in own))

    @property
    def learning_rate_multipliers(self) -> dict[str, float] | None:
        """A dict that maps path prefixes to factors, or None.

        Assigning new factors for the same prefixes does not trigger recompilation.
        """
        return _to_dict(self.reach.multipliers)

    @learning_rate_multipliers.setter
    def learning_rate_multipliers(self, factors: Mapping[Any, float] | None) -> None:
        self.reach.set_learning_rate_factors(factors or {})

    @property
    def weight_decay_multipliers(self) -> dict[str, float] | None:
        """A dict that maps path prefixes to factors, or None.

        Assigning new factors for the same prefixes does not trigger recompilation.
        """
        return _to_dict(self.reach.decay_multipliers)

    @weight_decay_multipliers.setter
    def weight_decay_multipliers(self, factors: Mapping[Any, float] | None) -> None:
        self.reach.set_weight_decay_factors(factors or {})


def _to_dict(multipliers: tuple[Multiplier, ...]) -> dict[str, float] | None:
    return {multiplier.prefix: multiplier.factor for multiplier in multipliers} or None
