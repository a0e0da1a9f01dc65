"""``fitwell board`` starts the server of TensorBoard."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fitwell.cli.commands.board import start_server
from fitwell.events import create_file_writer


def test_the_server_shows_the_runs_on_this_machine_only(tmp_path: Path) -> None:
    for run in ("one/train", "one/validation"):
        writer = create_file_writer(tmp_path / run)
        writer.scalar("epoch_loss", 0.5, 0)
        writer.close()
    address = start_server(str(tmp_path), 0)
    assert address.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(f"{address}data/runs", timeout=60) as answer:
        assert sorted(json.load(answer)) == ["one/train", "one/validation"]


def test_missing_event_files_are_reported(fitwell: Callable[..., Any], tmp_path: Path) -> None:
    nothing = fitwell("board", tmp_path)
    assert nothing.code == 2 and "contains no event files" in nothing.err
    nowhere = fitwell("board", tmp_path / "nowhere")
    assert nowhere.code == 2 and "does not exist" in nowhere.err
