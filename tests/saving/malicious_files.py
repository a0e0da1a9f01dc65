"""Malicious files: each is made from a valid one, and named after its defect."""

from __future__ import annotations

import base64
import io
import json
import marshal
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import fitwell
from fitwell import layers

# File that any of the files would create if its code ran.
CANARY = "executed"
KERNEL = {".keras": "layers/dense/vars/0", ".h5": "model_weights/dense/dense/kernel"}

Change = Callable[[Any], None]


def good_model() -> Any:
    model = fitwell.Sequential(
        [
            layers.Dense(5, "relu", input_shape=(4,), name="dense"),
            layers.Dense(3, name="out"),
        ]
    )
    model.compile(loss="mse", optimizer="adam", metrics=["mae"])
    model.fit(np.ones((8, 4), np.float32), np.ones((8, 3), np.float32), verbose=0)
    return model


class Corpus:
    """Write malicious files to `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.good = {suffix: folder / f"good{suffix}" for suffix in (".keras", ".h5")}
        model = good_model()
        for path in self.good.values():
            model.save(path)
        (folder / "secret.bin").write_bytes(np.ones((4, 5), np.float32).tobytes())
        with h5py.File(folder / "secret.h5", "w") as secret:
            secret["data"] = np.ones((4, 5), np.float32)

    def __iter__(self) -> Iterator[tuple[str, Path]]:
        """Yield ``(what is wrong, file)``."""
        for suffix in self.good:
            for name, change in {**self.weights(suffix), **self.configs()}.items():
                path = self.folder / f"{name}{suffix}"
                edit = self.with_hdf5 if name in self.weights(suffix) else self.with_config
                edit(path, suffix, change)
                yield f"{name}{suffix}", path
        for name, write in self.zips().items():
            path = self.folder / f"{name}.keras"
            write(path)
            yield f"{name}.keras", path
        yield "a heap without end.h5", self.endless_heap()
        for suffix, good in self.good.items():
            data = good.read_bytes()
            for size in range(0, len(data), 1024):
                path = self.folder / f"cut{suffix}"
                path.write_bytes(data[:size])
                yield f"cut at {size}{suffix}", path

    def endless_heap(self) -> Path:
        """Return a file on whose strings HDF5 1.14 never ends; found by atheris."""
        data = bytearray(self.good[".h5"].read_bytes())
        start = data.index(b"GCOL\x01")
        (size,) = struct.unpack("<Q", data[start + 8 : start + 16])
        place = start + 16
        while place < start + size:
            number, length = struct.unpack("<H6xQ", data[place : place + 16])
            if number == 0:
                data[place + 8 : place + 16] = bytes(8)
                break
            place += 16 + (length + 7) // 8 * 8
        path = self.folder / "a heap without end.h5"
        path.write_bytes(bytes(data))
        return path

    # --- how a file is changed

    def with_hdf5(self, path: Path, suffix: str, change: Change) -> None:
        shutil.copy(self.good[suffix], path)
        if suffix == ".h5":
            with h5py.File(path, "a") as file:
                change(file)
            return
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        weights = io.BytesIO(members["model.weights.h5"])
        with h5py.File(weights, "a") as file:
            change(file)
        members["model.weights.h5"] = weights.getvalue()
        write_zip(path, list(members.items()))

    def with_config(self, path: Path, suffix: str, change: Callable[[Any], Any]) -> None:
        shutil.copy(self.good[suffix], path)
        if suffix == ".h5":
            with h5py.File(path, "a") as file:
                config = change(json.loads(file.attrs["model_config"]))
                del file.attrs["model_config"]
                file.attrs["model_config"] = config if isinstance(config, str) else json.dumps(config)
            return
        rewrite_config(path, change)

    # --- the arrays

    def weights(self, suffix: str) -> dict[str, Change]:
        kernel = KERNEL[suffix]

        def replaced(make: Change) -> Change:
            def change(file: Any) -> None:
                del file[kernel]
                make(file)

            return change

        def virtual(file: Any) -> None:
            layout = h5py.VirtualLayout((4, 5), "f4")
            layout[:] = h5py.VirtualSource(str(self.folder / "secret.h5"), "data", (4, 5))
            file.create_virtual_dataset(kernel, layout)

        def external(file: Any) -> None:
            file.create_dataset(kernel, (4, 5), "f4", external=[(str(self.folder / "secret.bin"), 0, 80)])

        def pickled(file: Any) -> None:
            file[kernel] = np.void(pickle_bomb(self.folder))

        def pickled_objects(file: Any) -> None:
            data = file.create_dataset(kernel, (4, 5), h5py.special_dtype(vlen=np.uint8))
            data[0, 0] = np.frombuffer(pickle_bomb(self.folder), np.uint8)

        def claimed(file: Any) -> None:
            file.create_dataset(kernel, (10**6, 10**6), "f4", chunks=(1000, 1000), compression="gzip")

        def claimed_as_here(file: Any) -> None:
            # The right shape by name, with more than it holds behind it, in the optimizer's list.
            group = "optimizer/vars" if suffix == ".keras" else "optimizer_weights"
            name = "2" if suffix == ".keras" else "adam/dense_kernel_momentum"
            parent = file[group]
            old = (
                name
                if suffix == ".keras"
                else next(n for n in weight_names(parent) if n.endswith("_momentum"))
            )
            del parent[old]
            parent.create_dataset(old, (10**6, 10**6), "f4", chunks=(1000, 1000), compression="gzip")

        def is_group(file: Any) -> None:
            file.create_group(kernel)

        return {
            "external link": replaced(
                lambda f: f.__setitem__(kernel, h5py.ExternalLink("secret.h5", "/data"))
            ),
            "soft link": replaced(lambda f: f.__setitem__(kernel, h5py.SoftLink("/elsewhere"))),
            "soft link around": replaced(lambda f: f.__setitem__(kernel, h5py.SoftLink("/"))),
            "virtual dataset": replaced(virtual),
            "external dataset": replaced(external),
            "pickle in opaque data": replaced(pickled),
            "pickle in objects": replaced(pickled_objects),
            "strings for numbers": replaced(lambda f: f.__setitem__(kernel, np.full((4, 5), b"1.0"))),
            "10^12 elements": replaced(claimed),
            "10^12 elements for the optimizer": claimed_as_here,
            "a group for an array": replaced(is_group),
            "another shape": replaced(lambda f: f.__setitem__(kernel, np.ones((5, 4), np.float32))),
            "complex numbers": replaced(lambda f: f.__setitem__(kernel, np.ones((4, 5), np.complex64))),
            "no array": replaced(lambda f: None),
        }

    # --- the configuration

    def configs(self) -> dict[str, Callable[[Any], Any]]:
        def layer(**changes: Any) -> Callable[[Any], Any]:
            def change(config: Any) -> Any:
                config["config"]["layers"][0] |= changes
                return config

            return change

        def setting(**changes: Any) -> Callable[[Any], Any]:
            def change(config: Any) -> Any:
                config["config"]["layers"][0]["config"] |= changes
                return config

            return change

        def input_shape(*shape: Any) -> Callable[[Any], Any]:
            def change(config: Any) -> Any:
                config["config"]["build_input_shape"] = list(shape)
                config["config"]["layers"][0]["config"].pop("batch_input_shape", None)
                return config

            return change

        def around(config: Any) -> Any:
            inner = json.dumps(config["config"]["layers"][0])
            return json.dumps(config).replace(inner, '{"config":' * 3000 + inner + "}" * 3000)

        def nested_lists(config: Any) -> Any:
            return "[" * 100_000 + "]" * 100_000

        code = base64.b64encode(marshal.dumps(compile(f"open({CANARY!r}, 'w')", "x", "exec"))).decode()
        function = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
        named = {"config": {"name": "dense"}, "registered_name": None}
        return {
            "Lambda byte code": layer(class_name="Lambda", config={"name": "dense", "function": function}),
            "Lambda of Keras 2": layer(
                class_name="Lambda",
                module=None,
                config={"name": "dense", "function": [code, None, None], "function_type": "lambda"},
            ),
            "__lambda__ as activation": setting(activation=function),
            "__lambda__ as initializer": setting(kernel_initializer=function),
            "os.system": layer(class_name="system", module="os", **named),
            "os.system dotted": layer(class_name="os.system", **named),
            "builtins.eval": setting(activation={"module": "builtins", "class_name": "eval", "config": "1"}),
            "a function of a module": setting(
                activation={
                    "module": "os",
                    "class_name": "function",
                    "config": "system",
                    "registered_name": "system",
                }
            ),
            "keras.utils.get_file": layer(class_name="get_file", module="keras.utils", **named),
            "a typespec": setting(
                activation={"class_name": "__typespec__", "spec_name": "os.system", "config": []}
            ),
            "an unknown module": layer(
                module="fitwell.saving.path_checks", class_name="atomic_writer", **named
            ),
            "deep JSON": around,
            "deeper JSON": nested_lists,
            "no JSON": lambda config: "{" + "a" * 100,
            "a list": lambda config: [config],
            "a number": lambda config: 3,
            "no layers": lambda config: {**config, "config": {}},
            "NaN units": setting(units=float("nan")),
            "infinite units": setting(units=float("inf")),
            "negative units": setting(units=-5),
            "huge units": setting(units=10**12),
            "units as text": setting(units="5"),
            "NaN shape": input_shape(None, float("nan")),
            "negative shape": input_shape(None, -4),
            "huge shape": input_shape(None, 10**12),
            "shape of strings": input_shape(None, "four"),
            "no shape": input_shape(),
            "very many layers of one width": lambda config: {
                **config,
                "config": {**config["config"], "layers": config["config"]["layers"] * 2},
            },
        }

    # --- the archive

    def zips(self) -> dict[str, Callable[[Path], None]]:
        with zipfile.ZipFile(self.good[".keras"]) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]

        def with_member(name: str, data: bytes = b"x") -> Callable[[Path], None]:
            return lambda path: write_zip(path, [*members, (name, data)])

        def bomb(name: str, size: int) -> Callable[[Path], None]:
            def write(path: Path) -> None:
                with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                    for member, data in members:
                        if member != name:
                            archive.writestr(member, data)
                    with archive.open(name, "w", force_zip64=True) as file:
                        for _ in range(size // 2**20):
                            file.write(b" " * 2**20)

            return write

        def lying(path: Path) -> None:
            """A member whose header claims less than it unpacks to."""
            bomb("model.weights.h5", 2**28)(path)
            data = bytearray(path.read_bytes())
            place = data.rfind(b"PK\x01\x02", 0, data.rfind(b"model.weights.h5"))
            data[place + 24 : place + 28] = struct.pack("<I", 1000)
            path.write_bytes(bytes(data))

        return {
            "zip slip": with_member("../outside.txt"),
            "zip slip absolute": with_member("/tmp/outside.txt"),
            "zip slip of Windows": with_member("..\\outside.txt"),
            "duplicate configuration": with_member("config.json", members[1][1]),
            "duplicate weights": with_member("model.weights.h5", members[2][1]),
            "zip bomb as configuration": bomb("config.json", 2**30),
            "zip bomb as weights": bomb("model.weights.h5", 2**30),
            "zip that lies about its size": lying,
            "very many members": lambda path: write_zip(
                path, [*members, *((f"a{i}", b"") for i in range(20_000))]
            ),
            "no configuration": lambda path: write_zip(path, [m for m in members if m[0] != "config.json"]),
            "no weights": lambda path: write_zip(path, [m for m in members if m[0] != "model.weights.h5"]),
            "weights of text": lambda path: write_zip(path, [*members[:2], ("model.weights.h5", b"hello")]),
            "pickle for a zip": lambda path: path.write_bytes(pickle_bomb(self.folder)),
        }


def rewrite_config(path: Path, change: Callable[[Any], Any]) -> None:
    """Change the configuration of a ``.keras`` file; `change` returns a new one, or its text."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = change(json.loads(members["config.json"]))
    members["config.json"] = (config if isinstance(config, str) else json.dumps(config)).encode()
    write_zip(path, list(members.items()))


def weight_names(group: Any) -> list[str]:
    return [name.decode() if isinstance(name, bytes) else name for name in group.attrs["weight_names"]]


def write_zip(path: Path, members: list[tuple[str, bytes]]) -> None:
    import warnings

    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore", UserWarning)  # two members of one name, on purpose
        for name, data in members:
            archive.writestr(name, data)


def pickle_bomb(folder: Path) -> bytes:
    """Return a pickle that writes the canary when it is loaded."""

    class Bomb:
        def __reduce__(self) -> Any:
            return (open, (str(folder / CANARY), "w"))

    return pickle.dumps(Bomb())
