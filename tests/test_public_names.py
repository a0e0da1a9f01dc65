"""The public names are a committed list, so that a new or a lost name is a decision.

After a deliberate change write the list again: ``python -m tests.test_public_names``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import fitwell

FILE = Path(__file__).with_name("public_names.txt")
# Classes whose methods users call or override.
CLASSES = [
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Population",
    "Initializer",
    "Regularizer",
    "Variable",
    "KerasTensor",
]
CLASSES += ["callbacks.Callback", "constraints.Constraint", "schedules.LearningRateSchedule"]


def modules() -> list[ModuleType]:
    """Return the package and its public modules."""
    listed = [getattr(fitwell, name) for name in fitwell.__all__]
    others = [importlib.import_module(name) for name in ("fitwell.comparison", "fitwell.population")]
    return [fitwell, *(value for value in listed if isinstance(value, ModuleType)), *others]


def names() -> Iterator[str]:
    """Yield every public name: of modules, and of the classes that users extend."""
    for module in modules():
        yield from (f"{module.__name__}.{name}" for name in module.__all__)
    for path in CLASSES:
        holder: object = fitwell
        for part in path.split("."):
            holder = getattr(holder, part)
        yield from (f"fitwell.{path}.{name}" for name in dir(holder) if not name.startswith("_"))


def test_the_public_names_are_the_committed_ones() -> None:
    assert sorted(names()) == FILE.read_text().splitlines(), "write them again, see above, if you mean it"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__)
def test_dir_shows_public_names_only(module: ModuleType) -> None:
    assert dir(module) == sorted(module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        getattr(module, name)


def test_every_module_has_all() -> None:
    root = Path(fitwell.__file__).parent
    files = [file for file in root.rglob("*.py") if "__all__" not in file.read_text()]
    assert [str(file.relative_to(root)) for file in files] == []


def test_every_name_in_all_exists() -> None:
    for info in pkgutil.walk_packages(fitwell.__path__, "fitwell."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        assert [name for name in getattr(module, "__all__", []) if not hasattr(module, name)] == [], info.name


if __name__ == "__main__":
    FILE.write_text("".join(f"{name}\n" for name in sorted(names())))
