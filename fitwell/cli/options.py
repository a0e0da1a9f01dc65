"""Options that multiple commands share, and functions that parse option values."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from typing import Any, Protocol

__all__ = [
    "MAX_SEED",
    "OptionGroup",
    "Subparsers",
    "add_data_options",
    "add_run_options",
    "add_separator_option",
    "integer",
    "non_negative",
    "positive",
]

MAX_SEED = 2**32 - 1  # the largest seed that NumPy and scikit-learn accept


class Subparsers(Protocol):
    """The interface of the object that `ArgumentParser.add_subparsers` returns."""

    def add_parser(self, name: str, **kwargs: Any) -> argparse.ArgumentParser:
        """Add a command's parser."""


class OptionGroup(Protocol):
    """The common interface of a parser and an argument group."""

    def add_argument(self, *names: str, **kwargs: Any) -> Any:
        """Add an argument."""


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for the target, the columns and the splits."""
    data = parser.add_argument_group("data")
    data.add_argument("--target", metavar="COLUMN", help="column to predict (only for tables)")
    data.add_argument(
        "--task",
        choices=("regression", "binary", "multiclass"),
        help="type of problem (default: inferred from the target)",
    )
    add_separator_option(data)
    data.add_argument(
        "--keep",
        metavar="COLUMN",
        action="append",
        default=[],
        help="use this column, even if it looks like an identifier or free text (can be repeated)",
    )
    data.add_argument(
        "--drop",
        metavar="COLUMN",
        action="append",
        default=[],
        help="ignore this column (can be repeated)",
    )
    data.add_argument(
        "--type",
        type=_column_type,
        metavar="COLUMN=TYPE",
        action="append",
        default=[],
        help="type of a column: number, category, date or boolean (can be repeated)",
    )
    data.add_argument(
        "--images", metavar="COLUMN", help="column with the paths of image files, which become the inputs"
    )
    data.add_argument(
        "--image-size",
        type=_image_size,
        metavar="HEIGHTxWIDTH",
        help="size in pixels to which image files are converted, such as 64x64 (default: their median size, at most "
        "48x48)",
    )
    data.add_argument(
        "--validation-fraction",
        type=non_negative,
        metavar="F",
        help="fraction of the rows to hold out for the validation of a plain network, mlp (default: 0.2, less for "
        "large data)",
    )
    data.add_argument(
        "--test-fraction",
        type=non_negative,
        metavar="F",
        help="fraction of a table's rows to hold out for testing (default: 0; mlp: 0.2, less for large data)",
    )


def add_separator_option(parser: OptionGroup) -> None:
    """Add the option ``--sep``."""
    parser.add_argument(
        "--sep",
        metavar="CHARACTER",
        help="cell separator in a text file: a character, tab or space (default: detected)",
    )


def add_run_options(parser: OptionGroup) -> None:
    """Add the options ``--quiet`` and ``--output``."""
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.add_argument("--output", metavar="FOLDER", help="run folder (default: runs/NAME-DATE-TIME)")


def _column_type(text: str) -> tuple[str, str]:
    name, equals, kind = text.rpartition("=")
    # Only the syntax is checked here; columns and types are checked when the table is read.
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"expected COLUMN=TYPE, such as zip=category, got {text!r}")
    return name, kind


def _image_size(text: str) -> tuple[int, int]:
    parts = re.fullmatch(r"(\d{1,4})(?:x(\d{1,4}))?", text.strip().lower())
    if parts is None or not all(8 <= int(part or parts[1]) <= 1024 for part in parts.groups()):
        raise argparse.ArgumentTypeError(
            f"expected a size such as 64x64, between 8 and 1024 pixels, got {text!r}"
        )
    return int(parts[1]), int(parts[2] or parts[1])


def non_negative(text: str) -> float:
    """Parse a finite number that is at least 0."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"expected a finite number >= 0, got {text!r}")
    return value


def positive(text: str) -> float:
    """Parse a finite number above 0."""
    value = non_negative(text)
    if value == 0:
        raise argparse.ArgumentTypeError("expected a number above 0, got 0")
    return value


def integer(least: int, most: float = math.inf) -> Callable[[str], int]:
    """Return a function that parses an integer between `least` and `most`."""

    def parse_integer(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected an integer, got {text!r}") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"expected at least {least}, got {value}")
        if value > most:
            raise argparse.ArgumentTypeError(f"expected at most {most:,}, got {value}")
        return value

    return parse_integer
