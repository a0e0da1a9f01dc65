"""`TerminateOnNaN`, which every run does by default.

`EpochRunner.__call__` finds the step and the weights before it; `TrainLoop._stop_at_nonfinite` warns and ends the
run.
"""

from __future__ import annotations

from fitwell._callback import Callback

__all__ = ["TerminateOnNaN"]


class TerminateOnNaN(Callback):
    """Stop at the first loss that is not finite.

    Every run does so without this callback, which exists for compatibility with Keras and has no effect.

    Example:
        >>> import fitwell as fw
        >>> fw.callbacks.TerminateOnNaN()
        TerminateOnNaN()

    Source: Keras `TerminateOnNaN`.
    """
