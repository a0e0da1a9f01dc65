"""Every public object has a docstring in Google style: arguments, and an example that `make test` runs."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import fitwell


def public_objects() -> Iterator[tuple[str, Any]]:
    """Yield the path and the object of every public class and function."""
    found: dict[int, tuple[str, Any]] = {}
    waiting = [("fitwell", fitwell)]
    while waiting:
        path, module = waiting.pop(0)
        for name in module.__all__:
            with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
                value = getattr(module, name)
            if inspect.ismodule(value):
                if hasattr(value, "__all__") and value.__name__.startswith("fitwell"):
                    waiting.append((f"{path}.{name}", value))
            elif (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__.startswith(
                "fitwell"
            ):
                found.setdefault(id(value), (f"{path}.{name}", value))
    yield from found.values()


# The operations have the names, arguments and meanings of `keras.ops`, with one line each. tests/ops compares all of
# them with Keras, which is the example.
ONE_LINE = "fitwell.ops."
OBJECTS = dict(public_objects())


def test_there_are_public_objects() -> None:
    assert len(OBJECTS) > 380
    assert {"fitwell.Model", "fitwell.layers.Dense", "fitwell.compare"} <= OBJECTS.keys()


@pytest.mark.parametrize("path", OBJECTS)
def test_it_has_an_example_and_lists_its_arguments(path: str) -> None:
    value = OBJECTS[path]
    text = inspect.getdoc(value) or ""
    if path.startswith(ONE_LINE):
        assert text.splitlines()[0].endswith("."), f"{path} has no docstring"
        return
    if not (inspect.isclass(value) and issubclass(value, Exception)):  # those are caught, not called
        assert ">>> " in text, f"{path} has no example"
        is_dict = inspect.isclass(value) and issubclass(value, dict)
        parameters = (
            [] if is_dict else [name for name in inspect.signature(value).parameters if name != "self"]
        )
        assert not parameters or "Args:\n" in text, f"{path} has no section Args for {parameters}"
    assert "Parameters\n----" not in text, f"{path}: write Google sections, not NumPy's"


@pytest.mark.parametrize("path", [path for path, value in OBJECTS.items() if inspect.isclass(value)])
def test_its_public_methods_are_documented(path: str) -> None:
    for name, method in vars(OBJECTS[path]).items():
        if not name.startswith("_") and inspect.isfunction(method):
            assert inspect.getdoc(getattr(OBJECTS[path], name)), f"{path}.{name}"
