"""What fitwell adds to a file beside Keras's layout, in an HDF5 group called ``fitwell`` that Keras never opens.

Where training stands (seed and epoch, from which the order of rows and all noise follow), the categories of pandas
that the class numbers stand for, and a probe: an input made when the file was written, and what the model answered.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from fitwell.data import categories
from fitwell.errors import FileError
from fitwell.forms import POSITION, UINT32, check
from fitwell.saving.hdf5 import Reader
from fitwell.saving.json_text import parse, written
from fitwell.saving.probe import make_probe

NAME = "fitwell"
# JSON in UTF-8, byte by byte: an attribute of HDF5 holds 64 KiB at most.
_CATEGORIES = "categories"
# The answer may differ by this share of its largest number: other processors add in another order.
TOLERANCE = 1e-3
_TOLERANCE_OF_HALVES = 5e-2


def write(file: Any, model: Any, training: bool) -> None:
    """Write the group into an open HDF5 file; `training`: where training stands as well."""
    group = file.create_group(NAME)
    if training:
        session = model._session
        group.attrs["seed"], group.attrs["epoch"] = int(session.seed), int(session.epoch)
        if session.categories:
            text = written(categories.as_plain(session.categories))
            group[_CATEGORIES] = np.frombuffer(text.encode(), np.uint8)
    probe = make_probe(model)
    if probe is None:
        return
    answer = _leaves(model._predict_compiled(probe))
    # A model that draws noise at inference has no one answer.
    if model._forward_pass.draws:
        return
    for kind, arrays in (("input", _leaves(probe)), ("output", answer)):
        for number, array in enumerate(arrays):
            group[f"probe/{kind}/{number}"] = _writable(array)


def read_training(file: Reader, model: Any) -> None:
    """Let training of a compiled model go on where it stood."""
    if NAME not in file:
        return
    group = file.child(NAME)
    seed, epoch = group.number("seed"), group.number("epoch")
    if seed is not None and epoch is not None:
        check({"seed": seed, "epoch": epoch}, {"seed": UINT32, "epoch": POSITION}, file.where)
        model._session.seed, model._session.epoch = seed, epoch
    if _CATEGORIES in group:
        text = group.array(_CATEGORIES).astype(np.uint8).tobytes()
        model._session.categories = categories.from_plain(parse(text, file.where), file.where)


def check_probe(file: Reader, model: Any) -> None:
    """Compare the model's answer to the probe in the file with the one written there."""
    if f"{NAME}/probe" not in file:
        return
    group = file.child(f"{NAME}/probe")
    probe = make_probe(model)
    if probe is None:
        return
    leaves, structure = jax.tree.flatten(probe)
    stored = [group.array(f"input/{i}", np.shape(leaf)).astype(leaf.dtype) for i, leaf in enumerate(leaves)]
    answer = _leaves(model._predict_compiled(jax.tree.unflatten(structure, stored)))
    for number, output in enumerate(answer):
        expected = group.array(f"output/{number}", output.shape).astype(np.float64)
        got = np.asarray(output, np.float64)
        scale = np.max(np.abs(expected), initial=1e-6, where=np.isfinite(expected))
        tolerance = scale * (_TOLERANCE_OF_HALVES if output.dtype.itemsize < 4 else TOLERANCE)
        if not np.allclose(got, expected, rtol=0, atol=tolerance, equal_nan=True):
            raise FileError(
                f"{file.where}: the model does not answer the probe in the file as it did when it was written: "
                f"output {number} is off by {np.nanmax(np.abs(got - expected)):.3g}, more than {tolerance:.3g}. "
                "The file was changed, or fitwell or JAX compute differently since; load_model(..., compile=False) "
                "does not help, load_weights does not compare"
            )


def _leaves(tree: Any) -> list[Any]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def _writable(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.kind in "fiub" else array.astype(np.float32)
