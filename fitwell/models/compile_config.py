"""The losses and metrics that were passed to `compile`, assigned to the model's outputs."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from fitwell import losses, metrics
from fitwell._param_validation import DictOf, ListOf, Real, String
from fitwell._registry import resolve_custom_objects
from fitwell._variables import HyperparameterMixin
from fitwell.errors import ErrorCollector, InvalidArgument, did_you_mean

__all__ = [
    "LOSS_WEIGHTS",
    "CompileConfig",
    "OutputLoss",
    "OutputMetric",
    "is_classification_loss",
    "loss_names",
    "named_results",
    "sample_rows",
]

# The validation rule for `loss_weights`: one factor for a single output, or a list or dict of factors.
LOSS_WEIGHTS = (Real() | ListOf(Real() | None) | DictOf(String(), Real() | None) | None).described_as(
    "a list or dict with one number per output"
)
# Losses whose targets have exactly one true class per row.
_SINGLE_CLASS_LOSSES = (
    losses.CategoricalCrossentropy,
    losses.CategoricalFocalCrossentropy,
    losses.CategoricalGeneralizedCrossEntropy,
    losses.CategoricalHinge,
    losses.KLDivergence,
)
# Maximum number of values to examine when the kind of targets or inputs is determined.
_MAX_SAMPLED_VALUES = 200_000
# If a loss's name contains one of these words, its targets are class labels. Cross-validation stratifies by them.
_CLASS_LOSS_WORDS = ("crossentropy", "hinge", "focal")


# `update_state` methods that do not take targets and predictions.
_VALUE_UPDATES = (metrics.Mean.update_state, metrics.Sum.update_state)


class OutputLoss(HyperparameterMixin):
    """The loss of one output and its weight in the total loss.

    The weight is an argument of the compiled program, so changing it does not recompile the program.
    """

    hyperparameters = ("weight",)

    def __init__(self, output: int, name: str, loss: Any, weight: float) -> None:
        self.output = output
        self.name = name
        self.loss = loss
        self.weight = weight


class OutputMetric(HyperparameterMixin):
    """A metric of one output.

    If `weighted` is True, the metric uses sample weights. Otherwise, it ignores sample weights but
    still excludes padding rows.
    """

    def __init__(self, output: int, name: str, metric: Any, weighted: bool) -> None:
        self.output = output
        self.name = name
        self.metric = metric
        self.weighted = weighted


class CompileConfig:
    """The losses and metrics that were passed to `compile`, before the model's outputs are known.

    Args:
        loss: A loss for every output, or a list or dict of losses.
        loss_weights: A list with the weight of each output's loss, a dict that maps output names to weights, or a
            number for a model with a single output. Defaults to None, which means 1 for each loss.
        metrics: A list of metrics for every output, a list with one entry per output, or a dict that maps output
            names to metrics.
        weighted_metrics: Metrics that use sample weights, in the same form as `metrics`.
    """

    def __init__(
        self, loss: Any, loss_weights: Any = None, metrics: Any = None, weighted_metrics: Any = None
    ) -> None:
        self.loss = resolve_custom_objects(loss)
        self.loss_weights = loss_weights
        self.metrics = resolve_custom_objects(metrics)
        self.weighted_metrics = resolve_custom_objects(weighted_metrics)
        self._check_names()

    def _check_names(self) -> None:
        """Look up all names, so that a misspelled name raises an error in `compile` instead of `fit`."""
        problems = ErrorCollector("compile")
        for loss in _leaves(self.loss):
            _collect_error(problems, lambda loss=loss: losses.get(loss))
        for metric in [*_leaves(self.metrics), *_leaves(self.weighted_metrics)]:
            _collect_error(problems, lambda metric=metric: metrics.get(metric))
        problems.raise_if_any()

    def loss_terms(self, names: Sequence[str]) -> list[OutputLoss]:
        """Return the losses of the outputs whose names are in `names`."""
        chosen = _per_output(self.loss, names, "loss")
        weights = _per_output(self.loss_weights, names, "loss_weights", broadcast=False)
        terms = []
        for index, (name, loss) in enumerate(zip(names, chosen, strict=True)):
            if loss is not None:
                weight = 1.0 if weights[index] is None else float(weights[index])
                terms.append(OutputLoss(index, name, losses.get(loss), weight))
        if not terms:
            raise InvalidArgument("compile: at least one output must have a loss")
        return terms

    def metric_terms(
        self,
        names: Sequence[str],
        terms: Sequence[OutputLoss],
        shapes: Sequence[tuple[Any, Any]],
        targets: Sequence[Any] | None = None,
    ) -> list[OutputMetric]:
        """Return the metrics of the outputs whose names are in `names`.

        Args:
            names: The names of the outputs.
            terms: The losses of the outputs.
            shapes: The target shape and the prediction shape of each output.
            targets: The targets of each output, or None if they are unknown.
        """
        loss_of = {term.output: term.loss for term in terms}
        plans = [_metrics_per_output(requested, names) for requested in (self.metrics, self.weighted_metrics)]
        _copy_shared_metrics([items for plan in plans for items in plan])
        result: list[OutputMetric] = []
        used = loss_names(names, terms)
        for plan, weighted in zip(plans, (False, True), strict=True):
            for output, chosen in enumerate(plan):
                for item in chosen:
                    target = None if targets is None else targets[output]
                    metric = _make_metric(item, loss_of.get(output), shapes[output], target)
                    if weighted and not _takes_weights(metric):
                        raise InvalidArgument(
                            f"weighted_metrics: {type(metric).__name__}.update_state does not take sample_weight; add "
                            "this argument, or pass the metric in metrics instead"
                        )
                    prefix = "" if len(names) == 1 else f"{names[output]}_"
                    label = prefix + metric.name
                    if weighted and label in used:
                        label = f"{prefix}weighted_{metric.name}"  # as in Keras
                    used.append(_unused(label, used))
                    result.append(OutputMetric(output, used[-1], metric, weighted))
        return result

    def result_names(self, names: Sequence[str]) -> list[str]:
        """Return the names of the results for outputs with these `names`, starting with the loss."""
        terms = self.loss_terms(names)
        found = loss_names(names, terms)
        for term in self.metric_terms(names, terms, [(None, None)] * len(names)):
            if type(term.metric).build is not metrics.Metric.build:
                found.append(term.name)  # the metric has no result until it knows the shapes of the outputs
            else:
                jax.eval_shape(lambda term=term: found.extend(name for name, _ in named_results(term)))
        return found


def loss_names(names: Sequence[str], terms: Sequence[OutputLoss]) -> list[str]:
    """Return the names of the losses in logs.

    These are the total loss and, if there is more than one output, each output's loss.
    """
    return ["loss", *(f"{term.name}_loss" for term in terms if len(names) > 1)]


def is_classification_loss(loss: Any) -> bool:
    """Return whether a loss that was passed to `compile` is for class labels."""
    if isinstance(loss, Mapping | list | tuple) or loss is None:
        return False
    found = losses.get(loss)  # resolves abbreviations such as "bce"
    name = found.name if isinstance(found, losses.LossFunctionWrapper) else type(found).__name__
    return any(word in name.lower() for word in _CLASS_LOSS_WORDS)


def named_results(term: OutputMetric) -> Iterator[tuple[str, Any]]:
    """Yield the name and the value of each result of a metric.

    As in Keras, a metric that returns a dict has one result for each key.
    """
    result = term.metric.result()
    if not isinstance(result, Mapping):
        yield term.name, result
        return
    prefix = term.name.removesuffix(term.metric.name)  # the output's name if there is more than one output
    for name, value in result.items():
        yield f"{prefix}{name}", value


def _collect_error(problems: ErrorCollector, action: Any) -> None:
    try:
        action()
    except ValueError as error:
        problems.add(str(error))


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, Mapping) and "class_name" not in value:
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in _leaves(item)]
    return [] if value is None else [value]


def _per_output(value: Any, names: Sequence[str], argument: str, broadcast: bool = True) -> list[Any]:
    """Return one element for each output.

    Args:
        value: A single element, a list with one element per output, or a dict that maps output names to
            elements.
        names: The names of the outputs.
        argument: The name of `value` in error messages.
        broadcast: Whether a single element may be used for more than one output.
    """
    if isinstance(value, Mapping) and "class_name" not in value:
        unknown = [key for key in value if key not in names]
        if unknown:
            raise InvalidArgument(
                f"compile: {argument} has an entry for an unknown output {unknown[0]!r}"
                f"{did_you_mean(str(unknown[0]), names) or '.'} The outputs are {', '.join(map(repr, names))}."
            )
        return [value.get(name) for name in names]
    if isinstance(value, list | tuple):
        if len(value) != len(names):
            raise InvalidArgument(
                f"compile: {argument} must have one entry for each of the outputs {list(names)}, "
                f"got {len(value)} entries"
            )
        return list(value)
    if value is not None and not broadcast and len(names) > 1:
        raise InvalidArgument(
            f"compile: {argument} must be a list or dict with one entry for each of the outputs {list(names)}"
        )
    return [value] * len(names)


def _metrics_per_output(value: Any, names: Sequence[str]) -> list[list[Any]]:
    """Return the metrics of each output. `value` has one of the forms that `CompileConfig` describes."""
    if value is None:
        return [[] for _ in names]
    if isinstance(value, Mapping) and "class_name" not in value:
        return [_as_list(item) for item in _per_output(value, names, "metrics")]
    items = _as_list(value)
    if len(items) != len(names) or len(names) == 1:
        _check_no_none(items)
    nested = any(isinstance(item, list | tuple) for item in items)
    if len(names) > 1 and (nested or len(items) == len(names)):
        return [_as_list(item) for item in _per_output(items, names, "metrics")]
    if nested:
        items = [leaf for item in items for leaf in _as_list(item)]
        _check_no_none(items)
    return [list(items) for _ in names]


def _check_no_none(items: Sequence[Any]) -> None:
    if any(item is None for item in items):
        raise InvalidArgument(f"compile: metrics must be names, objects or functions, got {list(items)!r}")


def _copy_shared_metrics(metric_lists: Sequence[list[Any]]) -> None:
    """Copy metric objects that are used more than once, because a metric's state belongs to one output."""
    met: set[int] = set()
    for items in metric_lists:
        for number, item in enumerate(items):
            if isinstance(item, metrics.Metric) and id(item) in met:
                items[number] = copy.deepcopy(item)
            met.add(id(item))


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _make_metric(item: Any, loss: Any, shapes: tuple[Any, Any], target: Any) -> Any:
    """Return the metric object for one output. A metric that the user specified by name keeps that name."""
    if isinstance(item, str) and item.lower() in ("accuracy", "acc") and _has_several_labels(target, loss):
        metric: Any = metrics.accuracy_for(*shapes, loss, several_labels=True)
    else:
        metric = metrics.get(item, loss, *shapes)
    if isinstance(item, str):
        metric.name = item  # as in Keras 3: "mae" is logged as "mae", "AUC" as "AUC"
    if type(metric).update_state in _VALUE_UPDATES:
        raise InvalidArgument(
            f"metric {metric.name!r}: {type(metric).__name__} takes values and weights instead of targets and "
            "predictions; pass a function of y_true and y_pred, or a subclass whose update_state computes the values "
            "from them"
        )
    if shapes[0] is not None:
        metric.build(*shapes)
    return metric


def _has_several_labels(y: Any, loss: Any) -> bool:
    """Return whether the targets are multi-label rows of zeros and ones, for which an argmax would be wrong."""
    if y is None or np.ndim(y) < 2 or np.shape(y)[-1] == 1 or isinstance(loss, _SINGLE_CLASS_LOSSES):
        return False
    some = sample_rows(y)
    if some.dtype.kind not in "fiub" or not np.all((some == 0) | (some == 1)):
        return False
    labels = some.sum(axis=-1)
    is_binary = isinstance(loss, losses.BinaryCrossentropy | losses.BinaryFocalCrossentropy)
    return bool(np.any(labels > 1) or (is_binary and np.any(labels == 0)))


def sample_rows(array: Any) -> np.ndarray:
    """Return an evenly spaced sample of the rows of `array`.

    The sample is large enough to tell, for example, whether the values are labels.
    """
    rows = max(1, _MAX_SAMPLED_VALUES // max(1, math.prod(np.shape(array)[1:])))
    return np.asarray(array[:: max(1, -(-len(array) // rows))])


def _takes_weights(metric: Any) -> bool:
    arguments = inspect.signature(metric.update_state).parameters
    return "sample_weight" in arguments or any(a.kind is a.VAR_KEYWORD for a in arguments.values())


def _unused(label: str, used: Sequence[str]) -> str:
    if label not in used:
        return label
    count = 1
    while f"{label}_{count}" in used:
        count += 1
    return f"{label}_{count}"
