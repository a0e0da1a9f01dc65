"""The results of predict, evaluate and similar methods for lists, tuples and dicts, compared with Keras."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np
import pytest

import fitwell as fw

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
Y = X[:, :1]


def ends(lib: Any, form: str) -> Any:
    """Return the inputs and outputs of a small graph in one of several forms."""
    a = lib.Input((3,), name="x")
    h = lib.layers.Dense(2, name="h")(a)
    z, w = lib.layers.Dense(1, name="z")(h), lib.layers.Dense(1, name="w")(h)
    return {
        "plain": (a, z),
        "lists of one": ([a], [z]),
        "tuple of one": (a, (z,)),
        "dict of one": (a, {"z": z}),
        "list": (a, [z, w]),
        "tuple": (a, (z, w)),
        "dict": (a, {"z": z, "w": w}),
        "dict of inputs": ({"x": a}, z),
    }[form]


FORMS = ["plain", "lists of one", "tuple of one", "dict of one", "list", "tuple", "dict", "dict of inputs"]


def shape_of(value: Any) -> Any:
    """Return the kind of `value`, down to its arrays and numbers."""
    if isinstance(value, dict):
        return {key: shape_of(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shape_of(item) for item in value]
    return tuple(np.shape(value))


@pytest.mark.parametrize("form", FORMS)
def test_outputs_have_the_structure_that_keras_gives_them(form: str) -> None:
    models = {lib: lib.Model(*ends(lib, form)) for lib in (keras, fw)}
    models[fw].set_weights(models[keras].get_weights())
    found = {
        lib: [model.predict(X, verbose=0), model.predict_on_batch(X), model(X)]
        for lib, model in models.items()
    }
    assert shape_of(found[fw]) == shape_of(found[keras])
    for ours, theirs in zip(jax.tree.leaves(found[fw]), jax.tree.leaves(found[keras]), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_list_of_one_output_stays_an_array_through_files(tmp_path: Any) -> None:
    model = fw.Model(*ends(fw, "lists of one"))
    expected = model.predict(X)
    assert expected.shape == (6, 1)
    copies = [fw.models.clone_model(model), fw.models.model_from_json(model.to_json())]
    for suffix in (".keras", ".h5"):
        model.save(tmp_path / f"m{suffix}")
        copies.append(fw.models.load_model(tmp_path / f"m{suffix}"))
    for copy in copies:
        copy.set_weights(model.get_weights())
        np.testing.assert_array_equal(copy.predict(X), expected)


def test_one_output_in_a_list_is_trained_on_as_a_plain_one() -> None:
    found = []
    for form in ("plain", "lists of one"):
        fw.utils.set_random_seed(0)
        model = fw.Model(*ends(fw, form))
        model.compile("sgd", "mse", metrics=["mae"])
        model.fit(X, Y, verbose=0)
        found.append([*model.evaluate(X, Y, verbose=0), *model.test_on_batch(X, [Y])])
    assert found[0] == found[1]
    np.testing.assert_allclose(found[0][:2], found[0][2:], rtol=1e-6)
