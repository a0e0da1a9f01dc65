"""Finding, downloading and reading files, and the errors."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from fitwell.datasets import DatasetNotFound, _download, cifar10, fashion_mnist, mnist
from fitwell.datasets._download import RemoteFile, download, find_file
from fitwell.datasets._readers import read_idx, read_npz, read_text
from fitwell.errors import FileError, FitwellError


@pytest.fixture(autouse=True)
def three_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Empty folders in place of the real ones; downloads allowed, but only of `file:` addresses."""
    for folder in ("data", "system", "cache"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("FITWELL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FITWELL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_download, "SYSTEM_FOLDER", tmp_path / "system")
    monkeypatch.setenv("FITWELL_OFFLINE", "0")


@pytest.fixture
def remote(tmp_path: Path) -> RemoteFile:
    source = tmp_path / "server" / "table.gz"
    source.parent.mkdir()
    source.write_bytes(b"rows")
    return RemoteFile(source.as_uri(), hashlib.sha256(b"rows").hexdigest())


def test_the_folders_are_searched_in_order_before_downloading(tmp_path: Path, remote: RemoteFile) -> None:
    assert find_file("set", ["table.gz"], remote) == tmp_path / "cache" / "table.gz"
    (tmp_path / "system" / "table.gz").touch()
    assert find_file("set", ["table.gz"], remote) == tmp_path / "system" / "table.gz"
    (tmp_path / "data" / "other.gz").touch()
    assert find_file("set", ["table.gz", "other.gz"], remote) == tmp_path / "data" / "other.gz"
    (tmp_path / "data" / "table.gz").touch()
    assert find_file("set", ["table.gz", "other.gz"], remote) == tmp_path / "data" / "table.gz"
    own = tmp_path / "own.gz"
    own.touch()
    assert find_file("set", [str(own)], remote) == own


def test_a_download_is_complete_readable_and_leaves_nothing_else(tmp_path: Path, remote: RemoteFile) -> None:
    path = find_file("set", ["deep/table.gz"], remote)
    assert path.read_bytes() == b"rows"
    assert [p.name for p in path.parent.iterdir()] == ["table.gz"]
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_a_wrong_checksum_keeps_nothing(tmp_path: Path, remote: RemoteFile) -> None:
    with pytest.raises(FileError, match=f"SHA-256 {'0' * 64}.*was discarded"):
        find_file("set", ["table.gz"], RemoteFile(remote.url, "0" * 64))
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_endless_download_stops(
    tmp_path: Path, remote: RemoteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_download, "MAX_DOWNLOAD_BYTES", 3)
    with pytest.raises(FileError, match="more than 3 bytes"):
        find_file("set", ["table.gz"], remote)
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_unwritable_cache_says_what_to_set(tmp_path: Path, remote: RemoteFile) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=r"cannot write .*set FITWELL_CACHE"):
        download(remote, tmp_path / "file" / "table.gz")


def test_not_found_says_where_it_looked_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = RemoteFile((tmp_path / "nowhere").as_uri(), "0" * 64)
    with pytest.raises(DatasetNotFound) as caught:
        find_file("set", ["a.npz", "b.gz"], missing, "ask the keeper")
    assert isinstance(caught.value, FileNotFoundError)
    assert isinstance(caught.value, FitwellError)
    message = str(caught.value)
    assert message.startswith("set: a.npz or b.gz was not found. Looked in:")
    assert f"{tmp_path / 'data'} ($FITWELL_DATA)" in message
    assert f"{tmp_path / 'system'} (system)" in message
    assert f"{tmp_path / 'cache'} (cache)" in message
    assert f"{missing.url} (the download failed: " in message
    assert message.endswith(
        "To provide it, set FITWELL_DATA to a folder that contains a.npz or b.gz, or ask the keeper."
    )
    monkeypatch.setenv("FITWELL_OFFLINE", "1")
    with pytest.raises(DatasetNotFound, match="not tried because FITWELL_OFFLINE is set"):
        find_file("set", ["a.npz"], missing)
    with pytest.raises(DatasetNotFound, match="no public copy with a known checksum"):
        find_file("set", ["a.npz"])


def test_loaders_pass_these_words_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FITWELL_OFFLINE", "1")
    with pytest.raises(DatasetNotFound, match="apt-get install dataset-fashion-mnist"):
        fashion_mnist.load_data()
    with pytest.raises(DatasetNotFound, match=r"digits-of-mine.npz was not found"):
        mnist.load_data("digits-of-mine.npz")


def test_fashion_mnist_does_not_take_mnist_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both sets use the same four file names, so they count only inside a folder of the right name."""
    monkeypatch.setenv("FITWELL_OFFLINE", "1")
    (tmp_path / "data" / "train-images-idx3-ubyte.gz").touch()
    with pytest.raises(DatasetNotFound):
        fashion_mnist.load_data()


def idx(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content))
    return path


def test_idx_bytes_become_an_array(tmp_path: Path) -> None:
    header = b"\x00\x00\x08\x02" + struct.pack(">II", 2, 3)
    array = read_idx(idx(tmp_path / "a.gz", header + bytes([1, 2, 3, 4, 5, 255])), (2, 3))
    assert array.dtype == np.uint8
    assert array.tolist() == [[1, 2, 3], [4, 5, 255]]


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\x00\x08\x02" + struct.pack(">II", 2, 3) + bytes(5),  # a byte short
        b"\x00\x00\x08\x02" + struct.pack(">II", 2, 3) + bytes(7),  # a byte long
        b"\x00\x00\x08\x02" + struct.pack(">II", 3, 2) + bytes(6),  # another shape
        b"\x00\x00\x0d\x02" + struct.pack(">II", 2, 3) + bytes(24),  # floats
        b"\x00\x00\x08\x01" + struct.pack(">I", 6) + bytes(6),  # another rank
        b"",
    ],
)
def test_other_idx_download_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(
        FileError, match=r"does not contain an IDX array of unsigned bytes with shape \(2, 3\)"
    ):
        read_idx(idx(tmp_path / "a.gz", content), (2, 3))


def test_damaged_gzip_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"\x00\x00\x08\x01" + struct.pack(">I", 1000) + bytes(range(250)) * 4)
    for content in (whole[:100], b"not gzip at all", whole[:20] + b"\xff" * 20 + whole[40:]):
        (tmp_path / "a.gz").write_bytes(content)
        with pytest.raises(FileError, match="not a complete gzip file"):
            read_idx(tmp_path / "a.gz", (1000,))
        with pytest.raises(FileError, match="not a gzipped table"):
            read_text(tmp_path / "a.gz", (1, 1))


def test_npz_of_other_things_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros((2, 3)))
    assert read_npz(path, {"x": (2, 3)})[0].shape == (2, 3)
    with pytest.raises(FileError, match=r"expected x to have shape \(3, 2\), got \(2, 3\)"):
        read_npz(path, {"x": (3, 2)})
    with pytest.raises(FileError, match=r"must contain the arrays \['x', 'y'\], but 'y' is missing"):
        read_npz(path, {"x": (2, 3), "y": (2,)})
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(FileError, match="not a readable .npz"):
        read_npz(path, {"x": (2, 3)})


class Trap:
    """Writes a file when unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.path, "w")


def test_pickles_are_never_run(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    np.savez(tmp_path / "a.npz", x=np.array([Trap(str(trap))], dtype=object))
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Trap(str(trap))))
    for name in ("a.npz", "b.npz"):
        with pytest.raises(FileError, match="not a readable .npz file of plain arrays"):
            read_npz(tmp_path / name, {"x": (1,)})
    assert not trap.exists()


def test_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"1,2\n3,4\n"))
    assert read_text(path, (2, 2), delimiter=",").tolist() == [[1, 2], [3, 4]]
    with pytest.raises(FileError, match=r"contain a table of shape \(1, 2\), got \(2, 2\)"):
        read_text(path, (1, 2), delimiter=",")
    path.write_bytes(gzip.compress(b"1 2\n3 four\n"))
    with pytest.raises(FileError, match="not a gzipped table of numbers"):
        read_text(path, (2, 2))


def test_cifar10_reads_the_binary_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cifar10._ROWS == 10000
    monkeypatch.setattr(cifar10, "_ROWS", 100)  # small files are quicker to write and to compare
    with pytest.raises(DatasetNotFound, match="cifar-10-binary.tar.gz .* never reads"):
        cifar10.load_data()
    folder = tmp_path / "data" / "cifar-10-batches-bin"
    folder.mkdir()
    rng = np.random.default_rng(0)
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    photographs = rng.integers(0, 256, (len(names), 100, 32, 32, 3), np.uint8)
    labels = rng.integers(0, 10, (len(names), 100, 1), np.uint8)
    for name, pictures, kinds in zip(names, photographs, labels):
        planes = pictures.transpose(0, 3, 1, 2).reshape(100, 3072)  # all red, all green, all blue
        (folder / name).write_bytes(np.hstack([kinds, planes]).tobytes())
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    np.testing.assert_array_equal(x_train.reshape(5, 100, 32, 32, 3), photographs[:5])
    np.testing.assert_array_equal(y_train.reshape(5, 100, 1), labels[:5])
    np.testing.assert_array_equal(x_test, photographs[5])
    np.testing.assert_array_equal(y_test, labels[5])
    (folder / "test_batch.bin").write_bytes(b"short")
    with pytest.raises(FileError, match="does not contain 100 images"):
        cifar10.load_data()
