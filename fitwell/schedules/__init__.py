"""Schedules: a learning rate, or any other hyperparameter, as a function of the updates made so far."""

from fitwell.schedules.base import LearningRateSchedule, deserialize, get, serialize
from fitwell.schedules.cosine import CosineDecay, CosineDecayRestarts
from fitwell.schedules.cycles import OneCycle, OneCycleMomentum, Warmup
from fitwell.schedules.decays import (
    ExponentialDecay,
    ExponentialRange,
    InverseTimeDecay,
    LinearDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
    PowerDecay,
)

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
