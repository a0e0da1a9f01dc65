"""When to train members under `vmap`, and when in threads.

On a CPU members run in threads: `vmap` was not faster in any measurement (`python -m benchmarks.populations`). It makes
the matrix products larger, but the loop of one member already keeps a core busy, and a group runs until its last member
stops. One small network does not fill an accelerator: there, `vmap` is the only way to do so, unless a single
member is large enough.
"""

from __future__ import annotations

from fitwell._engine import devices
from fitwell.population.member_train_loop import MemberTrainLoop

# Multiplications per step from which one member fills an accelerator (estimated, not measured).
_BUSY = 2**32
# Maximum members per `vmap` group; larger groups are split.
MAX_VMAP_SIZE = 256


def should_vmap(fit: MemberTrainLoop, members: int) -> bool:
    """Return whether to train this number of members like that of `fit` under `vmap`."""
    if devices.current_device().platform == "cpu" or members < 2 or not fit.supports_vmap:
        return False
    weights = sum(variable.size for variable in fit.plan.program.trainable.values())
    return fit.plan.loader.batch_size * weights < _BUSY
