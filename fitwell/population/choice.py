"""Which layout the members of a group get: a rule, and the measurements behind it.

On a CPU members run in turn: stacking has won nowhere (`python -m benchmarks.populations`). Stacked products are no
longer small, but one member's loop already keeps a core busy, and a stack goes on until its last member stops.
An accelerator is idle while it works on one small network: there stacking is the only way to fill it, until one
member does so by itself.
"""

from __future__ import annotations

from fitwell.engine import devices
from fitwell.population.fitting import MemberFit

# Multiplications of one step from which a member keeps an accelerator busy by itself (a guess: not measured).
_BUSY = 2**32
# Members of a stack, at most; more are trained stack by stack.
LARGEST_STACK = 256


def stacks(fit: MemberFit, members: int) -> bool:
    """Return whether to stack `members` like the one of `fit`."""
    if devices.here().platform == "cpu" or members < 2 or not fit.stackable:
        return False
    weights = sum(variable.size for variable in fit.program.trainable.values())
    return fit.feed.batch_size * weights < _BUSY
