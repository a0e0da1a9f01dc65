"""Callbacks: observers on the host, and Keras's names for compiled policies."""

from fitwell.callbacks.backup_and_restore import BackupAndRestore
from fitwell.callbacks.callback import Callback, CallbackList, LambdaCallback
from fitwell.callbacks.csv_logger import CSVLogger, History
from fitwell.callbacks.early_stopping import EarlyStopping, ProgbarLogger, ReduceLROnPlateau, TerminateOnNaN
from fitwell.callbacks.flat_stopping import FlatStopping, GradientStopping
from fitwell.callbacks.learning_rate_scheduler import LearningRateScheduler
from fitwell.callbacks.model_checkpoint import ModelCheckpoint
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


def __dir__() -> list[str]:
    return sorted(__all__)
