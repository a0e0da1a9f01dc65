"""`compare`: train every candidate on the same paired repeats, judge them on rows kept aside, say what follows."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwell import random
from fitwell.arguments import Integer, Options, Real, checked
from fitwell.callbacks.base import as_callbacks, is_ours, writes_logs
from fitwell.callbacks.directions import MODE, asked_direction
from fitwell.compare.comparison import Comparison
from fitwell.compare.parts import Parts, divide, is_list_of_arrays
from fitwell.compare.remarks import about_first_weights, about_losses, about_lost_runs
from fitwell.compare.statistics import CONFIDENCE
from fitwell.compare.words import ENOUGH_REPEATS
from fitwell.errors import DataError, FitwellError, InvalidArgument, NonFiniteWarning, nearest, noting, warn
from fitwell.layers.base import fresh_names
from fitwell.models import Model
from fitwell.models.checks import check_values
from fitwell.models.model import FIT
from fitwell.models.objective import classifies
from fitwell.models.penalties import penalties_of, warn_if_penalties_differ
from fitwell.models.training import gather
from fitwell.population import Population
from fitwell.population.fitting import is_function_of_setting
from fitwell.population.folds import labels_of
from fitwell.population.members import checked_model
from fitwell.random import SeedStream

if TYPE_CHECKING:
    import pandas as pd

Build = Callable[[], Model]


@checked(
    FIT,
    repeats=Integer(2),
    vary=Options("splits", "seeds"),
    mode=MODE,
    test_size=Real(0, 1, closed="left") | None,
    validation_size=Real(0, 1, closed="left") | None,
    confidence=CONFIDENCE,
    seed=Integer(0),
)
def compare(
    candidates: Mapping[str, Build],
    data: Any,
    *,
    repeats: int = 20,
    vary: str = "splits",
    metric: str | None = None,
    mode: str = "auto",
    baseline: str | None = None,
    test_data: Any = None,
    test_size: float | None = None,
    validation_size: float | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    epochs: int = 10,
    batch_size: int | None = None,
    callbacks: Any = None,
    class_weight: dict[Any, float] | None = None,
    verbose: int | str = "auto",
) -> Comparison:
    """Say which of several ideas is better, and how sure that is.

    Every candidate is trained `repeats` times, each candidate's i-th time with the i-th seed, the i-th division
    of the rows and the same order of rows: what is left between two candidates is their difference. They are
    judged by rows kept aside until all of them are trained.

    Parameters
    ----------
    candidates: functions that build and compile a model, by name.
    data: ``(x, y)``, as for `Model.fit`.
    repeats: how often each is trained. Few repeats see only large differences.
    vary: ``"splits"`` divides the rows anew for every repeat: the answer is about tables like this one, and
        intervals allow for the rows that repeats share (Nadeau & Bengio 2003). ``"seeds"`` keeps one division:
        the answer is about these very rows.
    metric: what judges: the first metric the models were compiled with, by default, else the loss.
    mode: ``"max"`` when a larger `metric` is better, ``"min"`` when a smaller one is; by its name by default, which
        must tell then.
    baseline: the candidate to compare the others with; all pairs by default.
    test_data: ``(x, y)`` to judge by, when there are such rows apart from `data`; the answer is about these.
    test_size: fraction of the rows; a fifth by default, less of large tables.
    validation_size: fraction of the rows to be held out for callbacks. By default as many as for the test where a
        callback looks at validation values, such as `EarlyStopping`, or may do so, being a class of yours; else 0:
        all rows but those of the test are trained on.
    confidence: of the intervals, and 1 less it is the rate of false alarms.
    seed: of everything drawn here.
    callbacks: templates as for `Population.fit`, for all candidates, or a dict from names to such lists.
    epochs, batch_size, class_weight, verbose: as for `Model.fit`.

    Returns a `Comparison`: print it, or see its `table`, `differences_table`, `to_html` and `plot`.

    >>> found = compare({"plain": build_plain, "dropout": build_dropout}, (X, y))  # doctest: +SKIP
    >>> print(found)  # doctest: +SKIP
    dropout lowers test loss against plain by 0.021 ± 0.008 (p < 0.001; dropout was better in 19 of 20 repeats).
    """
    _check(candidates, data, test_data, baseline, callbacks)
    stream = SeedStream(seed)
    seeds = [stream.next() for _ in range(repeats)]
    examples = {name: _example(name, build) for name, build in candidates.items()}
    # What is wrong with the rows is said now, and not of the test rows when everything is trained.
    measured = {name: _measured(name, model, data, test_data) for name, model in examples.items()}
    labels = _labels(data[1]) if classifies(next(iter(examples.values())).loss) else None
    parts = divide(
        data,
        test_data,
        labels,
        seeds,
        vary=vary,
        validation_size=_validation_size(validation_size, candidates, callbacks),
        test_size=test_size,
    )
    if repeats < ENOUGH_REPEATS:
        warn(
            f"compare: {repeats} repeats are few, only large differences can be seen; take {ENOUGH_REPEATS} or more",
        )
    chosen = _choose_metric(metric, measured)
    larger_is_better = asked_direction(chosen, mode, "compare") == "max"

    def train(name: str, seeds: Sequence[int], epochs: Any, verbose: int | str) -> Population:
        templates = callbacks[name] if isinstance(callbacks, Mapping) else callbacks
        settings = {"batch_size": batch_size, "callbacks": templates, "class_weight": class_weight}
        with _naming(f"candidate {name!r}"):
            return _train(candidates[name], parts, seeds, epochs=epochs, verbose=verbose, **settings)

    warn_if_penalties_differ([penalties_of(model) for model in examples.values()], chosen, "compare")
    # A mistake in the settings of the last candidate must not cost the training of the others.
    rehearsed = {name: train(name, seeds[:2], 0, 0) for name in candidates}
    trained = {name: train(name, seeds, epochs, verbose) for name in candidates}
    # Only now, when nothing can be changed any more, are the test rows looked at.
    judged = {name: _judge(population, parts) for name, population in trained.items()}
    scores, left_out = _usable(_scores(judged, chosen), chosen)
    return Comparison(
        scores,
        chosen,
        larger_is_better,
        parts.varied,
        confidence,
        parts.overlap,
        baseline if baseline in scores else None,
        parts.look(),
        (
            *parts.notes,
            *about_first_weights(rehearsed),
            *about_lost_runs(trained),
            *about_losses(examples, chosen),
            *left_out,
        ),
        tuple(left_out),
    )


def _check(candidates: Any, data: Any, test_data: Any, baseline: Any, callbacks: Any) -> None:
    if not isinstance(candidates, Mapping) or len(candidates) < 2:
        raise InvalidArgument(
            "compare: expected two candidates or more, a dict from names to functions that build a compiled model"
        )
    for name, build in candidates.items():
        if not isinstance(name, str):
            raise InvalidArgument(f"compare: candidates are named by texts, got {name!r}; write '{name}'")
        if isinstance(build, Model):
            raise InvalidArgument(
                f"compare: {name!r} is a model; give the function that builds it, for every repeat trains a new one"
            )
        if not callable(build):
            raise InvalidArgument(
                f"compare: {name!r} must be a function that builds a compiled model, got {build!r}"
            )
        required = [
            parameter.name
            for parameter in inspect.signature(build).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ]
        if required:
            raise InvalidArgument(
                f"compare: {name!r} is called without arguments and needs {', '.join(required)}; "
                "write lambda: build(...) or functools.partial(build, ...)"
            )
    for name, given in (("data", data), ("test_data", test_data)):
        if (not isinstance(given, list | tuple) or len(given) != 2) and (given is not None or name == "data"):
            raise InvalidArgument(f"compare: {name} must be (x, y)")
    if isinstance(callbacks, Mapping):
        for name in [*candidates, *callbacks]:
            if name not in callbacks or name not in candidates:
                raise InvalidArgument(
                    f"compare: a dict of callbacks has a list for every candidate and nothing else; {name!r} is "
                    f"{'no candidate' if name in callbacks else 'missing'}"
                )
    if baseline is not None and baseline not in candidates:
        raise InvalidArgument(
            f"compare: baseline={baseline!r} is no candidate{nearest(str(baseline), candidates)}; "
            f"there are {', '.join(candidates)}"
        )


def _validation_size(asked: float | None, candidates: Mapping[str, Build], callbacks: Any) -> float | None:
    """Return the fraction to hold out for callbacks: none where no callback looks at validation values."""
    templates = callbacks if isinstance(callbacks, Mapping) else dict.fromkeys(candidates, callbacks)
    every: list[Any] = []
    for name, given in templates.items():
        with _naming(f"candidate {name!r}"):
            every += as_callbacks(given({}) if is_function_of_setting(given) else given)
    if asked is None:
        return None if any(map(_may_look, every)) else 0.0
    needing = next((c for c in every if is_ours(type(c)) and _may_look(c)), None) if asked == 0 else None
    if needing is not None:
        raise InvalidArgument(
            f"compare: with validation_size=0 there are no validation values, which {type(needing).__name__} looks "
            "at; leave validation_size out, or monitor a value of the training rows, such as 'loss'"
        )
    return asked


def _may_look(callback: Any) -> bool:
    """Return whether `callback` looks at validation values, as far as can be told."""
    if not is_ours(type(callback)) or writes_logs(callback):
        return True
    monitors = str(getattr(callback, "monitor", "")).startswith("val_")
    names = "{val_" in str(getattr(callback, "filepath", ""))
    return names or (monitors and getattr(callback, "save_best_only", True))


def _train(build: Build, parts: Parts, seeds: Sequence[int], **settings: Any) -> Population:
    population = Population(lambda setting: build(), seeds=seeds)
    for repeat, (member, seed) in enumerate(zip(population.members, seeds, strict=True)):
        # One member for each division; candidates of other layers would draw other seeds for the order of rows.
        member.fold = repeat
        member.model.runtime.seed = seed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonFiniteWarning)  # the comparison says it of all candidates
        population.fit(parts.x, parts.y, splits=parts.training()[: len(seeds)], **settings)
    return population


def _judge(population: Population, parts: Parts) -> list[dict[str, float]]:
    return [
        member.model.evaluate(*parts.test(repeat), verbose=0, return_dict=True)
        for repeat, member in enumerate(population.members)
    ]


def _example(name: str, build: Build) -> Model:
    """Return a model of a candidate that nobody trains: to see what it measures."""
    with random.seeded(0), fresh_names(), _naming(f"candidate {name!r}"):
        model = build()
    return checked_model(model, f"compare: {name!r}")


def _naming(what: str) -> AbstractContextManager[None]:
    """Add to fitwell's errors of the block what they are about."""
    return noting(f"compare: {what}", FitwellError)


def _labels(y: Any) -> NDArray[Any] | None:
    """Return the class of every row; None where there are several targets."""
    return None if isinstance(y, Mapping) or is_list_of_arrays(y) else labels_of(y)


def _measured(name: str, model: Model, data: Any, test_data: Any) -> list[str]:
    """Return the names of what a candidate measures; refuse rows that it cannot learn from or be judged by."""
    with random.seeded(0), _naming(f"candidate {name!r}, data"):
        x, y = data
        names = model.runtime.prepare(gather(model, x, y, None, learning=True).example).result_names()
    if test_data is not None:
        with _naming(f"candidate {name!r}, test_data"):
            x, y = test_data
            rows = gather(model, x, y, None).example
            model.runtime.check(rows)
            check_values(rows, model.runtime.program.losses)
    return names


def _choose_metric(asked: str | None, measured: Mapping[str, list[str]]) -> str:
    first, *others = measured.values()
    shared = [name for name in first if all(name in names for names in others)]
    if asked is None:
        return next((name for name in shared if not name.endswith("loss")), "loss")
    if asked not in shared:
        raise InvalidArgument(
            f"compare: metric={asked!r} is not measured by all candidates{nearest(str(asked), shared)}; "
            f"all measure {', '.join(shared)}"
        )
    return asked


def _scores(judged: Mapping[str, list[dict[str, float]]], metric: str) -> pd.DataFrame:
    import pandas as pd

    columns = {name: np.array([found[metric] for found in results]) for name, results in judged.items()}
    return pd.DataFrame(columns).rename_axis(index="repeat")


def _usable(scores: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, list[str]]:
    """Leave out what cannot be averaged, and say so: candidates that never scored, repeats in which one did not."""
    finite = scores.apply(np.isfinite)
    lost = [str(name) for name in scores if finite[name].sum() < 2]
    notes = [f"{name} is left out: its {metric} on the test rows was hardly ever finite." for name in lost]
    kept = scores.drop(columns=lost)
    whole = finite.drop(columns=lost).all(axis=1)
    if kept.shape[1] < 2 or whole.sum() < 2:
        raise DataError(
            f"compare: there are no two candidates with finite {metric} on the test rows in two repeats:\n{scores}"
        )
    if not whole.all():
        notes.append(
            f"{(~whole).sum()} of {len(whole)} repeats left out: the {metric} of a candidate was not finite."
        )
    return kept.loc[whole], notes
