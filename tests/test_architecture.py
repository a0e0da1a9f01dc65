"""The layers of the package: a module imports only from lower layers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "fitwell"
FILES = sorted(PACKAGE.rglob("*.py"))


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
        ("_engine/run.py", "import fitwell.models", "The engine does not import models"),
        ("_engine/run.py", "import fitwell.callbacks", "A module imports only from lower layers"),
        ("_data/loader.py", "from fitwell._engine import run", "A module imports only from lower layers"),
        ("errors.py", "import fitwell.losses", "A module imports only from lower layers"),
        ("new_package.py", "", "A module imports only from lower layers"),
        ("saving.py", "import pickle", "The library imports no other framework"),
    ],
)
def test_a_broken_contract_is_reported(tmp_path: Path, importer: str, statement: str, contract: str) -> None:
    """Each contract fails on a package that breaks it."""
    package = tmp_path / "fitwell"
    for module in layer_modules():
        (package / module).mkdir(parents=True)
        (package / module / "__init__.py").touch()
    for folder in ("errors", "saving"):
        (package / folder / "__init__.py").unlink()
        (package / folder).rmdir()
    for file in ("__init__.py", "_engine/run.py", "errors.py", "saving.py"):
        (package / file).touch()
    (package / importer).write_text(statement + "\n")
    (tmp_path / "pyproject.toml").write_text((REPOSITORY / "pyproject.toml").read_text())
    result = lint_imports(tmp_path)
    assert result.returncode != 0
    broken = [line for line in result.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(contract) for line in broken), result.stdout + result.stderr


def layer_modules() -> list[str]:
    """Return the names of the modules and packages directly inside `fitwell`."""
    return sorted(
        {path.stem for path in PACKAGE.iterdir() if path.name != "__init__.py"} - {"py", "__pycache__"}
    )


def test_every_folder_is_a_package() -> None:
    """A folder without ``__init__.py`` is left out of the wheel, and import-linter cannot read it."""
    folders = {file.parent for file in FILES}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []
