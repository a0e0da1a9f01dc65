"""What the folder of a run holds until the run is over: its checkpoints, and how it was asked for."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from fitwell.cli.folder import write_beside
from fitwell.errors import FileError, InvalidArgument

CHECKPOINTS = "checkpoints"
_ARGUMENTS = "arguments.json"
# Epochs of tables take milliseconds: one checkpoint for each would be all that the disk does.
EVERY = "10 seconds"


def begin(folder: Path, arguments: Sequence[str]) -> None:
    """Note the arguments of a run that begins."""
    (folder / CHECKPOINTS).mkdir()
    write_beside(folder / CHECKPOINTS / _ARGUMENTS, json.dumps(list(arguments)))


def resumed(options: Namespace) -> tuple[Namespace, Path]:
    """Return the options with which the run to resume began, and its folder."""
    from fitwell.cli.arguments import parse

    folder = Path(options.resume)
    path = folder / CHECKPOINTS / _ARGUMENTS
    if not path.is_file():
        raise FileError(
            f"{folder} is no folder of an unfinished run: it has no {CHECKPOINTS}/{_ARGUMENTS}; "
            "a run that is over needs no resuming"
        )
    others = [word for word in options.arguments[1:] if word not in ("--resume", options.resume, "--quiet")]
    if any(word != f"--resume={options.resume}" for word in others):
        raise InvalidArgument(
            f"--resume goes on with the data and settings that the run began with; leave out {' '.join(others)}"
        )
    try:
        began = parse([str(word) for word in json.loads(path.read_text())])
    except ValueError as error:
        raise FileError(f"{path} cannot be read: {error}") from None
    began.quiet = began.quiet or options.quiet
    return began, folder


def end(folder: Path) -> None:
    """Remove what only an unfinished run needs."""
    from fitwell.saving.checkpoint_folder import CheckpointFolder

    (folder / CHECKPOINTS / _ARGUMENTS).unlink(missing_ok=True)
    CheckpointFolder(folder / CHECKPOINTS).clear()
