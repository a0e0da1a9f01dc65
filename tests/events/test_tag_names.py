"""Tags count automatic names within a model, so that charts of several models overlay."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import callbacks, layers
from fitwell.events.tag_names import TagNames

Read = Callable[[Path], Any]

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)


def plain() -> Any:
    return fitwell.Sequential(
        [layers.Input((3,)), layers.Dense(4), layers.Dense(4, name="dense"), layers.Dense(1)]
    )


def with_two_outputs() -> Any:
    entry = layers.Input((3,))
    hidden = fitwell.Sequential([layers.Dense(4), layers.BatchNormalization()])(entry)
    return fitwell.Model(inputs=entry, outputs=[layers.Dense(1)(hidden), layers.Dense(1, name="own")(hidden)])


def tags_after(make: Callable[[], Any], targets: int, folder: Path, read: Read) -> set[str]:
    layers.Dense(1)  # one more name that is used in this process
    model = make()
    model.compile(fitwell.optimizers.SGD(0.1), "mse")
    y: Any = [X[:, :1]] * targets if targets > 1 else X[:, :1]
    watch = callbacks.TensorBoard(folder, histogram_freq=1, update_freq=1)
    model.fit(X, y, epochs=1, validation_data=(X, y), callbacks=[watch], verbose=0)
    model.evaluate(X, y, verbose=0, callbacks=[watch])
    found: set[str] = set()
    for part in ("train", "validation"):
        known = read(folder / part).Tags()
        found |= {*known["tensors"], *known["histograms"]}
    return found


@pytest.mark.parametrize(("make", "targets"), [(plain, 1), (with_two_outputs, 2)])
def test_two_models_of_one_kind_have_the_same_tags(
    make: Callable[[], Any], targets: int, tmp_path: Path, read: Read
) -> None:
    one = tags_after(make, targets, tmp_path / "one", read)
    assert one == tags_after(make, targets, tmp_path / "two", read)
    if targets == 1:
        # A given name is kept, and no automatic name equals it.
        assert {"dense_1/kernel/gradient", "dense/kernel/histogram", "dense_2/bias/histogram"} <= one
        assert "dense_2/activation" in one
    else:
        assert {"epoch_dense_1_loss", "epoch_own_loss", "evaluation_dense_1_loss_vs_iterations"} <= one


def test_copies_keep_the_names_and_their_origin() -> None:
    layers.Dense(1)
    model = plain()
    other = copy.deepcopy(model)
    assert [layer.name for layer in other.layers] == [layer.name for layer in model.layers]
    assert [TagNames(other).layer_tag(layer) for layer in other.layers] == ["dense_1", "dense", "dense_2"]


def test_layers_of_equal_names_are_distinguished_by_their_models() -> None:
    parts = [fitwell.Sequential([layers.Input((3,)), layers.Dense(3, name="same")]) for _ in range(2)]
    model = fitwell.Sequential([layers.Input((3,)), *parts])
    names = TagNames(model).variable_tags(dict(model._named_variables()))
    assert sorted(names.values()) == [
        "sequential_1/same/bias", "sequential_1/same/kernel", "sequential_2/same/bias", "sequential_2/same/kernel",
    ]  # fmt: skip
