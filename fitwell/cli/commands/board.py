"""``fitwell board``: show runs in TensorBoard, which is only accessible from this machine."""

from __future__ import annotations

import argparse
import threading

from fitwell.cli.options import Subparsers, integer
from fitwell.errors import FileError, missing_extra_error

__all__ = ["POSITION", "add_parser", "run", "start_server"]

POSITION = 40


def run(options: argparse.Namespace) -> int:
    """Show the runs in a folder until Ctrl-C is pressed, and return the exit code."""
    from fitwell.cli.console import stdout_console

    url = start_server(options.runs, options.port)
    stdout_console().print(f"TensorBoard shows {options.runs} at {url} (press Ctrl-C to stop it)")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    return 0


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "board",
        help="show runs in TensorBoard",
        description="Start TensorBoard for the event files in a folder and its subfolders. It is only accessible from "
        "this machine.",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "runs", metavar="RUNS", help="the log folder that was passed to callbacks.TensorBoard"
    )
    parser.add_argument(
        "--port",
        type=integer(0),
        default=6006,
        metavar="N",
        help="port of the server (default: %(default)s, or the next free one)",
    )


def start_server(runs: str, port: int) -> str:
    """Start TensorBoard in a thread of this process, and return its URL.

    Args:
        runs: Folder that contains event files, possibly in its subfolders.
        port: Port of the server. 6006 means the first free port starting at 6006, and 0 means any free port.

    Raises:
        FileError: If there are no event files or the port is in use.
    """
    from fitwell._file_io import check_path

    try:
        from tensorboard import program
        from tensorboard.plugins.core.core_plugin import DEFAULT_PORT
    except ImportError:
        raise missing_extra_error("tensorboard", "tensorboard", "fitwell board") from None
    folder = check_path(runs, "the folder of runs")
    if not folder.is_dir():
        raise FileError(f"the folder {runs} does not exist; pass the log folder of a run")
    if next(folder.rglob("events.out.tfevents.*"), None) is None:
        raise FileError(
            f"{runs} contains no event files; train with callbacks=[fitwell.callbacks.TensorBoard({runs!r})] first"
        )
    # Do not use the fast loader, because it is a separate process that may outlive this one.
    arguments = ["tensorboard", "--logdir", str(folder), "--host", "127.0.0.1", "--load_fast", "false"]
    # Without --port, TensorBoard looks for a free port.
    arguments += ["--port", str(port)] if port != DEFAULT_PORT else []
    server = program.TensorBoard()
    try:
        server.configure(argv=arguments)
        return str(server.launch())
    except program.TensorBoardServerException as error:
        raise FileError(f"TensorBoard could not start: {error.msg}") from None
