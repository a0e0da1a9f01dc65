"""The `TerminateOnNaN` callback, which exists for compatibility with Keras.

`EpochRunner.__call__` finds the step whose loss is not finite and the weights before it.
`TrainLoop._stop_at_nonfinite` warns and ends the run.
"""

from __future__ import annotations

from fitwell._callback import Callback

__all__ = ["TerminateOnNaN"]


class TerminateOnNaN(Callback):
    """A callback that has no effect, because every run stops at the first loss that is not finite.

    It exists for compatibility with Keras.

    Example:
        >>> import fitwell as fw
        >>> fw.callbacks.TerminateOnNaN()
        TerminateOnNaN()

    Source: Keras `TerminateOnNaN`.
    """
