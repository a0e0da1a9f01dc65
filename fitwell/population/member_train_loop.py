"""Train loops for the members of a population, which share data and compiled programs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from fitwell import random
from fitwell._data.loaders import ArrayLoader, Batch, DataLoader, Dispatch
from fitwell._engine import devices
from fitwell._engine.batch_access import Validation
from fitwell._engine.dispatch_size import AdaptiveDispatchSize
from fitwell._variables import Variable
from fitwell.callbacks.callback_list import CallbackList, flatten_callbacks
from fitwell.errors import InvalidArgument
from fitwell.models.evaluation import TEST_BATCH_HOOKS
from fitwell.models.fit_options import FitOptions
from fitwell.models.interrupts import INTERRUPT_SECONDS
from fitwell.models.model import Model
from fitwell.models.model_program import ModelProgram
from fitwell.models.run_data import RunData
from fitwell.models.trace_key import trace_key
from fitwell.models.train_loop import TrainLoop
from fitwell.models.training_session import TrainingSession
from fitwell.population.member_backups import separate_backups
from fitwell.population.members import Member, label_errors
from fitwell.population.shared_data import PopulationData, SharedRows

__all__ = [
    "Group",
    "MemberData",
    "MemberTrainLoop",
    "SharedFitContext",
    "callbacks_for",
    "callbacks_of_members",
    "group_members",
    "is_function_of_setting",
]


@dataclass
class Group:
    """A group of members that share a compiled program.

    Attributes:
        example: A batch with one row of zeros, which has the training data's shapes and dtypes.
        members: The members of the group.
    """

    example: Batch
    members: list[Member] = field(default_factory=list)

    @property
    def models(self) -> list[Model]:
        """The members' models."""
        return [member.model for member in self.members]


@dataclass
class SharedFitContext:
    """The objects that the train loops of one group share.

    Attributes:
        rows: The training and validation rows.
        home_device: The device that stores the models before and after training.
        dispatch_size: The number of steps per dispatch.
        checked: Whether the rows have been checked.
        metric_names: The names of the loss and the metrics, or None if they are not known yet.
    """

    rows: SharedRows
    home_device: jax.Device = field(default_factory=devices.current_device)
    dispatch_size: AdaptiveDispatchSize = field(
        default_factory=lambda: AdaptiveDispatchSize(INTERRUPT_SECONDS)
    )
    checked: bool = False
    metric_names: list[str] | None = None


def group_members(
    members: Sequence[Member], source: PopulationData, on_new_group: Callable[[Member], None]
) -> list[Group]:
    """Group members by structure, so that all members of a group share their compiled programs.

    Args:
        members: The members.
        source: The training data.
        on_new_group: A function that is called with the first member of each group.

    Returns:
        The groups.

    Raises:
        InvalidArgument: If two members share trainable weights, a model or an optimizer.
    """
    groups: dict[Hashable, Group] = {}
    owners: dict[int, Member] = {}
    for member in members:
        session = member.model._session
        # If the model has no input shape, it creates its weights here and continues the member's random stream.
        with label_errors(member.label), random.use_seed_generator(member.stream):
            rows = source.rows_for(member.model)
            program = session.get_program(rows.data.example)
            session.categories = rows.categories
        for part in (member.model, session.optimizer, *program.trainable.values()):
            owner = owners.setdefault(id(part), member)
            if owner is not member:
                raise _shared_part_error(part, owner, member)
        group = groups.setdefault(
            (id(rows), trace_key(program.trace_dependencies, program.hyperparams.values()).key),
            Group(_zero_row(rows.data.example)),
        )
        if group.members:
            session.share_executables(group.members[0].model._session)
        else:
            on_new_group(member)
            with label_errors(member.label):
                session.warn_about_mistakes(rows.data.example, has_all_rows=True)
        group.members.append(member)
    return list(groups.values())


def _shared_part_error(part: Any, one: Member, other: Member) -> InvalidArgument:
    shared = (
        f"weights, such as {part.path!r}"
        if isinstance(part, Variable)
        else f"the same {type(part).__name__} object"
    )
    return InvalidArgument(
        f"fit: {one.label} and {other.label} share {shared}, which both members would update; create layers "
        "and optimizers inside the build function, so that each model has its own; only layers that are not trained "
        "may be shared (set layer.trainable = False before compile)"
    )


def _zero_row(batch: Batch) -> Batch:
    return jax.tree.map(lambda leaf: np.zeros((1, *leaf.shape[1:]), leaf.dtype), batch)


class MemberData(RunData):
    """The data of one member, which it shares with the other members of its group."""

    def __init__(self, member: Member, context: SharedFitContext) -> None:
        super().__init__(context.rows.data, context.rows.validation_for(member.fold))
        self._fold = member.fold
        self._context = context

    def check(self, session: TrainingSession) -> None:
        """Check the rows, but only once per group, because all members of a group have the same rows and losses."""
        if not self._context.checked:
            super().check(session)
            self._context.checked = True

    def metric_names(self, program: ModelProgram) -> list[str]:
        """Return the names of the loss and the metrics, which are the same for all members of a group."""
        if self._context.metric_names is None:
            self._context.metric_names = super().metric_names(program)
        return self._context.metric_names

    def make_loader(self, options: FitOptions, **settings: Any) -> DataLoader:
        """Return a loader for the member's training rows."""
        chosen = self._context.rows.train_indices(self._fold)
        if chosen:
            if options.steps_per_epoch is not None:
                raise InvalidArgument(
                    "fit: steps_per_epoch cannot be combined with folds or splits; omit steps_per_epoch"
                )
            assert self.train.batch is not None
            size = 32 if options.batch_size is None else options.batch_size
            loader: DataLoader = ArrayLoader(
                self.train.batch, size, shuffle=options.shuffle, **settings, **chosen
            )
        else:
            loader = super().make_loader(options, **settings)
        # Do not prefetch on a CPU, because the other members already keep its cores busy.
        loader.prefetches_permutations = devices.current_device().platform != "cpu"
        return loader

    def validation_block(self, options: FitOptions, *, pad: bool) -> Validation | None:
        """Return the validation rows of the member's fold in the format for dispatches."""
        if self.validation is None:
            return None
        return self._context.rows.validation_block(
            self._fold, self.validation, options.validation_batch_size, pad
        )


class MemberTrainLoop(TrainLoop):
    """The train loop of one member."""

    def __init__(
        self, member: Member, context: SharedFitContext, callbacks: Sequence[Any], options: FitOptions
    ) -> None:
        self.member = member
        self.context = context
        super().__init__(
            member.model._session,
            MemberData(member, context),
            options,
            [_copy_callback(callback) for callback in callbacks],
            context.dispatch_size,
        )

    @contextmanager
    def training(self) -> Iterator[Callable[[], bool]]:
        """Return a context manager that records the member's status before and after its training."""
        self.member.mark_running(self.plan.history)
        try:
            with label_errors(self.member.label), super().training() as interrupted:
                yield interrupted
            self._record_end()
        except Exception:
            self.member.status = "interrupted"
            raise
        if devices.current_device() != self.context.home_device:
            # Move the state to the host. Otherwise, the weights would be copied from the other device at every use.
            self.session.push(jax.device_get(self.session.train_state))

    def report_nonfinite(
        self, dispatch: Dispatch, epoch: int, index: int, epoch_number: int, batch_number: int
    ) -> None:
        """Record where the loss became non-finite. The population shows one warning for all members."""
        self.member.status = f"NaN in epoch {epoch_number}, batch {batch_number}"

    def compile_ahead(self, pool: Executor) -> None:
        """Compile the program for the first dispatch in the thread pool `pool`.

        Nothing is compiled if a callback has the hook `epoch_values`. The program depends on the hook's result, so
        the hook would have to be called twice.
        """
        plan = self.plan
        if plan.callbacks.has_hook("epoch_values"):
            return
        epochs = plan.options.num_epochs
        dispatch = next(plan.loader.dispatches(self.session.epoch, epochs, self._max_steps), None)
        if dispatch is not None:
            state = self.session.init_train_state([policy for _, policy in plan.policies])
            plan.runner.compile_ahead(state, dispatch, pool)

    def _record_end(self) -> None:
        member = self.member
        for _, policy in self.plan.policies:
            policy_state = self.session.train_state.policies[policy.name]
            if int(policy_state.get("stopped_epoch", -1)) >= 0:
                member.stopped_epoch = int(policy_state["stopped_epoch"])
            if getattr(policy, "keep_best", False) and int(policy_state["best_epoch"]) >= 0:
                member.restored_epoch = int(policy_state["best_epoch"])
        if member.status == "running":
            complete = len(self.plan.history.epoch) == self.plan.options.num_epochs
            stopped = member.stopped_epoch is not None
            member.status = "stopped" if stopped else "finished" if complete else "interrupted"

    @property
    def supports_vmap(self) -> bool:
        """Whether the member can run under `vmap` with other members.

        No hooks may run between dispatches, the program must support padding, and all rows must be in memory. Rows that
        are read batch by batch are in a different order for each member, so they cannot be shared.
        """
        plan = self.plan
        return (
            plan.has_no_observers and plan.program.supports_padding and isinstance(plan.loader, ArrayLoader)
        )


def is_function_of_setting(callbacks: Any) -> bool:
    """Return whether `callbacks` is a function that maps a setting to callbacks, rather than a callback or a list."""
    return callable(callbacks) and not hasattr(callbacks, "set_model")


def callbacks_of_members(callbacks: Any, members: Sequence[Member]) -> list[Sequence[Any]]:
    """Return the list of callbacks that the user passed for each member.

    Args:
        callbacks: A list of callbacks, or a function that maps a setting to a list of callbacks.
        members: The members.
    """
    if is_function_of_setting(callbacks):
        return [flatten_callbacks(callbacks(dict(member.setting))) for member in members]
    return [flatten_callbacks(callbacks)] * len(members)


def callbacks_for(
    chosen: Sequence[Sequence[Any]], members: Sequence[Member]
) -> Callable[[Member], Sequence[Any]]:
    """Return a function that maps a member to its callbacks.

    The caller must copy the callbacks, because members may share them.

    Args:
        chosen: The callbacks that the user passed for each member.
        members: The members.

    Returns:
        The function.

    Raises:
        InvalidArgument: If a callback has batch hooks, or if two members would write to the same file.
    """
    by_member = {
        id(member): separate_backups(items, number)
        for number, (member, items) in enumerate(zip(members, chosen, strict=True))
    }
    writers: dict[tuple[str, str], Member] = {}
    for member in members:
        for callback in by_member[id(member)]:
            _check_callback(callback)
            for name in ("filepath", "filename", "log_dir", "backup_dir"):
                path = getattr(callback, name, None)
                other = writers.setdefault((name, str(path)), member)
                if path is not None and other is not member:
                    raise _same_file_error(callback, name, path, other, member)
    return lambda member: by_member[id(member)]


def _copy_callback(callback: Any) -> Any:
    """Copy a callback for one member, but do not copy the callback's model."""
    watched = getattr(callback, "model", None)
    try:
        return copy.deepcopy(callback, {id(watched): watched})
    except Exception as error:
        # A callback's attributes define how they are copied, and may raise any exception. Locks and files raise
        # TypeError, but other objects raise RuntimeError, NotImplementedError or exceptions that their library
        # defines.
        raise InvalidArgument(
            f"Population.fit: each member needs a copy of {type(callback).__name__}, which cannot be copied ({error}); "
            "create its locks and file objects in on_train_begin, which is called on the copy"
        ) from error


def _check_callback(callback: Any) -> None:
    callback_list = CallbackList([callback], None, {})
    if callback_list.steps_until_next_call(0) is not None or callback_list.has_hook(*TEST_BATCH_HOOKS):
        raise InvalidArgument(
            f"Population.fit: {type(callback).__name__} has batch hooks, which would interrupt the training of each "
            "member after every batch; use epoch hooks instead (on_epoch_end), or train a single model"
        )


def _same_file_error(callback: Any, name: str, path: Any, one: Member, other: Member) -> InvalidArgument:
    return InvalidArgument(
        f"Population.fit: {one.label} and {other.label} would both write to {type(callback).__name__}'s {name}, "
        f"{path!r}; if their settings differ, pass callbacks=lambda setting: [...] and use the setting in the file "
        "name; if they differ only in the seed or fold, save after training with population.save(path) or "
        "population.best().save(path)"
    )
