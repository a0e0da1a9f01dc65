"""The `ModelCheckpoint` callback, which saves the model or its weights during training."""

from __future__ import annotations

import math
import os
import string
from collections.abc import Sequence
from typing import Any

from fitwell._callback import Logs
from fitwell._deprecation import warn_deprecated
from fitwell._file_io import check_path, os_error_reason
from fitwell._param_validation import Boolean, FilePath, Integer, Options, Real, validate_params
from fitwell._progress import CALLBACK_VERBOSE, print_message
from fitwell._schema import NULL, NUMBER, POSITION, UnionSchema, check_schema
from fitwell._typing import PathType
from fitwell.callbacks.callback_list import has_user_defined_hooks
from fitwell.callbacks.metric_mode import MODE, MONITOR
from fitwell.callbacks.monitor_mode import MonitorModeMixin
from fitwell.errors import FileError, InvalidArgument, did_you_mean, warn

__all__ = ["ModelCheckpoint"]

_STATE = {"best": UnionSchema((NUMBER, NULL)), "epoch": POSITION}
_MODEL_FILES = (".keras", ".h5")
_WEIGHTS_FILES = (".h5", ".npz", ".safetensors")


class ModelCheckpoint(MonitorModeMixin):
    """A callback that saves the model or its weights during training.

    A value that is not finite never counts as the best. If the callback is used in a second call to `fit`, it starts
    again from `initial_value_threshold`. A run that is resumed from a checkpoint keeps its `best`.

    Args:
        filepath (str | PathLike): Path of the file. It may contain ``{epoch}`` (1-based), ``{batch}``
            (1-based, only if `save_freq` is a number) and every logged name. Each may have a format, as in
            ``"{epoch:02d}-{val_loss:.2f}.keras"``. The path must end in ``.keras`` or ``.h5``. If
            `save_weights_only` is True, it must end in ``.weights.h5``, ``.h5``, ``.npz`` or
            ``.safetensors``. Missing folders are created.
        monitor (str): Name of a metric, or of a value that an earlier callback adds to the logs. Default:
            ``"val_loss"``.
        verbose (int): If 1, print what was saved and why. Default: 0.
        save_best_only (bool): Whether to save only if `monitor` is better than at every earlier save.
            Default: False.
        save_weights_only (bool): Whether to save the weights instead of the whole model. Default: False.
        mode (str): ``"min"`` if smaller values are better, ``"max"`` if larger values are better, or ``"auto"`` to
            infer this from the metric. Default: ``"auto"``.
        save_freq (str | int): ``"epoch"``, or a number of batches, which are counted across epochs. If it is
            a number, `monitor` is computed from the epoch's batches so far, so it cannot be a validation value.
            Default: ``"epoch"``.
        initial_value_threshold (float | None): Value that the first save must improve on. Default: None.
        period (int | None): Deprecated. 1 means ``save_freq="epoch"``, and other values raise
            `InvalidArgument`. Default: None.

    Attributes:
        best (float | None): The best value of `monitor` so far.

    Raises:
        InvalidArgument: if `filepath` or `monitor` refers to a value that is not logged.
        FileError: if a folder cannot be created or a file cannot be written.

    Example:
        >>> import fitwell as fw, numpy as np, os, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> model = fw.Sequential([fw.layers.Dense(1, input_shape=(1,))])
        >>> model.compile("sgd", "mse")
        >>> path = os.path.join(folder, "{epoch:02d}.keras")
        >>> checkpoint = fw.callbacks.ModelCheckpoint(path)
        >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=2, verbose=0, callbacks=[checkpoint])
        >>> sorted(os.listdir(folder))
        ['01.keras', '02.keras']

    Source: Keras `ModelCheckpoint`.
    """

    @validate_params(
        filepath=FilePath(),
        monitor=MONITOR,
        verbose=CALLBACK_VERBOSE,
        save_best_only=Boolean(),
        save_weights_only=Boolean(),
        mode=MODE,
        save_freq=(Integer(1) | Options("epoch")).described_as("'epoch' or a number of batches"),
        initial_value_threshold=Real() | None,
        period=Integer(1) | None,
    )
    def __init__(
        self,
        filepath: PathType,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        period: int | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        if period is not None:
            _check_period(period)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.initial_value_threshold = initial_value_threshold
        self.best = initial_value_threshold
        self._epoch = 0
        # Whether earlier callbacks may log values that are not metrics, and whether `monitor` was logged.
        self._has_extra_logs = False
        self._monitor_seen = False
        self._check_arguments()

    def _check_arguments(self) -> None:
        endings = _WEIGHTS_FILES if self.save_weights_only else _MODEL_FILES
        if not self.filepath.endswith(endings):
            contents = "save_weights_only=True" if self.save_weights_only else "a whole model"
            raise InvalidArgument(
                f"ModelCheckpoint: for {contents}, filepath must end in {' or '.join(endings)}, got {self.filepath!r}"
            )
        if self.saves_by_batch and self.save_best_only and self.monitor.startswith("val_"):
            raise InvalidArgument(
                f"ModelCheckpoint: monitor={self.monitor!r} is measured only at the end of an epoch; "
                "use save_freq='epoch', or monitor a training value such as 'loss'"
            )

    @property
    def saves_by_batch(self) -> bool:
        """Whether `save_freq` counts batches."""
        return self.save_freq != "epoch"

    def steps_until_next_call(self, batches: int) -> int | None:
        """Return the number of batches until the next save, or None if `save_freq` is ``"epoch"``."""
        return int(self.save_freq) - batches % int(self.save_freq) if self.saves_by_batch else None

    def set_previous_callbacks(self, before: Sequence[Any]) -> None:
        """Find out whether the callbacks before this one may log values that are not metrics."""
        self._has_extra_logs = any(map(has_user_defined_hooks, before))

    def get_state(self) -> dict[str, Any]:
        """Return the best value so far and the current epoch."""
        return {"best": self.best, "epoch": self._epoch}

    def set_state(self, state: Any) -> None:
        """Restore the best value so far and the current epoch."""
        check_schema(state, _STATE, "ModelCheckpoint: its state in the checkpoint")
        self.best, self._epoch = state["best"], state["epoch"]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Reset the best value, and check that all names in `filepath` are logged."""
        self.best = self.initial_value_threshold
        self._monitor_seen = False
        measured = list(self.params.get("metrics", []))
        if self.save_best_only and self.monitor not in measured and not self._has_extra_logs:
            raise self._unknown_metric_error(f"monitor={self.monitor!r}", self.monitor, measured)
        names = [field for _, field, _, _ in _format_fields(self.filepath)]
        available = ["epoch", *(["batch"] if self.saves_by_batch else []), *measured]
        if self.saves_by_batch:
            available = [name for name in available if not name.startswith("val_")]
        for name in names:
            if name not in available and not self._has_extra_logs:
                raise self._unknown_metric_error(f"{{{name}}} in {self.filepath!r}", name, available)

    def _unknown_metric_error(self, subject: str, name: str, known: list[str]) -> InvalidArgument:
        hint = did_you_mean(name, known)
        if name.startswith("val_") and not any(other.startswith("val_") for other in known):
            hint = "; pass validation_data or validation_split." if not self.saves_by_batch else ""
        return InvalidArgument(
            f"ModelCheckpoint: {subject} is not measured{hint or '.'} The known values are: {', '.join(known)}. (If a "
            "callback logs it, that callback must come before ModelCheckpoint.)"
        )

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Store the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save after a batch. The run calls this hook only when a save is due."""
        self._maybe_save({"epoch": self._epoch + 1, "batch": batch + 1}, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save after an epoch, if `save_freq` is ``"epoch"``."""
        if not self.saves_by_batch:
            self._maybe_save({"epoch": epoch + 1}, logs or {})

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Warn if the monitored value was never logged."""
        if self.save_best_only and self._has_extra_logs and not self._monitor_seen:
            warn(
                f"ModelCheckpoint: nothing was saved, because no epoch logged {self.monitor!r}; logged values: "
                f"{', '.join(logs or {}) or 'nothing'}",
            )

    def _maybe_save(self, numbers: dict[str, int], logs: Logs) -> None:
        when = f"Epoch {numbers['epoch']}"
        if self.save_best_only and not self._is_improvement(when, logs):
            return
        path = check_path(self._format_path(numbers, logs), "ModelCheckpoint: filepath")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"ModelCheckpoint: the folder {str(path.parent)!r} cannot be created: {os_error_reason(error)}"
            ) from None
        (self.model.save_weights if self.save_weights_only else self.model.save)(str(path))
        if self.verbose:
            print_message(f"{when}: saved the {'weights' if self.save_weights_only else 'model'} to {path}")

    def _is_improvement(self, when: str, logs: Logs) -> bool:
        if self.monitor not in logs:
            return False  # this epoch has no validation
        self._monitor_seen = True
        value = float(logs[self.monitor])
        worse = -math.inf if self.mode == "max" else math.inf
        before = worse if self.best is None else self.best
        better = math.isfinite(value) and (value > before if self.mode == "max" else value < before)
        if self.verbose:
            known = "None" if self.best is None else f"{self.best:.5f}"
            verb = f"improved from {known} to" if better else f"did not improve from {known}:"
            print_message(f"{when}: {self.monitor} {verb} {value:.5f}")
        if better:
            self.best = value
        return better

    def _format_path(self, numbers: dict[str, int], logs: Logs) -> str:
        try:
            return self.filepath.format(**{**logs, **numbers})
        except KeyError as error:
            raise InvalidArgument(
                f"ModelCheckpoint: {{{error.args[0]}}} in {self.filepath!r} was not measured in epoch "
                f"{numbers['epoch']}; measured values: {', '.join(logs)}"
            ) from None
        except (ValueError, TypeError) as error:
            raise _invalid_pattern_error(self.filepath, error) from None


def _format_fields(pattern: str) -> list[tuple[str, str, str, str]]:
    """Return the replacement fields in a format string."""
    try:
        parsed = list(string.Formatter().parse(pattern))
    except ValueError as error:
        raise _invalid_pattern_error(pattern, error) from None
    return [(text, field, spec or "", how or "") for text, field, spec, how in parsed if field is not None]


def _invalid_pattern_error(pattern: str, error: Exception) -> InvalidArgument:
    return InvalidArgument(f"ModelCheckpoint: {pattern!r} is not a valid file name pattern: {error}")


def _check_period(period: int) -> None:
    if period != 1:
        raise InvalidArgument(
            f"ModelCheckpoint: the deprecated argument period={period!r} is not supported; to save every "
            f"{period!r} epochs, set save_freq to {period!r} * (batches per epoch)"
        )
    warn_deprecated("ModelCheckpoint(period=1)", "ModelCheckpoint(save_freq='epoch'), or leave it out")
