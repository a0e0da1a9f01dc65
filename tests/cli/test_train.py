"""``fitwell train`` and ``fitwell predict``, from a table to a run folder and predictions."""

from __future__ import annotations

import csv
import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fitwell._progress import ProgressReporter

SHORT = ("--network", "mlp", "--epochs", 4, "--hidden", 8, "--quiet")
FILES = {"model.keras", "preprocessing.json", "history.csv", "learning_curves.png", "report.html", "run.json"}


@pytest.fixture(scope="module")
def regression(
    fitwell: Callable[..., Any], table: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Path]:
    """Return the output and the folder of a run for `price`."""
    folder = tmp_path_factory.mktemp("runs") / "price"
    return fitwell("train", table, "--target", "price", *SHORT, "--output", folder), folder


def test_a_run_leaves_a_folder_with_everything(regression: tuple[Any, Path]) -> None:
    result, folder = regression
    assert result.code == 0 and result.err == "", result
    assert {entry.name for entry in folder.iterdir()} == FILES
    assert f"Report: {folder / 'report.html'}" in result.out
    assert (folder / "learning_curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_reports_its_steps_and_scores(regression: tuple[Any, Path]) -> None:
    said = regression[0].out
    assert "Dropped 2 rows in which the target 'price' is missing." in said
    assert "so this is regression" in said
    assert (
        "Split the rows at random (seed 0): 94 for training, 32 for validation, and 32 for testing." in said
    )
    assert "Dropped 'id': it looks like a row number or an ID." in said
    assert re.search(
        r"On 32 held-out test rows, the network predicts 'price' with a mean absolute error of", said
    )
    assert re.search(
        r"Always predicting the mean has an RMSE of \d+.*, and ridge regression has an RMSE of \d+", said
    )


def test_the_history_has_a_row_an_epoch(regression: tuple[Any, Path]) -> None:
    with (regression[1] / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert all(float(row[name]) > 0 for row in rows for name in ("loss", "mae", "val_loss", "val_mae"))


def test_the_record_repeats_the_run(
    fitwell: Callable[..., Any], regression: tuple[Any, Path], tmp_path: Path
) -> None:
    """The command in run.json, run again, gives the same scores to the last digit."""
    record = json.loads((regression[1] / "run.json").read_text())
    assert record["command"].startswith("fitwell train ") and record["command"].endswith("--seed 0")
    assert record["settings"]["hidden"] == [8] and record["epochs_done"] == 4
    assert set(record["scores"]["network, test"]) == {"rmse", "mae", "r2"}
    words = record["command"].split()[1:]
    words[words.index("--output") + 1] = str(tmp_path / "again")
    assert fitwell(*words).code == 0
    again = json.loads((tmp_path / "again" / "run.json").read_text())
    assert again["scores"] == record["scores"]


def test_the_report_stands_alone(regression: tuple[Any, Path]) -> None:
    page = (regression[1] / "report.html").read_text()
    assert not re.search(r"(src|href)=\"(?!data:image/png;base64,)", page) and "http" not in page
    record = json.loads((regression[1] / "run.json").read_text())
    for text in (
        "ridge regression",
        "Total params",
        "--seed 0",
        record["origin"]["jax"],
        "it looks like a row number or an ID",
    ):
        assert text in page, text
    assert page.count("<img") == 4, (
        "two learning curves, predictions, errors; the learning rate did not change"
    )


def test_predictions_are_the_models(
    fitwell: Callable[..., Any], regression: tuple[Any, Path], table: Path, tmp_path: Path
) -> None:
    from fitwell._data.preprocessor_io import load_preprocessor
    from fitwell.models import load_model

    out = tmp_path / "p.csv"
    result = fitwell("predict", regression[1], table, "-o", out)
    assert result.code == 0 and f"Wrote 160 predictions to {out}." in result.out
    preprocessor = load_preprocessor(regression[1] / "preprocessing.json")
    x = preprocessor.transform(pd.read_csv(table))
    expected = preprocessor.target.decode(load_model(regression[1] / "model.keras").predict(x, verbose=0))
    found = pd.read_csv(out)
    assert list(found.columns) == ["predicted_price"]
    np.testing.assert_allclose(found["predicted_price"], expected, rtol=1e-6)
    # The table holds the answers, but for two: it is scored.
    true = pd.read_csv(table)["price"]
    rmse = np.sqrt(np.nanmean((true - expected) ** 2))
    assert (
        "The table contains 'price' in 158 rows. The predictions for these rows have the following scores: "
        f"RMSE {rmse:.4g}" in result.err
    )


def test_predictions_can_be_piped(
    fitwell: Callable[..., Any], regression: tuple[Any, Path], table: Path
) -> None:
    result = fitwell("predict", regression[1] / "model.keras", table, "-o", "-")
    lines = result.out.splitlines()
    assert lines[0] == "predicted_price" and len(lines) == 161


def test_a_new_table_may_lack_the_target_and_have_more(
    fitwell: Callable[..., Any], regression: tuple[Any, Path], table: Path, tmp_path: Path
) -> None:
    new = pd.read_csv(table).drop(columns=["price", "id"]).assign(colour="red").head(5)
    new.to_csv(tmp_path / "new.csv", index=False)
    result = fitwell("predict", regression[1], tmp_path / "new.csv", "-o", tmp_path / "p.csv")
    assert result.code == 0 and len(pd.read_csv(tmp_path / "p.csv")) == 5
    assert "Ignored 1 column not present in training: 'colour'." in result.err


def test_a_new_table_that_lacks_a_column_is_refused(
    fitwell: Callable[..., Any], regression: tuple[Any, Path], table: Path, tmp_path: Path
) -> None:
    pd.read_csv(table).drop(columns="city").to_csv(tmp_path / "new.csv", index=False)
    result = fitwell("predict", regression[1], tmp_path / "new.csv", "-o", tmp_path / "p.csv")
    assert (
        result.code == 2
        and "the table does not have the column 'city' that the model was trained on" in result.err
    )
    assert not (tmp_path / "p.csv").exists()


def test_two_classes_from_parquet(fitwell: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    pd.read_csv(table).drop(columns=["price", "size"]).to_parquet(tmp_path / "t.parquet")
    result = fitwell(
        "train", tmp_path / "t.parquet", "--target", "sale", *SHORT, "--output", tmp_path / "run"
    )
    assert result.code == 0, result.err
    assert "'sale' has two distinct values, so this is binary classification." in result.out
    assert re.search(
        r"Always predicting '(yes|no)' has an accuracy of \d\d.\d %, gradient boosting has an accuracy of "
        r"\d\d.\d %, and logistic regression has an accuracy of",
        result.out,
    )
    fitwell("predict", tmp_path / "run", tmp_path / "t.parquet", "-o", tmp_path / "p.csv")
    found = pd.read_csv(tmp_path / "p.csv")
    assert list(found.columns) == ["predicted_sale", "probability", "probability_no", "probability_yes"]
    np.testing.assert_allclose(found["probability_no"] + found["probability_yes"], 1, atol=2e-6)
    assert (found["predicted_sale"] == np.where(found["probability_yes"] > 0.5, "yes", "no")).all()


def test_several_classes_and_every_option(fitwell: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    network = (
        "--network",
        "mlp",
        "--hidden",
        6,
        5,
        "--batch-norm",
        "--dropout",
        0.2,
        "--activation",
        "selu",
        "--l2",
        0.001,
    )
    training = (
        "--optimizer",
        "adam",
        "--learning-rate",
        0.01,
        "--batch-size",
        16,
        "--epochs",
        3,
        "--patience",
        2,
    )
    data = ("--seed", 5, "--validation-fraction", 0.25, "--test-fraction", 0.25)
    result = fitwell(
        "train", table, "--target", "size", *network, *training, *data, "--output", tmp_path / "run"
    )
    assert result.code == 0, result.err
    assert "80 for training, 40 for validation, and 40 for testing" in result.out
    assert "6 - 5 - 3 units" in result.out
    assert "(selu, adam, batches of 16, batch normalization, dropout 0.2, l2 0.001)" in result.out
    assert "Epoch 3/3  5/5" in result.out, "progress is shown"
    page = (tmp_path / "run" / "report.html").read_text()
    for text in ("BatchNormalization", "Dropout", "medium", "recall"):
        assert text in page
    from fitwell.models import load_model

    model = load_model(tmp_path / "run" / "model.keras")
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)


def test_the_best_weights_are_kept(fitwell: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    """The saved and scored network is that of the epoch with the lowest validation loss."""
    options = (
        "--network",
        "mlp",
        "--hidden",
        32,
        "--learning-rate",
        0.05,
        "--epochs",
        60,
        "--patience",
        6,
        "--quiet",
    )
    result = fitwell("train", table, "--target", "price", *options, "--output", tmp_path / "run")
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    best = int(history["val_loss"].argmin())
    assert best + 7 == len(history) < 60, "early stopping came six epochs later"
    assert (
        f"Stopped after {best + 7} epochs because the validation loss did not improve for 6 epochs."
        in result.out
    )
    scale = json.loads((tmp_path / "run" / "preprocessing.json").read_text())["target"]["scale"]
    rmse = json.loads((tmp_path / "run" / "run.json").read_text())["scores"]["network, validation"]["rmse"]
    assert (rmse / scale) ** 2 == pytest.approx(history["val_loss"][best], rel=1e-4)
    assert (rmse / scale) ** 2 != pytest.approx(history["val_loss"].iloc[-1], rel=1e-4)


@pytest.mark.slow
def test_another_seed_is_another_run(fitwell: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    scores = []
    for seed in (1, 2):
        fitwell("train", table, "--target", "price", *SHORT, "--seed", seed, "--output", tmp_path / str(seed))
        scores.append(json.loads((tmp_path / str(seed) / "run.json").read_text())["scores"]["network, test"])
    assert scores[0] != scores[1]


def test_ctrl_c_keeps_what_was_learned(
    fitwell: Callable[..., Any], table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = ProgressReporter.epoch_end

    def interrupt(self: ProgressReporter, epoch: int, *rest: Any) -> None:
        shown(self, epoch, *rest)
        if epoch == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(ProgressReporter, "epoch_end", interrupt)
    result = fitwell(
        "train",
        table,
        "--target",
        "price",
        "--network",
        "mlp",
        "--hidden",
        8,
        "--epochs",
        5000,
        "--patience",
        5000,
        "--output",
        tmp_path / "run",
    )
    assert result.code == 130
    assert re.search(r"Interrupted by Ctrl-C after \d+ epochs; the model was kept", result.out)
    assert {entry.name for entry in (tmp_path / "run").iterdir()} == FILES | {"checkpoints"}
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["interrupted"] and 3 <= record["epochs_done"] < 5000
    assert "Interrupted by Ctrl-C" in (tmp_path / "run" / "report.html").read_text()
    assert fitwell("predict", tmp_path / "run", table, "-o", tmp_path / "p.csv").code == 0


def test_ctrl_c_before_anything_was_learned_leaves_nothing(
    fitwell: Callable[..., Any], table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*a: Any, **k: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fitwell.models.Model.fit", interrupted)
    result = fitwell("train", table, "--target", "price", "--network", "mlp", "--output", tmp_path / "run")
    assert result.code == 130 and "before the end of the first epoch; no model was kept" in result.out
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_run_that_diverges_at_once_leaves_nothing(
    fitwell: Callable[..., Any], table: Path, tmp_path: Path
) -> None:
    options = ("--network", "mlp", "--optimizer", "sgd", "--learning-rate", 1e20, "--quiet")
    result = fitwell("train", table, "--target", "price", *options, "--output", tmp_path / "run")
    assert result.code == 2
    assert "fitwell: error: training diverged: the validation loss was not finite in any epoch" in result.err
    assert "fitwell: warning: the loss became" in result.err and "Traceback" not in result.err
    assert not (tmp_path / "run").exists()


def test_a_run_that_diverges_later_keeps_the_best_weights(
    fitwell: Callable[..., Any], table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fitwell import callbacks

    class Spoil(callbacks.ReduceLROnPlateau):
        """Raises the rate beyond all bounds after three epochs, in the place of the callback that lowers it."""

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                self.model.optimizer.learning_rate = 1e20

    monkeypatch.setattr(callbacks, "ReduceLROnPlateau", Spoil)
    options = ("--network", "mlp", "--optimizer", "sgd", "--epochs", 9, "--quiet")
    result = fitwell("train", table, "--target", "price", *options, "--output", tmp_path / "run")
    assert result.code == 0, result.err
    assert re.search(r"Training diverged in epoch 4. Kept the weights of epoch [123],", result.out)
    scores = json.loads((tmp_path / "run" / "run.json").read_text())["scores"]
    assert 0 < scores["network, test"]["rmse"] < 1000


def test_digits_are_learned(fitwell: Callable[..., Any], tmp_path: Path) -> None:
    result = fitwell("train", "digits", "--epochs", 12, "--quiet", "--output", tmp_path / "run")
    assert result.code == 0, result.err
    scores = json.loads((tmp_path / "run" / "run.json").read_text())["scores"]
    assert scores["network, test"]["accuracy"] > 0.95
    assert scores["guess, test"]["accuracy"] < 0.15 < 0.9 < scores["linear model, test"]["accuracy"]
    assert "Most confident errors" in (tmp_path / "run" / "report.html").read_text()
    pixels = pd.DataFrame(np.zeros((2, 64)), columns=[f"p{n}" for n in range(64)])
    pixels.to_csv(tmp_path / "new.csv", index=False)
    assert fitwell("predict", tmp_path / "run", tmp_path / "new.csv", "-o", tmp_path / "p.csv").code == 0
    assert len(pd.read_csv(tmp_path / "p.csv")) == 2


TABULAR_FILES = FILES | {"out_of_fold.csv"}


@pytest.fixture(scope="module")
def tabular(
    fitwell: Callable[..., Any], table: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Path]:
    """Return the output and the folder of a run of the default network for `price`."""
    folder = tmp_path_factory.mktemp("runs") / "price"
    words = (
        "--drop",
        "sale",
        "--drop",
        "size",
        "--hidden",
        16,
        "--epochs",
        40,
        "--quiet",
        "--output",
        folder,
    )
    return fitwell("train", table, "--target", "price", *words), folder


def test_the_default_network_trains_on_all_rows_in_folds(tabular: tuple[Any, Path]) -> None:
    result, folder = tabular
    assert result.code == 0 and result.err == "", result
    assert {entry.name for entry in folder.iterdir()} == TABULAR_FILES
    assert "All 158 rows are used for training." in result.out
    assert re.search(r"Trained 10 networks for (\d+ to )?40 epochs\.", result.out)
    assert (
        "On 158 rows, each predicted by networks that did not train on it, the network predicts" in result.out
    )
    assert re.search(r"gradient boosting has an RMSE of \d+", result.out)


def test_the_scores_are_those_of_the_out_of_fold_predictions(tabular: tuple[Any, Path], table: Path) -> None:
    folder = tabular[1]
    found, rows = pd.read_csv(folder / "out_of_fold.csv"), pd.read_csv(table)
    assert list(found) == ["row", "fold", "price", "predicted_price"]
    assert found["row"].tolist() == [number + 1 for number in range(160) if number not in (3, 7)]
    assert found["price"].tolist() == rows["price"].dropna().tolist()
    assert sorted(found["fold"].value_counts()) == [31, 31, 32, 32, 32]
    rmse = np.sqrt(np.mean((found["price"] - found["predicted_price"]) ** 2))
    scores = json.loads((folder / "run.json").read_text())["scores"]
    assert scores["network, out-of-fold"]["rmse"] == pytest.approx(rmse)
    assert rmse < scores["guess, out-of-fold"]["rmse"] / 2


def test_the_saved_model_is_the_mean_of_the_networks(
    fitwell: Callable[..., Any], tabular: tuple[Any, Path], table: Path, tmp_path: Path
) -> None:
    """Its errors on training rows are below those of the out-of-fold predictions, and within the target's range."""
    result = fitwell("predict", tabular[1], table, "-o", tmp_path / "p.csv")
    assert result.code == 0, result.err
    predicted, rows = pd.read_csv(tmp_path / "p.csv")["predicted_price"], pd.read_csv(table)
    assert predicted.between(rows["price"].min(), rows["price"].max()).all()
    known = rows["price"].notna()
    rmse = np.sqrt(np.mean((rows["price"] - predicted)[known] ** 2))
    scores = json.loads((tabular[1] / "run.json").read_text())["scores"]
    assert rmse < scores["network, out-of-fold"]["rmse"]


def test_fast_trains_one_network_and_test_rows_are_scored(
    fitwell: Callable[..., Any], table: Path, tmp_path: Path
) -> None:
    words = ("--quality", "fast", "--test-fraction", 0.25, "--hidden", 8, "--epochs", 5, "--quiet")
    result = fitwell("train", table, "--target", "size", *words, "--output", tmp_path / "run")
    assert result.code == 0, result.err
    assert (
        "Split the rows at random, stratified by class (seed 0): 120 for training, and 40 for testing."
        in result.out
    )
    assert "Trained 1 network for 5 epochs" in result.out
    found = pd.read_csv(tmp_path / "run" / "out_of_fold.csv")
    assert len(found) == 24 and set(found["fold"]) == {1}
    assert np.allclose(found.filter(like="probability_").sum(axis=1), 1)
    scores = json.loads((tmp_path / "run" / "run.json").read_text())["scores"]
    assert set(scores) >= {"network, out-of-fold", "network, test", "gradient boosting, out-of-fold"}


@pytest.mark.parametrize(
    "words", [("--batch-norm",), ("--l2", 0.1), ("--optimizer", "adam"), ("--patience", 3)]
)
def test_options_of_the_mlp_are_refused_for_the_default_network(
    fitwell: Callable[..., Any], table: Path, words: tuple[Any, ...]
) -> None:
    result = fitwell("train", table, "--target", "price", *words)
    assert result.code == 2 and f"{words[0]} only applies to --network mlp" in result.err
    validation = fitwell("train", table, "--target", "price", "--validation-fraction", 0.1)
    assert "--validation-fraction only applies to --network mlp" in validation.err
    minutes = fitwell("train", table, "--target", "price", "--minutes", 3)
    assert "--minutes only applies to --quality best" in minutes.err
    quality = fitwell("train", table, "--target", "price", "--network", "mlp", "--quality", "good")
    assert "--quality only applies to --network tabular" in quality.err


def test_ctrl_c_keeps_the_networks_trained_so_far(
    fitwell: Callable[..., Any], table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, pressed = ProgressReporter.update, []

    def interrupt(self: ProgressReporter, done: int, *rest: Any) -> None:
        shown(self, done, *rest)
        if done and not pressed:
            pressed.append(True)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(ProgressReporter, "update", interrupt)
    words = ("--hidden", 8, "--epochs", 400, "--output", tmp_path / "run")
    result = fitwell("train", table, "--target", "price", *words)
    assert result.code == 130, result
    assert re.search(r"Interrupted by Ctrl-C after .* of 10 networks w", result.out)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["interrupted"] and record["scores"]["network, out-of-fold"]["rmse"] > 0
    assert fitwell("predict", tmp_path / "run", table, "-o", tmp_path / "p.csv").code == 0
