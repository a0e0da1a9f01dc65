"""The machine: one state, one step, one loop. It knows programs and data, never a model."""

from fitwell.data.loaders import ArrayLoader, DataLoader, Dispatch, GeneratorLoader
from fitwell.engine.dispatch_size import AdaptiveDispatchSize
from fitwell.engine.epoch_runner import DispatchResult, EpochRunner
from fitwell.engine.policies import Policy
from fitwell.engine.train_program import Batch, ForwardResult, TrainProgram
from fitwell.engine.train_state import TrainState

__all__ = [
    "ArrayLoader",
    "Batch",
    "DataLoader",
    "ForwardResult",
    "EpochRunner",
    "AdaptiveDispatchSize",
    "Policy",
    "TrainProgram",
    "DispatchResult",
    "GeneratorLoader",
    "TrainState",
    "Dispatch",
]
