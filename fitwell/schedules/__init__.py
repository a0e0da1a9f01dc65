"""Schedules, which compute a learning rate or another hyperparameter from the number of updates so far."""

from fitwell.schedules.base import LearningRateSchedule, deserialize, get, serialize
from fitwell.schedules.cosine_decay import CosineDecay, CosineDecayRestarts
from fitwell.schedules.cosine_log import CosineLog
from fitwell.schedules.exponential_decay import ExponentialDecay, ExponentialRange
from fitwell.schedules.flat_cosine_decay import FlatCosineDecay
from fitwell.schedules.inverse_time_decay import InverseTimeDecay, PowerDecay
from fitwell.schedules.one_cycle import OneCycle, OneCycleMomentum
from fitwell.schedules.piecewise_constant_decay import PiecewiseConstantDecay
from fitwell.schedules.polynomial_decay import LinearDecay, PolynomialDecay
from fitwell.schedules.warmup import Warmup

__all__ = [
    "LearningRateSchedule",
    "CosineDecay",
    "CosineDecayRestarts",
    "CosineLog",
    "ExponentialDecay",
    "ExponentialRange",
    "FlatCosineDecay",
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
