"""The machine: one state, one step, one loop. It knows programs and data, never a model."""

from fitwell.data.feeds import ArrayFeed, Feed, StreamFeed, Work
from fitwell.engine.dispatch_size import AdaptiveDispatchSize
from fitwell.engine.epoch_runner import DispatchResult, EpochRunner
from fitwell.engine.policies import Policy
from fitwell.engine.train_program import Batch, ForwardResult, TrainProgram
from fitwell.engine.train_state import TrainState

__all__ = [
    "ArrayFeed",
    "Batch",
    "Feed",
    "ForwardResult",
    "EpochRunner",
    "AdaptiveDispatchSize",
    "Policy",
    "TrainProgram",
    "DispatchResult",
    "StreamFeed",
    "TrainState",
    "Work",
]
