"""The floors of DESIGN: a module imports only from lines below its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of `folder`'s pyproject.toml against the package `fitwell` inside it."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    return subprocess.run(
        [*command, "--no-cache", "--no-logo"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_every_contract_is_kept() -> None:
    result = lint_imports(REPOSITORY)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("importer", "statement", "contract"),
    [
        ("engine/run.py", "import fitwell.models", "The engine never knows a model"),
        ("engine/run.py", "import fitwell.callbacks", "A room knows only the floors below its own"),
        ("data/feed.py", "from fitwell._engine import run", "A room knows only the floors below its own"),
        ("errors.py", "import fitwell.losses", "A room knows only the floors below its own"),
        ("attic.py", "", "A room knows only the floors below its own"),
        ("saving.py", "import pickle", "The library leans on no peer"),
    ],
)
def test_a_broken_floor_is_noticed(tmp_path: Path, importer: str, statement: str, contract: str) -> None:
    """The contracts have teeth: each of them is seen failing on a house built to break it."""
    house = tmp_path / "fitwell"
    for room in ("engine", "data", "models", "callbacks"):
        (house / room).mkdir(parents=True)
        (house / room / "__init__.py").touch()
    for file in ("__init__.py", "engine/run.py", "errors.py", "losses.py"):
        (house / file).touch()
    (house / importer).write_text(statement + "\n")
    (tmp_path / "pyproject.toml").write_text((REPOSITORY / "pyproject.toml").read_text())
    result = lint_imports(tmp_path)
    assert result.returncode != 0
    broken = [line for line in result.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(contract) for line in broken), result.stdout + result.stderr


def test_every_room_is_a_package() -> None:
    """A folder without ``__init__.py`` is left out of the wheel, and import-linter cannot see into it."""
    folders = {file.parent for file in (REPOSITORY / "fitwell").rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []
