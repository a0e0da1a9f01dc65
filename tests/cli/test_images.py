"""`fitwell train` and `fitwell predict` on image files: folders of classes, and tables with a column of paths."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fitwell.cli.cnn_options import filters_for


def stripes(rng: np.random.Generator, vertical: bool) -> Image.Image:
    """Return a noisy image of 8 x 8 pixels with stripes."""
    pixels = np.zeros((8, 8))
    pixels[rng.integers(0, 2) :: 2] = 200
    pixels = np.clip((pixels.T if vertical else pixels) + rng.normal(0, 20, (8, 8)), 0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


def write_images(folder: Path, count: int) -> None:
    """Write `count` images, one half to the folder ``rows`` and one half to the folder ``columns``."""
    rng = np.random.default_rng(count)
    for number in range(count):
        label = ("rows", "columns")[number % 2]
        (folder / label).mkdir(parents=True, exist_ok=True)
        stripes(rng, vertical=label == "columns").save(folder / label / f"{number}.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with 80 images of two classes."""
    path = tmp_path_factory.mktemp("images") / "stripes"
    write_images(path, 80)
    return path


@pytest.fixture(scope="module")
def run(fitwell: Callable[..., Any], folder: Path) -> Path:
    """Return the folder of a run on `folder`."""
    result = fitwell(
        "train", folder, "--epochs", 15, "--quiet", "--no-augment", "--output", folder.parent / "run"
    )
    assert result.code == 0, result.err
    assert "Found 80 images of 2 classes in stripes." in result.out
    assert "48 images are for training, 16 for validation, and 16 for testing" in result.out
    assert "8 x 8 pixels, gray" in result.out
    return folder.parent / "run"


def test_classes_of_images_are_learned(run: Path) -> None:
    scores = json.loads((run / "run.json").read_text())["scores"]
    assert scores["network, test"]["accuracy"] == 1
    assert scores["guess, test"]["accuracy"] == 0.5
    assert "convolutional" in (run / "report.html").read_text()


def test_a_folder_is_predicted_and_scored(
    fitwell: Callable[..., Any], run: Path, folder: Path, tmp_path: Path
) -> None:
    result = fitwell("predict", run, folder, "-o", tmp_path / "p.csv")
    assert result.code == 0, result.err
    assert "The table contains 'class' in 80 rows" in result.err
    found = pd.read_csv(tmp_path / "p.csv")
    assert list(found["file"][:2]) == ["columns/1.png", "columns/11.png"]
    assert (found["predicted_class"] == found["file"].str.split("/").str[0]).mean() > 0.95
    refused = fitwell("predict", run, folder, "--sep", ";", "-o", tmp_path / "p.csv")
    assert refused.code == 2 and "--sep only applies to tables" in refused.err
    # Without folders of classes there is nothing to score. Larger images and images in color are converted.
    new = tmp_path / "new"
    new.mkdir()
    Image.open(folder / "rows" / "0.png").convert("RGB").resize((32, 32), Image.Resampling.NEAREST).save(
        new / "a.png"
    )
    result = fitwell("predict", run, new, "-o", tmp_path / "p.csv")
    assert result.code == 0 and "scores" not in result.err
    found = pd.read_csv(tmp_path / "p.csv")
    assert list(found["file"]) == ["a.png"] and list(found["predicted_class"]) == ["rows"]


def test_the_images_may_already_be_divided(fitwell: Callable[..., Any], tmp_path: Path) -> None:
    for part, count in (("train", 40), ("val", 10), ("test", 20)):
        write_images(tmp_path / "data" / part, count)
    result = fitwell("train", tmp_path / "data", "--epochs", 1, "--quiet", "--output", tmp_path / "run")
    assert result.code == 0, result.err
    assert "40 images are for training, 10 for validation, and 20 for testing." in result.out
    write_images(tmp_path / "more" / "train", 40)
    write_images(tmp_path / "more" / "test", 20)
    (tmp_path / "more" / "test" / "rows").rename(tmp_path / "more" / "test" / "unknown")
    result = fitwell("train", tmp_path / "more")
    assert result.code != 0 and "classes without training images: 'unknown'" in result.err


@pytest.mark.parametrize(("target", "task"), [("kind", "binary"), ("brightness", "regression")])
def test_a_table_names_the_images(
    fitwell: Callable[..., Any], folder: Path, tmp_path: Path, target: str, task: str
) -> None:
    files = sorted(folder.rglob("*.png"))
    table = pd.DataFrame(
        {
            "file": [str(path) for path in files],
            "kind": [path.parent.name for path in files],
            "brightness": [np.asarray(Image.open(path)).mean() for path in files],
        }
    )
    table.loc[len(table)] = ["", "rows", 1.0]
    table.to_csv(tmp_path / "table.csv", index=False)
    result = fitwell(
        "train", tmp_path / "table.csv", "--images", "file", "--target", target, "--epochs", 2, "--quiet",
        "--output", tmp_path / "run",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert "Dropped 1 row without an image or a target." in result.out
    assert json.loads((tmp_path / "run" / "run.json").read_text())["task"] == task
    table[:5].to_csv(tmp_path / "new.csv", index=False)
    result = fitwell("predict", tmp_path / "run", tmp_path / "new.csv", "-o", tmp_path / "p.csv")
    assert result.code == 0, result.err
    found = pd.read_csv(tmp_path / "p.csv")
    assert list(found["file"]) == list(table["file"][:5])
    assert f"predicted_{target}" in found
    result = fitwell("predict", tmp_path / "run", folder, "-o", tmp_path / "p.csv")
    assert result.code == 0, result.err
    table.to_csv(tmp_path / "new.csv", index=False)
    result = fitwell("predict", tmp_path / "run", tmp_path / "new.csv", "-o", tmp_path / "p.csv")
    assert result.code != 0 and "row 81 of" in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("empty", "does not contain folders of images; expected one folder per class"),
        ("one", "training needs images of at least two classes"),
        ("images --target x", "--target only applies to tables, not to a folder of images"),
        ("images --keep x", "--keep does not apply to images"),
        ("images --type x=number", "--type only applies to tables, not to a folder of images"),
        (
            "divided --test-fraction 0.3",
            "--test-fraction does not apply, because divided has test images; omit it",
        ),
        ("images --hidden 5", "--hidden only applies to --network mlp; add --network mlp, or omit it"),
        ("images --quality fast", "--quality only applies to --network tabular; omit it"),
        ("images --network tabular", "--network tabular only applies to tables; omit it"),
        ("images --image-size 3", "expected a size such as 64x64, between 8 and 1024 pixels, got '3'"),
        ("broken", "cannot read the image"),
        ("table.csv --target y --images fil", "has no column 'fil'. Did you mean 'file'?"),
        (
            "table.csv --target y --images file --type file=category",
            "--type file: only the type of the target, 'y'",
        ),
        ("table.csv --target y --images y", "'y' is the target; choose a different column"),
        ("table.csv --target y --images file", "cannot read the image"),
        (
            "table.csv --target y --image-size 9x9",
            "--image-size only applies to image files; add --images COLUMN",
        ),
        ("table.csv --target y --augment", "--augment only applies to images; omit it"),
        ("table.csv --target y --network cnn", "--network cnn only applies to images"),
    ],
)
def test_mistakes_are_explained(
    fitwell: Callable[..., Any], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str,
    message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("images").symlink_to(folder)
    for name in ("empty/a", "one/a", "broken/a", "broken/b"):
        Path(name).mkdir(parents=True)
    for path in ("one/a/1.png", "broken/a/1.png", "broken/b/1.png"):
        Image.new("L", (8, 8)).save(path)
    write_images(Path("divided/train"), 4)
    write_images(Path("divided/test"), 4)
    for number in range(20):
        Path(f"broken/a/x{number}.png").write_bytes(b"x")
    pd.DataFrame({"file": [f"{n}.png" for n in range(20)], "y": [0, 1] * 10}).to_csv("table.csv", index=False)
    result = fitwell("train", *arguments.split(), "--output", "run")
    assert result.code == 2 or result.code == 1
    assert message in result.err
    assert not Path("run").exists()


def test_the_number_of_filters_depends_on_the_smaller_side() -> None:
    assert filters_for([8, 500]) == filters_for([8, 8])
    assert len(filters_for([512, 512, 3])) == 8
