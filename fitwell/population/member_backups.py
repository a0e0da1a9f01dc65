"""The checkpoint folders of a population's members."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fitwell.callbacks import BackupAndRestore
from fitwell.saving.checkpoint_folder import CheckpointFolder

__all__ = ["delete_backups", "separate_backups"]


def separate_backups(callbacks: Sequence[Any], number: int) -> list[Any]:
    """Return a member's callbacks, in which each `BackupAndRestore` has a separate folder for the member.

    The members keep their checkpoints until all members are trained. Otherwise, a resumed population would train a
    finished member again.

    Args:
        callbacks: The callbacks that the user passed.
        number: The member's number in the population.
    """
    return [_for_member(c, number) if isinstance(c, BackupAndRestore) else c for c in callbacks]


def _for_member(backup: BackupAndRestore, number: int) -> BackupAndRestore:
    separate = copy.copy(backup)
    separate.backup_dir = os.path.join(backup.backup_dir, f"member-{number:05d}")
    separate.delete_checkpoint = False
    return separate


def delete_backups(callbacks: Iterable[Sequence[Any]]) -> None:
    """Delete the members' checkpoints after the training of a population.

    Args:
        callbacks: The callbacks that the user passed, for each member.
    """
    for number, chosen in enumerate(callbacks):
        for backup in chosen:
            if isinstance(backup, BackupAndRestore) and backup.delete_checkpoint:
                folder = Path(_for_member(backup, number).backup_dir)
                if folder.is_dir():
                    CheckpointFolder(folder).clear()
                with contextlib.suppress(OSError):  # it is not empty, or does not exist
                    folder.parent.rmdir()
