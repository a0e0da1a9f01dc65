"""When to train members under `vmap`, and when in threads.

On a CPU members run in threads: `vmap` was not faster in any measurement (`python -m benchmarks.populations`). It makes
the matrix products larger, but the loop of one member already keeps a core busy, and a group runs until its last member
stops. One small network does not fill an accelerator: there, `vmap` is the only way to do so, unless a single
member is large enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from fitwell._engine import devices
from fitwell.population.member_train_loop import MemberTrainLoop

__all__ = ["MAX_VMAP_SIZE", "VmapRule", "use_vmap_rule", "should_vmap"]

# (example train loop of a group, number of members) -> whether to train the group under `vmap`.
VmapRule = Callable[[MemberTrainLoop, int], bool]

_rule: ContextVar[VmapRule | None] = ContextVar("fitwell_vmap_rule", default=None)

# Multiplications per step from which one member fills an accelerator (estimated, not measured).
_FILLING_MULTIPLICATIONS = 2**32
# Maximum members per `vmap` group; larger groups are split.
MAX_VMAP_SIZE = 256


@contextmanager
def use_vmap_rule(rule: VmapRule) -> Iterator[None]:
    """Let `rule` choose between `vmap` and threads inside the block, for tests and benchmarks."""
    token = _rule.set(rule)
    try:
        yield
    finally:
        _rule.reset(token)


def should_vmap(train_loop: MemberTrainLoop, members: int) -> bool:
    """Return whether to train this number of members like that of `train_loop` under `vmap`."""
    rule = _rule.get()
    if rule is not None:
        return rule(train_loop, members)
    if devices.current_device().platform == "cpu" or members < 2 or not train_loop.supports_vmap:
        return False
    weights = sum(variable.size for variable in train_loop.plan.program.trainable.values())
    return train_loop.plan.loader.batch_size * weights < _FILLING_MULTIPLICATIONS
