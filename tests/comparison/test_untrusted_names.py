"""Names of candidates that contain HTML, Markdown or terminal escape sequences."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import fitwell as fw
from fitwell.errors import FileError

NAMES = ["<script>alert(1)</script>", "a|b\n# c", "\x1b[2Jc", '"><img src=x onerror=alert(1)>']


@pytest.fixture(scope="module")
def comparison() -> fw.compare.Comparison:
    """Return a comparison of candidates with these names."""

    def make() -> fw.Sequential:
        model = fw.Sequential([fw.Input((2,)), fw.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    x = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    with pytest.warns(UserWarning, match="repeats can detect only"):
        return fw.compare(dict.fromkeys(NAMES, make), (x, x[:, :1]), repeats=2, epochs=1, verbose=0)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_no_page_holds_their_markup(comparison: fw.compare.Comparison, tmp_path: Path) -> None:
    page = comparison.to_html(tmp_path / "c.html")
    assert (tmp_path / "c.html").read_text("utf-8") == page
    for text in (page, comparison._repr_html_(), comparison.to_markdown()):
        tags = _Tags()
        tags.feed(text)
        assert "script" not in tags.found
        assert "onerror" not in tags.attributes
        assert "\x1b" not in text
    assert r"a\|b # c" in comparison.to_markdown()
    assert "\x1b" not in str(comparison)


def test_an_unwritable_page_is_reported(comparison: fw.compare.Comparison, tmp_path: Path) -> None:
    for name in (tmp_path, tmp_path / "none" / "c.html", "x" * 300, "a\0b"):
        with pytest.raises(FileError):
            comparison.to_html(name)
    assert list(tmp_path.iterdir()) == []
