"""The saved file: its path and its permissions."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from fitwell._file_io import atomic_writer


def test_a_new_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    with atomic_writer(tmp_path / "ours") as file:
        file.write(b"weights")
    (tmp_path / "theirs").write_bytes(b"")
    modes = [(tmp_path / name).stat().st_mode for name in ("ours", "theirs")]
    assert modes[0] == modes[1]


def test_links_and_permissions_are_kept(tmp_path: Path) -> None:
    real, link = tmp_path / "run-5.keras", tmp_path / "latest.keras"
    real.write_bytes(b"before")
    real.chmod(0o640)
    os.symlink(real, link)
    with atomic_writer(link) as file:
        np.save(file, np.zeros(3))
    assert link.is_symlink()
    assert real.read_bytes() != b"before"
    assert real.stat().st_mode & 0o777 == 0o640
