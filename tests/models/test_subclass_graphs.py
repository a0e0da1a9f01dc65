"""A class of one's own whose models are drawn from inputs to outputs, and not by a `call`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell.errors import InvalidArgument

X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)


class Named(fw.models.Functional):
    def twice(self, x: Any) -> Any:
        return 2 * self.predict(x, verbose=0)


@pytest.mark.parametrize("by_name", [False, True])
def test_a_subclass_of_model_says_what_to_derive_from(by_name: bool) -> None:
    class Own(fw.Model):
        pass

    i = fw.Input((4,))
    o = fw.layers.Dense(1)(i)
    with pytest.raises(InvalidArgument, match=r"Own: .* class Own\(models.Functional\)"):
        Own(inputs=i, outputs=o) if by_name else Own(i, o)


def test_a_subclass_of_functional_is_drawn_trained_and_saved(tmp_path: Path) -> None:
    i = fw.Input((4,))
    model = Named(i, fw.layers.Dense(1)(i))
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], verbose=0)
    np.testing.assert_allclose(
        model.twice(X), 2 * (X @ model.get_weights()[0] + model.get_weights()[1]), rtol=1e-5
    )
    model.save(tmp_path / "own.keras")
    loaded = fw.models.load_model(tmp_path / "own.keras", custom_objects={"Named": Named})
    clone = fw.models.clone_model(
        model, clone_function=lambda layer: type(layer).from_config(layer.get_config())
    )
    assert type(loaded) is type(clone) is type(fw.models.clone_model(model)) is Named
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
