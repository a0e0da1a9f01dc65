"""The argument parser, to which each module in `fitwell.cli.commands` adds its command."""

from __future__ import annotations

import argparse
import importlib
import math
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import NoReturn

from fitwell._escaping import escape_controls

__all__ = ["parse"]


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments of the command line.

    Exit with code 2 and a message if the arguments are invalid, and with code 0 after ``--help`` or ``--version``.

    Args:
        argv: Arguments without the program name, or None to use `sys.argv`.

    Returns:
        The options. Their attribute ``run`` is the function that runs the command.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _build_parser()
    options = parser.parse_args(arguments)
    options.arguments = arguments
    check = getattr(options, "check", None)
    error = None if check is None else check(options)
    if error is not None:
        parser.error(error)
    return options


class _EscapingParser(argparse.ArgumentParser):
    """An argument parser that escapes control characters in its messages."""

    def error(self, message: str) -> NoReturn:
        """Print the message, and exit with code 2."""
        super().error(escape_controls(message))


def _build_parser() -> argparse.ArgumentParser:
    import fitwell

    parser: argparse.ArgumentParser = _EscapingParser(
        prog="fitwell",
        description="Train neural networks on tables and on standard data sets.",
        epilog="Run fitwell COMMAND --help for the options of a command.",
    )
    parser.add_argument("--version", action="version", version=f"fitwell {fitwell.__version__}")
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in _iter_commands():
        command.add_parser(subparsers)
    return parser


def _iter_commands() -> Iterator[ModuleType]:
    """Import the modules in `fitwell.cli.commands`, and yield them sorted by their `POSITION` in the help."""
    from fitwell.cli import commands

    found = [
        importlib.import_module(f"{commands.__name__}.{name}")
        for _, name, _ in pkgutil.iter_modules(commands.__path__)
    ]
    yield from sorted(found, key=lambda module: (getattr(module, "POSITION", math.inf), module.__name__))
