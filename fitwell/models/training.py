"""`fit`, `evaluate` and `predict`: make the feed, make the state, loop over dispatches, hand the logs out."""

from __future__ import annotations

import dataclasses
import itertools
import math
import signal
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from fitwell import config
from fitwell.callbacks.base import CallbackList
from fitwell.callbacks.rates import check_owners
from fitwell.data.feeds import (
    MOST_EPOCHS,
    MOST_TOGETHER,
    ArrayFeed,
    Batch,
    Feed,
    StreamFeed,
    Work,
    count_rows,
    plan,
)
from fitwell.engine.machine import Report, Results, Validation, batch_of, short
from fitwell.engine.pace import Pace
from fitwell.engine.policies import Policy
from fitwell.engine.state import TrainState
from fitwell.errors import DataError, InvalidArgument, MistakeWarning, NonFiniteWarning, nearest, warn
from fitwell.history import History
from fitwell.models import checks, packing
from fitwell.models.autopsy import explain_bad_step
from fitwell.models.categories import Targets
from fitwell.models.resuming import keeper_of
from fitwell.models.turns import LEARNING_RATE, Turns
from fitwell.progress import Progress
from fitwell.tracing import warn_of_changes

if TYPE_CHECKING:
    from fitwell.models.model import Model

# Rows evaluated together when nobody asked for a batch size: results are exact whatever it is.
EVALUATION_ROWS = 1024
# Without a display, how long a dispatch may take before Ctrl-C is heard.
PATIENCE_SECONDS = 0.5
# Where a batch could hold more rows than there are, so many of them count alike; with few rows an epoch takes less
# time than marking which of them are real.
_ROWS_ALIKE = 16
# Blocks of a stream that are in memory at once, as measured: on the device, as the rows that those are made of, being
# put together, waiting for their turn, being read.
_BLOCKS_AT_ONCE = 12

TEST_BATCH_HOOKS = ("on_test_batch_begin", "on_test_batch_end")


# What a fit asks of its machine, and what it is answered (None only to begin).
Dispatch = tuple[TrainState, Work, dict[str, np.ndarray]]
Outcome = tuple[TrainState, Report]
Dispatches = Generator[Dispatch, Outcome | None, None]


@dataclass
class Data:
    """Rows in memory (or in a memory map) or a stream of batches, packed for one model.

    by_class: whether the weights of `batch` count classes too, which is for learning only; own_weights: those
    that the rows came with.
    """

    batch: Batch | None = None
    stream: packing.Stream | None = None
    by_class: bool = False
    own_weights: Any = None

    @property
    def example(self) -> Batch:
        """Some rows, to learn shapes from."""
        if self.batch is not None:
            return self.batch
        assert self.stream is not None
        return self.stream.peek()

    @property
    def measured(self) -> Batch:
        """The rows as a validation counts them: as in Keras, without the weights of their classes."""
        assert self.batch is not None
        return dataclasses.replace(self.batch, weights=self.own_weights) if self.by_class else self.batch

    def split(self, fraction: float) -> tuple[Data, Data]:
        """Return the first rows and the last `fraction` of them (not shuffled before, as in Keras)."""
        if self.batch is None:
            raise InvalidArgument("validation_split needs arrays; pass validation_data with a generator")
        if not 0 < fraction < 1:
            raise InvalidArgument(f"validation_split must be between 0 and 1, got {fraction!r}")
        rows = count_rows(self.batch)
        cut = int(rows * (1 - fraction))
        if cut in (0, rows):
            raise InvalidArgument(f"validation_split={fraction} leaves one part of {rows} rows empty")
        head = jax.tree.map(lambda leaf: leaf[:cut], self.batch)
        tail = jax.tree.map(lambda leaf: leaf[cut:], self.measured)
        return Data(head), Data(tail)


def gather(
    model: Model, x: Any, y: Any, sample_weight: Any, class_weight: Any = None, *, learning: bool = False
) -> Data:
    """Pack what the user passed; arrays are converted, streams wrapped.

    learning: whether these are rows to learn from, whose categories are those that the model knows from now on.
    """

    def pack(x: Any, y: Any, weights: Any) -> Batch:
        return packing.apply_class_weight(class_weight, pack_rows(x, y, weights))

    def pack_rows(x: Any, y: Any, weights: Any) -> Batch:
        names = model.output_names_for(y)
        batch = Batch(
            packing.pack_inputs(x, model.input_names, model.expected_inputs()[0]),
            packing.pack_targets(y, names, Targets(model, names, learning)),
            packing.pack_weights(weights, names),
        )
        checks.check_lengths(batch)
        return batch

    if packing.is_stream(x):
        if y is not None or sample_weight is not None:
            raise InvalidArgument(
                "with a generator as x, targets and weights come from it: yield (x, y, weights), leave y out"
            )
        return Data(stream=packing.Stream(x, pack, lambda batch: model.runtime.check(batch)))
    batch = pack_rows(x, y, sample_weight)
    weighted = packing.apply_class_weight(class_weight, batch, whole=True)
    return Data(weighted, by_class=class_weight is not None, own_weights=batch.weights)


def gather_validation(model: Model, validation_data: Any) -> Data:
    """Pack ``(x, y)``, ``(x, y, weights)`` or a generator."""
    if packing.is_stream(validation_data):
        return gather(model, validation_data, None, None)
    if not isinstance(validation_data, list | tuple) or len(validation_data) not in (2, 3):
        raise InvalidArgument(
            "validation_data must be (x, y), (x, y, sample_weight) or a generator of such batches"
        )
    x, y, weights = packing.split_batch(tuple(validation_data))
    return gather(model, x, y, weights)


def make_feed(
    data: Data,
    batch_size: int | None,
    *,
    shuffle: bool,
    seed: int,
    pad: bool,
    steps: int | None,
    default: int = 32,
    most_epochs: int = 1,
) -> Feed:
    """Return the feed for `data`: resident arrays, memory maps above the budget from disk, or a stream."""
    size = default if batch_size is None else batch_size
    if data.stream is not None:
        if batch_size is not None:
            raise InvalidArgument(
                "batch_size cannot be given with a generator: its batches have their own size"
            )
        first = data.stream.peek()
        known = steps if steps is not None else data.stream.steps
        together = _batches_together(_size(first))
        return StreamFeed(data.stream.open_epoch, count_rows(first), steps=known, pad=pad, per_block=together)
    assert data.batch is not None
    total = count_rows(data.batch)
    if steps is None and not too_large(data.batch):
        # Fewer rows than a batch could have share its program with nearly as few, as short last batches do.
        alike = min(size, -(-total // _ROWS_ALIKE) * _ROWS_ALIKE)
        room = alike if 2 * _ROWS_ALIKE < total < size else None
        return ArrayFeed(
            data.batch, size, shuffle=shuffle, seed=seed, pad=pad, most_epochs=most_epochs, room=room
        )
    return _streamed_arrays(data.batch, min(size, total), shuffle=shuffle, seed=seed, pad=pad, steps=steps)


def too_large(batch: Batch) -> bool:
    """Return whether rows in memory maps are more than may be loaded, and are read from disk batch by batch."""
    maps = [leaf for leaf in jax.tree.leaves(batch) if isinstance(leaf, np.memmap)]
    return sum(leaf.nbytes for leaf in maps) > config.memory_budget()


def _streamed_arrays(
    batch: Batch, size: int, *, shuffle: bool, seed: int, pad: bool, steps: int | None
) -> StreamFeed:
    """Visit rows in the very order an `ArrayFeed` would, reading them from the arrays batch by batch.

    An epoch of a chosen length goes on where the one before it stopped, also in a later `fit`.
    """
    rows = count_rows(batch)
    order_of = ArrayFeed.ordering(rows, shuffle, seed)
    whole = -(-rows // size)
    wanted = whole if steps is None else steps

    def open_epoch(epoch: int) -> Iterator[Batch]:
        passes, first = divmod(epoch * wanted, whole)
        for number in itertools.count(passes):
            order = order_of(range(number, number + 1))[0]
            for index in range(first, whole):
                places = order[index * size : (index + 1) * size]
                yield jax.tree.map(lambda leaf, places=places: np.asarray(leaf[places]), batch)
            first = 0

    together = _batches_together(_size(batch) * size / rows)
    return StreamFeed(
        open_epoch, size, steps=wanted, rows=rows if steps is None else None, pad=pad, per_block=together
    )


def _size(batch: Batch) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(batch))


def _batches_together(size: float) -> int:
    """Return how many batches of so many bytes travel to the device together, within the memory budget.

    At least two, as a loop over one batch is another program to XLA: its last bits are not those of resident rows.
    """
    most = config.memory_budget() / (_BLOCKS_AT_ONCE * max(size, 1))
    return int(min(max(most, 2), MOST_TOGETHER))


def resident_validation(
    data: Data, batch_size: int | None, room: int | None = None, *, pad: bool
) -> Validation | None:
    """Return validation rows as a block for the dispatch, or None when they are not arrays in memory.

    pad: whether rows may be padded; otherwise the batches are those of `evaluate`, the last one of its true size.
    room: leave places for as many rows, so that blocks of nearly as many have the same shapes.
    """
    if data.batch is None or too_large(data.batch):
        return None
    rows = count_rows(data.batch)
    if not pad:
        size = 32 if batch_size is None else batch_size
        return _validation_with_a_tail(data.batch, rows, min(rows, size))
    places = rows if room is None else room
    most = EVALUATION_ROWS
    if batch_size is not None:
        most = batch_size
    size = min(places, most)
    if batch_size is None or room is not None:
        # Batches of one size as even as possible, so that little is padded and none is empty.
        size = -(-places // -(-places // size))
    steps, sizes = plan(places, size)
    if room is not None:
        sizes = np.clip(rows - size * np.arange(steps, dtype=np.int32), 0, size)

    def split(leaf: Any) -> Any:
        # On the host, and not by `jnp.asarray`: the device would have to compile a program for each shape.
        padded = np.zeros((steps * size, *leaf.shape[1:]), leaf.dtype)
        padded[:rows] = leaf
        return jax.device_put(padded.reshape(steps, size, *leaf.shape[1:]))

    return Validation(jax.tree.map(split, data.batch), None if sizes is None else jax.device_put(sizes))


def _validation_with_a_tail(batch: Batch, rows: int, size: int) -> Validation:
    whole = rows // size * size

    def split(leaf: Any) -> Any:
        return jax.device_put(np.asarray(leaf)[:whole].reshape(-1, size, *leaf.shape[1:]))

    tail = (
        jax.tree.map(lambda leaf: jax.device_put(np.asarray(leaf)[whole:]), batch) if whole < rows else None
    )
    return Validation(jax.tree.map(split, batch), None, tail)


class Fit:
    """One call of `Model.fit`: what surrounds the loop.

    averaged: whether it ends with the moving averages of the weights, if the optimizer keeps any.
    """

    def __init__(
        self,
        model: Model,
        data: Data,
        validation: Data | None,
        *,
        batch_size: int | None,
        validation_batch_size: int | None = None,
        epochs: int,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_freq: Any = 1,
        shuffle: bool,
        callbacks: Sequence[Any] = (),
        verbose: int | str,
        resume: Any = None,
        averaged: bool = True,
    ) -> None:
        self.model = model
        self.validation = validation
        self.averaged = averaged
        self.first_epoch = initial_epoch
        self.epochs = max(epochs - initial_epoch, 0)
        if 0 < epochs < initial_epoch:
            warn(
                f"fit: epochs={epochs} is the epoch to stop after, and initial_epoch={initial_epoch} lies behind it: "
                f"nothing is trained. For {epochs} more, write epochs={initial_epoch + epochs}",
                MistakeWarning,
            )
        self.runtime = runtime = model.runtime
        self.program = program = runtime.prepare(data.example)
        program.claim_optimizer()
        self._check(data, validation)
        params: dict[str, Any] = {"epochs": epochs, "steps": None, "verbose": verbose}
        self.observers = CallbackList(callbacks, model, params)
        check_owners(callbacks, runtime.optimizer)
        self.keeper = keeper_of(callbacks, resume)
        runtime.seed = self.keeper.seed(runtime.seed)
        by_batch = self.observers.by_batch
        by_epoch = self.observers.listens("on_epoch_begin", "on_epoch_end")
        self.feed = self._make_feed(
            data,
            batch_size,
            shuffle=shuffle,
            seed=runtime.seed,
            pad=program.row_wise,
            steps=steps_per_epoch,
            most_epochs=1 if by_epoch or by_batch else MOST_EPOCHS,
        )
        params["steps"] = self.feed.steps
        self.history = History(params)
        self._names: list[str] | None = None
        params["metrics"] = self._logged(self.observers)
        self.progress = Progress(verbose, epochs, self.feed.steps)
        interval = self.progress.interval
        self.pace = Pace(PATIENCE_SECONDS if interval is None else interval, by_batch=by_batch)
        self.validation_freq = validation_freq
        self.validation_steps = validation_steps
        self.validation_batch_size = validation_batch_size
        inside = self._validation_inside() if validation is not None else None
        self.outside = validation is not None and inside is None
        # Somebody who looks at epochs, or a validation that runs outside, ends each dispatch with the epoch.
        self.by_epoch = by_epoch or by_batch or self.outside
        self.policies = self._policies()
        self.turns = Turns(self, self.policies if self.observers.on_host else [])
        self.steered = [policy.target for _, policy in self.policies if policy.target is not None]
        self.machine = runtime.machine(
            training=True,
            policies=[policy for _, policy in self.policies],
            decides=not self.observers.on_host,
            validation=inside,
            closes=not self.outside,
            shown=self._shown(self.observers),
        )
        self.unwatched = not by_epoch and not by_batch and not self.outside and not self.progress.verbose
        self.done = 0
        self.epoch_is_open = False
        self.last_logs: dict[str, float] = {}
        self.steps_done = 0
        self.ended = False
        self.keeper.identify(self, data, shuffle)
        self.observers.show(data.example)

    def _make_feed(self, data: Data, batch_size: int | None, **settings: Any) -> Feed:
        return make_feed(data, batch_size, **settings)

    def _check(self, data: Data, validation: Data | None) -> None:
        for part in (data, validation):
            if part is None:
                continue
            batch = part.example
            self.runtime.check(batch)
            if part.batch is not None and not too_large(part.batch):
                checks.check_values(part.batch, self.program.losses)

    def _validation_inside(self) -> Validation | None:
        """Return the validation block when it may run inside the dispatch."""
        assert self.validation is not None
        looked_at = self.observers.listens("on_test_begin", "on_test_end", *TEST_BATCH_HOOKS)
        if looked_at or self.validation_freq != 1 or self.validation_steps is not None:
            return None
        return self._validation_block(self.validation)

    def _validation_block(self, validation: Data) -> Validation | None:
        return resident_validation(validation, self.validation_batch_size, pad=self.program.row_wise)

    def _policies(self) -> list[tuple[Any, Policy]]:
        pairs = []
        names = set()
        for callback in self.observers.callbacks:
            policy = callback.policy(self.first_epoch) if hasattr(callback, "policy") else None
            if policy is None:
                continue
            while policy.name in names:
                policy.name += "_again"
            names.add(policy.name)
            self._check_monitor(callback, policy, self.observers)
            pairs.append((callback, policy))
        return pairs

    def _shown(self, observers: CallbackList) -> list[str]:
        """Return the paths of the hyperparameters whose values are logged.

        As in Keras those that callbacks change; and a learning rate that follows a schedule by step.
        """
        paths = [getattr(callback, "steers", None) for callback in observers.callbacks]
        if callable(self.runtime.optimizer.setting("learning_rate")):
            paths.append(LEARNING_RATE)
        taken = self._measured()  # a metric of that name is what its user wants to see
        return [path for path in dict.fromkeys(paths) if path is not None and short(path) not in taken]

    def _logged(self, observers: CallbackList) -> list[str]:
        """Return the names of everything that an epoch logs, whatever hooks add."""
        return [*self._measured(), *map(short, self._shown(observers))]

    def _measured(self) -> list[str]:
        """Return the names of everything that is measured in an epoch."""
        if self._names is None:
            names = self.program.result_names()
            self._names = names + [f"val_{name}" for name in names] if self.validation is not None else names
        return self._names

    def _check_monitor(self, callback: Any, policy: Any, observers: CallbackList) -> None:
        known = self._logged(observers)
        if policy.monitor not in known and not observers.may_log_for(callback):
            hint = nearest(policy.monitor, known) or "."
            if policy.monitor.startswith("val_") and self.validation is None:
                hint = "; there is no validation: pass validation_data or validation_split."
            raise InvalidArgument(
                f"{type(callback).__name__}: monitor={policy.monitor!r} is not measured{hint} "
                f"Measured: {', '.join(known)}. (A callback that logs it must stand before "
                f"{type(callback).__name__}.)"
            )
        if policy.target is not None and policy.target not in self.program.hyper:
            raise InvalidArgument(
                f"{type(callback).__name__}: the learning rate follows a schedule by step; "
                "give the optimizer a number instead"
            )

    # --- the loop ------------------------------------------------------------------------------------------

    def run(self) -> History:
        """Train, and return the history."""
        dispatches = self.dispatches()
        outcome = None
        try:
            while True:
                outcome = self.machine(*dispatches.send(outcome))
        except StopIteration:
            return self.history

    def dispatches(self) -> Dispatches:
        """Train, leaving the dispatches to whoever drives this generator, as `run` does.

        It yields the arguments of `machine` and wants to be sent what that returns.
        """
        model, runtime = self.model, self.runtime
        model.history = self.history
        model.stop_training = False
        runtime.adopt(runtime.begin([policy for _, policy in self.policies]))
        self.turns.show()
        self.observers.call("on_train_begin", {})
        self.keeper.restore(self)
        with self.turns, self.keeper, interruptions() as interrupted:
            for work in self._works():
                values = self._before(work)
                yield from self._run(work, values)
                if interrupted() or model.stop_training:
                    if self.epoch_is_open:
                        if interrupted():
                            self.keeper.leave(self)
                        # Close the open epoch: no more steps, but its validation, policies and logs.
                        rest = dataclasses.replace(work, start=work.stop, first=False, last=True)
                        yield from self._run(rest, values)
                    break
                self.keeper.pause(self)
        # Who interrupts a run wants to go on with it; one that a callback stops is over.
        self.ended |= model.stop_training and not interrupted()
        self.keeper.finish(self)
        self._settle()
        self.progress.close()
        self.observers.call("on_train_end", self.last_logs)
        self.keeper.clear(self)
        if interrupted():
            raise KeyboardInterrupt

    def _works(self) -> Iterator[Work]:
        """Yield the works that are left: of a run that is resumed not all, of one that had ended none."""
        if self.ended:
            return iter(())
        start = self.steps_done if self.epoch_is_open else 0
        if start:
            self.progress.epoch_begin(self.first_epoch + self.done)
        return self.feed.works(self.runtime.epoch, self.epochs - self.done, self._allowance, start)

    def _settle(self) -> None:
        """Let policies and the optimizer leave the weights they want to be left."""
        # Refreshed: a hook may have assigned weights after the last dispatch.
        state = self.runtime.refresh(self.runtime.current)
        # First: weights that a policy puts back are the ones it says, not their moving average.
        if self.averaged:
            state = state.replace(trainable=self.runtime.optimizer.finalize(state.trainable, state.slots))
        for callback, policy in self.policies:
            memory = state.policies[policy.name]
            state = policy.finish(memory, state)
            callback.absorb(memory)
        self.runtime.adopt(state)

    def _allowance(self) -> int:
        allowed = self.pace.allowance()
        looks = (self.observers.next_look(), self.keeper.batches_to_go(self))
        allowed = min([allowed, *(look for look in looks if look is not None)])
        return min(allowed, self.feed.steps) if self.by_epoch and self.feed.steps else allowed

    def _before(self, work: Work) -> dict[str, np.ndarray]:
        """Tell observers that epochs and batches begin; return values that change by epoch."""
        epoch = self.first_epoch + self.done
        if work.first:
            if self.observers.on_host:
                self.progress.make_way()
            self.observers.call("on_epoch_begin", epoch, {})
            self.progress.epoch_begin(epoch)
            if self.by_epoch:
                self.program.check_optimizer()  # somebody may have set more than numbers
                warn_of_changes(self.program.readings)
        self.steps_done = 0 if work.first else self.steps_done
        self.observers.batch_begins(self.steps_done)
        return self._epoch_values(range(epoch, epoch + work.epochs), work)

    def _epoch_values(self, epochs: range, work: Work) -> dict[str, np.ndarray]:
        tables: dict[str, np.ndarray] = {}
        for callback in self.observers.callbacks:
            values = (
                callback.epoch_values(epochs) if work.first and hasattr(callback, "epoch_values") else None
            )
            for path, numbers in (values or {}).items():
                table = np.zeros(work.order.shape[0], config.float_dtype())
                table[: len(numbers)] = numbers
                tables[path] = table
        return tables

    def _run(self, work: Work, values: dict[str, np.ndarray]) -> Dispatches:
        """Have one dispatch done and hand out what it tells."""
        runtime = self.runtime
        outcome = yield runtime.refresh(runtime.current), work, values
        assert outcome is not None
        state, report = outcome
        runtime.adopt(state)
        runtime.take_hyperparameters(state, self.steered)
        if 0 < len(report.epochs) < work.epochs:
            # The values of all epochs of the work were set ahead; those after the last one never came to be.
            runtime.take_hyperparameters(state, list(values))
        self.pace.note(work.steps, report.seconds)
        self.steps_done += work.stop - work.start
        if work.stop > work.start:
            count = (len(report.epochs) or 1) * (work.stop - work.start)
            self.observers.batches_end(count, self.steps_done - 1, report.running)
        self.epoch_is_open = not report.epochs
        if report.bad_step >= 0:
            self._explain(work, report)
        if self.unwatched:
            self._record(report.epochs)
        else:
            share = report.seconds / len(report.epochs) if work.epochs > 1 and report.epochs else None
            for logs in report.epochs:
                self._finish_epoch(logs, share)
        if not report.epochs:
            self.progress.update(self.steps_done, report.running)
        if report.stop:
            self.ended = self.model.stop_training = True

    def _record(self, epochs: Results) -> None:
        """Keep the logs of epochs that nobody else looks at, in one go."""
        first = self.first_epoch + self.done
        self.done += len(epochs)
        self.runtime.epoch += len(epochs)
        if len(epochs):
            columns = epochs.columns()
            self.last_logs = {name: values[-1] for name, values in columns.items()}
            self.history.extend(range(first, first + len(epochs)), columns, self._rates(columns, len(epochs)))

    def _finish_epoch(self, logs: dict[str, float], seconds: float | None) -> None:
        epoch = self.first_epoch + self.done
        self.done += 1
        self.runtime.epoch += 1
        if self.outside:
            self._close_outside(epoch, logs)
        self.turns.log_rate(logs)
        self.last_logs = dict(logs)
        rates = self._rates({name: [value] for name, value in logs.items()}, 1)
        self.history.append(epoch, logs, rates[0])
        if self.observers.on_host:
            self.progress.make_way()
        else:
            self.progress.epoch_end(epoch, logs, seconds)
        told = dict(logs)
        self.observers.call("on_epoch_end", epoch, told)
        if self.observers.on_host:
            # As in Keras, what hooks write into the logs is shown, and is history.
            final = self.turns.numbers(told)
            self.history.replace_last(final)
            self.progress.epoch_end(epoch, final, seconds)

    def _rates(self, columns: Mapping[str, list[float]], epochs: int) -> list[float]:
        """Return the learning rates of the last `epochs`, whose logs `columns` has by name; NaN where unknown."""
        name = short(LEARNING_RATE)
        if name not in self._measured():
            return columns.get(name) or [self.turns.rate()] * epochs
        # A metric has that name: what callbacks set for the epochs of one dispatch is logged nowhere.
        steered = any(getattr(callback, "steers", None) for callback in self.observers.callbacks)
        return [math.nan if steered else self.turns.rate()] * epochs

    def _close_outside(self, epoch: int, logs: dict[str, float]) -> None:
        """Validate in dispatches of its own, then let the policies decide."""
        if self._validates(epoch):
            logs |= {f"val_{name}": value for name, value in self._validate_outside().items()}
        state = self.runtime.refresh(self.runtime.current)
        state = self.machine.close(state, logs)
        self.runtime.adopt(state)
        self.runtime.take_hyperparameters(state, self.steered)
        if bool(state.stop):
            self.ended = self.model.stop_training = True

    def _validates(self, epoch: int) -> bool:
        frequency = self.validation_freq
        if isinstance(frequency, int):
            return (epoch + 1) % frequency == 0
        return epoch + 1 in frequency

    def _validate_outside(self) -> dict[str, float]:
        assert self.validation is not None
        return evaluate(
            self.model,
            self.validation,
            self.observers,
            batch_size=self.validation_batch_size,
            steps=self.validation_steps,
        )

    def _explain(self, work: Work, report: Report) -> None:
        """Say which batch and layer made the loss NaN, and why that is likely."""
        model = self.model
        offset = report.bad_step - report.step_before
        epoch, index = divmod(offset, max(work.stop - work.start, 1))
        index += work.start
        batch = batch_of(work, epoch, index)
        number = self.steps_done - work.stop + index
        where = f"epoch {self.first_epoch + self.done + epoch + 1}, batch {number + 1}"
        warn(
            explain_bad_step(self.program, self.runtime.current, batch, where),
            NonFiniteWarning,
        )
        self.ended = model.stop_training = True


def evaluate(
    model: Model,
    data: Data,
    observers: CallbackList,
    *,
    batch_size: int | None,
    steps: int | None,
    progress: Any = None,
) -> dict[str, float]:
    """Run the model over `data` without learning, and return every metric by name."""
    program = model.runtime.prepare(data.example)
    looks = observers.listens(*TEST_BATCH_HOOKS)
    default = EVALUATION_ROWS if program.row_wise and not looks else 32
    feed = make_feed(
        data, batch_size, shuffle=False, seed=0, pad=program.row_wise, steps=steps, default=default
    )
    machine = model.runtime.machine(training=False)
    state = model.runtime.begin([])
    pace = Pace(by_batch=looks)
    if progress is not None:
        progress.steps = feed.steps
    results: dict[str, float] = {}
    observers.call("on_test_begin", {})
    number = 0
    for work in feed.works(0, 1, pace.allowance):
        if looks:
            observers.call("on_test_batch_begin", number, {})
        state, report = machine(state, work, {})
        pace.note(work.steps, report.seconds)
        number += work.steps
        if looks:
            observers.call("on_test_batch_end", number - 1, report.running)
        if progress is not None:
            progress.update(number, report.running)
        for finished in report.epochs:
            results = finished
    observers.call("on_test_end", dict(results))
    return results


def predict(
    model: Model, x: Any, observers: CallbackList, *, batch_size: int | None, steps: int | None, progress: Any
) -> Any:
    """Return the model's outputs for all rows, as NumPy arrays."""
    observers.call("on_predict_begin", {})
    collected: list[Any] = []
    looks = observers.listens("on_predict_batch_begin", "on_predict_batch_end")
    for number, (rows, size) in enumerate(_input_batches(model, x, batch_size, steps, together=not looks)):
        observers.call("on_predict_batch_begin", number, {})
        outputs = model.infer(rows, size)
        collected.append(outputs)
        observers.call("on_predict_batch_end", number, {"outputs": outputs})
        progress.update(number + 1)
    observers.call("on_predict_end", {})
    if not collected:
        raise DataError("predict: the data gave no batch at all")
    return jax.tree.map(_joined, *collected)


def _joined(*parts: Any) -> np.ndarray:
    """Return the outputs of all batches as one array."""
    shapes = [np.shape(part)[1:] for part in parts]
    if len(set(shapes)) > 1:
        other = next(number for number, shape in enumerate(shapes) if shape != shapes[0])
        raise DataError(
            f"predict: the outputs of batch 1 have shape {np.shape(parts[0])}, those of batch {other + 1} "
            f"{np.shape(parts[other])}, and cannot be one array: pad the inputs to one length, or call predict for "
            "each batch"
        )
    return np.concatenate([np.asarray(part) for part in parts])


def _input_batches(
    model: Model, x: Any, batch_size: int | None, steps: int | None, *, together: bool
) -> Iterator[tuple[Any, int | None]]:
    """Yield rows to compute the outputs of, with the size of a batch if they are several.

    together: whether several batches may be one call, which takes a tenth of the time where they are small.
    """
    if packing.is_stream(x):
        if batch_size is not None:
            raise InvalidArgument(
                "batch_size cannot be given with a generator: its batches have their own size"
            )
        for number, item in enumerate(packing.items_of(x)):
            if steps is not None and number >= steps:
                return
            with packing.naming_batch(number):
                yield _packed_inputs(model, packing.split_inputs(item, model.input_names)), None
        return
    inputs = _packed_inputs(model, x)
    size = 32 if batch_size is None else batch_size
    if batch_size is None and model.is_row_wise:
        size = EVALUATION_ROWS
    rows = checks.check_lengths(Batch(inputs))
    if steps is not None:
        rows = min(rows, steps * size)
    whole = rows // size * size
    most = max(1, EVALUATION_ROWS // size) * size if together else size
    starts = [*range(0, whole, most), *([whole] if whole < rows else [])]
    for start, stop in zip(starts, [*starts[1:], rows], strict=True):
        yield jax.tree.map(lambda leaf, part=slice(start, stop): leaf[part], inputs), size


def _packed_inputs(model: Model, x: Any) -> Any:
    shapes, names, first = model.expected_inputs()
    inputs = packing.pack_inputs(x, model.input_names, shapes)
    checks.check_inputs(inputs, shapes, names, first)
    return inputs


@contextmanager
def interruptions() -> Iterator[Any]:
    """Hear the first Ctrl-C as a wish to stop after the running dispatch; a second one interrupts at once."""
    heard = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield heard.is_set
        return
    previous = signal.getsignal(signal.SIGINT)

    def listen(number: int, frame: Any) -> None:
        if heard.is_set() and callable(previous):
            previous(number, frame)
        heard.set()

    if previous is not signal.default_int_handler:
        # Somebody else handles Ctrl-C already (a notebook kernel does not: it uses Python's own handler).
        yield heard.is_set
        return
    signal.signal(signal.SIGINT, listen)
    try:
        yield heard.is_set
    finally:
        signal.signal(signal.SIGINT, previous)
