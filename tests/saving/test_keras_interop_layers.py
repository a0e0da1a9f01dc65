"""Files with every layer that Keras also has: each library reads those of the other, with equal predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell.models import load_model
from tests.layers.examples import CASES, Case

CASE_LIST = [
    pytest.param(name, case, id=f"{name}-{number}")
    for name, cases in CASES.items()
    for number, case in enumerate(cases)
    if case.keras is not None
]


def build(library: Any, name: str, arguments: dict[str, Any], case: Case) -> Any:
    """Return a model of `library` that applies one layer to its inputs."""
    dtype = "int32" if case.below is not None else "float32"
    inputs = [library.Input(shape, dtype=dtype, name=f"in_{i}") for i, shape in enumerate(case.shapes)]
    layer = getattr(library.layers, name)(**arguments, name="it")
    outputs = layer(inputs if len(inputs) > 1 else inputs[0])
    return library.Model(inputs if len(inputs) > 1 else inputs[0], outputs)


def outputs_of(model: Any, case: Case) -> np.ndarray:
    inputs = case.inputs()
    return np.asarray(model(inputs if len(inputs) > 1 else inputs[0], training=False))


def keras_can_read(case: Case, suffix: str) -> bool:
    """Return whether Keras reads its own file: of ``.h5`` it drops an axis that is a list (3.15)."""
    return suffix == ".keras" or not isinstance(case.arguments.get("axis"), list)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(("name", "case"), CASE_LIST)
def test_layers_in_both_directions(name: str, case: Case, suffix: str, keras: Any, tmp_path: Path) -> None:
    path = tmp_path / f"m{suffix}"
    ours = build(fitwell, name, case.arguments, case)
    ours.save(path)
    theirs = keras.models.load_model(path) if keras_can_read(case, suffix) else load_model(path)
    np.testing.assert_allclose(outputs_of(theirs, case), outputs_of(ours, case), rtol=1e-5, atol=1e-5)

    assert case.keras is not None
    theirs = build(keras, name, case.keras, case)
    if (name, suffix) == ("RandomBrightness", ".h5"):
        return  # Keras 3.15 cannot write it: "cannot pickle 'module' object"
    theirs.save(path)
    ours = load_model(path)
    np.testing.assert_allclose(outputs_of(ours, case), outputs_of(theirs, case), rtol=1e-5, atol=1e-5)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_table_names_every_layer_that_both_have(keras: Any) -> None:
    from fitwell.layers.base import registry

    common = {entry.__name__ for entry in registry.classes() if hasattr(keras.layers, entry.__name__)}
    tested = {name for name, cases in CASES.items() if any(case.keras is not None for case in cases)}
    # These contain other layers, or are parts of one: tests/layers/test_recurrent.py exchanges models with them.
    nested = {
        "RNN",
        "StackedRNNCells",
        "SimpleRNNCell",
        "LSTMCell",
        "GRUCell",
        "Bidirectional",
        "TimeDistributed",
    }
    assert common - {"InputLayer", "Lambda", "Wrapper"} - nested <= tested
