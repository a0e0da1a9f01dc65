"""ModelCheckpoint saves the right content at the right time under the right name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell import callbacks, layers
from fitwell.errors import InvalidArgument

X = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
Y = X[:, :1] * 2


def model() -> Any:
    net = fitwell.Sequential([layers.Input((3,)), layers.Dense(1)])
    net.compile(loss="mse", optimizer="sgd")
    return net


def fit(checkpoint: callbacks.Callback, epochs: int = 3, **options: Any) -> Any:
    net = model()
    net.fit(X, Y, batch_size=4, epochs=epochs, callbacks=[checkpoint], verbose=0, **options)
    return net


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_epoch_has_a_file_named_after_it_and_its_results(tmp_path: Path) -> None:
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "new" / "{epoch:02d}-{val_loss:.3f}.keras")
    net = fit(checkpoint, validation_data=(X, Y))
    losses = net.history.history["val_loss"]
    assert names(tmp_path / "new") == [f"{i + 1:02d}-{loss:.3f}.keras" for i, loss in enumerate(losses)]
    last = fitwell.models.load_model(tmp_path / "new" / f"03-{losses[2]:.3f}.keras")
    np.testing.assert_array_equal(last.get_weights()[0], net.get_weights()[0])


@pytest.mark.parametrize("mode", ["min", "max"])
def test_the_best_by_the_monitored_value_is_kept(tmp_path: Path, mode: str) -> None:
    """An earlier hook sets the weights, so that the validation loss falls and rises as given."""
    scales = [3.0, 1.0, 2.0, 0.5, 4.0]
    seen: list[float] = []

    class Sets(callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.set_weights([np.full((3, 1), scales[epoch]), np.zeros(1)])

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(logs["val_loss"])

    path = tmp_path / "best.weights.h5"
    keeps = callbacks.ModelCheckpoint(path, save_best_only=True, save_weights_only=True, mode=mode)
    net = fitwell.Sequential([layers.Input((3,)), layers.Dense(1)])
    net.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.0))
    net.fit(X, 0 * Y, epochs=5, validation_data=(X, 0 * Y), callbacks=[Sets(), keeps], verbose=0)
    best = scales.index(min(scales) if mode == "min" else max(scales))
    assert keeps.best == seen[best]
    net.load_weights(path)
    np.testing.assert_array_equal(net.get_weights()[0], np.full((3, 1), scales[best], np.float32))


def test_batches_are_counted_across_epochs(tmp_path: Path) -> None:
    """Three batches per epoch and a save every two batches: batches 2, 4, 6, 8."""
    fit(callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}-{loss:.1f}.keras", save_freq=2))
    assert [name[:3] for name in names(tmp_path)] == ["1-2", "2-1", "2-3", "3-2"]


def test_weights_saved_at_a_batch_are_those_after_it(tmp_path: Path) -> None:
    fit(callbacks.ModelCheckpoint(tmp_path / "{epoch}{batch}.keras", save_freq=4), epochs=2, shuffle=False)
    fitwell.utils.set_random_seed(20240611)
    net = model()
    net.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    net.fit(X[:4], Y[:4], batch_size=4, shuffle=False, verbose=0)
    saved = fitwell.models.load_model(tmp_path / "21.keras")
    np.testing.assert_allclose(saved.get_weights()[0], net.get_weights()[0], rtol=1e-6)


def test_saving_by_batches_does_not_change_the_run(tmp_path: Path) -> None:
    watched = fit(callbacks.ModelCheckpoint(tmp_path / "{epoch}{batch}.keras", save_freq=2))
    fitwell.utils.set_random_seed(20240611)
    alone = fit(callbacks.TerminateOnNaN())
    np.testing.assert_array_equal(watched.get_weights()[0], alone.get_weights()[0])
    assert watched.history.history == alone.history.history


def test_epochs_without_validation_are_left_out(tmp_path: Path) -> None:
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras", save_best_only=True)
    fit(checkpoint, epochs=4, validation_data=(X, Y), validation_freq=2)
    assert names(tmp_path) == ["2.keras", "4.keras"]


def test_a_second_fit_resets_it(tmp_path: Path) -> None:
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "best.keras", "loss", save_best_only=True)
    fit(checkpoint)
    (tmp_path / "best.keras").unlink()
    net = fitwell.Sequential([layers.Input((3,)), layers.Dense(1)])
    net.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.0))
    history = net.fit(X, Y * 100, epochs=2, callbacks=[checkpoint], verbose=0).history
    assert names(tmp_path) == ["best.keras"] and checkpoint.best == history["loss"][0]


def test_the_first_save_must_improve_on_the_threshold(tmp_path: Path) -> None:
    fit(
        callbacks.ModelCheckpoint(
            tmp_path / "a.keras", "loss", save_best_only=True, initial_value_threshold=0.0
        )
    )
    assert names(tmp_path) == []


def test_a_value_that_is_not_finite_is_never_the_best(tmp_path: Path) -> None:
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "a.keras", "loss", mode="max", save_best_only=True)
    checkpoint.set_params({"metrics": ["loss"]})
    checkpoint.set_model(model())
    checkpoint.on_train_begin()
    for epoch, loss in enumerate([float("nan"), float("inf")]):
        checkpoint.on_epoch_end(epoch, {"loss": loss})
    assert checkpoint.best is None and names(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filepath": "a.txt"}, "end in .keras or .h5"),
        ({"filepath": "a.keras", "save_weights_only": True}, "end in .h5 or .npz or .safetensors"),
        ({"filepath": "a.keras", "save_freq": 0}, "save_freq"),
        ({"filepath": "a.keras", "save_freq": "batch"}, "save_freq"),
        ({"filepath": "a.keras", "save_freq": 5, "save_best_only": True}, "only at the end of an epoch"),
        ({"filepath": "a.keras", "mode": "least"}, "mode must be"),
    ],
    ids=str,
)
def test_invalid_arguments_raise(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        callbacks.ModelCheckpoint(**options)


@pytest.mark.filterwarnings("ignore:cannot infer from the name")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filepath": "{epoch}-{val_loss:.2f}.keras"}, "pass validation_data"),
        ({"filepath": "{epohc}.keras"}, "Did you mean 'epoch'"),
        ({"filepath": "{epoch}-{batch}.keras"}, "{batch}"),
        ({"filepath": "a.keras", "save_best_only": True, "monitor": "los"}, "Did you mean 'loss'"),
        ({"filepath": "{epoch.keras"}, "not a valid file name pattern"),
    ],
    ids=str,
)
def test_names_that_are_not_measured_raise_before_training(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    options["filepath"] = str(tmp_path / options["filepath"])
    with pytest.raises(InvalidArgument, match=message):
        fit(callbacks.ModelCheckpoint(**options))


def test_verbose_messages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(callbacks.ModelCheckpoint(tmp_path / "a.keras", "loss", verbose=1, save_best_only=True), epochs=1)
    said = capsys.readouterr().out
    assert (
        "Epoch 1: loss improved from None to" in said and f"saved the model to {tmp_path / 'a.keras'}" in said
    )


@pytest.mark.filterwarnings("ignore:cannot infer from the name")
@pytest.mark.parametrize("settings", [{"save_best_only": True}, {"monitor": "los", "save_best_only": True}])
def test_messages_for_values_that_cannot_be_monitored(settings: Any, tmp_path: Path) -> None:
    keep = callbacks.ModelCheckpoint(tmp_path / "best.keras", **settings)
    with pytest.raises(
        InvalidArgument, match=r"is not measured.*[.?] The known values are: loss\. \(If a callback"
    ):
        fit(keep)
