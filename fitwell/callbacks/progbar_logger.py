"""`ProgbarLogger`, which every run does by default."""

from __future__ import annotations

from fitwell._callback import Callback

__all__ = ["ProgbarLogger"]


class ProgbarLogger(Callback):
    """Show a progress bar.

    Every run does so without this callback, as its argument `verbose` says. The class exists for compatibility with
    Keras and has no effect.

    Example:
        >>> import fitwell as fw
        >>> fw.callbacks.ProgbarLogger()
        ProgbarLogger()

    Source: Keras `ProgbarLogger`.
    """
