"""Piecewise constant decay."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import jax.numpy as jnp
import numpy as np

from fitwell._param_validation import ListOf, Real, validate_params
from fitwell._typing import Array
from fitwell.errors import InvalidArgument
from fitwell.schedules.base import LearningRateSchedule, Number, schedule_registry, to_float

__all__ = [
    "PiecewiseConstantDecay",
]


@schedule_registry.register()
class PiecewiseConstantDecay(LearningRateSchedule):
    """Piecewise constant decay: ``values[0]`` through step ``boundaries[0]``, then ``values[1]``, etc.

    The numbers are traced arguments, so changing them does not trigger recompilation. Changing how many
    there are does.

    Args:
        boundaries (list[float]): The n steps after which the value changes, in increasing order.
        values (list[float]): The n + 1 values.
        name (str | None): Name in the configuration. Default: "PiecewiseConstant".

    Example:
        >>> import fitwell as fw
        >>> schedule = fw.schedules.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])
        >>> [round(float(schedule(step)), 4) for step in (0, 10, 11, 21)]
        [1.0, 1.0, 0.5, 0.1]

    Source: Keras `PiecewiseConstantDecay`.
    """

    hyperparameters = ("boundaries", "values")

    @validate_params(boundaries=ListOf(Real()), values=ListOf(Real()))
    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str | None = "PiecewiseConstant"
    ) -> None:
        if len(values) != len(boundaries) + 1:
            raise InvalidArgument(
                f"PiecewiseConstantDecay: the number of values must be {len(boundaries) + 1}, one more than "
                f"the number of boundaries, got {len(values)}"
            )
        if any(later <= earlier for earlier, later in pairwise(boundaries)):
            raise InvalidArgument(f"PiecewiseConstantDecay: boundaries must increase, got {list(boundaries)}")
        self.boundaries = np.asarray(boundaries, np.float64)
        self.values = np.asarray(values, np.float64)
        self.name = name

    def __call__(self, step: Number) -> Array:
        """Compute the value at `step`."""
        boundaries = jnp.asarray(self.boundaries)
        piece = jnp.sum(to_float(step)[..., None] > boundaries, axis=-1)
        return jnp.asarray(self.values)[piece]
