"""`TrainPlan`: everything that a training run determines once, before its first dispatch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fitwell._data.loaders import MAX_EPOCHS_PER_DISPATCH, DataLoader
from fitwell._data.text_format import pluralize
from fitwell._engine.batch_access import Validation
from fitwell._engine.epoch_runner import EpochRunner, log_name
from fitwell._engine.policies import Policy
from fitwell._history import History
from fitwell._progress import ProgressReporter
from fitwell.callbacks.callback_list import CallbackList, check_learning_rate_conflicts
from fitwell.errors import InvalidArgument, MistakeWarning, did_you_mean, warn
from fitwell.models.checkpointing import CheckpointedRun, NullCheckpointManager, make_checkpoint_manager
from fitwell.models.evaluation import TEST_BATCH_HOOKS
from fitwell.models.fit_options import FitOptions
from fitwell.models.host_policies import LEARNING_RATE, HostPolicies
from fitwell.models.model_program import ModelProgram
from fitwell.models.run_data import RunData
from fitwell.models.training_session import TrainingSession

__all__ = [
    "CallbackPolicies",
    "TrainPlan",
    "check_monitors",
    "make_plan",
]

CallbackPolicies = list[tuple[Any, Policy]]


@dataclass(frozen=True)
class TrainPlan:
    """The parts of a training run, without its current position.

    Attributes:
        policies: The callbacks that make decisions at the end of an epoch, each with its policy.
        metric_names: The names of all values that are measured.
        returns_each_epoch: Whether the host has to act at the end of every epoch.
        validates_on_host: Whether validation runs between dispatches.
        has_no_observers: Whether nothing observes single epochs, so that the logs of many epochs are recorded
            together.
    """

    options: FitOptions
    data: RunData
    program: ModelProgram
    callbacks: CallbackList
    checkpoints: NullCheckpointManager
    loader: DataLoader
    history: History
    progress: ProgressReporter
    metric_names: list[str]
    policies: CallbackPolicies
    host_policies: HostPolicies
    runner: EpochRunner
    returns_each_epoch: bool
    validates_on_host: bool
    has_no_observers: bool

    @property
    def policy_targets(self) -> list[str]:
        """The paths of the hyperparameters that policies change."""
        return [policy.target for _, policy in self.policies if policy.target is not None]


def make_plan(
    session: TrainingSession, data: RunData, options: FitOptions, callbacks: Sequence[Any]
) -> TrainPlan:
    """Prepare everything that a run needs, and raise an error if the model cannot be trained this way."""
    _warn_if_no_epochs(options)
    program = session.get_program(data.train.example)
    program.bind_optimizer()
    data.check(session)
    params: dict[str, Any] = {"epochs": options.epochs, "steps": None, "verbose": options.verbose}
    callback_list = CallbackList(callbacks, session.model, params)
    check_learning_rate_conflicts(callbacks, session.optimizer)
    checkpoints = make_checkpoint_manager(callbacks, options.resume)
    session.seed = checkpoints.seed(session.seed)
    loader = data.make_loader(
        options,
        seed=session.seed,
        pad=program.supports_padding,
        max_epochs_per_dispatch=1 if callback_list.returns_each_epoch else MAX_EPOCHS_PER_DISPATCH,
    )
    params["steps"] = loader.steps
    history = History(params)
    metric_names = data.metric_names(program)
    logged = _logged_hyperparams(callback_list, session, metric_names)
    params["metrics"] = [*metric_names, *map(log_name, logged)]
    progress = ProgressReporter(options.verbose, options.epochs, loader.steps)
    block = _validation_block(data, options, callback_list, program)
    validates_on_host = data.validation is not None and block is None
    policies = _make_policies(callback_list, session, options, metric_names)
    runner = session.get_runner(
        training=True,
        policies=[policy for _, policy in policies],
        runs_policies=not callback_list.runs_on_host,
        validation=block,
        applies_policies_inside=not validates_on_host,
        logged=logged,
    )
    returns_each_epoch = callback_list.returns_each_epoch or validates_on_host
    host_pairs = policies if callback_list.runs_on_host else []
    host_policies = HostPolicies(session, runner, callback_list, history, host_pairs)
    checkpoints.check_compatible(
        CheckpointedRun(session, data, options, callback_list.callbacks, loader, history, policies)
    )
    callback_list.set_example(data.train.example)
    return TrainPlan(
        options=options,
        data=data,
        program=program,
        callbacks=callback_list,
        checkpoints=checkpoints,
        loader=loader,
        history=history,
        progress=progress,
        metric_names=metric_names,
        policies=policies,
        host_policies=host_policies,
        runner=runner,
        returns_each_epoch=returns_each_epoch,
        validates_on_host=validates_on_host,
        has_no_observers=not returns_each_epoch and not progress.verbose,
    )


def check_monitors(
    callbacks: Sequence[Any], session: TrainingSession, options: FitOptions, metric_names: list[str]
) -> None:
    """Raise `InvalidArgument` if a callback monitors a value that is not measured."""
    _make_policies(CallbackList(callbacks, None, {}), session, options, metric_names)


def _warn_if_no_epochs(options: FitOptions) -> None:
    epochs, first = options.epochs, options.initial_epoch
    if 0 < epochs < first:
        warn(
            f"fit: epochs={epochs} is the epoch to stop after, but initial_epoch={first} is later, so nothing is "
            f"trained. To train {pluralize(epochs, 'more epoch')}, use epochs={first + epochs}",
            MistakeWarning,
        )


def _validation_block(
    data: RunData, options: FitOptions, callbacks: CallbackList, program: ModelProgram
) -> Validation | None:
    """Return the validation rows as a block if the compiled program can validate, else None."""
    has_hooks = callbacks.has_hook("on_test_begin", "on_test_end", *TEST_BATCH_HOOKS)
    if has_hooks or options.validation_freq != 1 or options.validation_steps is not None:
        return None
    return data.validation_block(options, pad=program.supports_padding)


def _logged_hyperparams(
    callbacks: CallbackList, session: TrainingSession, metric_names: Sequence[str]
) -> list[str]:
    """Return the paths of the hyperparameters whose values are logged.

    As in Keras, these are the hyperparameters that callbacks change, and a learning rate that follows a
    schedule.
    """
    paths = [getattr(callback, "controlled_hyperparameter", None) for callback in callbacks.callbacks]
    if callable(session.optimizer.get_hyperparameter("learning_rate")):
        paths.append(LEARNING_RATE)
    # A metric of the same name takes precedence, because the user requested its values.
    return [path for path in dict.fromkeys(paths) if path is not None and log_name(path) not in metric_names]


def _make_policies(
    callbacks: CallbackList, session: TrainingSession, options: FitOptions, metric_names: list[str]
) -> CallbackPolicies:
    """Return the callbacks that have a policy, each with its policy.

    If more than one policy has the same name, all but the first are renamed.
    """
    known = [*metric_names, *map(log_name, _logged_hyperparams(callbacks, session, metric_names))]
    pairs: CallbackPolicies = []
    names = set()
    for callback in callbacks.callbacks:
        policy = callback.policy(options.initial_epoch) if hasattr(callback, "policy") else None
        if policy is None:
            continue
        while policy.name in names:
            policy.name += "_again"
        names.add(policy.name)
        _check_policy(callback, policy, callbacks, session.program, known)
        pairs.append((callback, policy))
    return pairs


def _check_policy(
    callback: Any, policy: Policy, callbacks: CallbackList, program: ModelProgram, known: Sequence[str]
) -> None:
    name = type(callback).__name__
    if policy.monitor not in known and not callbacks.may_have_extra_logs(callback):
        hint = did_you_mean(policy.monitor, known) or "."
        if policy.monitor.startswith("val_") and not any(other.startswith("val_") for other in known):
            hint = ", because there is no validation; pass validation_data or validation_split."
        raise InvalidArgument(
            f"{name}: monitor={policy.monitor!r} is not measured{hint} The measured values are {', '.join(known)}. "
            f"(If a callback logs the value, that callback must come before {name}.)"
        )
    if policy.target is not None and policy.target not in program.hyperparams:
        raise InvalidArgument(
            f"{name} cannot change the learning rate, because the rate follows a schedule; set it to a number instead"
        )
