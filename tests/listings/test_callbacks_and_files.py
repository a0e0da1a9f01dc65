"""Older programs that watch a run, keep its best model in an `.h5` file, and read it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import fitwell as keras
from fitwell.errors import FileError, InvalidArgument


def classifier() -> Any:
    model = keras.models.Sequential(
        [
            keras.layers.Flatten(input_shape=[8, 8]),
            keras.layers.Dense(30, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.SGD(0.1, momentum=0.9),
        metrics=["accuracy"],
    )
    return model


def test_the_best_of_a_run_in_h5(digits: Any, tmp_path: Path) -> None:
    """Old: the name `.h5`. Early stopping, the best model in a file, a table of the logs, all in one run."""
    path = tmp_path / "my_keras_model.h5"
    checkpoint_cb = keras.callbacks.ModelCheckpoint(str(path), save_best_only=True)
    early_stopping_cb = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    log_cb = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    model = classifier()
    history = model.fit(
        *digits[0],
        epochs=12,
        validation_data=digits[1],
        callbacks=[checkpoint_cb, early_stopping_cb, log_cb],
        verbose=0,
    )
    best = keras.models.load_model(str(path))
    np.testing.assert_allclose(best.predict(digits[1][0]), model.predict(digits[1][0]), rtol=1e-6)
    best_loss, _ = best.evaluate(*digits[1], verbose=0)
    assert best_loss == pytest.approx(min(history.history["val_loss"]), rel=1e-5)
    table = pd.read_csv(tmp_path / "log.csv")
    np.testing.assert_array_equal(table["val_loss"], history.history["val_loss"])


def test_arguments_that_callbacks_had(older: Any, tmp_path: Path) -> None:
    """Old: the signatures of 2018 in full. A `period` of several epochs is refused, and says what to write."""
    path = str(tmp_path / "weights.{epoch:02d}-{val_loss:.2f}.h5")
    with older("ReduceLROnPlateau(epsilon=)", "ModelCheckpoint(period=1)"):
        plateau = keras.callbacks.ReduceLROnPlateau(
            monitor="val_loss",
            factor=0.1,
            patience=10,
            verbose=0,
            mode="auto",
            epsilon=0.01,
            cooldown=0,
            min_lr=0,
        )
        keras.callbacks.ModelCheckpoint(
            path,
            monitor="val_loss",
            verbose=0,
            save_best_only=False,
            save_weights_only=False,
            mode="auto",
            period=1,
        )
    assert plateau.min_delta == 0.01
    with pytest.raises(InvalidArgument, match=r"set save_freq to 5 \* \(batches per epoch\)"):
        keras.callbacks.ModelCheckpoint(path, period=5)


def test_curves_by_pandas(digits: Any) -> None:
    """Old: nothing; a table of `history.history` draws itself, after each epoch a callback looks at the ratio."""

    class PrintValTrainRatioCallback(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            said.append(f"val/train: {logs['val_loss'] / logs['loss']:.2f}")

    said: list[str] = []
    history = classifier().fit(
        *digits[0],
        epochs=3,
        validation_split=0.2,
        callbacks=[
            PrintValTrainRatioCallback(),
            keras.callbacks.LambdaCallback(on_train_end=lambda logs: said.append("over")),
        ],
        verbose=0,
    )
    frame = pd.DataFrame(history.history)
    assert sorted(frame.columns) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    ratios = frame["val_loss"] / frame["loss"]
    assert said == [*(f"val/train: {ratio:.2f}" for ratio in ratios), "over"]
    axes = frame.plot(figsize=(8, 5))
    assert len(axes.lines) == 4
    axes.figure.clear()


def test_saving_and_going_on(digits: Any, tmp_path: Path) -> None:
    """Old: `.h5` for the whole model. Its optimizer goes on where it stopped."""
    X, y = digits[0]
    model = classifier()
    model.fit(X, y, epochs=1, verbose=0)
    model.save(str(tmp_path / "model.h5"))
    again = keras.models.load_model(str(tmp_path / "model.h5"))
    for each in (model, again):
        each.fit(X, y, batch_size=300, epochs=1, shuffle=False, verbose=0)
    for ours, theirs in zip(model.get_weights(), again.get_weights()):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_weights_alone(digits: Any, tmp_path: Path) -> None:
    """Old: `save_weights` into an `.h5` file, read into a model that was built again."""
    path = str(tmp_path / "weights.h5")
    model, other = classifier(), classifier()
    model.save_weights(path)
    other.load_weights(path)
    np.testing.assert_array_equal(model.predict(digits[1][0]), other.predict(digits[1][0]))


def test_a_file_that_names_what_is_the_readers_own(tmp_path: Path) -> None:
    """Old: `custom_objects` for a function and a layer; without them the file is refused by name."""

    def my_softplus(z: Any) -> Any:
        return keras.activations.softplus(z)

    class Doubled(keras.layers.Layer):
        def call(self, X: Any) -> Any:
            return 2 * X

    model = keras.models.Sequential([keras.layers.Dense(3, my_softplus, input_dim=4), Doubled()])
    model.compile(loss="mse", optimizer="sgd")
    path = str(tmp_path / "own.h5")
    model.save(path)
    loaded = keras.models.load_model(path, custom_objects={"my_softplus": my_softplus, "Doubled": Doubled})
    x = np.random.default_rng(0).normal(size=(5, 4))
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    with pytest.raises(FileError, match="unknown activation 'my_softplus'"):
        keras.models.load_model(path)


def test_the_older_datasets(load_dataset: Any) -> None:
    """Old: nothing; the sets that texts begin with, in their shapes and order."""
    (X_train, y_train), (X_test, _) = load_dataset("mnist")
    assert (X_train.shape, X_test.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9]


def test_photographs_that_are_not_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Old: `cifar10.load_data()` fetched pickles. The error says which files to put where."""
    for variable in ("FITWELL_DATA", "FITWELL_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(keras.datasets.DatasetNotFound, match="unpack cifar-10-binary.tar.gz"):
        keras.datasets.cifar10.load_data()
