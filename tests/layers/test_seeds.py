"""A layer with a seed gives the same values in every process, but other values at every call."""

import numpy as np

import fitwell as fw


def build(seed: int | None) -> fw.Sequential:
    return fw.Sequential([fw.layers.Input((8,)), fw.layers.MCDropout(0.5, seed=seed)])


def test_passes_of_monte_carlo_dropout_differ_with_and_without_a_seed() -> None:
    x = np.ones((4, 8), np.float32)
    for seed in (None, 3):
        model = build(seed)
        predicted = [model.predict(x) for _ in range(5)]
        called = [np.asarray(model(x)) for _ in range(5)]
        for passes in (predicted, called):
            assert len({p.tobytes() for p in passes}) == 5, seed


def test_a_seeded_layer_predicts_the_same_in_another_model() -> None:
    x = np.ones((4, 8), np.float32)
    np.testing.assert_array_equal(build(5).predict(x), build(5).predict(x))
    assert not np.array_equal(build(5).predict(x), build(6).predict(x))
