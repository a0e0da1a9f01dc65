"""Accumulators travel joined, and come apart as they were."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fitwell
from fitwell import layers, metrics
from fitwell._variables import Variable
from fitwell.models.array_packing import DtypeRaveler

shapes = st.lists(st.integers(0, 4), max_size=3).map(tuple)


@pytest.mark.slow
@given(st.lists(st.tuples(shapes, st.sampled_from(["float32", "int32", "bfloat16"])), min_size=1, max_size=6))
def test_what_is_joined_comes_apart_as_it_was(parts: list[tuple[tuple[int, ...], str]]) -> None:
    variables = {f"v{i}": Variable(np.zeros(shape), dtype=dtype) for i, (shape, dtype) in enumerate(parts)}
    values = {}
    for number, (path, variable) in enumerate(variables.items()):
        # No two of them alike; and as float32, 2**24 + 1 would be 2**24.
        first = 2**24 + 1 if variable.dtype == np.int32 else 0
        some = first + 20 * number + np.arange(variable.size).reshape(variable.shape) % 20
        values[path] = some.astype(variable.dtype)
    raveler = DtypeRaveler(variables)
    joined = raveler.ravel(values)
    assert set(joined) == {dtype for _, dtype in parts}
    for path, value in raveler.unravel(joined).items():
        assert value.dtype == values[path].dtype
        np.testing.assert_array_equal(np.asarray(value), values[path])


def test_a_metric_may_count_in_whole_numbers() -> None:
    class Rows(metrics.Metric):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.seen = self.add_weight(name="seen", dtype="int32", initializer="zeros")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.seen.assign_add(jax.numpy.int32(y_true.shape[0]))

        def result(self) -> Any:
            return self.seen.value

    model = fitwell.Sequential([fitwell.Input((2,)), layers.Dense(1)])
    model.compile(loss="mse", metrics=[Rows(name="rows")])
    history = model.fit(np.ones((10, 2)), np.ones((10, 1)), batch_size=4, epochs=2, verbose=0).history
    assert history["rows"] == [10.0, 10.0]
