"""`import fitwell` leaves out the libraries and packages that most programs do not use."""

from __future__ import annotations

import subprocess
import sys

import pytest

import fitwell

LATER = (
    "h5py sqlite3 urllib.request pandas sklearn matplotlib optuna fitwell.tuner fitwell.cli fitwell.report "
    "fitwell._plotting.layout fitwell.population.curve_plot"
)


def test_import_reads_what_most_programs_use_and_no_more() -> None:
    code = f"import sys, fitwell; print(*(name for name in '{LATER}'.split() if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_the_search_is_read_when_it_is_first_named() -> None:
    code = (
        "import fitwell as keras\n"
        "assert {'search', 'tuner'} <= set(dir(keras))\n"
        "from fitwell import *\n"
        "assert search is keras.search is tuner.search is keras.tuner.search\n"
        "assert search.__module__ == 'fitwell.tuner.hyperparameter_search'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_root_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="module 'fitwell' has no attribute 'serch'"):
        fitwell.serch  # noqa: B018
    assert set(fitwell.__all__) <= set(dir(fitwell))
