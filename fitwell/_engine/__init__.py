"""The training engine, which compiles and runs training loops. It does not depend on `fitwell.models`."""

from fitwell._data.loaders import ArrayLoader, DataLoader, Dispatch, GeneratorLoader
from fitwell._engine.dispatch_result import DispatchResult
from fitwell._engine.dispatch_size import AdaptiveDispatchSize
from fitwell._engine.epoch_runner import EpochRunner
from fitwell._engine.policies import Policy
from fitwell._engine.train_program import Batch, ForwardResult, TrainProgram
from fitwell._engine.train_state import TrainState

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
