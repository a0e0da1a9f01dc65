"""Half a minute of each kind of fuzzing, always the same cases; `fuzz` describes how to run more by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.saving import fuzz

CASES = {"bytes": 400, "config": 400, "nested": 400, "hdf5": 500, "zip": 700, "header": 3000}


@pytest.mark.slow
@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_files_are_read_or_raise(kind: str, tmp_path: Path) -> None:
    options = ["--kinds", kind, "--cases", str(CASES[kind]), "--seconds", "300", "--keep", str(tmp_path)]
    counts = fuzz.run(fuzz.options_of(options))
    # Errors of others, long messages, slow and large loads, and the ends of processes are in capitals.
    assert set(counts) <= {f"{kind} read", f"{kind} refused"}, counts
    # Changes that nothing gets through, or that break nothing, would tell little.
    assert counts[f"{kind} read"] > 0 and counts[f"{kind} refused"] > 50
