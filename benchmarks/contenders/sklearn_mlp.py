"""scikit-learn's multilayer perceptron, an epoch a `partial_fit`."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.contenders.base import Contender, Device, Job, Score, Settings, Training
from benchmarks.workloads import ADAM_BETAS, ADAM_EPSILON, Dense, Workload


class SklearnTraining:
    """An MLPClassifier or MLPRegressor without penalty; its biases start Glorot-uniform, not zero."""

    def __init__(self, job: Job, settings: Settings) -> None:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        workload, data = job.workload, job.data
        self._workload = workload
        self._data = data
        self._threads = int(settings["threads"])
        # The regressor's loss is half the mean squared error, so its rate must be twice as large for the same steps.
        batch_size = min(workload.batch_size, len(data.x))
        rate = workload.learning_rate * (1 if workload.classifies else 2)
        model = MLPClassifier if workload.classifies else MLPRegressor
        self._model: Any = model(
            hidden_layer_sizes=[layer.units for layer in workload.layers[:-1] if isinstance(layer, Dense)],
            activation="relu",
            solver=workload.optimizer,
            # It adds alpha / 2 Σ w² to the sum of a batch's losses; half as much for its halved squares.
            alpha=workload.l2 * batch_size * (2 if workload.classifies else 1),
            batch_size=batch_size,
            learning_rate_init=rate,
            momentum=0.0,
            beta_1=ADAM_BETAS[0],
            beta_2=ADAM_BETAS[1],
            epsilon=ADAM_EPSILON,
            random_state=job.seed,
        )
        self._y = data.y.ravel()
        self._classes = {"classes": np.unique(self._y)} if workload.classifies else {}

    def _evaluate(self) -> Score:
        data = self._data
        targets = data.y_valid.ravel()
        if not self._workload.classifies:
            return Score(float(np.mean((self._model.predict(data.x_valid) - targets) ** 2)), None)
        probabilities = self._model.predict_proba(data.x_valid)
        columns = targets.astype(np.int64)
        chosen = probabilities[np.arange(len(columns)), columns]
        loss = -np.log(np.maximum(chosen, np.finfo(chosen.dtype).tiny)).mean()
        return Score(float(loss), float((probabilities.argmax(axis=1) == columns).mean()))

    def train(self, epochs: int) -> Score:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        with threadpool_limits(self._threads, user_api="blas"):
            for _ in range(epochs):
                self._model.partial_fit(self._data.x, self._y, **self._classes)
                score = self._evaluate()
        return score


class SklearnMLP(Contender):
    """scikit-learn in float32; the number of BLAS threads is chosen by trial."""

    name = "sklearn"
    title = "scikit-learn"
    packages = ("scikit-learn",)

    def obstacle(self, workload: Workload) -> str | None:
        if all(isinstance(layer, Dense) for layer in workload.layers):
            return None
        return "no convolutions" if workload.convolves else "no batch normalization or dropout"

    def settings(self, workload: Workload, device: Device) -> tuple[Settings, ...]:
        return ({"threads": 1}, {"threads": 2})

    def prepare(self) -> None:
        import sklearn.neural_network  # noqa: F401

    def start(self, job: Job, settings: Settings) -> Training:
        return SklearnTraining(job, settings)
