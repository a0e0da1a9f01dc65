"""Comparison with independent references, and the table of the results.

A test calls `agree` to compare one row of the table with its reference. With ``--record-agreement`` the largest
differences are recorded, also by workers of pytest-xdist. At the end of a run without failures the table in
docs/exactness.md is rewritten (``make exactness`` runs the tests that belong to it). The text around the table is
written by hand and kept.
"""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PAGE = Path(__file__).resolve().parent.parent / "docs" / "exactness.md"
BEGIN, END = "<!-- the table begins -->", "<!-- the table ends -->"
PACKAGES = {
    "activations": "activation",
    "initializers": "initializer",
    "regularizers": "regularizer",
    "constraints": "constraint",
    "losses": "loss",
    "metrics": "metric",
    "optimizers": "optimizer",
    "schedules": "schedule",
    "layers": "layer",
}
# Registered, and nothing by itself that could be compared.
NOTHING_TO_COMPARE = {
    "metrics/LossMetric": "carries a loss of the table",
    "metrics/MeanMetricWrapper": "carries a user's function",
    "optimizers/OptaxOptimizer": "carries a transformation of Optax: tests/optimizers/test_optax.py",
    "layers/Functional": "a model",
    "layers/Sequential": "a model",
    "layers/InputLayer": "computes nothing",
    "layers/Lambda": "carries a user's function",
    "layers/Operation": "made by arithmetic on symbols",
    "layers/GetItem": "made by indexing symbols",
    "layers/Wrapper": "a base class",
}
VERSIONS = ("jax", "keras", "torch", "optax", "scipy", "scikit-learn", "numpy")


@dataclass
class Agreement:
    """How well one row agrees with one reference.

    relative: the difference over the largest size in the reference of the same case, so that values near
    zero do not blow it up.
    """

    row: str
    against: str
    cases: int
    absolute: float
    relative: float
    rtol: float
    atol: float

    def merge(self, other: Agreement) -> None:
        """Take in the cases of `other`."""
        self.cases += other.cases
        for name in ("absolute", "relative", "rtol", "atol"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))


class Record(dict[tuple[str, str], Agreement]):
    """The agreements of a run, by row and reference."""

    def keep(self, agreement: Agreement) -> None:
        """Add `agreement` to what is known of its row and reference."""
        known = self.setdefault((agreement.row, agreement.against), agreement)
        if known is not agreement:
            known.merge(agreement)


_record: Record | None = None


def agree(ours: Any, theirs: Any, *, row: str, against: str, rtol: float = 1e-7, atol: float = 0.0) -> None:
    """Assert that `ours` is `theirs` within the tolerances of `np.testing.assert_allclose`, and record it.

    Args:
        ours: what fitwell computed.
        theirs: what the reference says.
        row: of the table, ``"package/RegisteredName"``.
        against: the reference, as a reader knows it: ``"Keras"``, ``"closed form"``.
        rtol: relative tolerance, element by element.
        atol: absolute tolerance.
    """
    ours, theirs = np.broadcast_arrays(*(np.asarray(values, np.float64) for values in (ours, theirs)))
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=f"{row} against {against}")
    if _record is not None:
        # Equal infinities, and NaN where NaN is expected, do not differ.
        off = np.abs(np.subtract(ours, theirs, where=np.isfinite(theirs), out=np.zeros(theirs.shape)))
        absolute = float(off.max(initial=0.0))
        scale = float(np.abs(theirs[np.isfinite(theirs)]).max(initial=0.0))
        relative = absolute / scale if scale else 0.0
        _record.keep(Agreement(row, against, 1, absolute, relative, float(rtol), float(atol)))


def rows_to_compare() -> set[str]:
    """Return ``"package/Name"`` of everything registered that computes something."""
    import fitwell  # noqa: F401 - fills the registries
    from fitwell import _registry

    rows = set()
    for package, kind in PACKAGES.items():
        known = _registry._registries[kind]
        entries = [known.lookup(name) for name in known.names()]
        rows |= {
            f"{package}/{entry.__name__}" for entry in entries if entry.__module__.startswith("fitwell.")
        }
    return rows - set(NOTHING_TO_COMPARE)


# ----------------------------------------------------------------------------------------------- the table


def _version(name: str) -> str:
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return f"no {name}"


def table(record: Iterable[Agreement]) -> str:
    """Return the agreements as Markdown, one table for each package."""
    lines = [f"Written with {', '.join(map(_version, VERSIONS))}; float32 unless a row says otherwise.", ""]
    agreements = list(record)
    for package in PACKAGES:
        lines += [
            f"### {package.capitalize()}",
            "",
            "| row | checked against | cases | largest difference | relative | tolerance |",
            "| --- | --- | ---: | ---: | ---: | --- |",
        ]
        own = [found for found in agreements if found.row.split("/")[0] == package]
        for found in sorted(own, key=lambda a: (a.row.lower(), a.against.lower())):
            cells = [
                f"`{found.row.split('/')[1]}`",
                found.against,
                str(found.cases),
                _short(found.absolute),
                _short(found.relative),
                _tolerance(found),
            ]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _short(value: float) -> str:
    """Return a difference to two digits, rounded up, so that the table never says less than was seen."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(value))
    return f"{math.ceil(round(value / 10.0 ** (exponent - 1), 6)) / 10:.1f}e{exponent:+d}"


def _tolerance(found: Agreement) -> str:
    parts = [f"{name} {value:.0e}" for name, value in (("rtol", found.rtol), ("atol", found.atol)) if value]
    return ", ".join(parts) or "equal"


def rows_of(page: str) -> set[str]:
    """Return the rows that the text of a page holds."""
    rows, package = set(), ""
    for line in page.partition(BEGIN)[2].partition(END)[0].splitlines():
        if line.startswith("### "):
            package = line[4:].lower()
        elif line.startswith("| `"):
            rows.add(f"{package}/{line.split('`')[1]}")
    return rows


def write(record: Iterable[Agreement]) -> None:
    """Put the table of `record` into the page, between its two marks."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(record)}\n{END}{after}")


# -------------------------------------------------------------------------------------- what pytest calls


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer ``--record-agreement``."""
    parser.addoption(
        "--record-agreement", action="store_true", help="write the table of docs/exactness.md from this run"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start to record with ``--record-agreement``."""
    global _record
    _record = Record() if config.getoption("--record-agreement") else None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """Take in what a worker of pytest-xdist has recorded."""
    for fields in getattr(node, "workeroutput", {}).get("agreements", ()):
        if _record is not None:
            _record.keep(Agreement(*fields))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hand the record to the controller, or write the page if nothing failed and no row is missing."""
    if _record is None:
        return
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["agreements"] = [astuple(found) for found in _record.values()]
        return
    missing = rows_to_compare() - {found.row for found in _record.values()}
    if exitstatus == 0 and not missing:
        write(_record.values())
        said = f"wrote {PAGE}"
    else:
        rows = f"{', '.join(sorted(missing)[:5])}{', ...' if len(missing) > 5 else ''}"
        why = f"no comparison of {len(missing)} rows ({rows})" if missing else "not all tests passed"
        said = f"{PAGE} stays as it was: {why}"
        session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED
    session.config.get_terminal_writer().line(f"\n{said}")
