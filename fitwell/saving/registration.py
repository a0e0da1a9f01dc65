"""Classes and functions of a user's own that files may name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fitwell._param_validation import validate_params
from fitwell._registry import register_custom_object


@validate_params()
def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Decorate a class or function of your own, so that files that name it can be loaded.

    It is found as ``"package>name"``, which files hold, and by its plain name. `name` is its own by default.
    """

    def decorate(entry: Any) -> Any:
        return register_custom_object(entry, name, package)

    return decorate


register = register_keras_serializable
