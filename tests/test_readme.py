"""The README lists extras, names and commands that exist."""

from __future__ import annotations

import re
import tomllib
from functools import reduce
from pathlib import Path

import pytest

import fitwell

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_extras_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (line,) = re.findall(r"^Extras: (.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", line)) == set(project["optional-dependencies"]) - {
        "bench",
        "bench-tables",
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    for name in set(re.findall(r"\bfw\.([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)", page.read_text())):
        reduce(getattr, name.split("."), fitwell)


def test_the_commands_are_there() -> None:
    from fitwell.cli.parser import parse

    for command in set(re.findall(r"`fitwell ([a-z]+)\b", (ROOT / "README.md").read_text())):
        with pytest.raises(SystemExit) as ended:
            parse([command, "--help"])
        assert ended.value.code == 0
