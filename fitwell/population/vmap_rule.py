"""The rule that decides whether members are trained under `vmap` or in threads.

On a CPU, members run in threads, because `vmap` was not faster in any measurement
(`python -m benchmarks.populations`). `vmap` makes the matrix products larger, but a single member already keeps one
core busy, and a group under `vmap` runs until its last member stops. On an accelerator, a single small network does not
use all processing units. Members are therefore trained under `vmap`, unless a single member is large enough to use all
of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from fitwell._engine import devices
from fitwell.population.member_train_loop import MemberTrainLoop

__all__ = ["MAX_VMAP_SIZE", "VmapRule", "use_vmap_rule", "should_vmap"]

# A function that gets a group's first train loop and its number of members, and returns whether to use `vmap`.
VmapRule = Callable[[MemberTrainLoop, int], bool]

_rule: ContextVar[VmapRule | None] = ContextVar("fitwell_vmap_rule", default=None)

# The number of multiplications per step at which a single member fully uses an accelerator (estimated, not measured).
_FILLING_MULTIPLICATIONS = 2**32
# The maximum number of members in one program under `vmap`. Larger groups are split.
MAX_VMAP_SIZE = 256


@contextmanager
def use_vmap_rule(rule: VmapRule) -> Iterator[None]:
    """Return a context manager that makes `rule` choose between `vmap` and threads, for tests and benchmarks."""
    token = _rule.set(rule)
    try:
        yield
    finally:
        _rule.reset(token)


def should_vmap(train_loop: MemberTrainLoop, members: int) -> bool:
    """Return whether to train a group under `vmap`, given its first train loop and its number of members."""
    rule = _rule.get()
    if rule is not None:
        return rule(train_loop, members)
    if devices.current_device().platform == "cpu" or members < 2 or not train_loop.supports_vmap:
        return False
    weights = sum(variable.size for variable in train_loop.plan.program.trainable.values())
    return train_loop.plan.loader.batch_size * weights < _FILLING_MULTIPLICATIONS
