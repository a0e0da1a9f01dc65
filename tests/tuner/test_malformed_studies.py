"""Damaged, modified and foreign studies: repaired if nothing is lost, otherwise a clear error."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell.errors import FileError, FitwellError, InvalidArgument
from fitwell.tuner.storage import open_storage

X = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)


def build(setting: dict[str, Any]) -> Any:
    """Return a linear model."""
    model = fw.Sequential([fw.Input((4,)), fw.layers.Dense(1)])
    model.compile(fw.optimizers.SGD(setting["rate"]), "mse")
    return model


def search(storage: Any, trials: int = 3, **options: Any) -> Any:
    """Run a small search on a storage."""
    space = {"rate": fw.tuner.Float(0.01, 0.3)}
    return fw.search(
        build, space, (X, X[:, :1]), trials=trials, epochs=1, storage=storage, verbose=0, **options
    )


@pytest.fixture(scope="module", params=[".db", ".journal"])
def study(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a study of three trials."""
    path = tmp_path_factory.mktemp("study") / f"good{request.param}"
    search(path)
    return path


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the content of a journal with three trials."""
    path = tmp_path_factory.mktemp("journal") / "good.journal"
    search(path)
    return path.read_bytes()


@pytest.mark.parametrize(
    "left", [b"", b"{", b'{"op_code":4,"worker_id":"x', b"\0" * 5000, b"\xff\xfe", b"[1]", b"7"]
)
def test_half_a_line_at_the_end_is_cut_off_with_a_word(tmp_path: Path, journal: bytes, left: bytes) -> None:
    path = tmp_path / "s.journal"
    path.write_bytes(journal + left)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = search(path, trials=4)
    told = [str(warning.message) for warning in caught if "incomplete line" in str(warning.message)]
    assert told == ([] if not left else told[:1])
    assert not left or f"incomplete line of {len(left):,} bytes" in told[0]
    assert len(result.trials) == 4
    assert path.read_bytes().startswith(journal)
    assert all(json.loads(line) for line in path.read_bytes().splitlines())


def test_a_journal_cut_anywhere_goes_on(tmp_path: Path, journal: bytes) -> None:
    path = tmp_path / "s.journal"
    draw = random.Random(0)
    lines = journal.splitlines(keepends=True)
    first = len(b"".join(lines[:4]))
    for end in [*draw.sample(range(first, len(journal)), 5), len(journal) - 1]:
        path.write_bytes(journal[:end])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = search(path)
        assert (result.trials["state"] == "complete").sum() == 3


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"\0" * 80, "Error"),
        (b'{"op_code":4,"wor{"op_code":4}', "JSONDecodeError"),
        (b"[" * 100_000, "RecursionError|JSONDecodeError"),
        (b"5", "TypeError"),
        (b"{}", "KeyError"),
        (b'{"op_code":77,"worker_id":"x"}', "AssertionError"),
        (b'{"op_code":0,"worker_id":"x","study_name":5}', "KeyError"),
        (b"\xff\xff", "UnicodeDecodeError"),
    ],
)
def test_a_line_in_the_middle_is_named(tmp_path: Path, journal: bytes, line: bytes, told: str) -> None:
    path = tmp_path / "s.journal"
    lines = journal.splitlines(keepends=True)
    broken = b"".join([*lines[:5], line + b"\n", *lines[5:]])
    path.write_bytes(broken)
    with pytest.raises(FileError, match=rf"s.journal contains data .*, in line 6 .*({told})") as caught:
        search(path)
    assert len(str(caught.value)) < 700
    assert path.read_bytes() == broken


def test_a_full_disk_takes_no_part_of_a_record(tmp_path: Path) -> None:
    # The limit on a file's size stands for a full disk: in a process of its own, which it would end otherwise.
    code = (
        "import resource, signal, sys\n"
        "from tests.tuner.test_malformed_studies import search\n"
        "from fitwell.errors import FileError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "try: search(sys.argv[1], trials=20, batch=2)\n"
        "except FileError as error: print(error)\n"
    )
    path = tmp_path / "s.journal"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=200
    )
    assert "cannot be used: File too large" in done.stdout, done.stderr
    assert path.read_bytes().endswith(b"\n")
    assert len(search(path, trials=20).trials) == 20


RUNNING = "update trials set state='RUNNING' where number=1"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["update alembic_version set version_num='v9'"], "a different version of Optuna"),
        (
            ["update study_user_attributes set value_json='[1]' where key='fitwell'"],
            "its settings are missing or invalid",
        ),
        ([RUNNING, "update trial_user_attributes set value_json='\"abc\"' where key='worker'"], ""),
        (
            [RUNNING, "update trial_user_attributes set value_json='5' where key='worker'"],
            "user_attrs.worker is 5",
        ),
        (
            ["update trial_user_attributes set value_json='{}' where key='values'"],
            r"user_attrs.*values is \{\}",
        ),
        (["update trial_values set value='abc'"], r"values\[0\] is 'abc', expected a number"),
        (["update trial_params set param_value='x' where trial_id=1"], r"params.\w+ is 'x', expected a"),
        (["update trial_params set distribution_json='{'"], "JSONDecodeError"),
        (['update trial_params set distribution_json=\'{"name": "Other"}\''], "contains data that cannot"),
        (["delete from trial_values"], "values is None, expected a list"),
        (["update study_directions set direction='SIDEWAYS'"], "LookupError|contains data that cannot"),
    ],
)
def test_odd_values_in_a_database_are_told_in_words(tmp_path: Path, changes: list[str], told: str) -> None:
    path = tmp_path / "s.db"
    search(path)
    with sqlite3.connect(path) as connection:
        for change in changes:
            connection.execute(change)
    connection.close()
    if not told:
        assert (search(path).trials["state"] == "complete").all()
        return
    with pytest.raises(FitwellError, match=told) as caught:
        search(path)
    assert len(str(caught.value)) < 700


def test_a_damaged_database_is_told_in_words_or_still_works(tmp_path: Path) -> None:
    good = tmp_path / "good.db"
    search(good)
    whole = good.read_bytes()
    draw = random.Random(1)
    for number in range(8):
        path = tmp_path / f"{number}.db"
        at = draw.randrange(100, len(whole) - 200)
        path.write_bytes(whole[:at] if number % 2 else whole[:at] + draw.randbytes(150) + whole[at + 150 :])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                search(path)
            except FitwellError as error:
                assert "\x1b" not in str(error)


@pytest.mark.parametrize("content", [b"not a database at all", b"\x1b[2J" * 1000])
def test_what_is_no_study_is_told_in_words(tmp_path: Path, content: bytes) -> None:
    for name in ("s.db", "s.journal"):
        (tmp_path / name).write_bytes(content + b"\n")
        with pytest.raises(
            FileError, match="not a SQLite database|contains data that cannot be read, in line 1"
        ):
            search(tmp_path / name)


@pytest.mark.parametrize(
    "name", ["a\0.db", "x" * 300 + ".journal", "none/s.db", "folder.db", 5, b"s.db", ["s.db"]]
)
def test_names_that_cannot_be_are_told_in_words(
    tmp_path: Path, name: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.db").mkdir()
    with pytest.raises((FileError, InvalidArgument)):
        search(name)


@pytest.mark.parametrize("name", ["a?b=c.db", "a#b.db", "a%20b.db", "a b.db", "a:b.db"])
def test_names_with_marks_of_addresses_are_names(tmp_path: Path, name: str) -> None:
    search(tmp_path / name)
    assert (tmp_path / name).is_file()
    assert {path.name for path in tmp_path.iterdir()} <= {name, f"{name}.lock"}


def test_a_study_copied_while_nobody_writes_goes_on(study: Path, tmp_path: Path) -> None:
    copy = tmp_path / study.name
    shutil.copy(study, copy)
    assert len(search(copy, trials=5).trials) == 5


def test_an_error_of_fitwell_is_not_reported_as_damage(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "study.db")
    with pytest.raises(TypeError), storage.translate_errors():
        fw.tuner.Objective("loss", "min").best(3)  # type: ignore[arg-type]
