"""`CompilableCallback`, the base class for callbacks that can run inside the compiled loop."""

from __future__ import annotations

from fitwell._callback import Callback

__all__ = ["CompilableCallback"]


class CompilableCallback(Callback):
    """Base class for callbacks that can run inside the compiled loop.

    By default, the compiled loop does such a callback's work, and its hooks are not called. In the following
    cases, a run calls the hooks instead, in the order of the callbacks, as in Keras (see
    `CallbackList.runs_on_host`):

    - Another callback has user-defined hooks, or one of the compilable callbacks is a user-defined subclass.
      User-defined hooks may change the logs, the weights or the learning rate, and they must see the changes
      that earlier callbacks have made.
    - More than one callback changes the same hyperparameter, and one of them sets it for each epoch.
    - A callback needs the host, for example to print a message when an epoch ends.

    Attributes:
        runs_on_host (bool): Whether this run calls the hooks. Default: False.
    """

    runs_on_host = False

    @property
    def needs_host(self) -> bool:
        """Whether this callback must act when an epoch begins or ends, for example to print a message."""
        return False
