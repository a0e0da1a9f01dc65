"""TensorBoard: a run as curves, histograms and a graph, in event files written without TensorFlow."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from fitwell._history import to_float
from fitwell._param_validation import Boolean, FilePath, Integer, ListOf, Options, validate_params
from fitwell.callbacks.callback import Callback, Logs
from fitwell.callbacks.model_inspector import ModelInspector
from fitwell.errors import InvalidArgument
from fitwell.events import EventWriter
from fitwell.events.tag_names import TagNames

# Rows whose gradients and activations are looked at: enough for a histogram, cheap beside an epoch.
_ROWS = 256


class TensorBoard(Callback):
    """Write what TensorBoard shows; ``fitwell board LOG_DIR`` starts it.

    Parameters
    ----------
    log_dir: the folder of the run; its folders ``train/`` and ``validation/`` show as two curves in one chart.
    histogram_freq: every so many epochs write histograms of every weight (``dense/kernel/histogram``), of its gradient
        (``…/gradient``) and of every layer's output (``dense/activation``), the latter two for the first 256 training
        rows. 0: never.
    write_graph: draw the model. write_images: with `histogram_freq`, weights as images too.
    write_steps_per_second: a curve of the speed.
    update_freq: ``"epoch"``; or a number of batches (``"batch"`` is 1) after which the metrics so far are written, as
        ``batch_loss`` and the like, over the number of updates.
    profile_batch: a batch (from 1), or a pair of them, during which JAX's profiler records; TensorBoard shows it with
        the package ``tensorboard-plugin-profile`` (or ``xprof``).
    embeddings_freq, embeddings_metadata: not supported, and refused.

    Names of layers that were made automatically count within the model, not within the process as in Keras: the first
    `Dense` without a name is ``dense`` in every model, so that charts show two models in one.

    Metrics of an epoch are ``epoch_loss`` and the like, over the number of the epoch from 0, as in Keras;
    ``epoch_learning_rate`` is the rate after it. Given to `evaluate`, it writes ``evaluation_loss_vs_iterations`` and
    the like, over the number of updates. Figures, images, texts, sounds and hyperparameters are written with
    `fitwell.events`. Writing is done on a thread. A resumed run goes on in a file of its own; epochs that it does
    again are written again, with the same values.
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
            "a batch (from 1) or a pair (first, last)"
        ),
    )
    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
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
        # The batch of the run that `on_train_batch_end` is called for: a resumed run does not begin at 0.
        self._next_batch = 0
        self._clock = (0, 0.0)

    def set_model(self, model: Any) -> None:
        """Remember the model, and what to call its layers."""
        super().set_model(model)
        self._tags = TagNames(model)

    def set_example(self, batch: Any) -> None:
        """Keep the rows to look at."""
        self._example = batch

    def steps_until_next_call(self, batches: int) -> int | None:
        """Return the batches until metrics are due, or the profiler has to be started or stopped."""
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
        """Open the files and draw the model."""
        self._close()
        self._inspector = None
        self._clock = (self._num_updates(), time.perf_counter())
        if self.write_graph:
            self._writer("train").graph(self.model)
        if self.profile_batch is not None and self._profile_bounds()[0] == 0:
            self._toggle_profiler(True)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write the metrics so far, and turn the profiler on and off, when it is time."""
        updates, done = self._num_updates(), self._next_batch
        if self.update_freq and done % self.update_freq == 0:
            for name, value in (logs or {}).items():
                self._writer("train").scalar(f"batch_{self._tags.log_tag(name)}", value, updates)
            if self.write_steps_per_second:
                self._write_speed("batch_steps_per_second", updates)
        if self.profile_batch is not None and done in self._profile_bounds():
            self._toggle_profiler(done == self._profile_bounds()[0])

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the metrics of the epoch, and histograms when it is time."""
        rate = {"learning_rate": float(self.model.optimizer.learning_rate)}
        for name, value in (rate | dict(logs or {})).items():
            number = to_float(value)
            if number is None:
                continue  # a callback logged something else, which `fit` warns of
            part = "validation" if name.startswith("val_") else "train"
            tag = self._tags.log_tag(name.removeprefix("val_"))
            self._writer(part).scalar(f"epoch_{tag}", number, epoch)
        if self.write_steps_per_second and not self.update_freq:
            self._write_speed("epoch_steps_per_second", epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_histograms(epoch)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Write the results of `evaluate`, over the number of updates; those of `fit` are in its epochs."""
        if "epochs" in self.params:
            return
        for name, value in (logs or {}).items():
            tag = f"evaluation_{self._tags.log_tag(name)}_vs_iterations"
            self._writer("validation").scalar(tag, value, self._num_updates())
        self._close()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Write what is left and close the files."""
        self._close()

    def _write_histograms(self, epoch: int) -> None:
        writer, session = self._writer("train"), self.model._session
        state = session.pull_variables(session.train_state)
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
    """Write a vector or matrix as one grey image, a convolution's kernel as one for each of its filters."""
    weights = np.asarray(value, np.float32)
    if weights.ndim < 3:
        images = weights.reshape((1, *(1,) * (2 - weights.ndim), *weights.shape, 1))
    elif weights.ndim == 4:
        images = weights.mean(axis=2).transpose(2, 0, 1)[..., None]
    else:
        return  # no way to look at it in a plane
    low, high = float(images.min()), float(images.max())
    writer.image(name, (images - low) / ((high - low) or 1.0), step)


def _parse_update_freq(update_freq: Any) -> int:
    """Return a number of batches, 0 for none."""
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
            f"TensorBoard: profile_batch must be a batch (from 1) or a pair (first, last), got {profile_batch!r}"
        )
    return bounds[0], bounds[1]
