"""The machine: one state, one step, one loop. It knows programs and data, never a model."""

from fitwell.data.feeds import ArrayFeed, Feed, StreamFeed, Work
from fitwell.engine.machine import Machine, Report
from fitwell.engine.pace import Pace
from fitwell.engine.policies import Policy
from fitwell.engine.program import Batch, Forward, Program
from fitwell.engine.state import TrainState

__all__ = [
    "ArrayFeed",
    "Batch",
    "Feed",
    "Forward",
    "Machine",
    "Pace",
    "Policy",
    "Program",
    "Report",
    "StreamFeed",
    "TrainState",
    "Work",
]
