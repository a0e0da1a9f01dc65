"""Deprecated names warn once, at the line of the caller."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from fitwell import _deprecation, constraints, initializers, metrics, optimizers, utils
from fitwell.errors import InvalidArgument


def test_a_spelling_warns_once_at_the_callers_line() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        optimizers.SGD(lr=0.1)
        optimizers.Adam(lr=0.1)
    assert [str(w.message) for w in seen] == ["lr= is deprecated: use learning_rate="]
    assert seen[0].filename == __file__
    _deprecation.reset_deprecation_warnings()
    with pytest.warns(DeprecationWarning):
        optimizers.SGD(lr=0.1)


def test_an_import_statement_is_shown_too() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        from fitwell.utils.np_utils import to_categorical
    assert to_categorical is utils.to_categorical
    assert [w.filename for w in seen] == [__file__]


@pytest.mark.parametrize(
    ("older", "names"),
    [
        ("layers.normalization", "BatchNormalization LayerNormalization"),
        (
            "layers.experimental.preprocessing",
            "CategoryEncoding Normalization RandomFlip RandomRotation Rescaling",
        ),
        ("utils.np_utils", "to_categorical"),
        ("utils.vis_utils", "plot_model"),
        ("wrappers.scikit_learn", "KerasClassifier KerasRegressor"),
    ],
)
def test_addresses_of_old_lead_to_the_same_things(older: str, names: str) -> None:
    module = importlib.import_module(f"fitwell.{older}")
    today = importlib.import_module(f"fitwell.{older.split('.')[0]}")
    for name in names.split():
        with pytest.warns(DeprecationWarning, match=rf"fitwell\.{older}\.{name} is deprecated"):
            assert getattr(module, name) is getattr(today, name)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = module.Nothing


@pytest.mark.parametrize(
    ("older", "today"),
    [
        (lambda: constraints.maxnorm, constraints.max_norm),
        (lambda: constraints.unitnorm, constraints.unit_norm),
        (lambda: constraints.nonneg, constraints.non_neg),
        (lambda: initializers.uniform, initializers.RandomUniform),
        (lambda: initializers.normal, initializers.RandomNormal),
        (lambda: initializers.zero, initializers.Zeros),
        (lambda: initializers.one, initializers.Ones),
        (lambda: optimizers.nadam, optimizers.Nadam),
        (lambda: utils.Sequence, utils.PyDataset),
    ],
)
def test_names_of_old_stand_for_the_same_things(older: Callable[[], Any], today: Any) -> None:
    with pytest.warns(DeprecationWarning, match="is deprecated: use fitwell"):
        assert older() is today


def test_a_metric_forgets_by_its_older_name() -> None:
    metric = metrics.Mean()
    metric.update_state(3.0)
    with pytest.warns(DeprecationWarning, match=r"use metric\.reset_state\(\)"):
        metric.reset_states()
    assert float(metric.result()) == 0


def test_a_decay_in_the_place_of_nesterov_is_refused() -> None:
    with pytest.raises(
        InvalidArgument,
        match=r"nesterov must be True or False \(for a decay, pass .*got 1e-06",
    ):
        optimizers.SGD(0.1, 0.9, 1e-6)  # type: ignore[arg-type]
