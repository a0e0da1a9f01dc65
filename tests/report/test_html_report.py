"""The page is self-contained, and its text is escaped."""

from __future__ import annotations

import re
import struct
from html.parser import HTMLParser

import numpy as np
import pytest

from fitwell._history import History
from fitwell.report import Contents, HtmlFigure, render
from fitwell.report.figures import (
    plot_confusion_matrix,
    plot_learning_curve_panels,
    plot_learning_curves,
    plot_residuals,
    plot_worst_images,
)

EVIL = "<script>alert('x')</script> & \"quoted\""


class Reader(HTMLParser):
    """Collects tags, attributes, text, and unclosed tags."""

    VOID = ("meta", "img")

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page() -> str:
    return render(
        Contents(
            title=EVIL,
            subtitle=EVIL,
            warnings=[EVIL],
            tiles=[("97 %", EVIL)],
            sentences=[EVIL],
            scores=(["who", EVIL], [[EVIL, "1"]]),
            pictures=[HtmlFigure(EVIL, [b"\x89PNG one", b"\x89PNG two"], EVIL, EVIL)],
            network=EVIL,
            settings=[("optimizer", EVIL)],
            notes=[EVIL],
            columns=[(EVIL, EVIL)],
            command=EVIL,
            origin=[("seed", EVIL)],
            classes=([EVIL], [[EVIL]]),
        )
    )


def test_no_text_becomes_markup() -> None:
    reader = Reader()
    reader.feed(page())
    assert reader.open == []
    assert "script" not in {tag for tag, _ in reader.tags}
    assert reader.text.count(EVIL) == 19, "everything is there, as it was written"
    assert {attributes["alt"] for tag, attributes in reader.tags if tag == "img"} == {EVIL}


def test_the_page_needs_nothing_else() -> None:
    reader = Reader()
    reader.feed(page())
    for tag, attributes in reader.tags:
        assert tag not in ("link", "script", "iframe", "object")
        for name in ("src", "href", "srcset", "background"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert not re.search(r"@import|url\(|https?:", page())
    assert any(dict(attributes).get("name") == "viewport" for _, attributes in reader.tags), "for phones"
    images = [attributes for tag, attributes in reader.tags if tag == "img"]
    assert len(images) == 2 and all(attributes["alt"] for attributes in images)


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def history(metrics: tuple[str, ...] = ("loss", "val_loss", "accuracy", "val_accuracy")) -> History:
    history = History()
    for epoch in range(5):
        history.append(epoch, dict.fromkeys(metrics, 1 / (epoch + 1)))
    return history


def test_curves_have_a_panel_for_each_metric() -> None:
    assert len(plot_learning_curve_panels(history(), best_epoch=2)) == 2
    wide, tall = size(plot_learning_curves(history(), best_epoch=2))
    assert wide > 2 * tall
    assert size(plot_learning_curves(history(("loss",))))


@pytest.mark.parametrize("classes", [2, 10, 40])
def test_a_confusion_matrix_of_any_size_is_drawn(classes: int) -> None:
    true = np.arange(200) % classes
    assert size(
        plot_confusion_matrix(true, np.roll(true, 1), [f"a class called {n}" for n in range(classes)])
    )


def test_residuals_and_images_are_drawn() -> None:
    true = np.linspace(0, 1, 10_000)
    assert [size(png)[0] > 500 for png in plot_residuals(true, true**2, "price")] == [True, True]
    assert [size(png)[0] > 500 for png in plot_residuals(np.ones(2), np.ones(2), "price")] == [True, True]
    assert size(plot_worst_images(np.random.default_rng(0).random((11, 8, 8)), ["a"] * 11))


def test_names_with_dollars_are_no_mathematics() -> None:
    names = ["$0_$100_", "$200+"]
    assert size(plot_confusion_matrix(np.arange(10) % 2, np.arange(10) % 2, names))
    assert all(map(size, plot_residuals(np.arange(5.0), np.arange(5.0), names[0])))
    assert size(plot_worst_images(np.zeros((1, 8, 8)), names[:1]))


def test_figures_leave_no_trace_in_matplotlib() -> None:
    from matplotlib import pyplot as plt

    before = plt.get_fignums()
    plot_learning_curves(history())
    plot_residuals(np.ones(5), np.ones(5), "y")
    assert plt.get_fignums() == before
