"""`compare`: train every candidate on the same paired repeats, judge them on rows kept aside, say what follows."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fitwell.callbacks.stopping import direction
from fitwell.compare.comparison import Comparison
from fitwell.compare.parts import Parts, divide
from fitwell.compare.words import ENOUGH_REPEATS
from fitwell.errors import DataError, InvalidArgument, NonFiniteWarning, nearest
from fitwell.models import Model
from fitwell.models.penalties import penalties_of, warn_if_penalties_differ
from fitwell.population import Population
from fitwell.population.folds import classifies, labels_of
from fitwell.random import SeedStream

if TYPE_CHECKING:
    import pandas as pd

Build = Callable[[], Model]


def compare(
    candidates: Mapping[str, Build],
    data: Any,
    *,
    repeats: int = 20,
    vary: str = "splits",
    metric: str | None = None,
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
    baseline: the candidate to compare the others with; all pairs by default.
    test_data: ``(x, y)`` to judge by, when there are such rows apart from `data`.
    test_size, validation_size: fractions of the rows; a fifth each by default, less of large tables. Validation
        rows are for the callbacks, such as early stopping.
    confidence: of the intervals, and 1 less it is the rate of false alarms.
    seed: of everything drawn here.
    callbacks: templates as for `Population.fit`, for all candidates, or a dict from names to such lists.
    epochs, batch_size, class_weight, verbose: as for `Model.fit`.

    Returns a `Comparison`: print it, or see its `table`, `differences_table`, `to_html` and `plot`.

    >>> found = compare({"plain": build_plain, "dropout": build_dropout}, (X, y))  # doctest: +SKIP
    >>> print(found)  # doctest: +SKIP
    dropout lowers test loss against plain by 0.021 ± 0.008 (p < 0.001; dropout was better in 19 of 20 repeats).
    """
    _check(candidates, data, repeats, baseline)
    stream = SeedStream(seed)
    seeds = [stream.next() for _ in range(repeats)]
    example = next(iter(candidates.values()))()
    labels = labels_of(data[1]) if classifies(getattr(example, "loss", None)) else None
    parts = divide(
        data,
        test_data,
        labels,
        seeds,
        vary=vary,
        validation_size=validation_size,
        test_size=test_size,
    )
    if repeats < ENOUGH_REPEATS:
        warnings.warn(
            f"compare: {repeats} repeats are few, only large differences can be seen; take {ENOUGH_REPEATS} or more",
            stacklevel=2,
        )
    trained = {}
    for name, build in candidates.items():
        templates = callbacks[name] if isinstance(callbacks, Mapping) else callbacks
        trained[name] = _train(
            build,
            parts,
            seeds,
            epochs=epochs,
            batch_size=batch_size,
            callbacks=templates,
            class_weight=class_weight,
            verbose=verbose,
        )
    # Only now, when nothing can be changed any more, are the test rows looked at.
    judged = {name: _judge(population, parts) for name, population in trained.items()}
    chosen = _choose_metric(metric, judged, example)
    models = [population.members[0].model for population in trained.values()]
    warn_if_penalties_differ([penalties_of(model) for model in models], chosen, "compare")
    scores, left_out = _usable(_scores(judged, chosen), chosen)
    return Comparison(
        scores,
        chosen,
        direction(chosen, "auto") == "max",
        parts.varied,
        confidence,
        parts.overlap,
        baseline,
        parts.look(),
        (*_notes(trained), *left_out),
    )


def _check(candidates: Any, data: Any, repeats: Any, baseline: Any) -> None:
    if not isinstance(candidates, Mapping) or len(candidates) < 2:
        raise InvalidArgument(
            "compare: expected two candidates or more, a dict from names to functions that build a compiled model"
        )
    for name, build in candidates.items():
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
    if not isinstance(data, list | tuple) or len(data) != 2:
        raise InvalidArgument("compare: data must be (x, y)")
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 2:
        raise InvalidArgument(f"compare: repeats must be a number of at least 2, got {repeats!r}")
    if baseline is not None and baseline not in candidates:
        raise InvalidArgument(
            f"compare: baseline={baseline!r} is no candidate{nearest(str(baseline), candidates)}; "
            f"there are {', '.join(candidates)}"
        )


def _train(build: Build, parts: Parts, seeds: Sequence[int], **settings: Any) -> Population:
    population = Population(lambda setting: build(), seeds=seeds)
    for repeat, (member, seed) in enumerate(zip(population.members, seeds, strict=True)):
        # One member for each division; candidates of other layers would draw other seeds for the order of rows.
        member.fold = repeat
        member.model.runtime.seed = seed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonFiniteWarning)  # the comparison says it of all candidates
        population.fit(parts.x, parts.y, splits=parts.training(), **settings)
    return population


def _judge(population: Population, parts: Parts) -> list[dict[str, float]]:
    return [
        member.model.evaluate(*parts.test(repeat), verbose=0, return_dict=True)
        for repeat, member in enumerate(population.members)
    ]


def _choose_metric(asked: str | None, judged: Mapping[str, list[dict[str, float]]], example: Model) -> str:
    measured = [list(results[0]) for results in judged.values()]
    shared = [name for name in measured[0] if all(name in names for names in measured)]
    if asked is None:
        return next((name for name in shared if not name.endswith("loss")), "loss")
    if asked not in shared:
        raise InvalidArgument(
            f"compare: metric={asked!r} is not measured by all candidates{nearest(asked, shared)}; "
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
            f"{(~whole).sum()} repeats are left out, in which the {metric} of a candidate was not finite."
        )
    return kept.loc[whole], notes


def _notes(trained: Mapping[str, Population]) -> list[str]:
    notes = []
    for name, population in trained.items():
        lost = sum(member.status.startswith("NaN") for member in population.members)
        if lost:
            notes.append(
                f"In {lost} of {len(population)} repeats the loss of {name} was no longer finite: "
                "its last good weights were judged."
            )
    return notes
