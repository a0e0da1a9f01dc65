"""The examples of docs/extending.md run as they are printed, and are usable where their section says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell as fw
from fitwell.datasets._dataset_registry import DATASETS

PAGE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text()
SECTIONS = dict(re.findall(r"^## An? (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
X = np.linspace(-1, 1, 22, dtype=np.float32).reshape(-1, 1)


def example(kind: str) -> dict[str, Any]:
    """Run the example of a section and return its names."""
    (code,) = re.findall(r"```python\n(.*?)```", SECTIONS[kind], re.DOTALL)
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, f"docs/extending.md: {kind}", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def restore_registry() -> Any:
    before = dict(DATASETS)
    yield
    DATASETS.clear()
    DATASETS.update(before)


@pytest.mark.parametrize("kind", SECTIONS)
def test_the_example_runs(kind: str) -> None:
    example(kind)


def test_every_kind_of_the_table_has_a_section() -> None:
    rows = re.findall(r"^\| an? (.+?) \|", PAGE, re.MULTILINE)
    assert rows == list(SECTIONS)


def test_the_files_of_the_table_are_there() -> None:
    package = Path(fw.__file__).parent
    for path in re.findall(r"`((?:\w+/)+\w+\.py)`", PAGE):
        assert (package / path).exists() or (package.parent / path).exists(), path


def test_no_example_imports_a_private_module() -> None:
    modules = re.findall(r"^(?:from|import) (\S+)", PAGE, re.MULTILINE)
    assert modules and [module for module in modules if "._" in module] == []


def test_a_layer_a_loss_a_metric_and_an_optimizer_train_together() -> None:
    """A layer that supports padding shares one program with the smaller last batch: the results are the same."""
    scale, quantile = example("layer")["Scale"], example("loss")["Quantile"]
    within, sign = example("metric")["WithinTolerance"], example("optimizer")["SignMomentum"]
    model = fw.Sequential([fw.Input((1,)), scale(), fw.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(sign(0.05), quantile(0.5), metrics=[within(0.2)])
    history = model.fit(X, 2 * X, batch_size=8, epochs=40, verbose=0, validation_data=(X, 2 * X)).history
    assert history["val_loss"][-1] < 0.3 * history["val_loss"][0]
    difference = np.abs(model.predict(X, verbose=0) - 2 * X)[:, 0]
    assert history["val_within_tolerance"][-1] == pytest.approx(np.mean(difference < 0.2), abs=1e-6)


def test_the_direction_of_a_metric_reaches_early_stopping() -> None:
    within = example("metric")["WithinTolerance"]
    model = fw.Sequential([fw.Input((1,)), fw.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(fw.optimizers.SGD(0.1), "mse", metrics=[within(0.2)])
    stopping = fw.callbacks.EarlyStopping("within_tolerance", patience=20, restore_best_weights=True)
    history = model.fit(X, 2 * X, epochs=60, verbose=0, callbacks=[stopping]).history["within_tolerance"]
    assert stopping.best == pytest.approx(max(history)) and max(history) > min(history)


def test_a_policy_decides_for_each_member_of_a_population() -> None:
    stop_below = example("policy")["StopBelow"]

    def build(setting: dict[str, float]) -> fw.Model:
        model = fw.Sequential([fw.Input((1,)), fw.layers.Dense(1, kernel_initializer="zeros")])
        model.compile(fw.optimizers.SGD(setting["rate"]), "mse")
        return model

    members = fw.Population(build, [{"rate": 0.01}, {"rate": 0.3}])
    members.fit(X, 2 * X, batch_size=22, epochs=30, verbose=0, callbacks=[stop_below(value=0.5)])
    lengths = [len(member.history.history["loss"]) for member in members.members]
    assert lengths[1] < lengths[0]


def test_a_data_set_is_known_to_the_command_line(tmp_path: Path) -> None:
    from fitwell.cli import main

    example("data set")
    assert "line" in DATASETS
    assert not main(["train", "line", "--epochs", "2", "--quiet", "--output", str(tmp_path / "run")])
    assert (tmp_path / "run" / "model.keras").exists()


def test_a_policy_decides_next_to_a_hook_that_observes_epochs() -> None:
    """Such a hook moves decisions to the host; the policy stops the run at the same epoch."""
    stop_below = example("policy")["StopBelow"]
    seen: list[int] = []

    class Observer(fw.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(epoch)

    for others in ([], [Observer()]):
        model = fw.Sequential(
            [fw.Input((1,)), fw.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
        )
        model.compile(fw.optimizers.SGD(0.25), "mse")
        callback = stop_below(value=0.3)
        history = model.fit([[1.0]], [[1.0]], epochs=9, verbose=0, callbacks=[callback, *others])
        assert callback.reached and history.history["loss"] == [1.0, 0.25]
    assert seen == [0, 1]
