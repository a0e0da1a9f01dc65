"""What fitwell adds to a file beside Keras's layout, in an HDF5 group called ``fitwell`` that Keras never opens.

Where training stands (seed and epoch, from which the order of rows and all noise follow), and a probe: an input
made when the file was written, and what the model answered.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from fitwell.errors import FileError, FitwellError
from fitwell.saving.hdf5 import Reader

NAME = "fitwell"
_ROWS = 2
# The answer may differ by this share of its largest number: other processors add in another order.
TOLERANCE = 1e-3
_TOLERANCE_OF_HALVES = 5e-2
# A probe is a matter of milliseconds, also in a file that a stranger made to be slow.
_MOST_OPERATIONS = 2e9
_MOST_BYTES = 2e8


def write(file: Any, model: Any, training: bool) -> None:
    """Write the group into an open HDF5 file; `training`: where training stands as well."""
    group = file.create_group(NAME)
    if training:
        runtime = model.runtime
        group.attrs["seed"], group.attrs["epoch"] = int(runtime.seed), int(runtime.epoch)
    probe = _make_probe(model)
    if probe is None:
        return
    answer = _leaves(model.infer(probe))
    # A model that draws noise at inference has no one answer.
    if model.inference.draws:
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
        model.runtime.seed, model.runtime.epoch = seed, epoch


def check_probe(file: Reader, model: Any) -> None:
    """Compare the model's answer to the probe in the file with the one written there."""
    if f"{NAME}/probe" not in file:
        return
    group = file.child(f"{NAME}/probe")
    probe = _make_probe(model)
    if probe is None:
        return
    leaves, structure = jax.tree.flatten(probe)
    stored = [group.array(f"input/{i}", np.shape(leaf)).astype(leaf.dtype) for i, leaf in enumerate(leaves)]
    answer = _leaves(model.infer(jax.tree.unflatten(structure, stored)))
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


def _make_probe(model: Any) -> Any:
    """Return a small input for `model`, or None when its shape is unknown or it would take long to answer."""
    inputs = _input_structs(model)
    if inputs is None:
        return None
    draw = np.random.default_rng(0)

    def fill(struct: jax.ShapeDtypeStruct) -> np.ndarray:
        if np.issubdtype(struct.dtype, np.integer) or struct.dtype == bool:
            return draw.integers(0, 2, struct.shape).astype(struct.dtype)
        return draw.uniform(-1, 1, struct.shape).astype(struct.dtype)

    leaves = jax.tree.leaves(inputs)
    if sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves) > _MOST_BYTES:
        return None
    try:
        cost = jax.jit(lambda x: model(x, training=False)).lower(inputs).cost_analysis() or {}
    except FitwellError:
        return None
    if cost.get("flops", 0) > _MOST_OPERATIONS or cost.get("bytes accessed", 0) > _MOST_BYTES:
        return None
    return jax.tree.map(fill, inputs)


def _input_structs(model: Any) -> Any:
    """Return the shapes and types of two rows, as the model's call takes them; None where a size is unknown."""
    if hasattr(model, "inputs"):
        try:
            symbols = model.inputs
        except FitwellError:
            return None
        structs = [(symbol.shape, symbol.dtype) for symbol in symbols]
        single = len(structs) == 1
    else:
        shapes = model._input_shapes
        if not isinstance(shapes, tuple | list) or not shapes:
            return None
        single = not isinstance(shapes[0], tuple | list)
        structs = [(tuple(shape), model.dtype) for shape in ([shapes] if single else shapes)]
    if any(size is None for shape, _ in structs for size in shape[1:]):
        return None
    rows = [jax.ShapeDtypeStruct((_ROWS, *shape[1:]), dtype) for shape, dtype in structs]
    return rows[0] if single else rows
