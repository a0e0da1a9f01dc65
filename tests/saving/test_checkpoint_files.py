"""Checkpoint files restore everything, are written completely or not at all, and are validated."""

from __future__ import annotations

import errno
import json
import os
import threading
import zipfile
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from fitwell.errors import FileError
from fitwell.saving.checkpoint_file import read_checkpoint, write_checkpoint
from fitwell.saving.checkpoint_folder import CheckpointFolder

TREE: dict[str, Any] = {
    "numbers": [1, 2.5, 1e-320, float("inf"), True, None],
    "text": "ü",
    "nested": {"list": [{"a": np.arange(6, dtype=np.int16).reshape(2, 3)}]},
    "float32": np.array([np.nan, -0.0, 1e-42], np.float32),
    "bfloat16": jnp.arange(3, dtype=jnp.bfloat16),
    "scalar": np.uint32(4_000_000_000),
    "empty": np.zeros((0, 5)),
    "truth": np.array([True, False]),
    "strided": np.arange(10)[::3],
}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "dtype"):
        one, other = np.asarray(one), np.asarray(other)
        return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    return bool(one == other)


def test_everything_is_restored_to_the_bit(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "a.zip", TREE)
    assert same(TREE, read_checkpoint(tmp_path / "a.zip"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize(
    "value",
    [object(), {1: 2}, np.array([object()]), {"__array__": 0}],
    ids=["object", "number as a key", "array of objects", "a name of ours"],
)
def test_other_types_than_data_raise_before_anything_is_written(value: Any, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="a checkpoint can contain only"):
        write_checkpoint(tmp_path / "a.zip", {"value": value})
    assert list(tmp_path.iterdir()) == []


def test_a_file_cut_anywhere_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    write_checkpoint(path, TREE)
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(FileError, match="damaged|not a fitwell checkpoint|cannot be read"):
            read_checkpoint(path)


def test_a_byte_changed_anywhere_is_noticed_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    write_checkpoint(path, TREE)
    whole = path.read_bytes()
    for place in range(0, len(whole), 11):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            # Dates and permissions of members may be anything.
            assert same(TREE, read_checkpoint(path))
        except FileError:
            continue


@pytest.mark.parametrize(
    "kind",
    [
        {"dtype": "object", "shape": [1]},
        {"dtype": "float64", "shape": [10**12]},
        {"dtype": "float64", "shape": [-1]},
        {"dtype": "float64", "shape": ["x"]},
        {"dtype": "no such type", "shape": [1]},
        {"dtype": "float64", "shape": [[1]]},
        {"shape": [1]},
        None,
    ],
    ids=str,
)
def test_impossible_claims_raise(kind: Any, tmp_path: Path) -> None:
    _write_by_hand(tmp_path / "a.zip", {"arrays": [kind], "tree": {"__array__": 0}})
    with pytest.raises(FileError, match="damaged"):
        read_checkpoint(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({"format": "something"}, {}),
        ({"version": 99}, {}),
        ({}, {"compression": zipfile.ZIP_DEFLATED}),
        ({"tree": {"__array__": 7}}, {}),
    ],
    ids=str,
)
def test_other_formats_raise(changes: dict[str, Any], options: dict[str, Any], tmp_path: Path) -> None:
    _write_by_hand(tmp_path / "a.zip", {"arrays": [], "tree": 1} | changes, **options)
    with pytest.raises(FileError, match="not a fitwell checkpoint|version 99|damaged"):
        read_checkpoint(tmp_path / "a.zip")


def _write_by_hand(path: Path, manifest: dict[str, Any], **options: Any) -> None:
    manifest = {"format": "fitwell checkpoint", "version": 1} | manifest
    with zipfile.ZipFile(path, "w", **options) as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        archive.writestr("arrays.bin", bytes(8))


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.zip"
    write_checkpoint(path, {"value": 1})

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match=r"cannot write .*No space left on device"):
        write_checkpoint(path, {"value": 2})
    assert read_checkpoint(path) == {"value": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.zip"]


def test_callbacks_are_flushed_before_the_rename(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    seen = []
    write_checkpoint(path, {}, lambda: seen.append(path.exists()))
    assert seen == [False] and path.exists()


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "new" / "folder")
    for updates in (5, 10, 100, 2000):
        folder.submit(updates, {"updates": updates})
        folder.wait()
    assert [path.name for path in folder.files()] == [
        "checkpoint-000000002000.zip",
        "checkpoint-000000000100.zip",
    ]
    assert CheckpointFolder(folder.path).load_latest() == {"updates": 2000}
    folder.clear()
    assert not folder.path.exists()


def test_a_damaged_checkpoint_is_skipped(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    for updates in (1, 2):
        folder.submit(updates, {"updates": updates})
        folder.wait()
    newest, before = folder.files()
    newest.write_bytes(newest.read_bytes()[:-30])
    with pytest.warns(
        UserWarning, match=r"damaged.*Continuing from the previous checkpoint, checkpoint-0+1\.zip"
    ):
        assert folder.load_latest() == {"updates": 1}
    before.write_bytes(b"")
    with pytest.raises(FileError, match=r"no checkpoint in .* can be used .*Delete the checkpoints"):
        folder.load_latest()


def test_damaged_checkpoints_with_higher_numbers_do_not_count(tmp_path: Path) -> None:
    for updates in (8, 9):
        (tmp_path / f"checkpoint-{updates:012d}.zip").write_bytes(b"damaged")
    write_checkpoint(tmp_path / f"checkpoint-{1:012d}.zip", {"updates": 1})
    folder = CheckpointFolder(tmp_path)
    with pytest.warns(UserWarning, match="damaged|not"):
        assert folder.load_latest() == {"updates": 1}
    for updates in (2, 3, 4):
        folder.submit(updates, {"updates": updates})
        folder.wait()
    assert [int(path.stem[-12:]) for path in folder.files()] == [9, 8, 4, 3]


def test_temporary_files_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".checkpoint-000000000003.zip.tmp").write_bytes(b"half")
    (tmp_path / "mine.txt").write_text("kept")
    folder = CheckpointFolder(tmp_path)
    assert folder.load_latest() is None
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    folder.clear()
    assert (tmp_path / "mine.txt").exists()


def test_submit_never_waits_and_the_latest_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = CheckpointFolder(tmp_path)
    go, real = threading.Event(), os.fsync

    def slow(handle: int) -> None:
        assert go.wait(20)
        real(handle)

    monkeypatch.setattr(os, "fsync", slow)
    for updates in range(1, 50):
        folder.submit(updates, {"updates": updates})
    go.set()
    folder.wait()
    assert folder.load_latest() == {"updates": 49}
    # The first may have been taken up at once; all between it and the last were overtaken.
    assert len(folder.files()) <= 2


def test_an_error_of_the_thread_is_raised_by_the_next_call(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    folder.submit(1, {})
    with pytest.raises(FileError, match="cannot write .*No such file"):
        folder.wait()
    (tmp_path / "gone").mkdir()
    folder.submit(2, {"updates": 2})
    folder.wait()
    assert folder.load_latest() == {"updates": 2}


def test_an_invalid_folder_raises_immediately(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"cannot write checkpoints .*Use a different folder"):
        CheckpointFolder(tmp_path / "file")
    with pytest.raises(FileError, match="cannot write checkpoints"):
        CheckpointFolder(tmp_path / "file" / "below")
