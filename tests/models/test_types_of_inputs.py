"""Integers reach the layers of a model as the numbers that its Input says, as in Keras."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import fitwell as fw

PIXELS = np.array([[1, 5, 9], [200, 3, 0]], np.uint8)
SIGNED = np.array([[-128, 127, 5], [7, -1, 0]], np.int8)
LARGE = np.array([[90_000, -60_000, 30_000], [1, 2, 3]])


def twice_minus_ten(x: Any) -> Any:
    return 2 * x - 10


def square(x: Any) -> Any:
    return x**2


def stacked(function: Any) -> Any:
    return fw.Sequential([fw.layers.Input((3,)), fw.layers.Lambda(function)])


def stacked_later(function: Any) -> Any:
    return fw.Sequential([fw.layers.Lambda(function)])


def drawn(function: Any) -> Any:
    inputs = fw.layers.Input((3,))
    return fw.Model(inputs, fw.layers.Lambda(function)(inputs))


@pytest.mark.parametrize("model", [stacked, stacked_later, drawn])
@pytest.mark.parametrize("function", [twice_minus_ten, square])
@pytest.mark.parametrize("x", [PIXELS, SIGNED, LARGE])
def test_a_function_of_ones_own_computes_with_floats(model: Any, function: Any, x: np.ndarray) -> None:
    wanted = function(x.astype(np.float64))
    made = model(function)
    np.testing.assert_allclose(made.predict(x, verbose=0), wanted)
    np.testing.assert_allclose(made(x), wanted)
    made.compile("sgd", "mae")
    assert made.evaluate(x, np.zeros((2, 3)), verbose=0) == pytest.approx(np.abs(wanted).mean())


def test_an_input_of_integers_keeps_them() -> None:
    model = fw.Sequential([fw.layers.Input((3,), dtype="uint8"), fw.layers.Lambda(twice_minus_ten)])
    assert model.predict(PIXELS, verbose=0).dtype == np.uint8


def test_numbers_of_an_embedding_are_not_rounded_to_halves() -> None:
    ids = np.array([[257, 259, 2047]])
    fw.config.set_floatx("bfloat16")
    try:
        stack = fw.Sequential([fw.layers.Input((3,)), fw.layers.Embedding(2048, 1)])
        inputs = fw.layers.Input((3,))
        graph = fw.Model(inputs, fw.layers.Embedding(2048, 1)(inputs))
    finally:
        fw.config.set_floatx("float32")
    for model in (stack, graph):
        model.set_weights([np.arange(2048)[:, None] % 251])
        assert np.asarray(model.predict(ids, verbose=0), np.float32).ravel().tolist() == [6.0, 8.0, 39.0]


def test_a_model_within_a_model_takes_what_the_outer_one_gives() -> None:
    inner = stacked(twice_minus_ten)
    inputs = fw.layers.Input((3,), dtype="uint8")
    outer = fw.Model(inputs, inner(inputs))
    np.testing.assert_allclose(outer.predict(PIXELS, verbose=0), 2.0 * PIXELS - 10)
    assert outer.outputs[0].dtype == jnp.float32
