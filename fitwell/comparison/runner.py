"""`compare`, which trains candidates in paired repeats and evaluates them on held-out rows."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from fitwell import random
from fitwell._param_validation import Integer, Options, Real, validate_params
from fitwell._typing import NumpyArray
from fitwell.callbacks.callback_list import flatten_callbacks, has_user_defined_hooks, is_fitwell_code
from fitwell.callbacks.metric_mode import MODE, require_mode
from fitwell.comparison.argument_checks import check_arguments
from fitwell.comparison.caveats import note_constant_weights, note_incomparable_losses, note_non_finite_runs
from fitwell.comparison.comparison import Comparison
from fitwell.comparison.metric_format import ENOUGH_REPEATS
from fitwell.comparison.paired_splits import ComparisonSplits, is_list_of_arrays, make_splits
from fitwell.comparison.statistics import CONFIDENCE
from fitwell.errors import (
    DataError,
    FitwellError,
    InvalidArgument,
    NonFiniteWarning,
    add_error_note,
    did_you_mean,
    warn,
)
from fitwell.layers.auto_name import name_counter_scope
from fitwell.models import Model
from fitwell.models.compile_config import is_classification_loss
from fitwell.models.fit_data import pack_data
from fitwell.models.fit_options import FIT_RULES
from fitwell.models.input_checks import check_values
from fitwell.models.loss_comparability import regularizers_of, warn_if_regularizers_differ
from fitwell.population import Population
from fitwell.population.folds import class_labels
from fitwell.population.member_train_loop import is_function_of_setting
from fitwell.population.members import require_compiled_model
from fitwell.random import SeedGenerator

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "compare",
]

Build = Callable[[], Model]


@validate_params(
    FIT_RULES,
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
    """Compare models over paired repeats and test whether their differences are significant.

    Each candidate is trained `repeats` times. Repeat i uses the same seed, the same split and the same row order
    for every candidate, so that differences within a repeat come from the candidates. All models are trained
    before any model is evaluated on the test rows.

    Differences are tested with paired t-tests, and Holm's method corrects for multiple comparisons. With
    ``vary="splits"``, the intervals account for training rows that repeats share (Nadeau & Bengio 2003).

    Args:
        candidates (Mapping[str, Callable[[], Model]]): Dict that maps each candidate's name to a function that builds
            and compiles a model.
        data (tuple): ``(x, y)``, as for `Model.fit`.
        repeats (int): Number of repeats, at least 2. A few repeats can detect only large differences. Default: 20.
        vary (str): ``"splits"`` makes a new random split for each repeat, so that conclusions hold for
            similar data sets. ``"seeds"`` keeps one split, so that conclusions hold only for these rows.
            Default: "splits".
        metric (str | None): Name of the metric to compare. Default: None, which means the first metric that
            all candidates compute, or the loss if there is none.
        mode (str): ``"max"`` if larger values of `metric` are better, ``"min"`` if smaller values are better, or
            ``"auto"`` to infer this from the metric. Default: "auto".
        baseline (str | None): Candidate with which all other candidates are compared. Default: None, which compares
            all pairs.
        test_data (tuple | None): Separate test rows ``(x, y)``. Default: None, which holds out rows of `data`.
        test_size (float | None): Fraction of the rows to hold out for testing, in [0, 1). Default: None, which is
            0.2, or less for large data.
        validation_size (float | None): Fraction of the rows to hold out for callbacks, in [0, 1). Default: None,
            which means the same fraction as for testing if a callback uses validation values (such as
            `EarlyStopping`) or is user-defined, and 0 otherwise.
        confidence (float): Confidence level of the intervals, in (0, 1). ``1 - confidence`` is the significance
            level. Default: 0.95.
        seed (int): Seed of the splits, the weights, the shuffling and the dropout masks. Default: 0.
        epochs (int): Number of epochs, as for `Model.fit`. Default: 10.
        batch_size (int | None): Rows per batch, as for `Model.fit`. Default: None.
        callbacks (list | Mapping | None): Callbacks for all candidates, as for `Population.fit`, or a dict that maps
            each candidate's name to a list of callbacks. Default: None.
        class_weight (dict | None): Weight of each class, as for `Model.fit`. Default: None.
        verbose (int | str): Verbosity, as for `Model.fit`. Default: "auto".

    Returns:
        Comparison: The scores, intervals and differences, which can be printed, plotted and exported.

    Raises:
        InvalidArgument: If an argument is out of range, or if a candidate is not a function that builds a compiled
            model.
        DataError: If `x` and `y` have different numbers of rows, or if fewer than two candidates have finite scores.

    Example:
        >>> import numpy as np
        >>> import fitwell as fw
        >>> def build(units):
        ...     model = fw.Sequential([fw.layers.Dense(units, "relu"), fw.layers.Dense(1)])
        ...     model.compile("adam", "mse")
        ...     return model
        >>> x = np.linspace(-1, 1, 60).reshape(-1, 1)
        >>> result = fw.compare(
        ...     {"narrow": lambda: build(1), "wide": lambda: build(32)}, (x, x**2), repeats=10, epochs=1, verbose=0
        ... )
        >>> result.metric, len(result.differences), result.scores.shape
        ('loss', 1, (10, 2))

    Source: Nadeau & Bengio, Inference for the Generalization Error (2003); Holm (1979).
    """
    check_arguments(candidates, data, test_data, baseline, callbacks)
    seed_generator = SeedGenerator(seed)
    seeds = [seed_generator.next() for _ in range(repeats)]
    examples = {name: _build_example(name, build) for name, build in candidates.items()}
    # Check all rows before training, including the test rows.
    names = {name: _result_names(name, model, data, test_data) for name, model in examples.items()}
    labels = _labels(data[1]) if is_classification_loss(next(iter(examples.values())).loss) else None
    held_out = {
        "validation_size": _validation_size(validation_size, candidates, callbacks),
        "test_size": test_size,
    }
    splits = make_splits(data, test_data, labels, seeds, vary=vary, **held_out)
    if repeats < ENOUGH_REPEATS:
        warn(f"compare: {repeats} repeats can detect only large differences; use {ENOUGH_REPEATS} or more")
    chosen, larger_is_better = _choose_metric(metric, mode, names)
    warn_if_regularizers_differ([regularizers_of(model) for model in examples.values()], chosen, "compare")
    settings = {"batch_size": batch_size, "class_weight": class_weight}
    train = functools.partial(_train_candidate, candidates, callbacks, splits, settings)
    # Fit each candidate for 0 epochs first, so that an error in any candidate occurs before any training.
    initial = {name: train(name, seeds[:2], 0, 0) for name in candidates}
    trained = {name: train(name, seeds, epochs, verbose) for name in candidates}
    # The test rows are used only after all training is done.
    results = {name: _evaluate(population, splits) for name, population in trained.items()}
    scores, excluded = _drop_non_finite(_score_table(results, chosen), chosen)
    notes = [*splits.notes, *note_constant_weights(initial), *note_non_finite_runs(trained)]
    notes += [*note_incomparable_losses(examples, chosen), *excluded]
    return Comparison(
        scores=scores,
        metric=chosen,
        larger_is_better=larger_is_better,
        varied=splits.varied,
        confidence=confidence,
        overlap=splits.overlap,
        baseline=baseline if baseline in scores else None,
        looks=splits.count_test_use(),
        notes=tuple(notes),
        left_out=tuple(excluded),
    )


def _train_candidate(
    candidates: Mapping[str, Build],
    callbacks: Any,
    splits: ComparisonSplits,
    settings: Mapping[str, Any],
    name: str,
    seeds: Sequence[int],
    epochs: Any,
    verbose: int | str,
) -> Population:
    """Train a candidate once for each seed, and return the trained models as a population."""
    templates = callbacks[name] if isinstance(callbacks, Mapping) else callbacks
    with _prefix_errors(f"candidate {name!r}"):
        return _train(
            candidates[name], splits, seeds, epochs=epochs, verbose=verbose, callbacks=templates, **settings
        )


def _validation_size(
    requested: float | None, candidates: Mapping[str, Build], callbacks: Any
) -> float | None:
    """Return the fraction of rows to hold out for callbacks, or None for the default fraction.

    Args:
        requested: The argument `validation_size` of `compare`.
        candidates: The candidates.
        callbacks: The argument `callbacks` of `compare`.

    Returns:
        The requested fraction. If it is None and no callback uses validation values, 0 is returned.

    Raises:
        InvalidArgument: If the requested fraction is 0, but a callback uses validation values.
    """
    templates = callbacks if isinstance(callbacks, Mapping) else dict.fromkeys(candidates, callbacks)
    used: list[Any] = []
    for name, template in templates.items():
        with _prefix_errors(f"candidate {name!r}"):
            used += flatten_callbacks(template({}) if is_function_of_setting(template) else template)
    if requested is None:
        return None if any(map(_may_use_validation, used)) else 0.0
    blocking = (
        next((c for c in used if is_fitwell_code(type(c)) and _may_use_validation(c)), None)
        if requested == 0
        else None
    )
    if blocking is not None:
        raise InvalidArgument(
            f"compare: with validation_size=0 there are no validation values, but {type(blocking).__name__} needs "
            "them; omit validation_size, or monitor a training value, such as 'loss'"
        )
    return requested


def _may_use_validation(callback: Any) -> bool:
    """Return whether `callback` uses validation values or may use them because it is user-defined."""
    if not is_fitwell_code(type(callback)) or has_user_defined_hooks(callback):
        return True
    monitors = str(getattr(callback, "monitor", "")).startswith("val_")
    names = "{val_" in str(getattr(callback, "filepath", ""))
    return names or (monitors and getattr(callback, "save_best_only", True))


def _train(build: Build, splits: ComparisonSplits, seeds: Sequence[int], **settings: Any) -> Population:
    population = Population(lambda setting: build(), seeds=seeds)
    for repeat, (member, seed) in enumerate(zip(population.members, seeds, strict=True)):
        # Each repeat has one member, which uses the repeat's split. The seed is set again, so that all candidates use
        # the same row order even if their layers differ.
        member.fold = repeat
        member.model._session.seed = seed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonFiniteWarning)  # the comparison adds a note instead
        population.fit(splits.x, splits.y, splits=splits.training_splits()[: len(seeds)], **settings)
    return population


def _evaluate(population: Population, splits: ComparisonSplits) -> list[dict[str, float]]:
    return [
        member.model.evaluate(*splits.test_data(repeat), verbose=0, return_dict=True)
        for repeat, member in enumerate(population.members)
    ]


def _build_example(name: str, build: Build) -> Model:
    """Build a candidate's model without training it, to inspect its loss and metrics."""
    with random.seed_scope(0), name_counter_scope(), _prefix_errors(f"candidate {name!r}"):
        model = build()
    return require_compiled_model(model, f"compare: {name!r}")


def _prefix_errors(note: str) -> AbstractContextManager[None]:
    """Return a context manager that adds `note` to fitwell's errors."""
    return add_error_note(f"compare: {note}", FitwellError)


def _labels(y: Any) -> NumpyArray | None:
    """Return the class of each row, or None if there is more than one target array."""
    return None if isinstance(y, Mapping) or is_list_of_arrays(y) else class_labels(y)


def _result_names(name: str, model: Model, data: Any, test_data: Any) -> list[str]:
    """Return the names of a candidate's loss and metrics, and check that the data fits its model.

    Args:
        name: The name of the candidate.
        model: The candidate's model.
        data: The data as ``(x, y)``.
        test_data: Separate test rows as ``(x, y)``, or None.

    Returns:
        The names.

    Raises:
        FitwellError: If the data does not fit the model.
    """
    with random.seed_scope(0), _prefix_errors(f"candidate {name!r}, data"):
        x, y = data
        names = model._session.get_program(pack_data(model, x, y, None, learning=True).example).result_names()
    if test_data is not None:
        with _prefix_errors(f"candidate {name!r}, test_data"):
            x, y = test_data
            rows = pack_data(model, x, y, None).example
            model._session.check(rows)
            check_values(rows, model._session.program.losses)
    return names


def _choose_metric(requested: str | None, mode: str, names: Mapping[str, list[str]]) -> tuple[str, bool]:
    """Return the metric by which candidates are compared, and whether larger values are better."""
    first, *others = names.values()
    shared = [name for name in first if all(name in other for other in others)]
    metric = requested
    if metric is None:
        metric = next((name for name in shared if not name.endswith("loss")), "loss")
    elif metric not in shared:
        raise InvalidArgument(
            f"compare: metric={metric!r} is not computed by all candidates{did_you_mean(str(metric), shared) or '.'} "
            f"The shared metrics are: {', '.join(shared)}."
        )
    return metric, require_mode(metric, mode, "compare") == "max"


def _score_table(results: Mapping[str, list[dict[str, float]]], metric: str) -> pd.DataFrame:
    import pandas as pd

    columns = {name: np.array([result[metric] for result in runs]) for name, runs in results.items()}
    return pd.DataFrame(columns).rename_axis(index="repeat")


def _drop_non_finite(scores: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, list[str]]:
    """Drop candidates and repeats that do not have finite scores.

    Args:
        scores: The scores, with one row per repeat and one column per candidate.
        metric: The name of the metric.

    Returns:
        The remaining scores, and notes about what was dropped.

    Raises:
        DataError: If fewer than two candidates or two repeats remain.
    """
    finite = scores.apply(np.isfinite)
    lost = [str(name) for name in scores if finite[name].sum() < 2]
    notes = [
        f"{name} is excluded, because its {metric} on the test rows was finite in fewer than two repeats."
        for name in lost
    ]
    remaining = scores.drop(columns=lost)
    has_scores = finite.drop(columns=lost).all(axis=1)
    if remaining.shape[1] < 2 or has_scores.sum() < 2:
        raise DataError(
            f"compare: at least two candidates must have a finite {metric} on the test rows in at least two repeats, "
            f"got the scores\n{scores}"
        )
    if not has_scores.all():
        notes.append(
            f"{(~has_scores).sum()} of {len(has_scores)} repeats {'was' if (~has_scores).sum() == 1 else 'were'} "
            f"excluded, because a candidate's {metric} was not finite."
        )
    return remaining.loc[has_scores], notes
