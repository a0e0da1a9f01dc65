"""What a run logged, epoch by epoch, and its learning curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._deprecation import warn_deprecated
from fitwell._escaping import escape_controls
from fitwell._schema import DictSchema, OptionalKey, array_schema, check_schema
from fitwell.errors import FileError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

VALIDATION_PREFIX = "val_"
TRAINING_COLOR = "#2f6db5"
VALIDATION_COLOR = "#d9731a"


# What is logged beside metrics: callbacks change it from epoch to epoch. Keras 2 called it ``lr``.
LEARNING_RATE_NAMES = ("learning_rate", "lr")


_EPOCHS_SCHEMA = array_schema("i", 1)
_VALUES_SCHEMA = array_schema("f", 1)
_STATE_SCHEMA = {
    "epoch": _EPOCHS_SCHEMA,
    "history": DictSchema(_VALUES_SCHEMA),
    "epochs_of": DictSchema(_EPOCHS_SCHEMA),
    "learning_rate": OptionalKey(_VALUES_SCHEMA),
}


class _Columns(dict[str, list[float]]):
    """The values of each epoch by name; the learning rate also answers to its name in Keras 2."""

    def __missing__(self, name: str) -> list[float]:
        if name != "lr" or "learning_rate" not in self:
            raise KeyError(name)
        warn_deprecated('history["lr"]', 'history["learning_rate"]')
        return self["learning_rate"]


class History:
    """The values of the loss and every metric after each epoch.

    history: metric name -> one float per epoch in which it was logged. Unless the learning rate is one number
        throughout, ``learning_rate`` has what it was when the epoch ended, before callbacks changed it: the rate of
        the whole epoch where callbacks decide it; where the optimizer has a schedule by step, what
        ``optimizer.learning_rate`` then reads in Keras too, the rate of the next step.
    epoch: the epochs, counted from 0.
    learning_rate: the rate of each epoch, one float for each of `epoch` whether or not it is in ``history`` too, where
        it would be the same; NaN where the optimizer has none, and for epochs of files written before it was kept.
    params: what the run was asked for (``epochs``, ``steps``, ``verbose``).

    >>> history = History()
    >>> history.append(0, {"loss": 0.5, "val_loss": 0.4})
    >>> history.history["val_loss"]
    [0.4]

    >>> import fitwell as fw, numpy as np
    >>> model = fw.Sequential([fw.layers.Dense(1, input_shape=(1,))])
    >>> model.compile(fw.optimizers.SGD(0.5), "mse")
    >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=3, verbose=0)
    >>> history.learning_rate
    [0.5, 0.5, 0.5]
    """

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.history: dict[str, list[float]] = _Columns()
        self.epoch: list[int] = []
        self.learning_rate: list[float] = []
        self.params: dict[str, Any] = dict(params or {})
        # A metric may be logged in some epochs only (`validation_freq`), so each remembers its own.
        self._epochs_of: dict[str, list[int]] = {}

    def append(self, epoch: int, logs: Mapping[str, Any] | None, learning_rate: float = math.nan) -> None:
        """Keep the `logs` of `epoch` (counted from 0), and its `learning_rate`."""
        self.epoch.append(int(epoch))
        self.learning_rate.append(learning_rate)
        self._add(int(epoch), logs or {})

    def update_last(self, logs: Mapping[str, Any]) -> None:
        """Keep `logs` of the last epoch in place of those that were kept of it."""
        epoch = self.epoch[-1]
        for name, epochs in list(self._epochs_of.items()):
            if epochs[-1:] == [epoch] and name not in logs:
                del epochs[-1], self.history[name][-1]
                if not epochs:
                    del self._epochs_of[name], self.history[name]
        self._add(epoch, logs)

    def _add(self, epoch: int, logs: Mapping[str, Any]) -> None:
        for name, value in logs.items():
            values, epochs = self.history.setdefault(name, []), self._epochs_of.setdefault(name, [])
            if epochs[-1:] == [epoch]:
                values[-1] = float(value)
            else:
                values.append(float(value))
                epochs.append(epoch)

    def backfill(self, name: str, value: float) -> None:
        """Keep `value` as what `name` was in all epochs so far."""
        self.history[name] = [float(value)] * len(self.epoch)
        self._epochs_of[name] = list(self.epoch)

    def extend(
        self, epochs: range, columns: Mapping[str, Sequence[float]], learning_rate: Sequence[float]
    ) -> None:
        """Keep the logs of several `epochs`, one value for each of them by name, and their learning rates."""
        self.epoch.extend(epochs)
        self.learning_rate.extend(learning_rate)
        for name, values in columns.items():
            self.history.setdefault(name, []).extend(values)
            self._epochs_of.setdefault(name, []).extend(epochs)

    def get_state(self) -> dict[str, Any]:
        """Return everything logged so far, as arrays."""
        values = {name: np.array(values, np.float64) for name, values in self.history.items()}
        when = {name: np.array(epochs, np.int64) for name, epochs in self._epochs_of.items()}
        return {
            "epoch": np.array(self.epoch, np.int64),
            "history": values,
            "epochs_of": when,
            "learning_rate": np.array(self.learning_rate, np.float64),
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `get_state` returned, or what `check_state` let pass."""
        self.epoch = state["epoch"].tolist()
        self.history = _Columns((name, values.tolist()) for name, values in state["history"].items())
        self._epochs_of = {name: epochs.tolist() for name, epochs in state["epochs_of"].items()}
        if "learning_rate" in state:
            self.learning_rate = state["learning_rate"].tolist()
        else:
            logged = dict(
                zip(self.epochs_of("learning_rate"), self.history.get("learning_rate", []), strict=True)
            )
            self.learning_rate = [logged.get(epoch, math.nan) for epoch in self.epoch]

    @staticmethod
    def check_state(state: Any, where: str) -> None:
        """Raise `FileError` when `state`, which a file held, is not one of a history; where: the file."""
        check_schema(state, _STATE_SCHEMA, where, "history")
        measured, when = state["history"], state["epochs_of"]
        rising = all((np.diff(epochs) > 0).all() for epochs in (state["epoch"], *when.values()))
        fits = measured.keys() == when.keys() and all(
            len(measured[name]) == len(when[name]) and np.isin(when[name], state["epoch"]).all()
            for name in measured
        )
        fits &= len(state.get("learning_rate", state["epoch"])) == len(state["epoch"])
        if not rising or not fits or (state["epoch"] < 0).any():
            raise FileError(f"{where} is damaged: its history has values of epochs that it does not have")

    def metrics(self) -> list[str]:
        """Return the names of the metrics, each once: ``"loss"`` stands for ``"val_loss"`` too.

        The learning rate is a setting, and none of them.
        """
        names = dict.fromkeys(name.removeprefix(VALIDATION_PREFIX) for name in self.history)
        return [name for name in names if name not in LEARNING_RATE_NAMES]

    def to_frame(self) -> pd.DataFrame:
        """Return a table with one row per epoch and one column per metric; NaN where one was not logged."""
        import pandas as pd

        columns = {
            name: pd.Series(values, index=self.epochs_of(name)) for name, values in self.history.items()
        }
        index = pd.Index(self.epoch, name="epoch")
        return pd.DataFrame({name: column.reindex(index) for name, column in columns.items()}, index=index)

    def plot(self, ax: Axes | Sequence[Axes] | NDArray[Any] | None = None) -> list[Axes]:
        """Draw the learning curves and return their axes.

        Each metric has axes of its own, with its training and validation curves. A training value is the
        mean over an epoch in which the weights kept changing, a validation value belongs to the epoch's
        end: the training curve is therefore drawn half an epoch to the left. (Géron, *Hands-On Machine
        Learning*, chapter 10.)

        A learning rate that changed has axes of its own after the metrics'. What is far off is left out of
        the picture, which then says so, and a value that is not finite is named. Names are drawn as they are,
        never as formulas.

        ax: axes to draw on: one for all metrics, or a sequence with one for each, and one more for the learning
            rate if you like. New ones by default. On axes for all, the learning rate's scale is at the right.
        Nothing is shown: a notebook shows the figure by itself, a script calls ``plt.show()``.
        """
        from fitwell._plotting.history_plot import plot_history

        return plot_history(self, ax)

    def epochs_of(self, name: str) -> list[int]:
        """Return the epochs (from 0) after which metric `name` was logged, in the order of its values; maybe none."""
        known, count = self._epochs_of.get(name, []), len(self.history.get(name, []))
        # Someone may have put a list of their own into `history`; it is taken to begin at the first epoch.
        return known if len(known) == count else list(range(count))

    def __repr__(self) -> str:
        last = ", ".join(f"{name}={values[-1]:.4g}" for name, values in self.history.items() if values)
        return escape_controls(f"<History of {len(self.epoch)} epochs{': ' + last if last else ''}>")


def to_float(value: Any) -> float | None:
    """Return a number, or an array that holds one, as a float; None for anything else."""
    if isinstance(value, int | float | np.number | np.bool_):
        return float(value)
    if getattr(value, "ndim", None) == 0 and hasattr(value, "dtype"):
        return float(value)
    return None
