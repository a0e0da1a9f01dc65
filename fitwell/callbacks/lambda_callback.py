"""The `LambdaCallback` class, which creates a callback from functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fitwell._callback import Callback
from fitwell._param_validation import CallableRule, validate_param
from fitwell.errors import InvalidArgument

__all__ = ["LambdaCallback"]


class LambdaCallback(Callback):
    """A callback that calls a user-defined function for each hook.

    Args:
        **hooks (Callable | None): A function for each hook name. It takes the hook's arguments, as in
            ``on_epoch_end=lambda epoch, logs: ...``.

    Raises:
        InvalidArgument: if a name is not a hook of `Callback`, or a value is not callable.

    Example:
        >>> import fitwell as fw
        >>> callback = fw.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))
        >>> callback.on_epoch_end(0, {"loss": 0.5})
        0 {'loss': 0.5}

    Source: Keras `LambdaCallback`.
    """

    def __init__(self, **hooks: Callable[..., Any] | None) -> None:
        super().__init__()
        for name, hook in hooks.items():
            if not name.startswith("on_") or not hasattr(Callback, name):
                raise InvalidArgument(f"LambdaCallback: there is no hook {name!r}")
            if validate_param("LambdaCallback", name, hook, CallableRule() | None) is not None:
                setattr(self, name, hook)
