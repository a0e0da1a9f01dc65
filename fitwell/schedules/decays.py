"""Schedules that fall (or rise) by one formula: inverse time, powers, exponentials, polynomials, steps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import jax.numpy as jnp
import numpy as np

from fitwell._param_validation import ListOf, Real, validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument
from fitwell.schedules.base import STEPS_RULE, LearningRateSchedule, Number, schedule_registry, to_float


def _periods(step: Number, decay_steps: Number, staircase: bool) -> Array:
    periods = to_float(step) / decay_steps
    return jnp.floor(periods) if staircase else periods


@schedule_registry.register()
class InverseTimeDecay(LearningRateSchedule):
    """Inverse time: ``η₀ / (1 + decay_rate · t / decay_steps)``.

    Args:
        initial_learning_rate: η₀, the value at step 0.
        decay_steps: the number of updates after which the denominator has grown by `decay_rate`.
        decay_rate: growth of the denominator.
        staircase: change only every `decay_steps` updates: t / decay_steps is rounded down.
        name: kept in the configuration.

    Source: Robbins and Monro, "A stochastic approximation method", 1951 (rates in 1/t). As in Keras.
    """

    hyperparameters = ("initial_learning_rate", "decay_steps", "decay_rate")

    @validate_params(decay_steps=STEPS_RULE)
    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Return the value at `step`."""
        periods = _periods(step, self.decay_steps, self.staircase)
        return jnp.asarray(self.initial_learning_rate / (1 + self.decay_rate * periods))


@schedule_registry.register()
class PowerDecay(LearningRateSchedule):
    """Power scheduling: ``η₀ / (1 + t / s)^c``.

    After s updates the rate is η₀ / 2 (with c = 1), after 2s η₀ / 3, and so on: fast at first, then ever
    more slowly. Not in Keras, whose optimizers once had it as ``decay=1/s``.

    Args:
        initial_learning_rate: η₀, the value at step 0.
        decay_steps: s, in updates.
        power: c.
        name: kept in the configuration.

    Source: Bottou, "Stochastic gradient descent tricks", 2012.
    """

    hyperparameters = ("initial_learning_rate", "decay_steps", "power")

    @validate_params(decay_steps=STEPS_RULE)
    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        power: float = 1.0,
        name: str | None = "PowerDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.power = power
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Return the value at `step`."""
        return self.initial_learning_rate / jnp.power(1 + to_float(step) / self.decay_steps, self.power)


@schedule_registry.register()
class ExponentialDecay(LearningRateSchedule):
    """Exponential scheduling: ``η₀ · decay_rate^(t / decay_steps)``.

    Args:
        initial_learning_rate: η₀, the value at step 0.
        decay_steps: the number of updates in which the value is multiplied by `decay_rate` once.
        decay_rate: the factor; 0.1 (Keras has no default): ten times lower every `decay_steps` updates.
        staircase: change only every `decay_steps` updates: t / decay_steps is rounded down.
        name: kept in the configuration.

    Otherwise as in Keras.
    """

    hyperparameters = ("initial_learning_rate", "decay_steps", "decay_rate")

    @validate_params(decay_steps=STEPS_RULE)
    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float = 0.1,
        staircase: bool = False,
        name: str | None = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Return the value at `step`."""
        periods = _periods(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate * jnp.power(self.decay_rate, periods)


@schedule_registry.register()
class ExponentialRange(LearningRateSchedule):
    """Exponential from a start to an end value: ``η₀ δ^t`` with ``δ = (η_end / η₀)^(1 / (N - 1))``.

    The N values of steps 0 to N - 1 run from η₀ to η_end, evenly on a logarithmic axis; then η_end stays.
    With an end above the start this is the sweep of a learning-rate finder. Not in Keras.

    Args:
        initial_learning_rate: η₀ > 0, the value at step 0.
        end_learning_rate: η_end > 0, the value at step N - 1.
        steps: N ≥ 2.
        name: kept in the configuration.

    Source: Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3 (the sweep).
    """

    hyperparameters = ("initial_learning_rate", "end_learning_rate", "steps")

    @validate_params(initial_learning_rate=STEPS_RULE, end_learning_rate=STEPS_RULE, steps=Real(2))
    def __init__(
        self,
        initial_learning_rate: float,
        end_learning_rate: float,
        steps: float,
        name: str | None = "ExponentialRange",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.end_learning_rate = end_learning_rate
        if steps < 2:
            raise InvalidArgument(f"ExponentialRange: steps must be at least 2, got {steps!r}")
        self.steps = steps
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Return the value at `step`."""
        last = self.steps - 1
        done = jnp.minimum(to_float(step), last) / last
        return self.initial_learning_rate * jnp.power(
            self.end_learning_rate / self.initial_learning_rate, done
        )


@schedule_registry.register()
class PolynomialDecay(LearningRateSchedule):
    """Polynomial: ``(η₀ - η_end) (1 - t / N)^power + η_end``, and η_end after N updates.

    Args:
        initial_learning_rate: η₀, the value at step 0.
        decay_steps: N, in updates.
        end_learning_rate: η_end.
        power: 1 for a straight line.
        cycle: instead of staying at η_end, stretch N to the next multiple of `decay_steps` above t.
        name: kept in the configuration.

    As in Keras.
    """

    hyperparameters = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power")

    @validate_params(decay_steps=STEPS_RULE)
    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str | None = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Return the value at `step`."""
        step = to_float(step)
        if self.cycle:
            done = step / (self.decay_steps * jnp.maximum(jnp.ceil(step / self.decay_steps), 1))
        else:
            done = step / self.decay_steps
        height = self.initial_learning_rate - self.end_learning_rate
        # A share rounded above 1 would make the base negative, and the power NaN.
        return height * jnp.power(jnp.maximum(1 - done, 0), self.power) + self.end_learning_rate


@schedule_registry.register()
class LinearDecay(LearningRateSchedule):
    """A straight line: ``η₀ - (η₀ - η_end) t / N``, and η_end after N updates.

    `PolynomialDecay` with power 1 and an end that has to be named. Not in Keras.

    Args:
        initial_learning_rate: η₀, the value at step 0.
        decay_steps: N, in updates.
        end_learning_rate: η_end.
        name: kept in the configuration.
    """

    hyperparameters = ("initial_learning_rate", "decay_steps", "end_learning_rate")

    @validate_params(decay_steps=STEPS_RULE)
    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0,
        name: str | None = "LinearDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Return the value at `step`."""
        done = jnp.minimum(to_float(step) / self.decay_steps, 1)
        return self.initial_learning_rate * (1 - done) + self.end_learning_rate * done


@schedule_registry.register()
class PiecewiseConstantDecay(LearningRateSchedule):
    """Constant pieces: ``values[0]`` up to and including step ``boundaries[0]``, then ``values[1]``, ...

    The numbers are data; how many there are is structure.

    Args:
        boundaries: n steps, rising.
        values: n + 1 values.
        name: kept in the configuration.

    As in Keras.
    """

    hyperparameters = ("boundaries", "values")

    @validate_params(boundaries=ListOf(Real()), values=ListOf(Real()))
    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str | None = "PiecewiseConstant"
    ) -> None:
        if len(values) != len(boundaries) + 1:
            raise InvalidArgument(
                f"PiecewiseConstantDecay: {len(boundaries)} boundaries need {len(boundaries) + 1} values, "
                f"got {len(values)}"
            )
        if any(later <= earlier for earlier, later in pairwise(boundaries)):
            raise InvalidArgument(f"PiecewiseConstantDecay: boundaries must rise, got {list(boundaries)}")
        self.boundaries = np.asarray(boundaries, np.float64)
        self.values = np.asarray(values, np.float64)
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Return the value at `step`."""
        boundaries = jnp.asarray(self.boundaries)
        piece = jnp.sum(to_float(step)[..., None] > boundaries, axis=-1)
        return jnp.asarray(self.values)[piece]
