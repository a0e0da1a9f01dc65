"""The structure of the package: layers, import cycles, names of files and classes, and sizes."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "fitwell"
FILES = sorted(PACKAGE.rglob("*.py"))

# Base names that two folders share, and why.
SHARED_FILE_NAMES = {
    "__init__",
    "base",  # the base class of each package
    "preprocessing",  # layers.experimental.preprocessing is Keras 2's address of layers.preprocessing
    "tensorboard",  # the callback, and the command of the same name
}
# The one cycle of imports: `plot` draws a history, and is annotated with it.
ANNOTATION_CYCLE = ["fitwell._history", "fitwell._plotting.history_plot"]
# Class names with two meanings, and why. Losses and metrics share names as in Keras.
SHARED_CLASS_NAMES = {"Boolean"}  # an argument rule (internal), and a domain of the tuner (public)
# Limits without docstrings.
MAX_FUNCTION_LINES = 60
MAX_CLASS_LINES = 350
MAX_FILE_LINES = 450


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


def test_no_imports_form_a_cycle() -> None:
    """Imports inside functions count, and those under TYPE_CHECKING, which are for annotations."""
    graph = grimp.build_graph("fitwell", cache_dir=None)
    modules = sorted(graph.modules)
    number = {module: index for index, module in enumerate(modules)}
    edges = [
        (number[module], number[imported])
        for module in modules
        for imported in graph.find_modules_directly_imported_by(module)
    ]
    rows, columns = zip(*edges)
    matrix = coo_array(([1] * len(edges), (rows, columns)), (len(modules), len(modules)))
    _, labels = connected_components(matrix, connection="strong")
    groups = defaultdict(list)
    for module, label in zip(modules, labels):
        groups[label].append(module)
    assert [group for group in groups.values() if len(group) > 1] == [ANNOTATION_CYCLE]


def test_no_two_files_have_one_name() -> None:
    paths = defaultdict(list)
    for file in FILES:
        paths[file.stem].append(str(file.relative_to(PACKAGE)))
    assert {name for name, found in paths.items() if len(found) > 1} <= SHARED_FILE_NAMES, paths


def test_no_two_classes_have_one_name() -> None:
    places = defaultdict(set)
    for file, node in nodes():
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            places[node.name].add(file.relative_to(PACKAGE).parts[0])
    shared = {name: found for name, found in places.items() if len(found) > 1}
    assert {name for name, found in shared.items() if found != {"losses", "metrics"}} <= SHARED_CLASS_NAMES


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    """Yield every syntax node of the package, with its file."""
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            yield file, node


def docstring_lines(node: ast.AST) -> int:
    """Return the number of lines of all docstrings inside `node`."""
    lines = 0
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(inner) is not None
        ):
            lines += inner.body[0].end_lineno - inner.body[0].lineno + 1  # type: ignore[operator]
    return lines


def test_functions_classes_and_files_are_short() -> None:
    limits = {ast.FunctionDef: MAX_FUNCTION_LINES, ast.ClassDef: MAX_CLASS_LINES}
    found = [
        f"{file.relative_to(PACKAGE)}: {node.name}"
        for file, node in nodes()
        if type(node) in limits
        and node.end_lineno - node.lineno + 1 - docstring_lines(node) > limits[type(node)]
    ]
    for file in FILES:
        source = file.read_text()
        if len(source.splitlines()) - docstring_lines(ast.parse(source)) > MAX_FILE_LINES:
            found.append(str(file.relative_to(PACKAGE)))
    assert found == []
