"""What the folder of a run holds until the run is over: its checkpoints, and how it was asked for."""

from __future__ import annotations

import contextlib
import io
import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from fitwell._escaping import short_repr
from fitwell._file_io import atomic_write, check_path
from fitwell._schema import STRING, NonEmpty, check_schema, read_json
from fitwell.errors import FileError, InvalidArgument

CHECKPOINT_DIR = "checkpoints"
_ARGUMENTS = "arguments.json"
_MOST_BYTES = 2**20
# Epochs of tables take milliseconds: one checkpoint for each would be all that the disk does.
CHECKPOINT_INTERVAL = "10 seconds"


def save_arguments(folder: Path, arguments: Sequence[str]) -> None:
    """Note the arguments of a run that begins."""
    (folder / CHECKPOINT_DIR).mkdir()
    atomic_write(folder / CHECKPOINT_DIR / _ARGUMENTS, json.dumps(list(arguments)))


def load_arguments(options: Namespace) -> tuple[Namespace, Path]:
    """Return the options with which the run to resume began, and its folder."""
    from fitwell.cli.parser import parse

    folder = check_path(options.resume, "--resume")
    path = folder / CHECKPOINT_DIR / _ARGUMENTS
    if not path.is_file():
        raise FileError(
            f"{folder} is no folder of an unfinished run: it has no {CHECKPOINT_DIR}/{_ARGUMENTS}; "
            "a run that is over needs no resuming"
        )
    others = [word for word in options.arguments[1:] if word not in ("--resume", options.resume, "--quiet")]
    if any(word != f"--resume={options.resume}" for word in others):
        raise InvalidArgument(
            f"--resume goes on with the data and settings that the run began with; leave out {' '.join(others)}"
        )
    words = read_json(path, _MOST_BYTES)
    check_schema(words, NonEmpty([STRING]), str(path))
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            began = parse(words) if words[0] == "train" else None
    except SystemExit:  # --help and --version too
        began = None
    if began is None or began.resume is not None:
        why = said.getvalue().strip().splitlines()[-1:]
        raise FileError(
            f"{path} does not hold the arguments of a run of fitwell train, but {short_repr(words)}"
            + "".join(f" ({short_repr(line, 200, quote=False)})" for line in why)
        )
    began.quiet = began.quiet or options.quiet
    return began, folder


def delete_checkpoints(folder: Path) -> None:
    """Remove what only an unfinished run needs."""
    from fitwell.saving.checkpoint_folder import CheckpointFolder

    (folder / CHECKPOINT_DIR / _ARGUMENTS).unlink(missing_ok=True)
    CheckpointFolder(folder / CHECKPOINT_DIR).clear()
