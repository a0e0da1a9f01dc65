"""The checkpoints and arguments in a run folder, with which an unfinished run can be resumed."""

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

__all__ = [
    "CHECKPOINT_DIR",
    "CHECKPOINT_INTERVAL",
    "delete_checkpoints",
    "load_arguments",
    "save_arguments",
]

CHECKPOINT_DIR = "checkpoints"
_ARGUMENTS = "arguments.json"
_MOST_BYTES = 2**20
# Epochs on tables take milliseconds, so a checkpoint per epoch would keep the disk busy.
CHECKPOINT_INTERVAL = "10 seconds"


def save_arguments(folder: Path, arguments: Sequence[str]) -> None:
    """Save the arguments of a new run to its folder."""
    (folder / CHECKPOINT_DIR).mkdir()
    atomic_write(folder / CHECKPOINT_DIR / _ARGUMENTS, json.dumps(list(arguments)))


def load_arguments(options: Namespace) -> tuple[Namespace, Path]:
    """Return the original options of the run to resume, and its folder."""
    from fitwell.cli.parser import parse

    folder = check_path(options.resume, "--resume")
    path = folder / CHECKPOINT_DIR / _ARGUMENTS
    if not path.is_file():
        raise FileError(
            f"{folder} is not the folder of an unfinished run: it does not contain {CHECKPOINT_DIR}/{_ARGUMENTS}; "
            "finished runs cannot be resumed"
        )
    other_words = [
        word for word in options.arguments[1:] if word not in ("--resume", options.resume, "--quiet")
    ]
    if any(word != f"--resume={options.resume}" for word in other_words):
        raise InvalidArgument(
            f"--resume reuses the original data and settings; remove {' '.join(other_words)}"
        )
    words = read_json(path, _MOST_BYTES)
    check_schema(words, NonEmpty([STRING]), str(path))
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            original = parse(words) if words[0] == "train" else None
    except SystemExit:  # also raised by --help and --version
        original = None
    if original is None or original.resume is not None:
        last_line = output.getvalue().strip().splitlines()[-1:]
        raise FileError(
            f"{path} must contain the arguments of a `fitwell train` command, got {short_repr(words)}"
            + "".join(f" ({short_repr(line, 200, quote=False)})" for line in last_line)
        )
    # Runs that version 0.1.0 started do not name the network, because there was only one kind.
    original.network = original.network or "mlp"
    original.quiet = original.quiet or options.quiet
    return original, folder


def delete_checkpoints(folder: Path) -> None:
    """Delete the checkpoints, which may be in subfolders, and the saved arguments."""
    from fitwell.saving.checkpoint_folder import CheckpointFolder

    root = folder / CHECKPOINT_DIR
    (root / _ARGUMENTS).unlink(missing_ok=True)
    for path in sorted({file.parent for file in root.rglob("checkpoint-*.zip")}):
        CheckpointFolder(path).clear()
    # Remove the folders that are empty now, the innermost first.
    for path in sorted(filter(Path.is_dir, root.rglob("*")), reverse=True):
        with contextlib.suppress(OSError):
            path.rmdir()
    with contextlib.suppress(OSError):
        root.rmdir()
