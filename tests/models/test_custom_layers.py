"""User-defined layers, losses and metrics, which may do anything with the rows of a batch."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import fitwell as fw
from fitwell._engine import compile_cache

X = np.random.default_rng(0).normal(size=(71, 3)).astype(np.float32)
Y = np.random.default_rng(1).normal(size=71).astype(np.float32)


class Centred(fw.layers.Layer):
    """Mixes the rows of a batch: padding would change it."""

    def call(self, inputs: Any) -> Any:
        return jnp.sum(inputs - jnp.mean(inputs, axis=0), axis=1, keepdims=True)


def centred(**compiled: Any) -> Any:
    model = fw.Sequential([fw.layers.Input((3,)), Centred()])
    model.compile("sgd", "mse", **compiled)
    return model


def outputs(x: np.ndarray, size: int) -> np.ndarray:
    parts = [x[i : i + size] for i in range(0, len(x), size)]
    return np.concatenate([np.sum(part - part.mean(0), axis=1) for part in parts])


@pytest.mark.parametrize("size", [1, 5, 32, 70, 71, 200])
def test_predictions_batch_by_batch(size: int) -> None:
    model = centred()
    np.testing.assert_allclose(
        model.predict(X, batch_size=size)[:, 0], outputs(X, size), rtol=1e-4, atol=1e-5
    )
    seen: list[int] = []
    watcher = fw.callbacks.LambdaCallback()
    watcher.on_predict_batch_end = lambda batch, logs=None: seen.append(len(logs["outputs"]))
    watched = model.predict(X, batch_size=size, callbacks=[watcher])[:, 0]
    np.testing.assert_allclose(watched, outputs(X, size), rtol=1e-4, atol=1e-5)
    if seen:
        assert seen == [len(X[i : i + size]) for i in range(0, 71, size)]
    assert len(model.predict(X, batch_size=size, steps=2)) == min(2 * size, 71)


def test_predictions_in_batches_of_32_unless_asked_otherwise() -> None:
    np.testing.assert_allclose(centred().predict(X)[:, 0], outputs(X, 32), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [64, 71, 20])
def test_training_and_validation_see_batches_of_true_size(rows: int) -> None:
    x, y = X[:rows], Y[:rows]
    data = X[5:], Y[5:]
    logs = centred().fit(x, y, epochs=3, shuffle=False, verbose=0, validation_data=data).history
    np.testing.assert_allclose(logs["loss"], [np.mean((outputs(x, 32) - y) ** 2)] * 3, rtol=1e-4)
    np.testing.assert_allclose(
        logs["val_loss"], [np.mean((outputs(data[0], 32) - data[1]) ** 2)] * 3, rtol=1e-4
    )
    logs = centred().fit(
        x, y, batch_size=9, shuffle=False, verbose=0, validation_data=data, validation_batch_size=10
    )
    np.testing.assert_allclose(logs.history["loss"], [np.mean((outputs(x, 9) - y) ** 2)], rtol=1e-4)
    np.testing.assert_allclose(
        logs.history["val_loss"], [np.mean((outputs(data[0], 10) - data[1]) ** 2)], rtol=1e-4
    )


class Own(fw.layers.Dense):
    def call(self, inputs: Any) -> Any:
        return self.activation(jnp.matmul(inputs, self.kernel) + self.bias)


def own_mse(y_true: Any, y_pred: Any) -> Any:
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


class OwnMean(fw.metrics.Metric):
    def __init__(self) -> None:
        super().__init__(name="own")
        self.total, self.count = self.add_weight(name="total"), self.add_weight(name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.total.assign_add(jnp.sum(jnp.square(y_true - y_pred)))
        self.count.assign_add(y_true.shape[0])

    def result(self) -> Any:
        return self.total / self.count


def small(layer: Any = fw.layers.Dense, loss: Any = "mse", metrics: Any = None) -> Any:
    fw.utils.set_random_seed(3)
    model = fw.Sequential([fw.layers.Input((3,)), layer(4, activation="tanh"), fw.layers.Dense(1)])
    model.compile("adam", loss, metrics=metrics)
    return model


OWN = {"layer": {"layer": Own}, "loss": {"loss": own_mse}, "metric": {"metrics": [OwnMean()]}}


class Looker(fw.callbacks.Callback):
    """Makes every batch a dispatch."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        assert logs["loss"] > 0


@pytest.mark.parametrize("part", OWN)
@pytest.mark.parametrize("watched", [False, True])
def test_parts_of_ones_own_train_as_ours_do(part: str, watched: bool) -> None:
    histories = []
    for options in ({}, OWN[part]):
        model = small(**options)
        callbacks = [Looker()] if watched else []
        histories.append(
            model.fit(
                X,
                Y,
                epochs=6,
                batch_size=16,
                verbose=0,
                validation_data=(X[:50], Y[:50]),
                callbacks=callbacks,
            ).history
        )
        histories[-1] |= model.fit(X, Y, epochs=1, batch_size=16, verbose=0).history
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=2e-4)


@pytest.mark.parametrize("part", OWN)
def test_many_epochs_are_one_dispatch(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small(**OWN[part])
    data = {"epochs": 64, "batch_size": 16, "verbose": 0, "validation_data": (X[:50], Y[:50])}
    model.fit(X, Y, **data)
    dispatches = []
    find = compile_cache.CompileCache.get
    monkeypatch.setattr(
        compile_cache.CompileCache, "get", lambda self, *given: dispatches.append(1) or find(self, *given)
    )
    model.fit(X, Y, **data)
    assert len(dispatches) <= 2


def test_a_nan_in_the_short_last_batch_is_found_there() -> None:
    y = Y.copy()

    def rooted(y_true: Any, y_pred: Any) -> Any:
        return jnp.mean(jnp.sqrt(y_true) - 0 * y_pred, axis=-1)

    model = small(loss=rooted)
    y = np.abs(Y)
    y[-1] = -1.0
    with pytest.warns(fw.errors.NonFiniteWarning, match="epoch 1, batch 5"):
        model.fit(X, y, epochs=2, batch_size=16, shuffle=False, verbose=0)


def misses_a_return(y_true: Any, y_pred: Any) -> Any:
    jnp.mean(jnp.square(y_true - y_pred), axis=-1)


def makes_a_loss(delta: float = 1.0) -> Any:
    return lambda y_true, y_pred: delta * jnp.abs(y_true - y_pred)


class Bare(fw.metrics.Metric):
    def __init__(self) -> None:
        self.total = 0


class OfTargets(OwnMean):
    def update_state(self, y_true: Any) -> None:  # type: ignore[override]
        self.total.assign_add(jnp.sum(y_true))


class Endless(OwnMean):
    result = fw.metrics.Metric.result


class Forgetful(fw.layers.Layer):
    def call(self, inputs: Any) -> Any:
        inputs * 2


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "a loss without a return": (
        {"loss": misses_a_return},
        "loss 'misses_a_return' .*NoneType. Is its return",
    ),
    "a loss of several": ({"loss": lambda y, p: (y, p)}, "loss 'lambda' must return an array .*tuple"),
    "a loss of text": ({"loss": lambda y, p: "a"}, "got str"),
    "a maker of losses": (
        {"loss": makes_a_loss},
        "a loss must accept the arguments .y_true, y_pred., but makes_a_loss",
    ),
    "a loss of three": ({"loss": lambda y, p, w: y}, "missing a required argument: 'w'"),
    "a metric without a return": ({"metrics": [misses_a_return]}, "metric 'misses_a_return' must return"),
    "a metric of one": ({"metrics": [lambda y: y]}, "a metric must accept the arguments .y_true, y_pred."),
    "a metric without super": ({"metrics": [Bare()]}, "__init__ method of metric Bare must call super"),
    "a metric of targets": (
        {"metrics": [OfTargets()]},
        "update_state must accept the arguments .y_true, y_pred.",
    ),
    "a metric without a result": ({"metrics": [Endless()]}, "Endless must define result"),
    "a mean of nothing": ({"metrics": [fw.metrics.Mean()]}, "Mean takes values and weights"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_in_parts_of_ones_own_are_told_in_words(mistake: str) -> None:
    options, words = MISTAKES[mistake]
    with pytest.raises(fw.errors.FitwellError, match=words):
        small(**options).fit(X, Y, verbose=0)


def test_a_layer_without_a_return() -> None:
    with pytest.raises(fw.errors.InvalidArgument, match="call returned None; is its return"):
        fw.Sequential([fw.layers.Input((3,)), Forgetful()])


def test_a_sequence_ends_with_its_length() -> None:
    class Slices(fw.utils.PyDataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> Any:
            return X[20 * index : 20 * index + 20], Y[20 * index : 20 * index + 20]

    class Plain:
        __len__, __getitem__ = Slices.__len__, Slices.__getitem__

    model = small()
    for source in (Slices(), Plain()):
        np.testing.assert_allclose(model.predict(source), model.predict(X[:60]), rtol=1e-5, atol=1e-6)


def test_a_layer_may_return_its_variable_and_use_it_in_any_formula() -> None:
    class Mixed(fw.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight(shape=(input_shape[-1], 1), initializer="ones")
            self.scale = self.add_weight(shape=(1,), initializer="ones")

        def call(self, inputs: Any) -> Any:
            used = jnp.where(self.kernel == 0, 0.0, self.kernel)
            return jnp.dot(inputs, used) * jnp.sum(self.kernel) + self.scale % 1

    class Given(fw.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.table = self.add_weight(shape=(2, 3), initializer="ones")

        def call(self, inputs: Any) -> Any:
            return self.table

    model = fw.Sequential([fw.layers.Input((3,)), Mixed()])
    np.testing.assert_allclose(model.predict(X), 3 * X.sum(axis=1, keepdims=True), rtol=1e-5)
    assert fw.Sequential([fw.layers.Input((3,)), Given()]).predict(X[:2]).tolist() == [[1.0] * 3] * 2
