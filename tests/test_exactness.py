"""The comparison with references, and the completeness of its table."""

from __future__ import annotations

import numpy as np
import pytest

from tests import agreement
from tests.agreement import Agreement, Record, agree


def test_everything_registered_is_in_the_table() -> None:
    """A new object needs a test that calls `agree`; then ``make exactness`` writes its row."""
    listed = agreement.rows_of(agreement.PAGE.read_text())
    assert agreement.rows_to_compare() - listed == set()
    assert listed - agreement.rows_to_compare() == set(), "rows of what is no longer registered"


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> Record:
    monkeypatch.setattr(agreement, "_record", Record())
    return agreement._record


def test_agreement_keeps_the_largest_difference_of_each_row_and_reference(record: Record) -> None:
    agree([1.0, 20.0], [1.25, 20.0], row="losses/A", against="Keras", atol=0.5)
    agree([3.0, np.inf, np.nan], [2.0, np.inf, np.nan], row="losses/A", against="Keras", rtol=0.5)
    agree(1.0, 1.0, row="losses/A", against="SciPy")
    assert record["losses/A", "Keras"] == Agreement("losses/A", "Keras", 2, 1.0, 0.5, 0.5, 0.5)
    assert record["losses/A", "SciPy"].absolute == 0


def test_what_does_not_agree_fails_and_is_not_kept(record: Record) -> None:
    with pytest.raises(AssertionError, match="losses/A against Keras"):
        agree([1.0, 2.0], [1.0, 2.1], row="losses/A", against="Keras", rtol=1e-3)
    with pytest.raises(AssertionError):
        agree([1.0, np.nan], [1.0, 2.0], row="losses/A", against="Keras", rtol=1e-3)
    assert not record


def test_the_table_can_be_read_back() -> None:
    rows = [
        Agreement("losses/Huber", "Keras", 4, 1.23e-7, 0.0, 3e-6, 3e-7),
        Agreement("layers/Dense", "Keras", 1, 0.0, 0.0, 0.0, 0.0),
    ]
    page = f"# Title\n{agreement.BEGIN}\n{agreement.table(rows)}\n{agreement.END}\n### Else\n| `no` |"
    assert agreement.rows_of(page) == {"losses/Huber", "layers/Dense"}
    assert "| `Huber` | Keras | 4 | 1.3e-7 | 0 | rtol 3e-06, atol 3e-07 |" in page
    assert "| `Dense` | Keras | 1 | 0 | 0 | equal |" in page
