"""The `TensorBoard` callback, which writes a run's curves, histograms and graph without TensorFlow."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from fitwell._callback import Callback, Logs
from fitwell._history import to_float
from fitwell._param_validation import Boolean, FilePath, Integer, ListOf, Options, validate_params
from fitwell._typing import PathType
from fitwell.callbacks.model_inspector import ModelInspector
from fitwell.errors import InvalidArgument
from fitwell.events import EventWriter
from fitwell.events.tag_names import TagNames

__all__ = ["TensorBoard"]

# Number of rows for which gradients and activations are computed. This is enough for a histogram, and cheap compared
# with an epoch.
_ROWS = 256


class TensorBoard(Callback):
    """A callback that writes event files for TensorBoard, which ``fitwell board LOG_DIR`` starts.

    An epoch's metrics have tags such as ``epoch_loss`` and are plotted against the 0-based epoch, as in
    Keras. ``epoch_learning_rate`` is the rate after the epoch. If the callback is passed to `evaluate`, it
    writes tags such as ``evaluation_loss_vs_iterations``, which are plotted against the number of updates.
    Use `fitwell.events` to write figures, images, strings, audio and hyperparameters.

    Unlike in Keras, automatic layer names are numbered within each model, not within the process. The first
    unnamed `Dense` layer is ``dense`` in every model, so the curves of two models appear in the same charts.
    A background thread writes the files. A resumed run writes to a new file. Epochs that it repeats are
    written again, with the same values.

    Args:
        log_dir (str | PathLike): Folder for the run. TensorBoard shows its subfolders ``train/`` and
            ``validation/`` as two curves in one chart. Default: ``"logs"``.
        histogram_freq (int): Number of epochs between histograms of every weight (``dense/kernel/histogram``), of its
            gradient (``dense/kernel/gradient``) and of every layer's output (``dense/activation``). Gradients
            and outputs are computed for the first 256 training rows. If 0, no histograms are written.
            Default: 0.
        write_graph (bool): Whether to write the model's graph. Default: True.
        write_images (bool): Whether to write weights as images too, if `histogram_freq` is not 0. Default:
            False.
        write_steps_per_second (bool): Whether to write the number of steps per second. Default: False.
        update_freq (str | int): ``"epoch"``, or a number of batches (``"batch"`` means 1) after which the
            metrics so far are written. They have tags such as ``batch_loss`` and are plotted against the
            number of updates. Default: ``"epoch"``.
        profile_batch (int | tuple[int, int]): The 1-based batch, or the first and the last batch, that JAX's
            profiler records. TensorBoard shows the profile if the package ``tensorboard-plugin-profile`` or
            ``xprof`` is installed. If 0, no profile is recorded. Default: 0.
        embeddings_freq (int): Not supported. Values other than 0 raise `InvalidArgument`. Default: 0.
        embeddings_metadata (Any): Not supported. Values other than None raise `InvalidArgument`. Default:
            None.

    Raises:
        InvalidArgument: if an embeddings argument is given, or `profile_batch` is not a valid range.
        MissingExtra: if the package ``tensorboard`` is not installed.

    Example:
        >>> import fitwell as fw, numpy as np, os, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> model = fw.Sequential([fw.layers.Dense(1, input_shape=(1,))])
        >>> model.compile("sgd", "mse")
        >>> board = fw.callbacks.TensorBoard(folder)
        >>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=2, verbose=0, callbacks=[board])
        >>> os.listdir(folder)
        ['train']

    Source: Keras `TensorBoard`.
    """

    evaluate_only_hooks = frozenset({"on_test_end"})

    @validate_params(
        log_dir=FilePath(),
        histogram_freq=Integer(0),
        write_graph=Boolean(),
        write_images=Boolean(),
        write_steps_per_second=Boolean(),
        update_freq=(Integer(1) | Options("epoch", "batch")).described_as(
            "'epoch', 'batch' or a number of batches"
        ),
        profile_batch=(Integer(0) | ListOf(Integer(1), 2)).described_as(
            "a 1-based batch or a pair (first, last)"
        ),
    )
    def __init__(
        self,
        log_dir: PathType = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int | tuple[int, int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        if embeddings_freq or embeddings_metadata is not None:
            raise InvalidArgument(
                "TensorBoard: embeddings_freq and embeddings_metadata are not supported; leave them out"
            )
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = _parse_update_freq(update_freq)
        self.profile_batch = _parse_profile_batch(profile_batch)
        self._writers: dict[str, EventWriter] = {}
        self._example: Any = None
        self._inspector: ModelInspector | None = None
        self._profiling = False
        # Number of the run's batch for which `on_train_batch_end` is called next. A resumed run does not
        # begin at 0.
        self._next_batch = 0
        self._clock = (0, 0.0)

    def set_model(self, model: Any) -> None:
        """Store the model and its layers' tags."""
        super().set_model(model)
        self._tags = TagNames(model)

    def set_example(self, batch: Any) -> None:
        """Store the rows for which gradients and activations are computed."""
        self._example = batch

    def steps_until_next_call(self, batches: int) -> int | None:
        """Return the number of batches until metrics are due or the profiler must start or stop.

        The result is None if neither will happen again.
        """
        candidates = [self.update_freq - batches % self.update_freq] if self.update_freq else []
        if self.profile_batch is not None:
            candidates += [mark - batches for mark in self._profile_bounds() if mark > batches]
        steps = min(candidates, default=None)
        self._next_batch = batches + (steps or 0)
        return steps

    def _profile_bounds(self) -> tuple[int, int]:
        assert self.profile_batch is not None
        return self.profile_batch[0] - 1, self.profile_batch[1]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the files and write the graph."""
        self._close()
        self._inspector = None
        self._clock = (self._num_updates(), time.perf_counter())
        if self.write_graph:
            self._writer("train").graph(self.model)
        if self.profile_batch is not None and self._profile_bounds()[0] == 0:
            self._toggle_profiler(True)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write the metrics so far, and start or stop the profiler, if they are due."""
        updates, done = self._num_updates(), self._next_batch
        if self.update_freq and done % self.update_freq == 0:
            for name, value in (logs or {}).items():
                self._writer("train").scalar(f"batch_{self._tags.log_tag(name)}", value, updates)
            if self.write_steps_per_second:
                self._write_speed("batch_steps_per_second", updates)
        if self.profile_batch is not None and done in self._profile_bounds():
            self._toggle_profiler(done == self._profile_bounds()[0])

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the metrics of the epoch, and histograms if they are due."""
        rate = {"learning_rate": float(self.model.optimizer.learning_rate)}
        for name, value in (rate | dict(logs or {})).items():
            number = to_float(value)
            if number is None:
                continue  # a callback logged a value that is not a number, which `fit` warns about
            part = "validation" if name.startswith("val_") else "train"
            tag = self._tags.log_tag(name.removeprefix("val_"))
            self._writer(part).scalar(f"epoch_{tag}", number, epoch)
        if self.write_steps_per_second and not self.update_freq:
            self._write_speed("epoch_steps_per_second", epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_histograms(epoch)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Write the results of `evaluate`. During `fit`, `on_epoch_end` writes the validation results."""
        if "epochs" in self.params:
            return
        for name, value in (logs or {}).items():
            tag = f"evaluation_{self._tags.log_tag(name)}_vs_iterations"
            self._writer("validation").scalar(tag, value, self._num_updates())
        self._close()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Flush and close the files."""
        self._close()

    def _write_histograms(self, epoch: int) -> None:
        writer, session = self._writer("train"), self.model._session
        state = session.pull()
        names = self._tags.variable_tags({**session.program.trainable, **session.program.non_trainable})
        for path, value in {**state.trainable, **state.non_trainable}.items():
            writer.histogram(f"{names[path]}/histogram", value, epoch)
            if self.write_images:
                _write_weight_image(writer, f"{names[path]}/image", value, epoch)
        if self._inspector is None:
            self._inspector = ModelInspector(session.program, _ROWS, self._tags.layer_tag)
        for path, gradient in self._inspector.gradients(state, self._example).items():
            writer.histogram(f"{names[path]}/gradient", gradient, epoch)
        for name, output in self._inspector.activations(state, self._example).items():
            writer.histogram(f"{name}/activation", output, epoch)

    def _write_speed(self, name: str, step: int) -> None:
        (updates, then), now = self._clock, (self._num_updates(), time.perf_counter())
        self._clock = now
        self._writer("train").scalar(name, (now[0] - updates) / max(now[1] - then, 1e-9), step)

    def _toggle_profiler(self, on: bool) -> None:
        if on:
            jax.profiler.start_trace(os.path.join(self.log_dir, "train"))
        elif self._profiling:
            jax.profiler.stop_trace()
        self._profiling = on

    def _num_updates(self) -> int:
        return int(self.model.optimizer.step.value)

    def _writer(self, part: str) -> EventWriter:
        if part not in self._writers:
            self._writers[part] = EventWriter(os.path.join(self.log_dir, part))
        return self._writers[part]

    def _close(self) -> None:
        self._toggle_profiler(False)
        writers: Mapping[str, EventWriter] = self._writers
        self._writers = {}
        for writer in writers.values():
            writer.close()


def _write_weight_image(writer: EventWriter, name: str, value: Any, step: int) -> None:
    """Write a vector or matrix as one gray image, and a convolution kernel as one image per filter."""
    weights = np.asarray(value, np.float32)
    if weights.ndim < 3:
        images = weights.reshape((1, *(1,) * (2 - weights.ndim), *weights.shape, 1))
    elif weights.ndim == 4:
        images = weights.mean(axis=2).transpose(2, 0, 1)[..., None]
    else:
        return  # not displayable as images
    low, high = float(images.min()), float(images.max())
    writer.image(name, (images - low) / ((high - low) or 1.0), step)


def _parse_update_freq(update_freq: Any) -> int:
    """Return the number of batches between writes, or 0 for ``"epoch"``."""
    if update_freq == "epoch":
        return 0
    if update_freq == "batch":
        return 1
    return int(update_freq)


def _parse_profile_batch(profile_batch: Any) -> tuple[int, int] | None:
    """Return the first and the last batch to profile, or None."""
    if profile_batch == 0:
        return None
    bounds = (profile_batch, profile_batch) if isinstance(profile_batch, int) else tuple(profile_batch)
    if bounds[0] > bounds[1]:
        raise InvalidArgument(
            f"TensorBoard: profile_batch must be a 1-based batch or a pair (first, last) with first <= last, got "
            f"{profile_batch!r}"
        )
    return bounds[0], bounds[1]
