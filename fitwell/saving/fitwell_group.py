"""What fitwell adds to a file beside Keras's layout, in an HDF5 group called ``fitwell`` that Keras never opens.

Where training stands (seed and epoch, from which the order of rows and all noise follow), the categories of pandas
that the class numbers stand for, and a probe: an input made when the file was written, and what the model answered.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from fitwell._data import category_json
from fitwell._schema import POSITION, UINT32, check_schema
from fitwell.errors import FileError
from fitwell.saving.bounded_json import dump_json, parse_json
from fitwell.saving.hdf5_reader import HDF5Reader
from fitwell.saving.reference_input import make_reference_input

GROUP_NAME = "fitwell"
# JSON in UTF-8, byte by byte: an attribute of HDF5 holds 64 KiB at most.
_CATEGORIES_KEY = "categories"
# The answer may differ by this share of its largest number: other processors add in another order.
TOLERANCE = 1e-3
_TOLERANCE_16_BIT = 5e-2


def write_fitwell_group(file: Any, model: Any, training: bool) -> None:
    """Write the group into an open HDF5 file; `training`: where training stands as well."""
    group = file.create_group(GROUP_NAME)
    if training:
        session = model._session
        group.attrs["seed"], group.attrs["epoch"] = int(session.seed), int(session.epoch)
        if session.categories:
            text = dump_json(category_json.categories_to_json(session.categories))
            group[_CATEGORIES_KEY] = np.frombuffer(text.encode(), np.uint8)
    probe = make_reference_input(model)
    if probe is None:
        return
    answer = _leaves(model._predict_compiled(probe))
    # A model that draws noise at inference has no one answer.
    if model._forward_pass.draws:
        return
    for kind, arrays in (("input", _leaves(probe)), ("output", answer)):
        for number, array in enumerate(arrays):
            group[f"probe/{kind}/{number}"] = _as_storable(array)


def read_training_position(file: HDF5Reader, model: Any) -> None:
    """Let training of a compiled model go on where it stood."""
    if GROUP_NAME not in file:
        return
    group = file.child(GROUP_NAME)
    seed, epoch = group.integer("seed"), group.integer("epoch")
    if seed is not None and epoch is not None:
        check_schema({"seed": seed, "epoch": epoch}, {"seed": UINT32, "epoch": POSITION}, file.where)
        model._session.seed, model._session.epoch = seed, epoch
    if _CATEGORIES_KEY in group:
        text = group.array(_CATEGORIES_KEY).astype(np.uint8).tobytes()
        model._session.categories = category_json.categories_from_json(
            parse_json(text, file.where), file.where
        )


def verify_reference_output(file: HDF5Reader, model: Any) -> None:
    """Compare the model's answer to the probe in the file with the one written there."""
    if f"{GROUP_NAME}/probe" not in file:
        return
    group = file.child(f"{GROUP_NAME}/probe")
    probe = make_reference_input(model)
    if probe is None:
        return
    leaves, structure = jax.tree.flatten(probe)
    stored = [group.array(f"input/{i}", np.shape(leaf)).astype(leaf.dtype) for i, leaf in enumerate(leaves)]
    answer = _leaves(model._predict_compiled(jax.tree.unflatten(structure, stored)))
    for number, output in enumerate(answer):
        expected = group.array(f"output/{number}", output.shape).astype(np.float64)
        got = np.asarray(output, np.float64)
        scale = np.max(np.abs(expected), initial=1e-6, where=np.isfinite(expected))
        tolerance = scale * (_TOLERANCE_16_BIT if output.dtype.itemsize < 4 else TOLERANCE)
        if not np.allclose(got, expected, rtol=0, atol=tolerance, equal_nan=True):
            raise FileError(
                f"{file.where}: the model does not answer the probe in the file as it did when it was written: "
                f"output {number} is off by {np.nanmax(np.abs(got - expected)):.3g}, more than {tolerance:.3g}. "
                "The file was changed, or fitwell or JAX compute differently since; load_model(..., compile=False) "
                "does not help, load_weights does not compare"
            )


def _leaves(tree: Any) -> list[Any]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def _as_storable(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.kind in "fiub" else array.astype(np.float32)
