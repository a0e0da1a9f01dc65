"""Schedules: a learning rate, or any other hyperparameter, as a function of the updates made so far."""

from fitwell.schedules.base import LearningRateSchedule, deserialize, get, serialize
from fitwell.schedules.decays import InverseTimeDecay

__all__ = ["InverseTimeDecay", "LearningRateSchedule", "deserialize", "get", "serialize"]
