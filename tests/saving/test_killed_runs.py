"""A process that is killed and restarted ends with the same bits as one that is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.saving.killed_run import LOG, assert_equal, kill_repeatedly, leave_alone


@pytest.mark.slow
def test_killed_runs_end_with_the_same_bits(load_dataset: Callable[..., Any], tmp_path: Path) -> None:
    """``python tests/saving/killed_run.py`` kills a longer run a hundred times."""
    load_dataset("mnist")
    leave_alone(tmp_path / "alone", "small")
    kills = kill_repeatedly(tmp_path / "killed", "small", kills=3, longest=0.1, seed=1)
    assert kills.made == 3
    assert_equal(tmp_path / "killed", tmp_path / "alone")
    lines = (tmp_path / "alone" / LOG).read_text().splitlines()
    assert len(lines) > 3
