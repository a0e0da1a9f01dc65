"""ARCHITECTURE.md names files, classes and layers that are there."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "ARCHITECTURE.md").read_text()
SOURCES = {path: path.read_text() for path in (ROOT / "fitwell").rglob("*.py")}


def test_its_paths_are_there() -> None:
    found = set(re.findall(r"\b(?:\w+/)+\w+\.(?:py|md|txt)\b|\b\w+\.(?:toml|txt)\b", PAGE))
    assert len(found) > 15
    assert {
        path for path in found if not ((ROOT / path).exists() or (ROOT / "fitwell" / path).exists())
    } == set()


def test_its_names_are_defined() -> None:
    defined = {
        node.name
        for source in SOURCES.values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    }
    picture = PAGE[PAGE.index("Model.fit  ") :].split("```")[0]
    names = set(re.findall(r"(?:└─|├─) (?:\w+ = )?([A-Za-z_.]+)", picture)) | set(
        re.findall(r"`([A-Z]\w+(?:\.\w+)?)`", PAGE)
    )
    for name in names - {"validation", "policies", "XLA_FLAGS"}:
        assert set(name.split(".")) <= defined | {"supports_padding", "execute"}, name


def test_its_layers_are_those_of_the_contract() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    order = [name.strip() for line in contract["layers"] for name in line.split(":")]
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \|", PAGE[: PAGE.index("## The life")], re.MULTILINE)[2:]
    *levels, foundation = [[order.index(name) for name in re.findall(r"`(\w+)`", row)] for row in rows]
    listed = [level for row in levels for level in row]
    assert len(listed) > 25 and len(foundation) > 5
    assert listed == sorted(listed) and min(foundation) > max(listed)
