"""`predict` gives the same outputs however many batches one call computes."""

from __future__ import annotations

import numpy as np
import pytest

import fitwell as fw
from fitwell import layers
from fitwell.models import prediction


@pytest.mark.parametrize(
    ("rows", "batch_size"), [(1, None), (700, None), (5000, None), (5000, 32), (5000, 999)]
)
def test_outputs_do_not_depend_on_the_rows_per_call(
    monkeypatch: pytest.MonkeyPatch, rows: int, batch_size: int | None
) -> None:
    fw.utils.set_random_seed(0)
    model = fw.Sequential([fw.Input((40,)), layers.Dense(64, activation="tanh"), layers.Dense(2)])
    x = np.random.default_rng(0).normal(size=(rows, 40)).astype(np.float32)
    kernel, bias, last, last_bias = model.get_weights()
    expected = np.tanh(x @ kernel + bias) @ last + last_bias
    np.testing.assert_allclose(model.predict(x, batch_size), expected, atol=1e-5)
    monkeypatch.setattr(prediction, "ROWS_PER_CALL", 1024)
    np.testing.assert_allclose(model.predict(x, batch_size), expected, atol=1e-5)
    monkeypatch.setattr(prediction, "BYTES_PER_CALL", 1)
    np.testing.assert_allclose(model.predict(x, batch_size), expected, atol=1e-5)
