"""Callbacks: observers on the host, and Keras's names for compiled policies."""

from fitwell.callbacks.backup import BackupAndRestore
from fitwell.callbacks.base import Callback, CallbackList, LambdaCallback
from fitwell.callbacks.checkpoint import ModelCheckpoint
from fitwell.callbacks.flatness import FlatStopping, GradientStopping
from fitwell.callbacks.log import CSVLogger, History
from fitwell.callbacks.schedule import LearningRateScheduler
from fitwell.callbacks.stopping import EarlyStopping, ProgbarLogger, ReduceLROnPlateau, TerminateOnNaN
from fitwell.callbacks.tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "FlatStopping",
    "GradientStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
]
