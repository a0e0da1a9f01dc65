"""The HDF5 group ``fitwell``, which fitwell adds to model files and Keras ignores.

The group can contain three things: the training position (the seed and the epoch, which determine the row order and all
random numbers), the pandas categories that the class numbers stand for, and a reference input with the output that
the model computed for this input when the file was saved.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from fitwell._data import category_json
from fitwell._schema import POSITION, UINT32, check_schema
from fitwell._typing import NumpyArray
from fitwell.errors import FileError
from fitwell.saving.bounded_json import dump_json, parse_json
from fitwell.saving.hdf5_reader import HDF5Reader
from fitwell.saving.reference_input import make_reference_input

__all__ = [
    "GROUP_NAME",
    "TOLERANCE",
    "read_training_position",
    "verify_reference_output",
    "write_fitwell_group",
]

GROUP_NAME = "fitwell"
# The categories are JSON in UTF-8. They are stored as an array of bytes because HDF5 attributes are limited to 64 KiB.
_CATEGORIES_KEY = "categories"
# Maximum difference between the stored and the computed output, relative to the stored output's largest absolute value.
# Small differences are normal because processors add numbers in different orders. The second maximum is for 16-bit
# floats.
TOLERANCE = 1e-3
_TOLERANCE_16_BIT = 5e-2


def write_fitwell_group(file: Any, model: Any, training: bool) -> None:
    """Write the group ``fitwell`` to an open HDF5 file.

    Args:
        file: The HDF5 file.
        model: The model that is being saved.
        training: Whether to include the training position and the categories.
    """
    group = file.create_group(GROUP_NAME)
    if training:
        session = model._session
        group.attrs["seed"], group.attrs["epoch"] = int(session.seed), int(session.epoch)
        if session.categories:
            text = dump_json(category_json.categories_to_json(session.categories))
            group[_CATEGORIES_KEY] = np.frombuffer(text.encode(), np.uint8)
    reference = make_reference_input(model)
    if reference is None:
        return
    output_leaves = _leaves(model._predict_compiled(reference))
    # If a model draws random numbers at inference, its output cannot be reproduced.
    if model._forward_pass.draws:
        return
    for kind, arrays in (("input", _leaves(reference)), ("output", output_leaves)):
        for number, array in enumerate(arrays):
            group[f"probe/{kind}/{number}"] = _as_storable(array)


def read_training_position(file: HDF5Reader, model: Any) -> None:
    """Restore a compiled model's training position and categories, if the open file contains them."""
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
    """Check that the model computes the same output for the file's reference input as when the file was saved.

    Raises:
        FileError: if the outputs differ.
    """
    if f"{GROUP_NAME}/probe" not in file:
        return
    group = file.child(f"{GROUP_NAME}/probe")
    reference = make_reference_input(model)
    if reference is None:
        return
    leaves, structure = jax.tree.flatten(reference)
    stored = [group.array(f"input/{i}", np.shape(leaf)).astype(leaf.dtype) for i, leaf in enumerate(leaves)]
    output_leaves = _leaves(model._predict_compiled(jax.tree.unflatten(structure, stored)))
    for number, output in enumerate(output_leaves):
        expected = group.array(f"output/{number}", output.shape).astype(np.float64)
        got = np.asarray(output, np.float64)
        scale = np.max(np.abs(expected), initial=1e-6, where=np.isfinite(expected))
        tolerance = scale * (_TOLERANCE_16_BIT if output.dtype.itemsize < 4 else TOLERANCE)
        if not np.allclose(got, expected, rtol=0, atol=tolerance, equal_nan=True):
            raise FileError(
                f"{file.where}: the loaded model does not reproduce the reference output stored in the file. "
                f"Output {number} differs by {np.nanmax(np.abs(got - expected)):.3g}, but at most {tolerance:.3g} is "
                "allowed. Either the file was changed, or the current version of fitwell or JAX computes different "
                "results. To load the weights without this check, build the model in code and use load_weights."
            )


def _leaves(tree: Any) -> list[Any]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def _as_storable(array: NumpyArray) -> NumpyArray:
    return array if array.dtype.kind in "fiub" else array.astype(np.float32)
