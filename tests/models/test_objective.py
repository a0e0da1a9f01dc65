"""Losses and metrics of several outputs."""

from __future__ import annotations

import numpy as np

import fitwell
from fitwell import layers

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)


def test_one_metric_object_for_several_outputs_keeps_their_sums_apart() -> None:
    inputs = fitwell.Input((3,))
    model = fitwell.Model(inputs, [layers.Dense(1, name="near")(inputs), layers.Dense(1, name="far")(inputs)])
    metric = fitwell.metrics.MeanAbsoluteError(name="mae")
    model.compile(loss="mse", metrics=[metric], weighted_metrics=[metric])
    targets = [np.zeros((20, 1), np.float32), np.full((20, 1), 100, np.float32)]
    weights = np.linspace(0, 1, 20)
    logs = model.evaluate(X, targets, sample_weight=weights, verbose=0, return_dict=True)
    for name, target, output in zip(("near", "far"), targets, model.predict(X), strict=True):
        errors = np.abs(target - output)[:, 0]
        np.testing.assert_allclose(logs[f"{name}_mae"], errors.mean(), rtol=1e-5)
        np.testing.assert_allclose(logs[f"{name}_mae_1"], np.average(errors, weights=weights), rtol=1e-5)
