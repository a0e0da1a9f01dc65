"""Mutate valid files at random and read them: only fitwell errors are allowed, quickly and with little memory.

Run it by hand for any time::

    python tests/saving/fuzz.py --seconds 3600 --kinds nested hdf5 zip header

Kinds of change: ``bytes`` anywhere in a file, ``config`` values anywhere in a configuration, and those of
`file_mutations`, which keep the form of a file: ``nested`` objects, layouts of ``hdf5``, methods and entries of
``zip``, and the ``header`` of arrays. A separate process reads the files, and is restarted when it ends. A case is
known by its seed and number: ``--seed 0 --first 123 --cases 1`` repeats one, and its file is kept in ``--keep``.
`test_fuzz` runs some hundreds of each kind.

Uses `atheris` for the bytes, guided by coverage, when it is installed and ``--atheris`` is given.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import random
import resource
import shutil
import subprocess
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

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import fitwell
from fitwell import layers
from fitwell.errors import FitwellError
from fitwell.models import load_model
from tests.saving import file_mutations
from tests.saving.file_mutations import VALUES, places

KINDS = ("bytes", "config", "nested", "hdf5", "zip", "header")
# Limits on processor time, memory, and the length of a message.
SLOW_SECONDS, LARGE_BYTES, LONG_MESSAGE = 10.0, 400 * 2**20, 1000
# Timeout and memory limit of a process.
HANGING_SECONDS, MOST_BYTES = 60, 8 * 2**30
CONFIGS = {".keras": ["config.json"], ".h5": ["model_config", "training_config"]}


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
    """Write good files of every format to `folder` and return their paths; weights are those of the first model."""
    paths = []
    for number, model in enumerate(models()):
        for suffix in (".keras", ".h5"):
            paths.append(folder / f"good{number}{suffix}")
            model.save(paths[-1])
        for suffix in (".weights.h5", ".w.h5", ".npz", ".safetensors") if number == 0 else ():
            paths.append(folder / f"weights{suffix}")
            model.save_weights(paths[-1])
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


def read(path: Path, model: Any) -> str:
    """Return the result of reading a file, ``"read"`` or ``"refused"``; raise any other error."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            if path.name.startswith("weights"):
                model.load_weights(path)
            else:
                load_model(path)
            outcome, text = "read", ""
        except FitwellError as error:
            outcome, text = "refused", str(error)
    for said in (text, *(str(warning.message) for warning in heard)):
        said.encode()
        if len(said) > LONG_MESSAGE:
            return f"LONG message of {len(said)}: {said[:100]}"
    return outcome


def changed_file(path: Path, draw: random.Random, kind: str) -> bytes | None:
    """Return the file at `path` changed in one way of a kind; None where that does not apply to it."""
    if kind == "bytes":
        return flipped(path.read_bytes(), draw)
    if kind in ("config", "nested"):
        if path.name.startswith("weights"):
            return None
        part = draw.choice(CONFIGS[path.suffix])
        change = changed_config if kind == "config" else file_mutations.nested_config
        config = change(json.loads(config_of(path, part)), draw)
        return with_config(path, part, file_mutations.text_of(config, draw))
    return file_mutations.odd_file(path, draw, kind)


def work(folder: Path, options: argparse.Namespace) -> None:
    """Mutate and read files from number ``--first`` on; print one line for each unexpected result."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    goods = sorted(path for path in folder.iterdir() if path.name.startswith(("good", "weights")))
    model = models()[0]
    end = time.monotonic() + options.seconds
    number = options.first
    while time.monotonic() < end and number < options.first + options.cases:
        draw = random.Random(f"{options.seed}/{number}")
        kind = draw.choice(options.kinds)
        good = draw.choice(goods)
        print(f"{number} {kind} {good.name}", end=" ", flush=True)
        number += 1
        data = changed_file(good, draw, kind)
        if data is None:
            print("left", flush=True)
            continue
        path = folder / "read" / good.name
        path.write_bytes(data)
        print(end="made ", flush=True)
        memory, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        try:
            outcome = read(path, model)
        except Exception as error:
            outcome = f"ESCAPED {type(error).__name__}: {str(error)[:200]!a}"
        taken = time.process_time() - start
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) * 1024
        if taken > SLOW_SECONDS:
            outcome = f"SLOW {taken:.1f} s, {outcome}"
        if grown > LARGE_BYTES:
            outcome = f"LARGE {grown >> 20} MB, {outcome}"
        print(outcome.replace("\n", " "), flush=True)
        if outcome.split()[0].isupper():
            (options.keep / f"{options.seed}-{number - 1}-{good.name}").write_bytes(data)


def run(options: argparse.Namespace) -> Counter[str]:
    """Fuzz in separate processes; return the number of each result, by kind of mutation."""
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "read").mkdir()
        good_files(folder)
        first, end = options.first, time.monotonic() + options.seconds
        last = options.first + options.cases
        while first < last and (left := end - time.monotonic()) > 0:
            first = _work_in_process(folder, options, first, last - first, left, counts)
    return counts


def _work_in_process(
    folder: Path, options: argparse.Namespace, first: int, cases: int, seconds: float, counts: Counter[str]
) -> int:
    """Run a process until it is done or dies; count the results, and return the number of the next case."""
    command = [
        *(sys.executable, __file__, "--worker", str(folder), "--seed", str(options.seed)),
        *("--first", str(first), "--cases", str(cases), "--seconds", str(seconds), "--kinds", *options.kinds),
    ]
    said = folder / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    size, since = 0, time.monotonic()
    while process.poll() is None:
        time.sleep(0.2)
        if said.stat().st_size != size:
            size, since = said.stat().st_size, time.monotonic()
        elif time.monotonic() - since > HANGING_SECONDS:
            process.kill()
            process.wait()
    number = first - 1
    for line in said.read_text(errors="replace").splitlines():
        words = line.split(" ", 4)
        if len(words) < 4 or words[2] not in {path.name for path in folder.iterdir()}:
            raise SystemExit(said.read_text(errors="replace"))
        number, outcome = int(words[0]), words[4] if len(words) > 4 else ""
        if words[3] == "made":
            if not outcome:
                outcome = f"ENDED with {process.returncode}"
                shutil.copy(folder / "read" / words[2], options.keep / f"{options.seed}-{number}-{words[2]}")
            counts[f"{words[1]} {outcome.split()[0]}"] += 1
            if outcome.split()[0].isupper():
                print(" ".join(words[:3]), outcome, flush=True)
    return number + 1 if process.returncode else first + cases


def instrument() -> None:
    """Instrument the code of fitwell for atheris; instrumenting JAX would take minutes and help nothing."""
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
    """Let atheris mutate bytes of files and of the configurations in them, guided by coverage."""
    import atheris

    folder = Path(tempfile.mkdtemp())
    corpus = folder / "corpus"
    corpus.mkdir()
    # The first byte says what the rest is: the bytes of a file, or a configuration to put into one.
    kinds: list[tuple[Path, str]] = []
    for path in (
        path for path in good_files(folder) if path.suffix in CONFIGS and "weights" not in path.name
    ):
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
            changed = folder / f"fuzzed{path.suffix}"
            changed.write_bytes(with_config(path, name, data[1:]) if name else data[1:])
            read(changed, None)

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


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cases", type=int, default=10**9, help="how many at most")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--atheris", action="store_true")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main() -> None:
    options = options_of()
    if options.atheris:
        run_atheris(options.seconds)
    elif options.worker:
        work(options.worker, options)
    else:
        counts = run(options)
        print(dict(sorted(counts.items())))
        sys.exit(any(outcome.split()[1].isupper() for outcome in counts))


if __name__ == "__main__":
    main()
