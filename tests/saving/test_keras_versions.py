"""Files of several Keras versions (`make_fixtures`) load here, predict the same, and can be trained further."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fitwell.models import load_model

FIXTURES = Path(__file__).parent / "fixtures"
VERSIONS = sorted(path.name for path in FIXTURES.iterdir())


def expected(version: str) -> Any:
    return np.load(FIXTURES / version / "expected.npz", allow_pickle=False)


def compare(outputs: Any, stored: Any, name: str) -> None:
    outputs = outputs if isinstance(outputs, list) else [outputs]
    assert len(outputs) == (1 if name == "stack" else 2)
    for number, output in enumerate(outputs):
        np.testing.assert_allclose(output, stored[f"{name}_{number}"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", ["stack", "graph"])
@pytest.mark.parametrize("version", VERSIONS)
def test_models_of_older_versions(version: str, name: str, suffix: str) -> None:
    stored = expected(version)
    model = load_model(FIXTURES / version / f"{name}{suffix}")
    x = stored["x"]
    inputs = x if name == "stack" else [x, stored["image"]]
    compare(model.predict(inputs), stored, name)
    assert int(model.optimizer.iterations.value) == stored[f"{name}_step"]
    if name == "stack":
        assert model.optimizer.learning_rate == pytest.approx(0.01)
        assert float(np.abs(model.optimizer.opt_state["velocity"]["layers.0/kernel"]).max()) > 0
    else:
        assert model.optimizer.learning_rate == pytest.approx(0.1 * 0.9 ** (int(stored["graph_step"]) / 10))
        assert list(model._session.compile_config.loss_weights) == [0.7, 0.3]
        assert type(model.loss[0]).__name__ == "Huber"


def test_all_versions_are_there() -> None:
    from tests.saving.make_fixtures import VERSIONS as MADE

    assert set(VERSIONS) == set(MADE)
    assert all(path.stat().st_size < 53_000 for path in FIXTURES.rglob("*.*") if path.is_file())
