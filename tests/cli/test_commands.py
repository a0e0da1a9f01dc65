"""Commands register themselves: a new command is one file in `fitwell.cli.commands`."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fitwell.cli import commands

HELLO = '''
"""``fitwell hello``: greet a user."""


def run(options):
    """Run the command; return the exit code."""
    from fitwell.cli.console import stdout_console

    stdout_console().print(f"Hello {options.name}!")
    return 0


def add_parser(subparsers):
    """Add the parser of the command."""
    parser = subparsers.add_parser("hello", help="greet a user")
    parser.set_defaults(run=run)
    parser.add_argument("name")
'''


def test_one_file_adds_a_command(
    fitwell: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hello.py").write_text(HELLO)
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    try:
        assert fitwell("hello", "you").out == "Hello you!\n"
        assert "greet a user" in fitwell("--help").out
    finally:
        sys.modules.pop(f"{commands.__name__}.hello", None)
        vars(commands).pop("hello", None)


def test_the_help_lists_commands_by_position(fitwell: Callable[..., Any]) -> None:
    listed = fitwell("--help").out
    places = [listed.index(f"\n    {name} ") for name in ("train", "search", "predict", "board")]
    assert places == sorted(places)


@pytest.mark.parametrize("name", [name for _, name, _ in pkgutil.iter_modules(commands.__path__)])
def test_every_module_is_a_command(name: str) -> None:
    module = importlib.import_module(f"{commands.__name__}.{name}")
    assert callable(module.add_parser) and callable(module.run) and module.__doc__
