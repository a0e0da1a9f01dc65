"""Keras 3 on its JAX backend, as its documentation has it, without and with `steps_per_execution`."""

from __future__ import annotations

from typing import Any

from benchmarks.contenders.base import Contender, Device, Job, Score, Settings, Training
from benchmarks.workloads import BatchNorm, Convolution, Dropout, Image, MaxPool, Workload

OUTPUT_ACTIVATION = {
    "sparse_categorical_crossentropy": "softmax",
    "binary_crossentropy": "sigmoid",
    "mse": None,
}


class KerasTraining:
    """A compiled Keras model and the arrays it is fitted to."""

    def __init__(self, model: Any, job: Job, fit_arguments: dict[str, Any]) -> None:
        self._model = model
        self._workload = job.workload
        self._data = job.data
        self._fit_arguments = fit_arguments

    def train(self, epochs: int) -> Score:
        data = self._data
        history = self._model.fit(
            data.x,
            data.y,
            batch_size=self._workload.batch_size,
            epochs=epochs,
            validation_data=(data.x_valid, data.y_valid),
            verbose=0,
            **self._fit_arguments,
        ).history
        accuracy = float(history["val_accuracy"][-1]) if self._workload.classifies else None
        return Score(float(history["val_loss"][-1]), accuracy)


def build_sequential(keras: Any, workload: Workload) -> Any:
    """The workload's network in the Keras API; `keras` is Keras or fitwell."""
    layers: list[Any] = [keras.Input((workload.inputs,))]
    last = len(workload.layers) - 1
    for index, layer in enumerate(workload.layers):
        if isinstance(layer, BatchNorm):
            layers.append(keras.layers.BatchNormalization())
        elif isinstance(layer, Dropout):
            layers.append(keras.layers.Dropout(layer.rate))
        elif isinstance(layer, Image):
            layers.append(keras.layers.Reshape((layer.height, layer.width, 1)))
        elif isinstance(layer, Convolution):
            layers.append(keras.layers.Conv2D(layer.filters, layer.size, activation="relu"))
        elif isinstance(layer, MaxPool):
            layers.append(keras.layers.MaxPooling2D(layer.size))
        else:
            if isinstance(workload.layers[index - 1], Convolution | MaxPool):
                layers.append(keras.layers.Flatten())
            activation = OUTPUT_ACTIVATION[workload.loss] if index == last else "relu" if layer.relu else None
            penalty = keras.regularizers.L2(workload.l2) if workload.l2 else None
            layers.append(keras.layers.Dense(layer.units, activation=activation, kernel_regularizer=penalty))
    return keras.Sequential(layers)


def compile_arguments(keras: Any, workload: Workload) -> dict[str, Any]:
    """Loss, optimizer and metrics in the Keras API; `keras` is Keras or fitwell."""
    optimizer = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[workload.optimizer]
    return {
        "loss": workload.loss,
        "optimizer": optimizer(learning_rate=workload.learning_rate),
        "metrics": ["accuracy"] if workload.classifies else [],
    }


class KerasJax(Contender):
    """One dispatch a batch. The validation rows go in one batch, which is faster than Keras's default of 32."""

    name = "keras"
    title = "Keras (JAX)"
    packages = ("keras", "jax")

    def prepare(self) -> None:
        import keras  # noqa: F401

    def start(self, job: Job, settings: Settings) -> Training:
        import keras

        keras.utils.set_random_seed(job.seed)
        model = build_sequential(keras, job.workload)
        model.compile(
            **compile_arguments(keras, job.workload),
            jit_compile=True,
            steps_per_execution=settings.get("steps_per_execution", 1),
        )
        return KerasTraining(model, job, {"validation_batch_size": len(job.data.x_valid)})


class KerasJaxSteps(KerasJax):
    """Several batches an execution; the best number is chosen by trial."""

    name = "keras-steps"
    title = "Keras (JAX), steps_per_execution"

    def settings(self, workload: Workload, device: Device) -> tuple[Settings, ...]:
        return tuple({"steps_per_execution": steps} for steps in (8, 32, 128))

    def obstacle(self, workload: Workload) -> str | None:
        return "an epoch has only one step" if workload.name == "W5" else None
