"""Atomic writes, invalid paths, and stale files of killed processes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fitwell._file_io import atomic_write, atomic_writer, check_path, remove_stale_temp_files
from fitwell.errors import FileError, FitwellError, InvalidArgument


def names(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(os.listdir(folder))


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ("a\0b", FileError, "null character"),
        ("x" * 300, FileError, "File name too long"),
        ("a/" * 3000, FileError, "File name too long"),
        (None, InvalidArgument, "expected a path, got NoneType None"),
        (5, InvalidArgument, "expected a path, got int 5"),
        (b"bytes", InvalidArgument, "expected a path, got bytes"),
        (["a"], InvalidArgument, "expected a path, got list"),
    ],
)
def test_a_path_that_cannot_be_is_told_in_words(given: Any, error: type[FitwellError], told: str) -> None:
    with pytest.raises(error, match=f"filepath: .*{told}") as caught:
        check_path(given)
    assert len(str(caught.value)) < 300
    with pytest.raises(FitwellError):
        atomic_write(given, b"")


def test_a_path_is_one_whether_something_is_there_or_not(tmp_path: Path) -> None:
    for given in (tmp_path, tmp_path / "none", tmp_path / "none" / "deeper", str(tmp_path / "é \u65e5")):
        assert check_path(given) == Path(given)


def test_a_loop_of_links_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(FileError, match="Too many levels of symbolic links"):
        atomic_write(tmp_path / "a", b"x")


def test_an_error_in_the_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "f"
    atomic_write(path, "old")
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), atomic_writer(path) as file:
            file.write(b"new")
            raise error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["f"]


def test_the_old_file_is_there_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "f"
    atomic_write(path, "old")
    with atomic_writer(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_names_as_long_as_the_system_takes_are_written(tmp_path: Path) -> None:
    longest = "é" * 127  # 254 bytes
    atomic_write(tmp_path / longest, "x")
    assert names(tmp_path) == [longest]


def test_folders_and_protected_files_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError, match="it is a folder"):
        atomic_write(tmp_path / "folder", "x")
    with pytest.raises(FileError, match="No such file or directory"):
        atomic_write(tmp_path / "none" / "f", "x")
    with pytest.raises(FileError, match="Not a directory"):
        atomic_write(Path(__file__) / "f", "x")
    assert names(tmp_path) == ["folder"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_what_may_only_be_read_stays(tmp_path: Path) -> None:
    path = tmp_path / "f"
    atomic_write(path, "old")
    path.chmod(0o444)
    with pytest.raises(FileError, match="the file is read-only"):
        atomic_write(path, "new")
    path.chmod(0o644)
    tmp_path.chmod(0o555)
    with pytest.raises(FileError, match="Permission denied"):
        atomic_write(path, "new")
    tmp_path.chmod(0o755)
    assert path.read_text() == "old"


def test_a_device_stays_a_device(tmp_path: Path) -> None:
    atomic_write("/dev/null", "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    atomic_write(pipe, "through")
    reader.join()
    assert got == [b"through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


_WRITER = """
import os, sys
from fitwell._file_io import atomic_writer
from pathlib import Path
with atomic_writer(Path(sys.argv[1])) as file:
    file.write(b"half"); file.flush()
    print("ready", flush=True)
    sys.stdin.read()
"""


def _begin_to_write(path: Path) -> subprocess.Popen[bytes]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], **pipes)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def test_leftovers_of_killed_processes_go_and_what_is_being_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    atomic_write(path, "old")
    others = [
        ".m.keras",
        ".m.keras.notes",
        ".m.keras.12345678",
        "m.keras.12345678.tmp",
        ".n.keras.12345678.tmp",
    ]
    for other in others:
        (tmp_path / other).write_text("of the user")
    with _begin_to_write(path) as killed, _begin_to_write(path) as alive:
        killed.kill()
        killed.wait()
        assert len(names(tmp_path)) == 1 + len(others) + 2
        atomic_write(path, "ours")
        assert len(names(tmp_path)) == 1 + len(others) + 1
        assert path.read_text() == "ours"
        alive.communicate(b"")
    assert path.read_text() == "half"
    assert names(tmp_path) == sorted(["m.keras", *others])


def test_leftovers_of_other_names_in_a_folder_can_be_removed(tmp_path: Path) -> None:
    for name in (".run-1.zip.0123abcd.tmp", ".run-22.zip.tmp", ".run-x.zip.tmp", "run-1.zip"):
        (tmp_path / name).touch()
    remove_stale_temp_files(tmp_path, r"run-\d+\.zip")
    assert names(tmp_path) == [".run-x.zip.tmp", "run-1.zip"]


def test_many_threads_may_write_one_file_and_each_reader_sees_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "f"
    contents = [bytes([number]) * 20_000 for number in range(6)]
    atomic_write(path, contents[0])

    def write(number: int) -> None:
        for _ in range(10):
            atomic_write(path, contents[number])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert path.read_bytes() in contents
    assert names(tmp_path) == ["f"]


def test_arrays_are_written_too(tmp_path: Path) -> None:
    with atomic_writer(tmp_path / "a.npy") as file:
        np.save(file, np.arange(3))
    assert np.load(tmp_path / "a.npy").tolist() == [0, 1, 2]


_SAVER = """
import sys
from pathlib import Path
from fitwell._file_io import atomic_write
print("ready", flush=True)
number = 0
while True:
    number += 1
    atomic_write(Path(sys.argv[1]), bytes([number % 256]) * 300_000)
"""


@pytest.mark.slow
def test_processes_killed_at_any_moment_leave_a_whole_file_and_one_leftover_at_most(tmp_path: Path) -> None:
    path = tmp_path / "f"
    atomic_write(path, bytes(300_000))
    for moment in (0.0, 0.003, 0.01, 0.02, 0.05):
        with subprocess.Popen([sys.executable, "-c", _SAVER, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(moment)
            process.kill()
        content = path.read_bytes()
        assert content == content[:1] * 300_000
        assert len(names(tmp_path)) <= 2
    atomic_write(path, "done")
    assert names(tmp_path) == ["f"]


def test_the_name_is_told_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match="^cannot write 'none/f': No such file or directory$"):
        atomic_write("none/f", "")
