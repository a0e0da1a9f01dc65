"""Population-based training, which changes hyperparameters during training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from fitwell._param_validation import Integer, Real, validate_params
from fitwell.errors import InvalidArgument, ShapeError, StateError
from fitwell.models.model import Model
from fitwell.population import Population
from fitwell.population.members import Member, Setting, build_member
from fitwell.tuner.batch_monitor import BatchOutcome
from fitwell.tuner.domains import Domain
from fitwell.tuner.hyperparameter_search import Search
from fitwell.tuner.hyperparameters import HyperParameters, InvalidSetting
from fitwell.tuner.search_result import SearchResult
from fitwell.tuner.search_space import encode_params
from fitwell.tuner.study_reader import StudyReader
from fitwell.tuner.trial_handle import TrialHandle
from fitwell.tuner.trial_trainer import TrialTrainer
from fitwell.tuner.user_attrs import BEST_EPOCHS, FINAL_PARAMS, REASON, SCHEDULE, VALUES

__all__ = ["PBTResult", "PopulationBasedTraining", "copy_training_state", "population_based_training"]

# Maximum number of perturbed settings that the build function may reject before the parent's setting is used unchanged.
_MAX_EXPLORE_ATTEMPTS = 20


class PBTResult(SearchResult):
    """The results of population-based training. `population_based_training` returns this object.

    `trials` and `best_params` contain the final hyperparameters, and `schedules` contains their history. The objective
    values and the models' weights are from the last epoch.

    Args:
        reader, trainer, models: Internal objects that `population_based_training` passes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> def build(setting):
        ...     model = fw.Sequential([fw.Input((1,)), fw.layers.Dense(1)])
        ...     model.compile(fw.optimizers.SGD(setting["learning_rate"]), "mse")
        ...     return model
        >>> x = np.linspace(-1, 1, 20, dtype="float32").reshape(20, 1)
        >>> result = fw.tuner.population_based_training(
        ...     build, {"learning_rate": fw.tuner.Choice([0.1, 0.01])}, (x, 2 * x), trials=4, epochs=4, interval=2,
        ...     storage=":memory:", verbose=0,
        ... )
        >>> isinstance(result, fw.tuner.PBTResult), sorted(result.schedules)
        (True, [0, 1, 2, 3])
    """

    def __init__(self, reader: StudyReader, trainer: TrialTrainer, models: Mapping[int, Model]) -> None:
        super().__init__(reader, trainer)
        self._models = models

    @property
    def schedules(self) -> dict[int, list[tuple[int, Setting]]]:
        """A dict that maps trial numbers to schedules.

        A schedule is a list of pairs. Each pair contains an epoch and the hyperparameters that were used from that
        epoch on.
        """
        return {
            trial.number: [
                (epoch, self._reader.decode_params(values)[1]) for epoch, values in trial.user_attrs[SCHEDULE]
            ]
            for trial in self._reader.get_trials()
            if SCHEDULE in trial.user_attrs
        }

    def _trained_models(self, trials: Sequence[Any]) -> list[Model]:
        for trial in trials:
            if trial.number not in self._models:
                raise StateError(
                    f"the model of trial {trial.number} was trained by another process and may contain weights copied "
                    "from other trials, so it cannot be trained again; save it in that process with "
                    "result.best_model().save(path)"
                )
        return [self._models[trial.number] for trial in trials]


class PopulationBasedTraining(Search):
    """A run of population-based training. See `population_based_training` for the arguments."""

    public_name = "population_based_training"
    _trains_trials_independently = False

    @validate_params(trials=Integer(1), interval=Integer(1), quantile=Real(0, 0.5, closed="right"))
    def __init__(
        self,
        build: Any,
        space: Mapping[str, Domain] | None = None,
        data: Any = None,
        *,
        trials: int = 16,
        interval: int = 5,
        quantile: float = 0.25,
        **settings: Any,
    ) -> None:
        for name in ("callbacks", "folds", "repeats", "minutes", "sampler", "pruner", "batch"):
            if name in settings:
                raise InvalidArgument(
                    f"population_based_training: the argument {name} is not supported, because all members train "
                    "together on the same rows, and the worst members copy the best ones; remove it"
                )
        self._extra_config = {
            "method": f"population-based training, interval {interval}, quantile {quantile}"
        }
        super().__init__(build, space, data, trials=trials, batch=trials, sampler="random", **settings)
        if int(quantile * trials) < 1:
            raise InvalidArgument(
                f"population_based_training: quantile * trials must be at least 1, got {quantile} * {trials}; use at "
                f"least {math.ceil(1 / quantile)} trials"
            )
        self.models: dict[int, Model] = {}
        self._interval = interval
        self._quantile = quantile
        self._random = np.random.default_rng(settings.get("seed", 0))

    def run(self) -> PBTResult:
        """Train all members.

        Returns:
            PBTResult: The results, including all trials and the best one.
        """
        with self._shared_study.worker, self._progress:
            handles = self._shared_study.claim_trials(self._batch)
            try:
                population, settings = self._build_population(handles)
                if population is not None:
                    self._train_population(population, handles, settings)
                    handles = []
            finally:
                self._shared_study.release(handles)
            self._progress.on_batch_end(self._shared_study.get_trials())
        self._report_results()
        return PBTResult(self._shared_study, self._trainer, self.models)

    def _build_population(self, handles: list[TrialHandle]) -> tuple[Population | None, list[Setting]]:
        """Build the members. If the build function rejects a setting, a new setting takes its place."""
        while handles:
            settings = [handle.setting for handle in handles]
            outcome = BatchOutcome([])
            population = self._trainer.build_population(settings, outcome)
            if not outcome.infeasible:
                assert population is not None
                for member in population.members:
                    self._trainer.initialize_weights(member)
                _check_shapes(population, settings)
                return population, settings
            for index, reason in sorted(outcome.infeasible.items(), reverse=True):
                self._shared_study.mark_infeasible(handles.pop(index), reason)
            self._shared_study.check_infeasible()
            handles += self._shared_study.claim_trials(len(outcome.infeasible))
        return None, []

    def _train_population(
        self, population: Population, handles: list[TrialHandle], settings: list[Setting]
    ) -> None:
        sign = self.objective.sign
        hps = [handle.hp for handle in handles]
        schedules: list[list[Any]] = [[(0, encode_params(hp))] for hp in hps]
        scores = [self.objective.worst] * len(handles)
        count = int(self._quantile * len(handles))
        epochs = self._trainer.epochs
        for start in range(0, epochs, self._interval):
            end = min(start + self._interval, epochs)
            self._progress.on_batch_begin(len(handles))
            self._trainer.fit(population, initial_epoch=start, epochs=end)
            for index, member in enumerate(population.members):
                scores[index] = self._score(member)
                self._shared_study.report(handles[index], end, scores[index])
            if end == epochs:
                break
            order = sorted(range(len(handles)), key=lambda index: sign * scores[index])
            for loser in order[len(order) - count :]:
                parent = order[int(self._random.integers(count))]
                if sign * scores[parent] < sign * scores[loser]:
                    hps[loser], settings[loser] = self._explore(hps[parent])
                    self._exploit(population, loser, parent)
                    schedules[loser] = [*schedules[parent], (end, encode_params(hps[loser]))]
        for handle, member, score, schedule in zip(
            handles, population.members, scores, schedules, strict=True
        ):
            self.models[handle.number] = member.model
            attributes: dict[str, Any] = {VALUES: [score], BEST_EPOCHS: [epochs - 1], SCHEDULE: schedule}
            attributes[FINAL_PARAMS] = schedule[-1][1]
            if score == self.objective.worst:
                attributes[REASON] = member.status
            self._shared_study.finish(handle, score, **attributes)

    def _score(self, member: Member) -> float:
        """Return the objective's last value, or the worst possible value if the member diverged."""
        curve = member.history.history.get(self.objective.name, [])
        diverged = member.status.startswith("NaN") or not curve or not math.isfinite(curve[-1])
        return self.objective.worst if diverged else curve[-1]

    def _exploit(self, population: Population, loser: int, parent: int) -> None:
        """Rebuild a member from its current setting, and give it another member's training state.

        Args:
            population: The population.
            loser: The index of the member to rebuild.
            parent: The index of the member whose training state is copied.
        """
        old = population.members[loser]
        new = build_member(population.build, old.setting, old.seed, old.fold)
        self._trainer.initialize_weights(new)
        try:
            copy_training_state(new.model, population.members[parent].model)
        except ShapeError as error:
            raise _different_shapes(str(error)) from error
        population.members[loser] = new

    def _explore(self, parent: HyperParameters) -> tuple[HyperParameters, Setting]:
        """Perturb a parent's hyperparameters, or return them unchanged if the build function rejects every attempt."""

        def perturb(name: str, domain: Domain) -> Any:
            return domain.perturb(parent.values.get(name, domain.default), self._random)

        for _ in range(_MAX_EXPLORE_ATTEMPTS):
            hp = HyperParameters(perturb)
            try:
                return hp, self._shared_study.space.sample(hp)
            except InvalidSetting:
                continue
        same = HyperParameters.from_values(parent.values)
        return same, self._shared_study.space.sample(same)


def population_based_training(
    build: Any, space: Mapping[str, Domain] | None = None, data: Any = None, **settings: Any
) -> PBTResult:
    """Train a population in which the worst members copy the best.

    Every `interval` epochs, each of the worst members copies the weights and the optimizer state of one of the best
    members (exploit), and continues with perturbed hyperparameters (explore). Numbers usually change by about 20 %,
    and choices sometimes change. Learning rates and penalties therefore follow a schedule. The weights of all members
    must have the same shapes, so use `search` to find widths and depths. If a run was killed, the next call starts
    again from the first epoch, with the settings that the killed run started with.

    Args:
        build (Callable): See `search`.
        space (dict[str, Domain] | None): See `search`. Default: None.
        data (tuple): ``(x, y)`` or ``(x, y, sample_weight)``.
        **settings: ``trials`` (int) is the number of members (16 by default). ``epochs`` (int) is the number of epochs
            per member (100 by default). ``interval`` (int) is the number of epochs between two exploit steps (5 by
            default). ``quantile`` (float) is the fraction of members to replace, in (0, 0.5] (0.25 by default). The
            arguments ``objective``, ``storage``, ``name``, ``overwrite``, ``first``, ``seed`` and ``verbose``, and the
            arguments of `Population.fit`, are the same as in `search`.

    Returns:
        PBTResult: The results, including the trials, the best model, and the hyperparameter `schedules`.

    Raises:
        InvalidArgument: If an argument is not supported, or if the members' weights have different shapes.

    Example:
        >>> import fitwell as fw
        >>> import numpy as np
        >>> def build(setting):
        ...     model = fw.Sequential([fw.Input((1,)), fw.layers.Dense(1)])
        ...     model.compile(fw.optimizers.SGD(setting["learning_rate"]), "mse")
        ...     return model
        >>> x = np.linspace(-1, 1, 20, dtype="float32").reshape(20, 1)
        >>> result = fw.tuner.population_based_training(
        ...     build, {"learning_rate": fw.tuner.Float(1e-3, 1e-1, log=True)}, (x, 2 * x), trials=4, epochs=4,
        ...     interval=2, storage=":memory:", verbose=0,
        ... )
        >>> sorted(result.schedules)
        [0, 1, 2, 3]

    Source: Jaderberg et al. (2017), *Population based training of neural networks*.
    """
    return PopulationBasedTraining(build, space, data, **settings).run()


def copy_training_state(model: Model, parent: Model) -> None:
    """Copy the weights, the optimizer state and the epoch counter of `parent` to `model`."""
    model.set_weights(parent.get_weights())
    if type(model.optimizer) is type(parent.optimizer) and parent.optimizer.opt_state is not None:
        # Layer names contain a counter, so the same variable has a different path in each model.
        pairs = zip(parent._named_trainable_variables(), model._named_trainable_variables(), strict=True)
        path_of = {old: new for (old, _), (new, _) in pairs}
        model.optimizer.opt_state = {
            slot: {path_of[path]: np.array(value) for path, value in content.items()}
            if isinstance(content, dict)
            else jax.tree.map(np.array, content)
            for slot, content in parent.optimizer.opt_state.items()
        }
        model.optimizer.step.assign(np.array(parent.optimizer.step.value))
    model._session.epoch = parent._session.epoch


def _check_shapes(population: Population, settings: list[Setting]) -> None:
    shapes = [[np.shape(weight) for weight in member.model.get_weights()] for member in population.members]
    for setting, own in zip(settings, shapes, strict=True):
        if own != shapes[0]:
            raise _different_shapes(
                f"{setting} has the shapes {own}, but {settings[0]} has the shapes {shapes[0]}"
            )


def _different_shapes(difference: str) -> InvalidArgument:
    return InvalidArgument(
        "population_based_training: members copy weights, so all of them must have weights of the same shapes "
        f"({difference}); remove widths and depths from the space, and use fw.search to find them"
    )
