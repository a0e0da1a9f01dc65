"""Callbacks: observers on the host, and Keras's names for compiled policies."""

from fitwell.callbacks.base import Callback, CallbackList, LambdaCallback
from fitwell.callbacks.schedule import LearningRateScheduler
from fitwell.callbacks.stopping import EarlyStopping, ReduceLROnPlateau, TerminateOnNaN

__all__ = [
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "LambdaCallback",
    "LearningRateScheduler",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
