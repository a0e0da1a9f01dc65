"""Out-of-memory errors of Python, NumPy and XLA become one message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fitwell import Sequential, layers
from fitwell.errors import FitwellError, OutOfMemory, raise_if_out_of_memory

X = np.ones((8, 4), "float32")


def repeating(times: int) -> Any:
    """Return a model without many weights whose outputs are large."""
    return Sequential([layers.Dense(2, input_shape=(4,)), layers.RepeatVector(times)])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: repeating(10**12).predict(X, verbose=0), "use a smaller batch_size"),
        (lambda: repeating(10**12)(X), "layer 'repeat_vector.*call it with fewer rows"),
        (lambda: layers.Dense(10**13, name="wide")(X), r"layer 'wide': weight 'kernel' of shape \(4, 10+\)"),
        (lambda: Sequential([layers.Dense(10**13, input_shape=(4,))]), "make the layer smaller"),
    ],
)
def test_memory_that_is_not_there_is_told_in_words(call: Callable[[], Any], told: str) -> None:
    with pytest.raises(OutOfMemory, match=told) as caught:
        call()
    assert "needs more memory than is available" in str(caught.value)


def test_the_error_is_what_callers_expect() -> None:
    assert issubclass(OutOfMemory, MemoryError) and issubclass(OutOfMemory, FitwellError)


@pytest.mark.parametrize("error", [ValueError("memory"), RuntimeError("INTERNAL: RESOURCE_EXHAUSTED")])
def test_other_errors_are_not_of_memory(error: Exception) -> None:
    raise_if_out_of_memory(error, "this", "nothing")
