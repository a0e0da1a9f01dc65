"""``fitwell run``: run a program written for Keras with fitwell."""

from __future__ import annotations

import argparse
import runpy
import sys
import traceback
from pathlib import Path

from fitwell.cli.options import Subparsers

__all__ = ["POSITION", "add_parser", "run"]

POSITION = 35

_EXAMPLES = """\
examples:
  fitwell run listing.py
  fitwell run train.py --epochs 5

In the program, `import keras` and `from tensorflow import keras` give fitwell. The program is not changed. In a
notebook, run `%load_ext fitwell` in the first cell instead.
"""


def run(options: argparse.Namespace) -> int:
    """Run the program, and return its exit code."""
    from fitwell._file_io import check_path
    from fitwell.errors import FileError
    from fitwell.keras_names import install_as_keras

    path = check_path(options.program, "the program")
    if not path.is_file():
        raise FileError(
            f"{path} {'is a folder' if path.is_dir() else 'does not exist'}; expected a Python program"
        )
    install_as_keras()
    sys.argv = [str(path), *options.program_arguments]
    sys.path.insert(0, str(Path(path).resolve().parent))
    try:
        runpy.run_path(str(path), run_name="__main__")
    except Exception as error:
        # Show the program's own lines, as Python does, and not those of fitwell and runpy above them.
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename != str(path):
            frames = frames.tb_next
        traceback.print_exception(type(error), error, frames or error.__traceback__)
        return 1
    return 0


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "run",
        help="run a program written for Keras",
        description="Run a Python program written for Keras with fitwell in place of Keras.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("program", metavar="PROGRAM", help="a Python file")
    parser.add_argument(
        "program_arguments", nargs=argparse.REMAINDER, metavar="...", help="the program's arguments"
    )
