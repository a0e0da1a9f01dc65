"""``fitwell board``: TensorBoard's own server, on this machine only."""

from __future__ import annotations

import threading
from argparse import Namespace

from fitwell._file_io import check_path
from fitwell.cli.console import stdout_console
from fitwell.errors import FileError, missing_extra_error


def run_tensorboard(options: Namespace) -> int:
    """Serve the runs in a folder until Ctrl-C; returns the exit code."""
    url = start_server(options.runs, options.port)
    stdout_console().print(f"TensorBoard shows {options.runs} at {url} (Ctrl-C ends it)")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    return 0


def start_server(runs: str, port: int) -> str:
    """Start the server on a thread of this process, and return its address.

    runs: a folder with event files in it or below it. port: 6006 stands for the next one that is free, 0 for any.
    Raises `FileError` when there is nothing to show or the port is taken.
    """
    try:
        from tensorboard import program
        from tensorboard.plugins.core.core_plugin import DEFAULT_PORT
    except ImportError:
        raise missing_extra_error("tensorboard", "tensorboard", "fitwell board") from None
    folder = check_path(runs, "the folder of runs")
    if not folder.is_dir():
        raise FileError(f"there is no folder {runs}: name one that a run writes its events to")
    if next(folder.rglob("events.out.tfevents.*"), None) is None:
        raise FileError(
            f"{runs} holds no event files: train with callbacks=[fitwell.callbacks.TensorBoard({runs!r})] first"
        )
    arguments = ["tensorboard", "--logdir", str(folder), "--host", "127.0.0.1", "--load_fast", "false"]
    # Its fast loader is another process, which may outlive this one. It looks for a free port when told none.
    arguments += ["--port", str(port)] if port != DEFAULT_PORT else []
    server = program.TensorBoard()
    try:
        server.configure(argv=arguments)
        return str(server.launch())
    except program.TensorBoardServerException as error:
        raise FileError(f"TensorBoard does not start: {error.msg}") from None
