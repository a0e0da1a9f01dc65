"""Callbacks, which observe a run on the host or take part in the compiled loop as policies."""

from fitwell._callback import Callback
from fitwell._history import History
from fitwell.callbacks.backup_and_restore import BackupAndRestore
from fitwell.callbacks.callback_list import CallbackList
from fitwell.callbacks.csv_logger import CSVLogger
from fitwell.callbacks.early_stopping import EarlyStopping
from fitwell.callbacks.flat_stopping import FlatStopping
from fitwell.callbacks.gradient_stopping import GradientStopping
from fitwell.callbacks.lambda_callback import LambdaCallback
from fitwell.callbacks.learning_rate_scheduler import LearningRateScheduler
from fitwell.callbacks.model_checkpoint import ModelCheckpoint
from fitwell.callbacks.policy import Policy
from fitwell.callbacks.progbar_logger import ProgbarLogger
from fitwell.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from fitwell.callbacks.tensorboard import TensorBoard
from fitwell.callbacks.terminate_on_nan import TerminateOnNaN

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
    "Policy",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
]


def __dir__() -> list[str]:
    return sorted(__all__)
