"""`Population`: many models trained in the time of a few."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from fitwell import random
from fitwell.arguments import Call, Integer, check, checked
from fitwell.callbacks.directions import MODE
from fitwell.errors import InvalidArgument, NonFiniteWarning, StateError, warn
from fitwell.history import History
from fitwell.models import packing
from fitwell.models.model import FIT, Model
from fitwell.models.training import interruptions
from fitwell.population import archive, layouts, table
from fitwell.population.ensemble import Ensemble, predict_all
from fitwell.population.fitting import Course, Group, MemberFit, callbacks_for, make_groups
from fitwell.population.folds import Fold
from fitwell.population.members import (
    Build,
    Drawn,
    Member,
    Setting,
    check_seeds,
    check_settings,
    make_member,
)
from fitwell.population.rows import Source
from fitwell.progress import Progress

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_COUNT = Integer(1) | None


BUILD = Call("a function from hyperparameters to a compiled model")


class Population:
    """Models that differ in hyperparameters and seeds, trained together.

    Every setting in `members` is built once under every seed. Models of the same structure share one
    compiled program, whatever their learning rates, penalties, dropout rates and other numbers, so a member
    costs its arithmetic only. Each is trained as it would be alone: its whole curve is that of the model
    built and fitted after ``utils.set_random_seed(seed)``, to rounding.

    Parameters
    ----------
    build: a function from a dict of hyperparameters to a compiled `Model`.
    members: a list of such dicts: your own, `grid` or `draw`. Hyperparameters that a dict lacks are
        missing from its row of the results. One empty dict by default: members that differ in the seed.
    seeds: whole numbers.

    >>> import fitwell as fw
    >>> def build(setting):
    ...     model = fw.Sequential([fw.Input((8,)), fw.layers.Dense(30, activation="relu"), fw.layers.Dense(1)])
    ...     model.compile(loss="mse", optimizer=fw.optimizers.SGD(setting["learning_rate"]))
    ...     return model
    >>> len(Population(build, fw.grid(learning_rate=[0.01, 0.1]), seeds=range(10)))
    20
    """

    @checked(build=BUILD)
    def __init__(
        self, build: Build, members: Sequence[Setting] | None = None, seeds: Sequence[int] = (0,)
    ) -> None:
        settings = [{}] if members is None else check_settings(members)
        numbers = check_seeds(seeds)
        self._log = members.log if isinstance(members, Drawn) else {}
        self.build = build
        self.members = [make_member(build, setting, seed) for setting in settings for seed in numbers]
        self._groups: list[Group] = []
        self._division: tuple[int, Sequence[Fold]] | None = None

    # --- training ------------------------------------------------------------------------------------------

    @checked(FIT, epochs=Integer(0) | Call("a function from a setting to one"))
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int | Callable[[Setting], int] = 1,
        verbose: int | str = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[Any, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        folds: Any = None,
        splits: Any = None,
    ) -> Population:
        """Train every member; calling it again goes on from where each stopped. Returns the population.

        The arguments are those of `Model.fit`, except for these:

        epochs: a number, or a function from a setting to one, when how long to train is a hyperparameter.
        callbacks: templates, of which each member gets copies, so early stopping, best weights and learning
            rates are each member's own. Or a function from a setting to such a list, when their numbers
            are hyperparameters too. Callbacks that look at batches are refused.
        folds: cross-validation: a number of folds, or a splitter of scikit-learn. Each member becomes as
            many, one per fold, which learns from the other folds' rows and is validated with its own.
        splits: pairs of arrays of row numbers ``(train, validation)`` instead; the second may be empty.

        A member whose loss is no longer finite stops there with its last good weights; the others go on.
        Ctrl-C stops the members that are running with all they learned; those not begun stay as they were. So it is
        when a callback raises an error.

        Where JAX has several accelerators (``jax.local_devices()``), all of them train members. A member that is
        trained by itself comes out the same to the bit on whichever; stacks are smaller then, and equal to
        rounding. ``with jax.default_device(device):`` around the call keeps to one.
        """
        lasting = epochs if callable(epochs) else lambda setting: epochs
        for member in self.members:
            check("fit", "epochs", lasting(dict(member.setting)), Integer(0))
        if x is None:
            raise InvalidArgument("fit: x is missing")
        source = Source(
            x,
            y,
            sample_weight=sample_weight,
            class_weight=class_weight,
            validation_data=validation_data,
            validation_split=validation_split,
            folds=folds,
            splits=splits,
        )
        self._divide(source)
        choose = callbacks_for(callbacks, self.members)
        settings = {
            "batch_size": batch_size,
            "validation_batch_size": validation_batch_size,
            "initial_epoch": initial_epoch,
            "steps_per_epoch": steps_per_epoch,
            "validation_steps": validation_steps,
            "validation_freq": validation_freq,
            "shuffle": shuffle,
        }

        def start(member: Member, course: Course) -> MemberFit:
            return MemberFit(member, course, choose(member), epochs=lasting(dict(member.setting)), **settings)

        progress = Progress(verbose, None, len(self.members))
        fits: list[MemberFit] = []

        # Members of one seed visit their rows in one order.
        with random.orders_kept(), layouts.compiling_ahead() as compile_ahead:

            def lead(member: Member) -> None:
                # Settings are checked here, before anything has begun.
                with random.drawing_from(member.stream):
                    fits.append(start(member, Course(source.rows_for(member.model))))
                    compile_ahead(fits[-1])

            self._groups = make_groups(self.members, source, lead)
            if callable(callbacks):
                for fit, group in zip(fits, self._groups, strict=True):
                    for member in group.members[1:]:
                        fit.check_callbacks(choose(member))
            groups = [
                (fit, [(member, functools.partial(start, member, fit.course)) for member in group.members])
                for fit, group in zip(fits, self._groups, strict=True)
            ]
            try:
                self._run(groups, progress)
            finally:
                for member in self.members:
                    member.model.runtime.watch_shared()
        return self

    def _divide(self, source: Source) -> None:
        """Make one member per fold, when folds are asked for the first time."""
        rows = source.rows_for(self.members[0].model)
        count = None if rows.folds is None else len(rows.folds)
        have = None if self.members[0].fold is None else 1 + max(member.fold or 0 for member in self.members)
        if any(member.status != "not trained" for member in self.members):
            if have != count:
                raise StateError(
                    f"fit: this population was trained with {have or 'no'} folds and cannot go on with "
                    f"{count or 'none'}; make a new Population"
                )
            self._check_division(rows.count, rows.folds)
        elif have != count:
            divided = []
            for member in self.members:
                if not member.fold:  # others are of a fit that was refused
                    member.fold = None if count is None else 0
                    folds = range(1, count or 1)
                    divided += [
                        member,
                        *(make_member(self.build, member.setting, member.seed, fold) for fold in folds),
                    ]
            self.members = divided
        self._division = None if rows.folds is None else (rows.count, rows.folds)

    def _check_division(self, rows: int, folds: Sequence[Fold] | None) -> None:
        """Refuse folds that would validate members with rows they have learned from."""
        if folds is None or self._division is None or self._division[0] != rows:
            return
        if any(one.leaks_into(other) for one, other in zip(self._division[1], folds, strict=True)):
            raise StateError(
                "fit: the rows are divided in another way than before, so members would be validated with rows that "
                "they have learned from; give the splitter a random_state, or pass the same splits again"
            )

    def _run(self, groups: Sequence[tuple[MemberFit, Sequence[layouts.Start]]], progress: Progress) -> None:
        for member in self.members:
            member.wait()
        progress.epoch_begin(0)
        with interruptions() as interrupted:
            layouts.lay_out(groups, progress.update, interrupted)
        progress.epoch_end(0, table.best_so_far(self.members))
        progress.close()
        self._warn_of_nan()
        if interrupted():
            raise KeyboardInterrupt

    def _warn_of_nan(self) -> None:
        lost = [member for member in self.members if member.status.startswith("NaN")]
        if lost:
            warn(
                f"{len(lost)} of {len(self.members)} members ended with a loss that is not finite, and have their last "
                f"good weights: the first is {lost[0].where} ({lost[0].status}). See `results`, column 'status'.",
                NonFiniteWarning,
            )

    # --- what came out -------------------------------------------------------------------------------------

    @property
    def results(self) -> pd.DataFrame:
        """A table with one row per member: its setting, seed and fold, how far it came, and its metrics.

        For each metric the value after the last epoch and, as ``best_…``, the best of any epoch; of a metric whose
        name does not tell whether large or small is better (``my_score``), the last alone.
        `stopped_epoch` (counted from 0) is missing when no callback stopped the member.
        """
        return table.results(self.members)

    @property
    def history(self) -> list[History]:
        """The `History` of every member, of the last `fit`."""
        return [member.history for member in self.members]

    def member(self, number: int) -> Model:
        """Return the model of member `number`, the row of `results`."""
        whole = isinstance(number, int | np.integer) and not isinstance(number, bool)
        if not whole or not -len(self.members) <= number < len(self.members):
            raise InvalidArgument(
                f"member: there are {len(self.members)} members, counted from 0, got {number!r}"
            )
        return self.members[number].model

    @checked(mode=MODE)
    def best(self, metric: str | None = None, mode: str = "auto") -> Model:
        """Return the model that is best by `metric`: ``val_loss`` by default, ``loss`` without validation.

        mode: ``"max"`` when a larger value is better, ``"min"`` when a smaller one is; by the metric's name by
            default, which must tell then.

        Judged by the weights the members have now: those of the epoch that early stopping restored, else
        the last. With folds the setting and seed that are best on average over the folds, and of these the
        model of the first fold; to learn from all rows, fit ``build(setting)`` anew.
        """
        return self.members[table.ranking(self.members, metric, mode)[0]].model

    @checked(top=_COUNT, mode=MODE)
    def ensemble(self, top: int | None = None, metric: str | None = None, mode: str = "auto") -> Ensemble:
        """Return the best `top` members (all by default) as one predictor; `metric` and `mode` as in `best`."""
        if top is None:
            if metric is not None:
                raise InvalidArgument("ensemble: metric chooses the best members, so say how many: top=...")
            return Ensemble([member.model for member in self.members])
        if top > len(self.members):
            raise InvalidArgument(f"ensemble: top={top}, and there are {len(self.members)} members")
        best = table.ranking(self.members, metric, mode)[:top]
        return Ensemble([self.members[number].model for number in best])

    @checked(batch_size=_COUNT)
    def predict(self, x: Any, batch_size: int | None = None) -> Any:
        """Return the outputs of every member for the rows of `x`: ``[members, rows, ...]``."""
        groups = [group.models for group in self._groups] or [[member.model] for member in self.members]
        outputs = predict_all(groups, x, batch_size)
        places = {id(member.model): place for place, member in enumerate(self.members)}
        order = np.argsort([places[id(model)] for group in groups for model in group])
        return jax.tree.map(lambda part: part[order], outputs)

    @checked(batch_size=_COUNT)
    def evaluate(
        self, x: Any, y: Any = None, batch_size: int | None = None, sample_weight: Any = None
    ) -> pd.DataFrame:
        """Return the loss and every metric of each member over `x` and `y`: a table like `results`."""
        if packing.is_stream(x):
            raise InvalidArgument(
                "Population.evaluate: every member goes over the rows, so x must be arrays, not a generator, which the "
                "first would use up"
            )
        found = [
            member.model.evaluate(
                x, y, batch_size=batch_size, sample_weight=sample_weight, verbose=0, return_dict=True
            )
            for member in self.members
        ]
        return table.rows(self.members, found)

    # --- pictures ------------------------------------------------------------------------------------------

    def plot_curves(
        self, metric: str | None = None, by: str | Sequence[str] | None = None, ax: Axes | None = None
    ) -> Axes:
        """Draw the learning curves of all members as a fan, with their median; of seeds alone with mean and spread.

        Members that are far off are left out of the picture, which then says how many; the best never are. Those that
        diverged end in a cross.

        metric: ``val_loss`` by default, ``loss`` without validation.
        by: a hyperparameter, several, ``"seed"`` or ``"fold"``: each of its values has a colour, and where it has
            several members their mean and a band of one standard deviation (n - 1), over the epochs that all reached.
        ax: axes to draw on, new ones by default. Nothing is shown: a script calls ``plt.show()``.
        """
        from fitwell.population import plots

        return plots.curves(self.members, metric, by, ax)

    def plot_effect(
        self,
        name: str,
        metric: str | None = None,
        ax: Axes | None = None,
        by: str | Sequence[str] | None = None,
    ) -> Axes:
        """Draw `metric` against hyperparameter `name`: each member, and the mean at each value.

        The bars are of one standard deviation (n - 1). Categories stand side by side. Numbers have a logarithmic axis
        where `draw` drew them so, or, from elsewhere, where they span decades evenly. What is far off stands at the
        edge as a triangle, what is not finite as a cross.

        `metric`, `ax` and `by` are those of `plot_curves`; each value of `by` has means of its own.
        """
        from fitwell.population import effects

        return effects.effect(self.members, name, metric, by, ax, self._log)

    def plot_pairs(self, metric: str | None = None, by: str | Sequence[str] | None = None) -> Figure:
        """Draw every pair of the hyperparameters that vary, coloured by `metric`; returns the figure.

        Members of the same spot, as the seeds of one setting are, stand around it; those that diverged are crosses.
        `by` is that of `plot_curves`; here it gives members their shapes.
        """
        from fitwell.population import pairs

        return pairs.pairs(self.members, metric, self._log, by)

    # --- files ---------------------------------------------------------------------------------------------

    def save(self, filepath: Any, overwrite: bool = True) -> None:
        """Write settings, seeds, histories and the training state of every member to one file.

        Hyperparameters must be numbers, texts, or lists of them.
        """
        if not self._groups:
            raise StateError("save: the population is not trained yet: call fit first")
        archive.write(filepath, self.members, self._groups, overwrite)

    @classmethod
    @checked(build=BUILD)
    def load(cls, filepath: Any, build: Build) -> Population:
        """Read a population written by `save`; `build` is the function it was made with.

        filepath: one file, or a list of them, whose members become one population, in this order.

        The file holds numbers and texts and runs no code. A loaded population goes on as the saved one would.

        Several files are how processes share a population: each trains its part, and whoever has the files puts
        them together. On one machine `fit` alone uses all cores and accelerators, and compiles once::

            part = fw.Population(build, members[rank::processes], seeds=range(10))
            part.fit(x, y, epochs=100, folds=5)
            part.save(f"part-{rank}.fit")
            # when all are done
            pop = fw.Population.load([f"part-{rank}.fit" for rank in range(processes)], build)
        """
        files = list(filepath) if isinstance(filepath, list | tuple) else [filepath]
        if not files:
            raise InvalidArgument("load: expected a file or a list of files, got an empty list")
        return cls._of(build, *archive.read_parts(files, build))

    def as_tree(self) -> dict[str, Any]:
        """Return what `save` writes, as dicts and lists of numbers, texts and arrays."""
        return archive.as_tree(self.members, self._groups)

    @classmethod
    def of_tree(cls, tree: dict[str, Any], build: Build) -> Population:
        """Return the population that was taken apart by `as_tree`; see `load`."""
        return cls._of(build, *archive.of_tree(tree, build, "the tree"))

    @classmethod
    def _of(cls, build: Build, members: list[Member], groups: list[Group]) -> Population:
        population = cls.__new__(cls)
        population.build, population.members, population._groups = build, members, groups
        population._division = None
        population._log = {}
        return population

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        trained = sum(member.status != "not trained" for member in self.members)
        return f"<Population of {len(self)} members, {trained} trained>"
