"""Whether smaller or larger values of a metric are better."""

from __future__ import annotations

import pytest

from fitwell import callbacks, losses, metrics
from fitwell.callbacks.metric_mode import infer_mode


@pytest.mark.parametrize(
    ("name", "mode"),
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
def test_the_last_known_part_of_a_name_decides(name: str, mode: str | None) -> None:
    assert infer_mode(name) == mode


def test_the_mode_of_all_metrics_and_losses_is_inferred() -> None:
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


def test_the_direction_of_a_class_decides() -> None:
    class ErrorsFound(metrics.Metric):
        direction = "max"

    assert infer_mode("val_errors_found") == infer_mode("out_errors_found_1") == ErrorsFound.direction
    assert infer_mode("errors_found_loss") == "min"
    assert callbacks.EarlyStopping("val_errors_found").mode == "max"
