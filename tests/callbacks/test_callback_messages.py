"""Messages of callbacks with `verbose`."""

import numpy as np
import pytest

import fitwell as fw

# Small cases on purpose: a learning rate of 0, constant weights or targets.
pytestmark = pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning")


def fit(*callbacks: fw.callbacks.Callback) -> None:
    x = np.linspace(-1, 1, 20, dtype=np.float32)[:, None]
    model = fw.Sequential([fw.layers.Input((1,)), fw.layers.Dense(1)])
    # At a rate of 0 nothing improves after epoch 1.
    model.compile(loss="mse", optimizer=fw.optimizers.SGD(0.0))
    model.fit(x, 0 * x, epochs=6, callbacks=list(callbacks), verbose=0)


def test_early_stopping_prints_when_it_stopped_and_what_it_restored(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fit(fw.callbacks.EarlyStopping("loss", patience=2, verbose=1, restore_best_weights=True))
    said = capsys.readouterr().out
    assert "Epoch 3: early stopping" in said
    assert "end of the best epoch: 1." in said


def test_schedulers_print_the_rate(capsys: pytest.CaptureFixture[str]) -> None:
    fit(fw.callbacks.LearningRateScheduler(lambda epoch: 0.5 / (epoch + 1), verbose=1))
    assert "Epoch 2: LearningRateScheduler setting learning rate to 0.25." in capsys.readouterr().out


def test_nothing_is_printed_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    fit(fw.callbacks.EarlyStopping("loss", patience=2))
    assert capsys.readouterr().out == ""
