"""Change good files at random and read them: only our own errors may come out, soon and in little memory.

Run by hand, for as long as one likes::

    python tests/saving/fuzz.py --seconds 600

Two kinds of change take turns: bytes anywhere in the file, and values anywhere in its configuration. Uses
`atheris` for the bytes, guided by coverage, when it is installed and ``--atheris`` is given.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import random
import sys
import tempfile
import time
import types
import warnings
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import fitwell
from fitwell import layers
from fitwell.errors import FitwellError
from fitwell.models import load_model

VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2, 7, 10**6, 10**9, 10**12, 2**63, -(2**70), 0.5, -0.0, 1e308, float("nan"),
    float("inf"), "", "relu", "x" * 1000, "__lambda__", [], [1], [0, 0], [None, 10**9], [[1, 2], [3]], {}, {"a": 1},
    {"class_name": "Dense", "config": {"units": 10**9}}, {"class_name": "Lambda", "config": {}},
    {"class_name": "function", "config": "system"}, {"class_name": "Sequential", "config": {"layers": []}},
]  # fmt: skip
SLOW_SECONDS, LARGE_BYTES = 2.0, 200 * 2**20


def models() -> list[Any]:
    """Return small models that have, between them, most kinds of layers, metrics and settings."""
    x = fitwell.Input((6,), name="x")
    wide = layers.Dense(4, "tanh", name="wide")
    y = wide(x) * 2.0 + layers.PReLU()(wide(x))
    y = layers.Concatenate()([y, x[:, :2]])
    graph = fitwell.Model(x, layers.Dense(1, "sigmoid")(layers.LayerNormalization()(y)))
    image = fitwell.Sequential(
        [
            layers.Input((8, 8, 2)),
            layers.RandomGaussianBlur(factor=(1.0, 1.0)),
            layers.GaussianBlur(sigma=0.8, kernel_size=3),
            layers.Rescaling(0.5),
            layers.Conv2D(3, 3, padding="same", kernel_regularizer="l2", kernel_constraint="max_norm"),
            layers.BatchNormalization(),
            layers.UpSampling2D(2, interpolation="bilinear"),
            layers.MaxPooling2D(2),
            layers.ZeroPadding2D(1),
            layers.Cropping2D(1),
            layers.Flatten(),
            layers.RepeatVector(2),
            layers.Dropout(0.3),
            layers.GlobalAveragePooling1D(),
            layers.Reshape((8, 24)),
            layers.Permute((2, 1)),
            layers.Flatten(),
            layers.Dense(1, "sigmoid", kernel_initializer="orthogonal"),
        ]
    )
    words = fitwell.Sequential(
        [
            layers.Input((5,), dtype="int32"),
            layers.Embedding(7, 3),
            layers.Flatten(),
            layers.Dense(1, "sigmoid"),
        ]
    )
    found = [graph, image, words]
    rate = fitwell.optimizers.schedules.CosineDecay(0.1, 100)
    for model in found:
        model.compile(
            optimizer=fitwell.optimizers.SGD(rate, momentum=0.9),
            loss=fitwell.losses.BinaryCrossentropy(label_smoothing=0.1),
            metrics=["accuracy", fitwell.metrics.AUC(num_thresholds=20), fitwell.metrics.Precision()],
        )
    return found


def good_files(folder: Path) -> list[Path]:
    paths = []
    for number, model in enumerate(models()):
        for suffix in (".keras", ".h5"):
            paths.append(folder / f"good{number}{suffix}")
            model.save(paths[-1])
    return paths


def flipped(data: bytes, draw: random.Random) -> bytes:
    """Return `data` with a few bytes changed, cut out or doubled."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        place = draw.randrange(len(changed))
        kind = draw.randrange(4)
        if kind == 0:
            changed[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            changed[place] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))
        elif kind == 2:
            length = draw.choice((1, 2, 4, 8))
            changed[place : place + length] = bytes([draw.choice((0, 0xFF))]) * length
        else:
            del changed[place : place + draw.choice((1, 8, 100))]
    return bytes(changed)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside `value`."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


def changed_config(config: Any, draw: random.Random) -> Any:
    """Return `config` with one or two values replaced, dropped, or taken from elsewhere in it."""
    config = copy.deepcopy(config)
    for _ in range(draw.choice((1, 1, 2))):
        path = draw.choice(places(config) or [()])
        if not path:
            return config
        parent = config
        for key in path[:-1]:
            parent = parent[key]
        kind = draw.randrange(5)
        if kind == 0:
            del parent[path[-1]]
        elif kind == 1:
            other: Any = config
            for key in draw.choice(places(config) or [()]):
                other = other[key]
            parent[path[-1]] = copy.deepcopy(other)
        else:
            parent[path[-1]] = draw.choice(VALUES)
    return config


CONFIGS = {".keras": ["config.json"], ".h5": ["model_config", "training_config"]}


def config_of(path: Path, name: str) -> str:
    """Return configuration `name` of the file at `path`."""
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return archive.read(name).decode()
    with h5py.File(path) as file:
        return str(file.attrs[name])


def with_config(path: Path, name: str, config: bytes) -> bytes:
    """Return the file at `path` with another configuration `name`."""
    target = io.BytesIO()
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(target, "w") as copied:
            for member in archive.namelist():
                copied.writestr(member, config if member == name else archive.read(member))
        return target.getvalue()
    target.write(path.read_bytes())
    with h5py.File(target, "a") as file:
        del file.attrs[name]
        file.attrs[name] = np.bytes_(config)
    return target.getvalue()


def read(data: bytes, suffix: str, folder: Path) -> str:
    """Return what came of reading a file: ``"read"`` or ``"refused"``; any other error comes through."""
    path = folder / f"fuzzed{suffix}"
    path.write_bytes(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load_model(path)
    except FitwellError:
        return "refused"
    return "read"


def run(seconds: float, seed: int, keep: Path) -> int:
    """Fuzz for `seconds`; write files that end otherwise than they should to `keep`; return how many."""
    draw = random.Random(seed)
    counts: Counter[str] = Counter()
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        goods = good_files(folder)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            good = draw.choice(goods)
            kind = draw.choice(("bytes", "config"))
            if kind == "bytes":
                data = flipped(good.read_bytes(), draw)
            else:
                part = draw.choice(CONFIGS[good.suffix])
                config = changed_config(json.loads(config_of(good, part)), draw)
                data = with_config(good, part, json.dumps(config).encode())
            memory, start = process.memory_info().rss, time.process_time()
            try:
                outcome = read(data, good.suffix, folder)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                outcome = f"ESCAPED {type(error).__name__}: {str(error)[:200]}"
            if time.process_time() - start > SLOW_SECONDS:
                outcome = f"SLOW {time.process_time() - start:.1f} s, {outcome}"
            if process.memory_info().rss - memory > LARGE_BYTES:
                outcome = f"LARGE {(process.memory_info().rss - memory) >> 20} MB, {outcome}"
            counts[f"{kind} {outcome.split(' ')[0]}"] += 1
            if outcome.split()[0].isupper():
                print(sum(counts.values()), kind, good.name, outcome, flush=True)
                (keep / f"{sum(counts.values())}{good.suffix}").write_bytes(data)
    print(dict(counts))
    return sum(count for outcome, count in counts.items() if outcome.split()[1].isupper())


def instrument() -> None:
    """Let atheris see which code of fitwell is reached; to watch JAX as well would take minutes, and tell nothing."""
    import atheris

    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] != "fitwell":
            continue
        classes = [value for value in vars(module).values() if isinstance(value, type)]
        for owner in (module, *classes):
            for value in vars(owner).values():
                if isinstance(value, types.FunctionType) and value.__module__ == name:
                    atheris.instrument_func(value)


def run_atheris(seconds: float) -> None:
    """Let atheris change bytes of files, and of the configurations inside them, guided by what code they reach."""
    import atheris

    folder = Path(tempfile.mkdtemp())
    corpus = folder / "corpus"
    corpus.mkdir()
    # The first byte says what the rest is: the bytes of a file, or a configuration to put into one.
    kinds: list[tuple[Path, str]] = []
    for path in good_files(folder):
        seeds = {"": path.read_bytes()} | {
            name: config_of(path, name).encode() for name in CONFIGS[path.suffix]
        }
        for name, seed in seeds.items():
            (corpus / f"{len(kinds)}").write_bytes(bytes([len(kinds)]) + seed)
            kinds.append((path, name))
    instrument()

    def one(data: bytes) -> None:
        if not data:
            return
        path, name = kinds[data[0] % len(kinds)]
        # HDF5 takes no attribute that is empty, or larger than 64 KB.
        if not name or 1 < len(data) < 2**16:
            read(with_config(path, name, data[1:]) if name else data[1:], path.suffix, folder)

    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={int(seconds)}",
            "-timeout=60",
            "-rss_limit_mb=4096",
            f"-artifact_prefix={folder}/",
            str(corpus),
        ],
        one,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--atheris", action="store_true")
    options = parser.parse_args()
    if options.atheris:
        run_atheris(options.seconds)
    elif run(options.seconds, options.seed, options.keep):
        sys.exit(1)
