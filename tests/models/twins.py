"""The same model in fitwell and in real Keras, from the same weights, over the same batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import fitwell
from fitwell.random import epoch_permutation

Build = Callable[[Any], Any]
History = dict[str, list[float]]


def twins(build: Build) -> tuple[Any, Any]:
    """Return the compiled models of `build(library)`, Keras's with the weights of ours. Both must be built."""
    import keras

    ours = build(fitwell)
    peer = build(keras)
    peer.set_weights(ours.get_weights())
    return ours, peer


def train_both(
    ours: Any,
    peer: Any,
    x: Any,
    y: Any,
    *,
    batch_size: int,
    epochs: int,
    sample_weight: Any = None,
    **arguments: Any,
) -> tuple[History, History]:
    """Fit both for `epochs` over the same rows in the same order, and return their histories."""
    history = ours.fit(
        x, y, batch_size=batch_size, epochs=epochs, sample_weight=sample_weight, verbose=0, **arguments
    ).history
    peer_history: History = {}
    rows = len(jax.tree.leaves(x)[0])
    for epoch in range(epochs):
        order = epoch_permutation(ours._session.seed, epoch, rows)
        x_now, y_now, weight_now = jax.tree.map(lambda leaf, order=order: leaf[order], (x, y, sample_weight))
        logs = peer.fit(
            x_now,
            y_now,
            batch_size=batch_size,
            sample_weight=weight_now,
            shuffle=False,
            verbose=0,
            **arguments,
        ).history
        for name, values in logs.items():
            peer_history.setdefault(name, []).extend(values)
    return history, peer_history


def assert_same_weights(ours: Any, peer: Any, atol: float = 2e-5, rtol: float = 2e-4) -> None:
    """Compare every variable, moving statistics included."""
    variables = ours.variables
    expected = peer.get_weights()
    assert len(variables) == len(expected)
    for variable, value in zip(variables, expected, strict=True):
        np.testing.assert_allclose(
            variable.numpy(), value, rtol=rtol, atol=atol, err_msg=f"weight {variable.path}"
        )


def assert_same_history(ours: History, peer: History, rtol: float = 2e-4) -> None:
    """Compare the names, and the values of every epoch."""
    assert set(ours) == set(peer)
    for name, values in peer.items():
        np.testing.assert_allclose(ours[name], values, rtol=rtol, atol=1e-6, err_msg=name)
