"""Schedules: a learning rate, or any other hyperparameter, as a function of the updates made so far."""

from fitwell.schedules.base import LearningRateSchedule, deserialize, get, serialize
from fitwell.schedules.cosine_decay import CosineDecay, CosineDecayRestarts
from fitwell.schedules.decays import (
    ExponentialDecay,
    ExponentialRange,
    InverseTimeDecay,
    LinearDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
    PowerDecay,
)
from fitwell.schedules.one_cycle import OneCycle, OneCycleMomentum, Warmup

__all__ = [
    "LearningRateSchedule",
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "ExponentialRange",
    "InverseTimeDecay",
    "LinearDecay",
    "OneCycle",
    "OneCycleMomentum",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "PowerDecay",
    "Warmup",
    "get",
    "serialize",
    "deserialize",
]


def __dir__() -> list[str]:
    return sorted(__all__)
