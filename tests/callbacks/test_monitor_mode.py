"""Callbacks with ``mode="auto"`` infer the mode from the metrics of the model that they observe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell import callbacks, layers, metrics

X = np.ones((4, 1))
Y = np.zeros(4)


class MeanTarget(metrics.Mean):
    """The mean of the predictions, which decrease in every epoch."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(y_pred, sample_weight)


class LargerIsBetter(MeanTarget):
    direction = "max"


class SmallerIsBetter(MeanTarget):
    direction = "min"


def compiled(kind: type[metrics.Metric], name: str = "share", rate: float = 0.01) -> fw.Sequential:
    model = fw.Sequential([layers.Dense(1, kernel_initializer="ones", input_shape=(1,))])
    model.compile(fw.optimizers.SGD(rate), "mse", metrics=[kind(name=name)])
    return model


MAKERS = {
    "early stopping": lambda path, **options: callbacks.EarlyStopping(patience=2, **options),
    "plateau": lambda path, **options: callbacks.ReduceLROnPlateau(patience=2, **options),
    "flat": lambda path, **options: callbacks.FlatStopping(measure="decrease", epochs=2, **options),
    "checkpoint": lambda path, **options: callbacks.ModelCheckpoint(
        path / "best.keras", save_best_only=True, **options
    ),
}


@pytest.mark.parametrize("monitor", ["share", "val_share"])
@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_the_direction_of_a_metric_with_any_name_decides(maker: Any, monitor: str, tmp_path: Path) -> None:
    callback = maker(tmp_path, monitor=monitor)
    model = compiled(LargerIsBetter)
    model.fit(X, Y, epochs=1, validation_data=(X, Y), verbose=0, callbacks=[callback])
    assert callback.mode == "max"


@pytest.mark.parametrize("host", [False, True], ids=["compiled", "host"])
@pytest.mark.parametrize("name", ["share", "error"])
def test_the_decisions_follow_the_direction_and_not_the_name(name: str, host: bool) -> None:
    hooks = [callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)] if host else []
    epochs, best = [], []
    for kind in (LargerIsBetter, SmallerIsBetter):
        stopping = callbacks.EarlyStopping(name, patience=2)
        history = compiled(kind, name).fit(X, Y, epochs=6, verbose=0, callbacks=[*hooks, stopping])
        epochs.append(len(history.epoch))
        best.append(stopping.best_epoch)
        assert stopping.best == np.float32(history.history[name][stopping.best_epoch])
    assert epochs == [3, 6]
    assert best == [0, 5]


def test_a_checkpoint_keeps_the_model_with_the_larger_value(tmp_path: Path) -> None:
    path = tmp_path / "best.keras"
    keep = callbacks.ModelCheckpoint(path, "share", save_best_only=True)
    history = compiled(LargerIsBetter).fit(X, Y, epochs=3, verbose=0, callbacks=[keep])
    assert keep.best == history.history["share"][0]


def test_a_callback_infers_the_mode_again_for_another_model() -> None:
    stopping = callbacks.EarlyStopping("share", patience=2)
    modes = []
    for kind in (LargerIsBetter, SmallerIsBetter):
        compiled(kind).fit(X, Y, epochs=1, verbose=0, callbacks=[stopping])
        modes.append(stopping.mode)
    assert modes == ["max", "min"]


def test_an_explicit_mode_is_kept() -> None:
    stopping = callbacks.EarlyStopping("share", mode="min")
    later = callbacks.EarlyStopping("share")
    later.mode = "min"
    compiled(LargerIsBetter).fit(X, Y, epochs=1, verbose=0, callbacks=[stopping, later])
    assert stopping.mode == later.mode == "min"
    assert repr(stopping) == "EarlyStopping(monitor='share', mode='min')"
    assert repr(callbacks.EarlyStopping("loss")) == "EarlyStopping(monitor='loss')"


def test_the_members_of_a_population_stop_as_with_an_explicit_mode() -> None:
    def build(setting: dict[str, Any]) -> fw.Sequential:
        return compiled(LargerIsBetter, rate=setting["rate"])

    runs = []
    for mode in ("auto", "max"):
        stopping = callbacks.EarlyStopping("share", patience=2, mode=mode, restore_best_weights=True)
        population = fw.Population(build, fw.grid(rate=[0.01, 0.02]))
        population.fit(X, Y, epochs=5, verbose=0, callbacks=[stopping])
        runs.append([(m.stopped_epoch, m.restored_epoch, m.model.get_weights()) for m in population.members])
        assert stopping.model is None
    for inferred, explicit in zip(*runs, strict=True):
        assert inferred[:2] == explicit[:2] == (2, 0)
        for one, other in zip(inferred[2], explicit[2], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("host", [False, True], ids=["compiled", "host"])
def test_a_resumed_run_continues_to_the_same_bits(host: bool, tmp_path: Path) -> None:
    def fit(folder: Path, epochs: int, **options: Any) -> tuple[fw.Sequential, dict[str, list[float]]]:
        model = compiled(LargerIsBetter)
        parts = [
            callbacks.ReduceLROnPlateau("share", factor=0.5, patience=2, verbose=int(host)),
            callbacks.BackupAndRestore(folder, delete_checkpoint=False),
        ]
        return model, model.fit(X, Y, epochs=epochs, verbose=0, callbacks=parts, **options).history

    uninterrupted, expected = fit(tmp_path / "uninterrupted", 6)
    fit(tmp_path / "resumed", 3)
    resumed, history = fit(tmp_path / "resumed", 6)
    assert history == expected
    assert expected["learning_rate"][-1] < expected["learning_rate"][0]
    for one, other in zip(resumed.get_weights(), uninterrupted.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_mode_that_cannot_be_inferred_warns_once_in_fit() -> None:
    def build(setting: dict[str, Any]) -> fw.Sequential:
        return compiled(MeanTarget, rate=setting["rate"])

    stopping = callbacks.EarlyStopping("share")
    with pytest.warns(UserWarning, match="cannot infer from the name 'share'") as caught:
        fw.Population(build, fw.grid(rate=[0.01, 0.02])).fit(X, Y, verbose=0, callbacks=[stopping])
    assert stopping.mode == "min"
    assert len(caught) == 1
    assert caught[0].filename == __file__
