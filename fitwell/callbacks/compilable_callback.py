"""`CompilableCallback`: the base class of callbacks that can run inside the compiled loop."""

from __future__ import annotations

from fitwell._callback import Callback

__all__ = ["CompilableCallback"]


class CompilableCallback(Callback):
    """Base class of callbacks that a run may compile.

    By default the compiled loop does the work of such a callback, and its hooks are not called. A run calls the hooks
    instead, each callback in its turn as in Keras, in these cases (`CallbackList.runs_on_host`):

    - Another callback has user-defined hooks, or one of the compilable callbacks is a user-defined subclass. Such a
      hook may change the logs, the weights or the learning rate, and must see what earlier callbacks have done.
    - Several callbacks change one hyperparameter, and one of them sets it by epoch.
    - A callback needs the host, for example to print a message when its epoch ends.

    Attributes:
        runs_on_host (bool): Whether this run calls the hooks. Default: False.
    """

    runs_on_host = False

    @property
    def needs_host(self) -> bool:
        """Whether this callback must act at the end of its epoch, for example to print a message."""
        return False
