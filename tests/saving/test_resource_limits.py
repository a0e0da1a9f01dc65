"""Small files that ask for gigabytes or hours: each raises a short error before using them."""

from __future__ import annotations

import io
import json
import resource
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from h5py import h5d, h5p, h5s, h5t, h5z

import fitwell
from fitwell import initializers, layers
from fitwell.errors import FileError, FitwellError
from fitwell.models import load_model, model_from_json
from tests.saving.file_mutations import members_of, stored
from tests.saving.malicious_files import KERNEL, good_model

WEIGHTS = "model.weights.h5"


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """Fail when a test takes more memory than loading a file may (the peak of the process tells), or too long."""
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # KB
    assert time.process_time() - start < 60


@pytest.fixture(scope="module")
def goods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    model = good_model()
    for suffix in (".keras", ".h5"):
        model.save(folder / f"m{suffix}")
    for suffix in (".weights.h5", ".npz", ".safetensors"):
        model.save_weights(folder / f"w{suffix}")
    return folder


def refused(path: Path) -> str:
    """Return the error of reading a model, or weights into a model."""
    with pytest.raises(FitwellError) as caught:
        good_model().load_weights(path) if path.name.startswith("w") else load_model(path)
    assert len(str(caught.value)) < 1000
    return str(caught.value)


def with_hdf5(source: Path, target: Path, change: Callable[[Any], None]) -> Path:
    data = source.read_bytes()
    members = members_of(data) if source.suffix == ".keras" else {WEIGHTS: data}
    weights = io.BytesIO(members[WEIGHTS])
    with h5py.File(weights, "r+") as file:
        change(file)
    members[WEIGHTS] = weights.getvalue()
    target.write_bytes(stored(members) if source.suffix == ".keras" else members[WEIGHTS])
    return target


# --- HDF5 -------------------------------------------------------------------------------------------------------


def chunked(
    file: Any, name: str, chunk: tuple[int, int], data: bytes, *filters: Callable[[Any], None]
) -> None:
    """Put a ``(4, 5)`` array in place of `name`, in one chunk whose stored bytes are `data`."""
    del file[name]
    properties = h5p.create(h5p.DATASET_CREATE)
    properties.set_chunk(chunk)
    for add in filters:
        add(properties)
    space = h5s.create_simple((4, 5), (h5s.UNLIMITED,) * 2)
    dataset = h5d.create(file.id, name.encode(), h5t.IEEE_F32LE, space, dcpl=properties)
    dataset.write_direct_chunk((0, 0), data)


def gzip(properties: Any) -> None:
    properties.set_deflate(9)


def packed(size: int, times: int = 1) -> bytes:
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(10**6)) for _ in range(size // 10**6)) + packer.flush()
    return data if times == 1 else zlib.compress(data, 9)


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "w.weights.h5"])
@pytest.mark.parametrize(
    ("chunk", "data", "filters", "words"),
    [
        ((30_000, 30_000), packed(10**7, 2), (gzip, gzip), "stored in chunks of 3,600,000,000"),
        ((4, 5), zlib.compress(bytes(50_000), 9), (gzip,), "decompresses to more than 80 bytes"),
        ((4, 5), packed(10**9), (gzip,), "stored in more or larger chunks"),
        ((4, 5), packed(10**7, 2), (gzip, gzip), "stored with the HDF5 filters [1, 1]"),
        ((4, 5), packed(10**7), (gzip, lambda p: p.set_shuffle()), "stored with the HDF5 filters [1, 2]"),
        ((4, 5), bytes(80), (lambda p: p.set_filter(h5z.FILTER_LZF, 0, (4, 261, 2**31)),), "the HDF5 filters"),
        ((4, 5), bytes(80), (lambda p: p.set_filter(32_001, h5z.FLAG_OPTIONAL),), "stored with the HDF5 filters"),
    ],
)  # fmt: skip
def test_chunks(
    goods: Path, tmp_path: Path, name: str, chunk: Any, data: bytes, filters: Any, words: str
) -> None:
    kernel = KERNEL.get(Path(name).suffix, "") if name != "w.weights.h5" else KERNEL[".keras"]
    path = with_hdf5(goods / name, tmp_path / name, lambda file: chunked(file, kernel, chunk, data, *filters))
    assert words in refused(path)


@pytest.mark.parametrize(
    "options", [{}, {"compression": 4}, {"compression": 4, "shuffle": True, "fletcher32": True}]
)
def test_valid_chunks_are_read(goods: Path, tmp_path: Path, options: Any) -> None:
    def repack(file: Any) -> None:
        value = file[KERNEL[".keras"]][()]
        del file[KERNEL[".keras"]]
        file.create_dataset(KERNEL[".keras"], data=value, chunks=(2, 3), **options)

    before = load_model(goods / "m.keras").get_weights()
    again = load_model(with_hdf5(goods / "m.keras", tmp_path / "m.keras", repack)).get_weights()
    np.testing.assert_array_equal(again[0], before[0])


def test_strings_that_share_one_value(goods: Path, tmp_path: Path) -> None:
    def change(file: Any) -> None:
        names = np.array(["x" * 1_000_000] + [f"n{number}" for number in range(3999)], dtype=object)
        del file["model_weights"].attrs["layer_names"]
        file["model_weights"].attrs.create("layer_names", names, dtype=h5py.string_dtype())

    path = with_hdf5(goods / "m.h5", tmp_path / "m.h5", change)
    data = bytearray(path.read_bytes())
    first = data.find(struct.pack("<I", 1_000_000))
    while data[struct.unpack_from("<Q", data, first + 4)[0] :][:4] != b"GCOL":
        first = data.find(struct.pack("<I", 1_000_000), first + 1)
    data[first : first + 16 * 4000] = data[first : first + 16] * 4000
    path.write_bytes(data)
    assert "attribute 'layer_names' takes 4,000," in refused(path)


def test_many_short_strings_of_one_group(goods: Path, tmp_path: Path) -> None:
    """A list of 60,000 names in a group shared by 2,000 layers would be 120 million strings."""

    def change(file: Any) -> None:
        group = file["model_weights"]
        del group["dense"].attrs["weight_names"], group.attrs["layer_names"]
        group["dense"].attrs["weight_names"] = np.array([b"x"] * 60_000)
        names = [f"l{number}" for number in range(2000)]
        for name in names:
            group[name] = group["dense"]
        group.attrs["layer_names"] = np.array(names, "S")

    assert "attribute 'weight_names' takes" in refused(with_hdf5(goods / "m.h5", tmp_path / "m.h5", change))


def test_one_array_linked_many_times_in_the_optimizer(goods: Path, tmp_path: Path) -> None:
    """Of 1 MB that is nowhere stored, under 2,000 numbers: read for each it would be 2 GB."""

    def change(file: Any) -> None:
        group = file["optimizer/vars"]
        group.create_dataset("100", (512, 512), "f4")
        for number in range(2000):
            if str(number) not in group:
                group[str(number)] = group["100"]

    assert "bytes remain for loading this file" in refused(
        with_hdf5(goods / "m.keras", tmp_path / "m.keras", change)
    )


def test_overlapping_heaps(goods: Path, tmp_path: Path) -> None:
    """Each would be walked to the end of the file: 30,000 times 30,000 steps."""
    heap = b"GCOL\x01\0\0\0" + struct.pack("<Q", 2**40) + struct.pack("<HHIQ", 1, 0, 0, 0)
    path = tmp_path / "m.h5"
    path.write_bytes((goods / "m.h5").read_bytes() + heap * 30_000)
    assert "heap" in refused(path)


def test_a_free_list_with_a_cycle(goods: Path, tmp_path: Path) -> None:
    """HDF5 2.0 never ends; found by fuzzing."""
    data = bytearray((goods / "w.weights.h5").read_bytes())
    start = data.index(b"HEAP\0\0\0\0")
    _, first, address = struct.unpack_from("<QQQ", data, start + 8)
    struct.pack_into("<Q", data, address + first, first)
    path = tmp_path / "w.weights.h5"
    path.write_bytes(data)
    assert "never ends" in refused(path)


def test_weights_that_look_like_a_heap(goods: Path, tmp_path: Path) -> None:
    """The bytes of a heap's beginning may stand in any array: what they say is not looked for elsewhere."""
    chance = np.frombuffer(b"HEAP\0\0\0\0" + b"\xff" * 12, np.float32)[:5]

    def change(file: Any) -> None:
        file[KERNEL[".keras"]][0] = chance
        del file["fitwell"]  # the probe, which such weights do not answer as before

    loaded = load_model(with_hdf5(goods / "m.keras", tmp_path / "m.keras", change))
    assert loaded.get_weights()[0][0].tobytes() == chance.tobytes()


def test_a_layer_twice(goods: Path, tmp_path: Path) -> None:
    def change(file: Any) -> None:
        del file["model_weights"].attrs["layer_names"]
        file["model_weights"].attrs["layer_names"] = np.array([b"dense"] * 10_000)

    assert "has a duplicate name" in refused(with_hdf5(goods / "m.h5", tmp_path / "m.h5", change))


# --- archives ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("name", ["m.keras", "w.npz"])
def test_unsupported_compression_methods(goods: Path, tmp_path: Path, name: str, method: int) -> None:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", method) as archive:
        for member, data in members_of((goods / name).read_bytes()).items():
            archive.writestr(member, data)
    assert f"compressed with method {method}" in refused(path)


@pytest.mark.parametrize("name", ["m.keras", "w.npz"])
def test_deflated_archives_are_read(goods: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members_of((goods / name).read_bytes()).items():
            archive.writestr(member, data)
    good_model().load_weights(path) if name == "w.npz" else load_model(path)


def test_overlapping_members(goods: Path, tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    data = bytearray((goods / "w.npz").read_bytes())
    starts = [i for i in range(len(data)) if data.startswith(b"PK\1\2", i)]
    data[starts[1] + 42 : starts[1] + 46] = data[starts[0] + 42 : starts[0] + 46]
    path.write_bytes(data)
    assert "overlaps another member" in refused(path)


def test_a_list_of_members_larger_than_any(goods: Path, tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(60_000):
            archive.writestr(f"{'x' * 40}{number}", b"")
    assert "the member list claims" in refused(path)


# --- headers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [10**9, 2**32 - 1, 10_001])
def test_a_long_npy_header(goods: Path, tmp_path: Path, length: int) -> None:
    members = members_of((goods / "w.npz").read_bytes())
    name = next(iter(members))
    members[name] = b"\x93NUMPY\x02\x00" + struct.pack("<I", length) + b" " * 20_000
    path = tmp_path / "w.npz"
    path.write_bytes(stored(members))
    assert f"claims to have a header of {length:,} bytes" in refused(path)


@pytest.mark.parametrize("change", [(0, 8), (-4, -4), (4, 4), (0, -4)])
def test_tensors_that_are_not_contiguous(goods: Path, tmp_path: Path, change: tuple[int, int]) -> None:
    data = (goods / "w.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    offsets = header["layers.1/kernel"]["data_offsets"]
    header["layers.1/kernel"]["data_offsets"] = [a + b for a, b in zip(offsets, change, strict=True)]
    text = json.dumps(header).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    assert "a gap or an overlap" in refused(path)


@pytest.mark.parametrize("value", [float("inf"), 1.0, True, None, "0", -1, 2**70])
def test_offsets_that_are_not_integers(goods: Path, tmp_path: Path, value: Any) -> None:
    data = (goods / "w.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header["layers.0/bias"]["data_offsets"][1] = value
    text = json.dumps(header).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    refused(path)


# --- configurations ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", [10**5, 10**9, 10**18])
def test_an_architecture_alone_cannot_allocate_gigabytes(units: int) -> None:
    text = fitwell.Sequential([layers.Input((1000,)), layers.Dense(7, name="d")]).to_json()
    with pytest.raises(
        FileError, match=r"layer 'd': weight 'kernel' .* than the 256 MiB .* Build the model in code"
    ):
        model_from_json(text.replace('"units": 7', f'"units": {units}'))


def test_a_model_of_many_outputs_that_is_called_often() -> None:
    """10,000 outputs in 200 KB and 5,000 calls in 75 KB would be 50 million symbols."""
    symbol = fitwell.Input((3,), name="x")
    config = json.loads(
        fitwell.Model(symbol, layers.Activation("relu", name="a")(symbol), name="inner").to_json()
    )
    inner = {**config, "name": "inner", "inbound_nodes": [[["x", 0, 0, {}]]] * 5000}
    inner["config"]["output_layers"] = [["a", 0, 0]] * 10_000
    entry = {**inner["config"]["layers"][0], "inbound_nodes": []}
    outer = {
        "name": "outer", "layers": [entry, inner], "input_layers": [["x", 0, 0]], "output_layers": [["inner", 0, 0]],
    }  # fmt: skip
    with pytest.raises(FileError, match="the outputs of layer 'inner'"):
        model_from_json(json.dumps({"class_name": "Functional", "config": outer}))


def test_loaded_weights_are_not_initialized_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An orthogonal kernel of 8 MB took 14 s to draw and nothing to read; what is drawn later is the same."""
    model = fitwell.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(3),
            layers.Dense(2, kernel_initializer=initializers.GlorotNormal(seed=1)),
        ]
    )
    for suffix in (".keras", ".h5"):
        path = tmp_path / f"m{suffix}"
        model.save(path)
        fitwell.utils.set_random_seed(5)
        layers.Dense(3)(np.ones((1, 4), np.float32))  # as many seeds as loading the model takes
        expected = layers.Dense(3)
        expected(np.ones((1, 4), np.float32))
        fitwell.utils.set_random_seed(5)
        with monkeypatch.context() as patched:
            patched.setattr(initializers.VarianceScaling, "draw", lambda *_: pytest.fail("drawn"))
            loaded = load_model(path)
        got = layers.Dense(3)
        got(np.ones((1, 4), np.float32))
        np.testing.assert_array_equal(got.kernel.numpy(), expected.kernel.numpy())
        np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])
