"""Whether large or small is better."""

from __future__ import annotations

import warnings

import pytest

from fitwell import callbacks, losses, metrics
from fitwell.callbacks.metric_mode import infer_mode


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("val_accuracy", "max"),
        ("prc_auc_1", "max"),
        ("val_mean_io_u", "max"),
        ("sensitivity_at_specificity", "max"),
        ("val_loss", "min"),
        ("accounts_mse", "min"),  # an output called accounts
        ("loss_rate_accuracy", "max"),
        ("val_accuracy_loss", "min"),
        ("val_my_score", None),
        ("learning_rate", None),
    ],
)
def test_the_last_known_word_of_a_name_tells(name: str, told: str | None) -> None:
    assert infer_mode(name) == told


def test_the_names_of_all_metrics_and_losses_tell() -> None:
    plain = {
        "metric",
        "mean",
        "sum",
        "confusion_matrix",
        "mean_metric_wrapper",
        "loss_metric",
        "f_beta_score",
    }
    names = {getattr(metrics.get(name), "name", name) for name in losses.base.loss_registry.names()}
    for kind in metrics.base.metric_registry.classes():
        names.add(metrics.base.snake_case(kind.__name__))
    assert {name for name in names if infer_mode(name) is None} <= plain


def test_a_callback_that_has_to_guess_says_so() -> None:
    with pytest.warns(
        UserWarning, match="a smaller 'val_my_score' is the better one, its name does not tell"
    ):
        assert callbacks.EarlyStopping("val_my_score").mode == "min"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert callbacks.EarlyStopping("val_my_score", mode="max").mode == "max"
