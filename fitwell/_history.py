"""`History`: the logs of every epoch of a run, and its learning curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell._callback import Callback, Logs
from fitwell._deprecation import warn_deprecated
from fitwell._escaping import escape_controls
from fitwell._log_names import LEARNING_RATE_NAMES, VALIDATION_PREFIX
from fitwell._param_validation import Instance, validate_params
from fitwell._schema import DictSchema, OptionalKey, array_schema, check_schema
from fitwell.errors import FileError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = [
    "History",
    "to_float",
]


_EPOCHS_SCHEMA = array_schema("i", 1)
_VALUES_SCHEMA = array_schema("f", 1)
_ARRAYS_SCHEMA = {
    "epoch": _EPOCHS_SCHEMA,
    "history": DictSchema(_VALUES_SCHEMA),
    "epochs_of": DictSchema(_EPOCHS_SCHEMA),
    "learning_rate": OptionalKey(_VALUES_SCHEMA),
}


class _Columns(dict[str, list[float]]):
    """A dict that maps metric names to one value per epoch. ``lr`` is a deprecated alias of ``learning_rate``."""

    def __missing__(self, name: str) -> list[float]:
        if name != "lr" or "learning_rate" not in self:
            raise KeyError(name)
        warn_deprecated('history["lr"]', 'history["learning_rate"]')
        return self["learning_rate"]


class History(Callback):
    """The logs of all epochs of a run. `fit` returns this object.

    As in Keras, it is also a callback. If you pass a `History` to `fit`, it contains the same values as the returned
    history. Passing one is necessary only if code needs the object before the run ends.

    Args:
        params (Mapping | None): Settings of the run. Default: None.

    Attributes:
        history (dict[str, list[float]]): One float per logged epoch, keyed by metric name. If the learning rate
            changes, the list ``learning_rate`` contains the rate at the end of each epoch, before callbacks change it.
            With a schedule, this is the rate of the next step, like ``optimizer.learning_rate`` in Keras.
        epoch (list[int]): The 0-based numbers of the epochs.
        learning_rate (list[float]): The learning rate of each epoch, even if it is constant. It is NaN if the optimizer
            has no learning rate, or if the epoch was loaded from an old file that does not contain the learning rate.
        params (dict): Settings of the run (``epochs``, ``steps``, ``verbose``).

    Example:
        >>> import fitwell as fw, numpy as np
        >>> model = fw.Sequential([fw.layers.Dense(1, kernel_initializer="zeros", input_shape=(1,))])
        >>> model.compile(fw.optimizers.SGD(0.5), "mae")
        >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=2, verbose=0)
        >>> history.history["loss"], history.learning_rate
        ([1.0, 0.0], [0.5, 0.5])

    Source: Keras `History`.
    """

    @validate_params(params=Instance(Mapping, "a dict") | None)
    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = _Columns()
        self.epoch: list[int] = []
        self.learning_rate: list[float] = []
        self.params: dict[str, Any] = dict(params or {})
        # A metric may be logged in only some epochs (`validation_freq`), so each has a separate list of epochs.
        self._epochs_of: dict[str, list[int]] = {}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Share the lists of the run's history, so that both objects contain the same values."""
        run = self.model.history
        if run is not None:
            self.history, self._epochs_of = run.history, run._epochs_of
            self.epoch, self.learning_rate = run.epoch, run.learning_rate

    def append(self, epoch: int, logs: Mapping[str, Any] | None, learning_rate: float = math.nan) -> None:
        """Append the `logs` and the `learning_rate` of epoch number `epoch` (0-based)."""
        self.epoch.append(int(epoch))
        self.learning_rate.append(learning_rate)
        self._add(int(epoch), logs or {})

    def update_last(self, logs: Mapping[str, Any]) -> None:
        """Replace the logs of the last epoch with `logs`."""
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
        """Set `name` to `value` in all epochs so far."""
        self.history[name] = [float(value)] * len(self.epoch)
        self._epochs_of[name] = list(self.epoch)

    def extend(
        self, epochs: range, columns: Mapping[str, Sequence[float]], learning_rate: Sequence[float]
    ) -> None:
        """Append the logs and learning rates of multiple `epochs`.

        `columns` maps each name to one value per epoch.
        """
        self.epoch.extend(epochs)
        self.learning_rate.extend(learning_rate)
        for name, values in columns.items():
            self.history.setdefault(name, []).extend(values)
            self._epochs_of.setdefault(name, []).extend(epochs)

    def to_arrays(self) -> dict[str, Any]:
        """Return all values as arrays, which `restore_arrays` can read."""
        values = {name: np.array(values, np.float64) for name, values in self.history.items()}
        when = {name: np.array(epochs, np.int64) for name, epochs in self._epochs_of.items()}
        return {
            "epoch": np.array(self.epoch, np.int64),
            "history": values,
            "epochs_of": when,
            "learning_rate": np.array(self.learning_rate, np.float64),
        }

    def restore_arrays(self, arrays: Mapping[str, Any]) -> None:
        """Replace all values in place with the values that `to_arrays` returned."""
        self.epoch[:] = arrays["epoch"].tolist()
        self.history.clear()
        self.history.update((name, values.tolist()) for name, values in arrays["history"].items())
        self._epochs_of.clear()
        self._epochs_of.update((name, epochs.tolist()) for name, epochs in arrays["epochs_of"].items())
        if "learning_rate" in arrays:
            self.learning_rate[:] = arrays["learning_rate"].tolist()
        else:
            logged = dict(
                zip(self.epochs_of("learning_rate"), self.history.get("learning_rate", []), strict=True)
            )
            self.learning_rate[:] = [logged.get(epoch, math.nan) for epoch in self.epoch]

    @staticmethod
    def check_arrays(arrays: Any, where: str) -> None:
        """Raise `FileError` if `arrays` is not a valid history.

        Args:
            arrays: The arrays that were read from a file.
            where: The name of the file in error messages.
        """
        check_schema(arrays, _ARRAYS_SCHEMA, where, "history")
        measured, when = arrays["history"], arrays["epochs_of"]
        rising = all((np.diff(epochs) > 0).all() for epochs in (arrays["epoch"], *when.values()))
        fits = measured.keys() == when.keys() and all(
            len(measured[name]) == len(when[name]) and np.isin(when[name], arrays["epoch"]).all()
            for name in measured
        )
        fits &= len(arrays.get("learning_rate", arrays["epoch"])) == len(arrays["epoch"])
        if not rising or not fits or (arrays["epoch"] < 0).any():
            raise FileError(
                f"{where} is damaged: the epochs in its history are invalid or do not match its values"
            )

    def metrics(self) -> list[str]:
        """Return the distinct metric names, with the prefix ``"val_"`` removed. The learning rate is left out."""
        names = dict.fromkeys(name.removeprefix(VALIDATION_PREFIX) for name in self.history)
        return [name for name in names if name not in LEARNING_RATE_NAMES]

    def to_frame(self) -> pd.DataFrame:
        """Return a data frame with one row per epoch and one column per metric. Missing values are NaN.

        Returns:
            pandas.DataFrame: The values, indexed by the 0-based ``epoch``.
        """
        import pandas as pd

        columns = {
            name: pd.Series(values, index=self.epochs_of(name)) for name, values in self.history.items()
        }
        index = pd.Index(self.epoch, name="epoch")
        return pd.DataFrame({name: column.reindex(index) for name, column in columns.items()}, index=index)

    def plot(self, ax: Axes | Sequence[Axes] | NDArray[Any] | None = None) -> list[Axes]:
        """Plot the learning curves.

        Each metric has a separate plot, which shows its training curve and its validation curve. A training value is
        the mean over an epoch in which the weights change, whereas a validation value is measured at the end of the
        epoch. The training curve is therefore shifted to the left by half an epoch (Géron, *Hands-On Machine
        Learning*, chapter 10). If the learning rate changes, it has a plot after the metrics. Outliers and
        nonfinite values are omitted and mentioned in a note. The figure is not displayed automatically:
        a notebook displays it, and a script must call ``plt.show()``.

        Args:
            ax (Axes | Sequence[Axes] | None): Either one axes for all metrics, with the scale of the learning
                rate on the right, or one axes for each metric and optionally one for the learning rate.
                Defaults to None, which creates new axes.

        Returns:
            list[matplotlib.axes.Axes]: The axes.
        """
        from fitwell._plotting.history_plot import plot_history

        return plot_history(self, ax)

    def epochs_of(self, name: str) -> list[int]:
        """Return the 0-based epochs in which `name` was logged, in the order of its values."""
        known, count = self._epochs_of.get(name, []), len(self.history.get(name, []))
        # If the user assigned a list in `history`, its values start at epoch 0.
        return known if len(known) == count else list(range(count))

    def __repr__(self) -> str:
        last = ", ".join(f"{name}={values[-1]:.4g}" for name, values in self.history.items() if values)
        return escape_controls(
            f"<History of {len(self.epoch)} epoch{'s' * (len(self.epoch) != 1)}{': ' + last if last else ''}>"
        )


def to_float(value: Any) -> float | None:
    """Convert a number or a zero-dimensional array to a float.

    Return None for other values.
    """
    if isinstance(value, int | float | np.number | np.bool_):
        return float(value)
    if getattr(value, "ndim", None) == 0 and hasattr(value, "dtype"):
        return float(value)
    return None
