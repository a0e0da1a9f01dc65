"""`install_as_keras`, which lets ``import keras`` give fitwell's modules."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from fitwell.errors import StateError

__all__ = ["install_as_keras"]

_PACKAGES = ("keras", "tensorflow", "tf_keras")
# The names of Keras's package. None of them is the beginning of another one.
_KERAS = ("keras", "tensorflow.keras", "tensorflow.python.keras", "tf_keras")


def install_as_keras() -> None:
    """Let ``import keras`` and ``from tensorflow import keras`` give fitwell, for the rest of this process.

    The modules are fitwell's own, so a class is the same object under both names. Of ``tensorflow`` itself, only what
    Keras programs use with Keras is there, such as ``tf.constant``, ``tf.reduce_mean`` and ``tf.random.set_seed``.
    Other names raise an error that says so. Installed copies of Keras and TensorFlow stay on disk, but this process
    does not see them.

    ``fitwell run program.py`` and, in a notebook, ``%load_ext fitwell`` call this function.

    Raises:
        StateError: If Keras or TensorFlow has been imported before.

    Example:
        >>> import fitwell as fw
        >>> fw.install_as_keras()  # doctest: +SKIP
        >>> from tensorflow.keras.layers import Dense  # doctest: +SKIP
    """
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    for name in _PACKAGES:
        if name in sys.modules:
            raise StateError(
                f"install_as_keras: {name} is already imported in this process; call install_as_keras before anything "
                f"imports {name}, or use `fitwell run`"
            )
    sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """A finder that resolves Keras's module names to fitwell's modules."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of an alias, or None for other modules."""
        if fullname.partition(".")[0] not in _PACKAGES:
            return None
        return importlib.machinery.ModuleSpec(fullname, _Loader(_resolve(fullname)), is_package=True)


class _Loader(importlib.abc.Loader):
    """A loader that returns an existing module."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Return the module."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Restore the module's spec, which importlib has replaced. The module has already been executed."""
        module.__spec__ = self._spec


def _resolve(fullname: str) -> ModuleType:
    """Return the module that a name such as ``keras.optimizers.schedules`` stands for.

    Raises:
        ModuleNotFoundError: If fitwell has no such module.
    """
    for prefix in _KERAS:
        if fullname == prefix or fullname.startswith(f"{prefix}."):
            return _find_module(fullname, fullname[len(prefix) + 1 :])
    from fitwell.keras_names.tensorflow_names import tensorflow

    found: Any = tensorflow
    for part in fullname.removesuffix(".python").split(".")[1:]:
        found = vars(found).get(part)
    if isinstance(found, ModuleType):
        return found
    raise ModuleNotFoundError(
        f"{fullname} is a part of TensorFlow, which fitwell does not contain; run the program with TensorFlow, or "
        "write this part with jax.numpy",
        name=fullname,
    )


def _find_module(fullname: str, rest: str) -> ModuleType:
    """Return fitwell's module with the dotted name `rest`, which may also be an attribute of a module."""
    found: Any = importlib.import_module("fitwell")
    walked = "fitwell"
    for part in filter(None, rest.split(".")):
        walked += f".{part}"
        child = getattr(found, part, None)
        if not isinstance(child, ModuleType):
            try:
                child = importlib.import_module(walked)
            except ModuleNotFoundError as error:
                if error.name is None or not walked.startswith(error.name):
                    raise
                raise ModuleNotFoundError(
                    f"fitwell has no module for {fullname}; `dir(fitwell)` lists its modules", name=fullname
                ) from None
        found = child
    assert isinstance(found, ModuleType)
    return found
