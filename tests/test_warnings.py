"""Every warning shows the line of the user's program that led to it."""

from __future__ import annotations

import re
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell.errors import warn

PACKAGE = Path(fw.__file__).parent
X, Y = np.zeros((8, 3), np.float32), np.zeros(8, np.float32)


def test_every_warning_goes_through_the_one_function_that_finds_the_line() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{number}"
        for path in PACKAGE.rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"\bwarnings\.warn\(|stacklevel=|from warnings import", line)
    ]
    assert found == []


def compiled() -> Any:
    model = fw.Sequential([fw.layers.Dense(2, input_shape=(3,)), fw.layers.Dense(1)])
    model.compile(loss="mse", optimizer="sgd")
    return model


def freeze_then_fit(folder: Path) -> None:
    model = compiled()
    model.layers[0].trainable = False
    model.fit(X, Y, verbose=0)


def freeze_then_train_on_batch(folder: Path) -> None:
    model = compiled()
    model.train_on_batch(X, Y)
    model.layers[0].trainable = False
    model.train_on_batch(X, Y)


def name_that_tells_nothing(folder: Path) -> None:
    def score(y_true, y_pred):  # type: ignore[no-untyped-def]
        return y_pred.mean()

    model = fw.Sequential([fw.layers.Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse", metrics=[score])
    model.fit(X, Y, verbose=0, callbacks=[fw.callbacks.EarlyStopping("score")])


def older_spelling(folder: Path) -> None:
    fw.optimizers.SGD(lr=0.1)


def weights_that_do_not_fit(folder: Path) -> None:
    other = fw.Sequential([fw.layers.Dense(2, input_shape=(4,)), fw.layers.Dense(1)])
    for name in ("w.npz", "w.weights.h5", "w.h5"):
        other.save_weights(folder / name)
        compiled().load_weights(folder / name, skip_mismatch=True)


def optimizer_of_another_model(folder: Path) -> None:
    model = compiled()
    model.train_on_batch(X, Y)
    other = fw.Sequential([fw.layers.Dense(1, input_shape=(3,))])
    other.compile(loss="mse", optimizer=model.optimizer)
    other.train_on_batch(X, Y)


def what_a_file_cannot_hold(folder: Path) -> None:
    model = compiled()
    model.optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.save(folder / "m.keras")


def logits_of_a_softmax(folder: Path) -> None:
    model = fw.Sequential([fw.layers.Dense(3, activation="softmax", input_shape=(3,))])
    model.compile(loss=fw.losses.SparseCategoricalCrossentropy(from_logits=True), optimizer="sgd")
    model.fit(X, Y, verbose=0)


def loss_that_is_not_finite(folder: Path) -> None:
    model = fw.Sequential(
        [fw.layers.Dense(1, input_shape=(3,), bias_initializer=fw.initializers.Constant(1e30))]
    )
    model.compile(loss="mse", optimizer="sgd")
    model.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    "program",
    [
        freeze_then_fit,
        freeze_then_train_on_batch,
        name_that_tells_nothing,
        older_spelling,
        weights_that_do_not_fit,
        optimizer_of_another_model,
        what_a_file_cannot_hold,
        logits_of_a_softmax,
        loss_that_is_not_finite,
    ],
)
def test_the_line_is_the_users(program: Callable[[Path], None], tmp_path: Path) -> None:
    fw._deprecation.reset_deprecation_warnings()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        program(tmp_path)
    assert seen
    first = program.__code__.co_firstlineno
    last = max(line for *_, line in program.__code__.co_lines() if line is not None)
    for warning in seen:
        assert warning.filename == __file__
        assert first < warning.lineno <= last


def test_a_plain_script_shows_the_file_and_the_line(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import fitwell as fw
            def deep(n):
                return deep(n - 1) if n else fw.optimizers.SGD(lr=0.1)
            deep(3)
            """
        )
    )
    fw._deprecation.reset_deprecation_warnings()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        exec(compile(script.read_text(), str(script), "exec"), {"__name__": "__main__"})
    assert [(w.filename, w.lineno) for w in seen] == [(str(script), 4)]


def test_a_warning_from_one_line_is_shown_once() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        for _ in range(3):
            warn("one line, three times")
    assert len(seen) == 1
