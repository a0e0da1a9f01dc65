"""The `ProgbarLogger` callback, which exists for compatibility with Keras."""

from __future__ import annotations

from fitwell._callback import Callback

__all__ = ["ProgbarLogger"]


class ProgbarLogger(Callback):
    """A callback that has no effect, because every run shows a progress bar by default.

    It exists for compatibility with Keras. The `verbose` argument of `fit` controls the progress bar.

    Example:
        >>> import fitwell as fw
        >>> fw.callbacks.ProgbarLogger()
        ProgbarLogger()

    Source: Keras `ProgbarLogger`.
    """
