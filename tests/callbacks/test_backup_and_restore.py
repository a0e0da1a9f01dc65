"""A run that is interrupted and resumed ends like a run without an interruption."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import fitwell
from fitwell import callbacks, layers
from fitwell.errors import FileError, InvalidArgument

ROWS = np.random.default_rng(0)
X = ROWS.normal(size=(100, 6)).astype(np.float32)
Y = (X[:, :1] - X[:, 1:2] > 0).astype(np.float32)
VALIDATION = (X[:30], Y[:30])


class Breaks(callbacks.Callback):
    """Raise after a number of batches."""

    class Off(Exception):
        """The interruption."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.at = batches

    def steps_until_next_call(self, batches: int) -> int | None:
        return self.at - batches if batches < self.at else None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        raise Breaks.Off


@dataclass
class Run:
    """A model, the arguments of its `fit`, and how to create both again as a new process would."""

    callbacks: Callable[[Path], list[Any]] = lambda folder: []
    data: Callable[[], Any] = lambda: (X, Y)
    options: Callable[[], dict[str, Any]] = dict
    rate: Any = 0.05
    units: int = 8

    def fit(self, folder: Path, extra: list[Any], **options: Any) -> tuple[Any, Any]:
        fitwell.utils.set_random_seed(3)
        model = fitwell.Sequential(
            [
                layers.Input((6,)),
                layers.Dense(self.units, activation="relu"),
                layers.BatchNormalization(),
                layers.Dropout(0.3),
                layers.Dense(1, activation="sigmoid"),
            ]
        )
        model.compile(fitwell.optimizers.Adam(self.rate), "binary_crossentropy", metrics=["accuracy"])
        given = self.data()
        data = {"x": given[0], "y": given[1]} if isinstance(given, tuple) else {"x": given}
        size = {"batch_size": 15} if "y" in data else {}
        options = {"epochs": 6, "validation_data": VALIDATION, "verbose": 0} | size | self.options() | options
        folder.mkdir(exist_ok=True)
        return model, model.fit(**data, callbacks=[*self.callbacks(folder), *extra], **options)

    def broken(self, folder: Path, at: list[int], frequency: Any = "epoch") -> tuple[Any, Any]:
        for batches in at:
            with pytest.raises(Breaks.Off):
                self.fit(folder, [self.backup(folder, frequency), Breaks(batches)])
            assert not list((folder / "checkpoints").glob(".*"))
        return self.fit(folder, [self.backup(folder, frequency)])

    @staticmethod
    def backup(folder: Path, frequency: Any = "epoch") -> Any:
        return callbacks.BackupAndRestore(folder / "checkpoints", frequency)


def assert_same(one: tuple[Any, Any], other: tuple[Any, Any]) -> None:
    assert one[1].epoch == other[1].epoch
    assert one[1].history == other[1].history
    for model in (one[0], other[0]):
        assert len(model.get_weights()) == 8
    pairs = (
        [one[0].get_weights(), one[0].optimizer.opt_state],
        [other[0].get_weights(), other[0].optimizer.opt_state],
    )
    for mine, theirs in zip(*map(jax.tree.leaves, pairs), strict=True):
        assert np.asarray(mine).tobytes() == np.asarray(theirs).tobytes()
    assert int(one[0].optimizer.iterations) == int(other[0].optimizer.iterations)


def with_everything(folder: Path) -> list[Any]:
    return [
        callbacks.EarlyStopping(patience=3, restore_best_weights=True),
        callbacks.CSVLogger(folder / "log.csv", append=True),
        callbacks.ModelCheckpoint(folder / "best.keras", save_best_only=True),
    ]


SCHEDULE = fitwell.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)


@pytest.mark.optimised
@pytest.mark.parametrize("frequency", ["epoch", 3, "1 second"])
def test_the_bits_are_those_of_one_run(frequency: Any, tmp_path: Path) -> None:
    """Seven batches per epoch, interrupted inside epochs and at their ends, sometimes twice before the next save."""
    run = Run(with_everything, rate=SCHEDULE)
    alone = run.fit(tmp_path / "alone", [])
    again = run.broken(tmp_path / "broken", [2, 4, 25], frequency)
    assert_same(alone, again)
    names = [sorted(path.name for path in (tmp_path / part).iterdir()) for part in ("alone", "broken")]
    assert names[0] == names[1] == ["best.keras", "log.csv"]
    logs = [(tmp_path / part / "log.csv").read_text() for part in ("alone", "broken")]
    assert logs[0] == logs[1]


def plateau(folder: Path) -> list[Any]:
    return [callbacks.ReduceLROnPlateau("loss", patience=1, factor=0.5, min_delta=1.0)]


def by_epoch(folder: Path) -> list[Any]:
    return [callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7)]


class Adds(callbacks.Callback):
    """Set the rate by a counter, which is part of its state."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.sum = 0.0

    def get_state(self) -> Any:
        return {"sum": self.sum}

    def set_state(self, state: Any) -> None:
        self.sum = state["sum"]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.sum += logs["loss"]
        self.model.optimizer.learning_rate = 0.01 * self.sum


class Endless:
    """A generator that can only start from the beginning."""

    def __call__(self) -> Iterator[Any]:
        while True:
            for start in range(0, 90, 15):
                yield X[start : start + 15] + ROWS_OF[start // 15], Y[start : start + 15]


ROWS_OF = np.linspace(-1, 1, 6, dtype=np.float32)


class Batches:
    """A Keras `Sequence` that shuffles itself at the end of an epoch."""

    def __init__(self) -> None:
        self.order = np.arange(6)
        self.random = np.random.default_rng(5)

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        start = 15 * self.order[index]
        return X[start : start + 15], Y[start : start + 15]

    def on_epoch_end(self) -> None:
        self.random.shuffle(self.order)


CASES = {
    "a plateau": Run(plateau),
    "a scheduler by epoch": Run(by_epoch),
    "a callback with a memory": Run(lambda folder: [Adds()]),
    "an endless generator": Run(data=lambda: Endless()(), options=lambda: {"steps_per_epoch": 4}),
    "a sequence": Run(data=Batches),
    "steps of arrays": Run(options=lambda: {"steps_per_epoch": 5}),
    "validation outside": Run(lambda folder: [callbacks.LambdaCallback(on_test_end=lambda logs: None)]),
    "validation from a generator": Run(
        options=lambda: {"validation_data": Endless()(), "validation_steps": 2}
    ),
    "no shuffling": Run(options=lambda: {"shuffle": False, "initial_epoch": 2}),
}


@pytest.mark.parametrize("case", CASES)
def test_runs_of_all_kinds(case: str, tmp_path: Path) -> None:
    run = CASES[case]
    alone = run.fit(tmp_path / "alone", [])
    for batches in (8, 15):
        with pytest.raises(Breaks.Off):
            run.fit(tmp_path / "broken", [run.backup(tmp_path / "broken", 2), Breaks(batches)])
    assert_same(alone, run.fit(tmp_path / "broken", [run.backup(tmp_path / "broken", 2)]))


def test_ctrl_c_inside_an_epoch(tmp_path: Path) -> None:
    """Epoch hooks see a complete epoch, and a resumed run repeats all of it."""
    run = Run(with_everything)
    alone = run.fit(tmp_path / "alone", [])

    def interrupt(batch: int, logs: Any = None) -> None:
        if batch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    stop = callbacks.LambdaCallback(on_train_batch_end=interrupt)
    with pytest.raises(KeyboardInterrupt):
        run.fit(tmp_path / "broken", [run.backup(tmp_path / "broken"), stop])
    assert len((tmp_path / "broken" / "log.csv").read_text().splitlines()) == 2
    assert_same(alone, run.fit(tmp_path / "broken", [run.backup(tmp_path / "broken")]))
    assert (tmp_path / "alone" / "log.csv").read_text() == (tmp_path / "broken" / "log.csv").read_text()


def test_resume_restores_a_finished_run_and_adds_epochs(tmp_path: Path) -> None:
    run, folder = Run(), tmp_path / "checkpoints"
    long = run.fit(tmp_path, [], epochs=9)
    short = run.fit(tmp_path, [], resume=folder, epochs=6)
    assert short[1].epoch == [0, 1, 2, 3, 4, 5]
    begun = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: pytest.fail("an epoch began"))
    assert_same(short, run.fit(tmp_path, [begun], resume=folder, epochs=6))
    assert_same(long, run.fit(tmp_path, [], resume=folder, epochs=9))


class StopsItself(callbacks.Callback):
    """End the run inside its third epoch."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.model.stop_training = int(self.model.optimizer.step.value) == 17


@pytest.mark.parametrize(
    "stops",
    [
        lambda: callbacks.EarlyStopping("loss", mode="max", patience=2, restore_best_weights=True),
        lambda: callbacks.GradientStopping(1e3),
        StopsItself,
    ],
    ids=["early", "gradient", "a hook"],
)
def test_a_stopped_run_remains_stopped_at_its_best(stops: Any, tmp_path: Path) -> None:
    run = Run(lambda folder: [stops()])
    stopped = run.fit(tmp_path, [], resume=tmp_path / "c", epochs=50)
    assert len(stopped[1].epoch) < 50
    again = run.fit(tmp_path, [], resume=tmp_path / "c", epochs=50)
    assert_same(stopped, again)


def broken_off(folder: Path) -> Run:
    run = Run()
    with pytest.raises(Breaks.Off):
        run.fit(folder, [run.backup(folder, 5), Breaks(12)])
    return run


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Run(data=lambda: (X + 1, Y)), r"data: x was float32 \(100, 6\) \w+ and is now float32 \(100, 6\)"),
        (Run(data=lambda: (X[:90], Y[:90])), r"data: .*\(100, 6\).*\(90, 6\)"),
        (Run(options=lambda: {"validation_data": (X[30:60], Y[30:60])}), "validation data: x was"),
        (Run(options=lambda: {"validation_data": None}), "the original run began with validation data"),
        (Run(units=9), r"architecture: layers.0.units was 8 and is now 9"),
        (Run(options=lambda: {"batch_size": 20}), "settings: batch_size was 15 and is now 20"),
        (Run(options=lambda: {"shuffle": False}), "settings: shuffle was True and is now False"),
        (
            Run(rate=SCHEDULE),
            "architecture: optimizer.learning_rate was a number and is now {.*ExponentialDecay",
        ),
    ],
    ids=["rows", "length", "validation", "no validation", "units", "batch size", "order", "schedule"],
)
def test_another_run_raises_with_the_difference(other: Run, message: str, tmp_path: Path) -> None:
    broken_off(tmp_path)
    with pytest.raises(FileError, match=message) as caught:
        other.fit(tmp_path, [other.backup(tmp_path)])
    assert "to a different run" in str(caught.value) and "use a different folder" in str(caught.value)


def test_another_rate_is_used_with_a_warning(tmp_path: Path) -> None:
    broken_off(tmp_path)
    other = Run(rate=0.5)
    with pytest.warns(
        UserWarning, match=r"optimizer.learning_rate was 0.05 when the run began and is 0.5 from now on"
    ):
        model, _ = other.fit(tmp_path, [other.backup(tmp_path)])
    assert model.optimizer.learning_rate == 0.5


def test_another_version_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = broken_off(tmp_path)
    monkeypatch.setattr(fitwell, "__version__", "9.9")
    with pytest.warns(UserWarning, match=r"made with fitwell 0.* \(now 9.9\), so the results may differ"):
        run.fit(tmp_path, [run.backup(tmp_path)])


def test_other_callbacks_warn(tmp_path: Path) -> None:
    broken_off(tmp_path)
    other = Run(lambda folder: [callbacks.EarlyStopping(), Adds()])
    with pytest.warns(
        UserWarning,
        match=r"early_stopping_val_loss. is not in the checkpoint .* callback Adds is not in the checkpoint",
    ):
        other.fit(tmp_path, [other.backup(tmp_path)])


def test_more_patience_is_used(tmp_path: Path) -> None:
    def patient(epochs: int) -> Run:
        return Run(
            lambda folder: [callbacks.EarlyStopping("loss", mode="max", patience=epochs)],
            options=lambda: {"epochs": 9},
        )

    with pytest.raises(Breaks.Off):
        patient(2).fit(tmp_path, [Run.backup(tmp_path), Breaks(15)])
    assert len(patient(5).fit(tmp_path, [Run.backup(tmp_path)])[1].epoch) == 6


def test_a_full_disk_raises_and_the_run_can_be_resumed(tmp_path: Path) -> None:
    run = Run(units=400)
    alone = run.fit(tmp_path / "alone", [])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(epoch: int, logs: Any = None) -> None:
        # Limit files to 4 KB: a checkpoint needs ten times that.
        if epoch == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))

    full = callbacks.LambdaCallback(on_epoch_end=fill)
    try:
        with pytest.raises(
            FileError,
            match=r"cannot write .*File too large. The training state and the previous checkpoint are unchanged",
        ):
            run.fit(tmp_path / "broken", [run.backup(tmp_path / "broken"), full])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_same(alone, run.fit(tmp_path / "broken", [run.backup(tmp_path / "broken")]))


def test_a_model_can_be_resumed_in_the_same_process(tmp_path: Path) -> None:
    """Fit a model again after its fit failed: it repeats the steps since the checkpoint.

    It also repeats the reductions of its rate since then.
    """
    fitwell.utils.set_random_seed(0)
    models = []
    for at in (None, 13):
        fitwell.utils.set_random_seed(0)
        model = fitwell.Sequential([layers.Input((6,)), layers.Dense(1)])
        model.compile("adam", "mse")
        backup = callbacks.BackupAndRestore(tmp_path / str(at), save_freq=7)
        plateau = callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=10.0)
        if at is not None:
            with pytest.raises(Breaks.Off):
                model.fit(X, Y, epochs=4, callbacks=[backup, plateau, Breaks(at)], verbose=0)
        model.fit(X, Y, epochs=4, callbacks=[backup, plateau], verbose=0)
        models.append(model)
    np.testing.assert_array_equal(models[0].get_weights()[0], models[1].get_weights()[0])


def test_a_missing_checkpoint_folder_raises_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot write checkpoints to the folder"):
        Run().fit(tmp_path, [callbacks.BackupAndRestore(tmp_path / "file")])


@pytest.mark.parametrize("frequency", [0, -1, 2.5, True, "batch", "5 minutes", "0 epochs", None])
def test_invalid_frequencies_raise(frequency: Any) -> None:
    with pytest.raises(InvalidArgument, match="save_freq must be 'epoch'"):
        callbacks.BackupAndRestore("folder", frequency)


def test_one_folder_for_a_run(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="only one checkpoint folder"):
        Run().fit(tmp_path, [Run.backup(tmp_path)], resume=tmp_path)


def test_a_log_that_was_shortened_meanwhile_is_noticed(tmp_path: Path) -> None:
    run = Run(lambda folder: [callbacks.CSVLogger(folder / "log.csv")])
    run.fit(tmp_path, [], resume=tmp_path / "c", epochs=2)
    (tmp_path / "log.csv").write_text("")
    with pytest.raises(FileError, match=r"has 0 bytes, but had \d+ when the checkpoint was written"):
        run.fit(tmp_path, [], resume=tmp_path / "c", epochs=3)
