"""Kinds of models and arguments of `compile`, exchanged with real Keras in both directions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell
from fitwell.losses.base import loss_registry as losses
from fitwell.metrics.base import metric_registry as metrics
from fitwell.models import load_model
from tests.losses.cases import CASES as LOSSES
from tests.metrics.cases import CASES as METRICS

X = np.random.default_rng(0).normal(size=(24, 4)).astype(np.float32)
Y = (X[:, :1] - X[:, 1:2] > 0).astype(np.float32)


def stack(library: Any) -> Any:
    return library.Sequential(
        [
            library.Input((4,)),
            library.layers.Dense(5, "relu", kernel_regularizer=library.regularizers.L2(0.01)),
            library.layers.BatchNormalization(),
            library.layers.Dense(1, "sigmoid"),
        ]
    )


def deferred(library: Any) -> Any:
    model = library.Sequential([library.layers.Dense(5, "relu"), library.layers.Dense(1, "sigmoid")])
    model.build((None, 4))
    return model


def shared(library: Any) -> Any:
    """A layer used twice at different depths, arithmetic, indexing, and a layer that depends on training."""
    x = library.Input((4,), name="x")
    twice = library.layers.Dense(4, "tanh", name="twice")
    y = twice(twice(x)) * 2.0 + x - 1.0
    y = library.layers.Concatenate()([y, x[:, 1:3], -x[:, :1] / 3.0, x**2])
    return library.Model(x, library.layers.Dense(1)(library.layers.Dropout(0.2)(y)))


def several(library: Any) -> Any:
    """Several inputs and outputs, a first layer that is drawn last."""
    wide, deep = library.Input((4,), name="wide"), library.Input((4,), name="deep")
    late = library.layers.Dense(3, name="late")
    hidden = library.layers.Dense(6, "relu", name="hidden")(deep)
    hidden = library.layers.Dense(3, "relu", name="hidden_2")(hidden)
    joined = library.layers.Concatenate()([late(wide), hidden])
    one, two = library.layers.Dense(1, name="one")(joined), library.layers.Dense(2, name="two")(hidden)
    return library.Model([wide, deep], [one, two])


def named(library: Any) -> Any:
    """Inputs and outputs by name."""
    a, b = library.Input((4,), name="a"), library.Input((4,), name="b")
    total = library.layers.Add()([a, b])
    return library.Model({"a": a, "b": b}, {"z": library.layers.Dense(2, name="z")(total), "y": total})


def nested(library: Any) -> Any:
    """Models as layers: a stack in a graph, called twice, and a graph in that graph, with a frozen part."""
    x = library.Input((4,), name="x")
    inner_in = library.Input((4,), name="inner_in")
    inner = library.Model(inner_in, library.layers.Dense(4, "tanh")(inner_in) + inner_in, name="inner")
    column = library.Sequential(
        [library.Input((4,)), library.layers.Dense(4), library.layers.BatchNormalization()], name="column"
    )
    column.layers[0].trainable = False
    return library.Model(x, library.layers.Dense(1)(inner(column(inner(column(x))))))


FORMS = [stack, deferred, shared, several, named, nested]


def predictions(model: Any, form: Any = stack) -> np.ndarray:
    inputs = {several: [X, X[::-1]], named: {"a": X, "b": X[::-1]}}.get(form, X)
    outputs = model(inputs, training=False)
    parts = [outputs[key] for key in sorted(outputs)] if isinstance(outputs, dict) else outputs
    parts = parts if isinstance(parts, list | tuple) else [parts]
    return np.concatenate([np.ravel(np.asarray(part)) for part in parts])


def randomised(model: Any) -> Any:
    """Give every weight another value, so that none is right by chance."""
    draw = np.random.default_rng(5)
    model.set_weights([draw.uniform(0.1, 1.0, w.shape).astype(np.float32) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_kinds_of_models(form: Any, suffix: str, keras: Any, tmp_path: Path) -> None:
    path = tmp_path / f"m{suffix}"
    for writer, read in ((fitwell, keras.models.load_model), (keras, load_model), (fitwell, load_model)):
        model = randomised(form(writer))
        model.save(path)
        loaded = read(path)
        np.testing.assert_allclose(predictions(loaded, form), predictions(model, form), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_weights_alone(form: Any, keras: Any, tmp_path: Path) -> None:
    path = tmp_path / "w.weights.h5"
    for writer, reader in ((fitwell, keras), (keras, fitwell)):
        model, other = randomised(form(writer)), form(reader)
        model.save_weights(path)
        other.load_weights(path)
        np.testing.assert_allclose(predictions(other, form), predictions(model, form), rtol=1e-5, atol=1e-5)


OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"learning_rate": 0.05}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True, "clipnorm": 0.5}),
    ("RMSprop", {"momentum": 0.5, "centered": True}),
    ("RMSprop", {"clipvalue": 0.1}),
    ("Adagrad", {}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adam", {"global_clipnorm": 1.0}),
    ("Adam", {"amsgrad": True}),
    ("Adam", {"gradient_accumulation_steps": 2}),
    ("AdamW", {"weight_decay": 0.01}),
    ("Adamax", {}),
    ("Nadam", {}),
]


@pytest.mark.parametrize(("name", "arguments"), OPTIMIZERS, ids=[f"{n}-{'-'.join(a)}" for n, a in OPTIMIZERS])
def test_training_continues(name: str, arguments: dict[str, Any], keras: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    for writer, reader in ((fitwell, keras), (keras, fitwell), (fitwell, fitwell)):
        model = stack(writer)
        model.compile(loss="binary_crossentropy", optimizer=getattr(writer.optimizers, name)(**arguments))
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0, shuffle=False)
        model.save(path)
        loaded = reader.models.load_model(path)
        assert int(loaded.optimizer.iterations) == int(model.optimizer.iterations)
        for each in (model, loaded):
            each.fit(X, Y, batch_size=8, epochs=2, verbose=0, shuffle=False)
        np.testing.assert_allclose(predictions(loaded), predictions(model), rtol=1e-4, atol=1e-5)


def compiled(library: Any, loss: Any, metric_list: Any, optimizer: Any = "sgd") -> Any:
    model = library.Sequential([library.Input((4,)), library.layers.Dense(1, "sigmoid")])
    model.compile(loss=loss, metrics=metric_list, optimizer=optimizer)
    return model


def settings(thing: Any) -> dict[str, Any]:
    """Return the arguments of an object as JSON-compatible data."""
    config = json.loads(json.dumps(thing.get_config(), default=lambda array: np.asarray(array).tolist()))
    return {key: value for key, value in config.items() if key not in ("dtype", "fn", "name")}


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_every_loss(suffix: str, keras: Any, tmp_path: Path) -> None:
    path = tmp_path / f"m{suffix}"
    for name, arguments, _ in LOSSES:
        ours, theirs = getattr(fitwell.losses, name)(**arguments), getattr(keras.losses, name)(**arguments)
        if (name, suffix) == ("CategoricalGeneralizedCrossEntropy", ".h5"):
            continue  # Keras 3.15 does not read it from its own .h5 files.
        compiled(fitwell, ours, None).save(path)
        read = keras.models.load_model(path).loss
        assert (type(read).__name__, settings(read)) == (name, settings(theirs))
        compiled(keras, theirs, None).save(path)
        read = load_model(path).loss
        # Some losses of Keras's do not write all that they were made with, such as Huber's delta.
        shown = {k: v for k, v in settings(ours).items() if k in theirs.get_config()}
        shown = settings(getattr(fitwell.losses, name)()) | shown
        assert (type(read).__name__, settings(read)) == (name, shown)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_every_metric(suffix: str, keras: Any, tmp_path: Path) -> None:
    path = tmp_path / f"m{suffix}"
    for name, arguments, _ in METRICS:
        ours, theirs = getattr(fitwell.metrics, name)(**arguments), getattr(keras.metrics, name)(**arguments)
        compiled(fitwell, "mse", [ours]).save(path)
        (read,) = keras.models.load_model(path)._compile_metrics._user_metrics
        assert (type(read).__name__, settings(read)) == (name, settings(theirs))
        if "label_weights" in arguments and suffix == ".h5":
            continue  # Keras 3.15 cannot write them: "Unable to serialize [1. 2. ...] to JSON"
        compiled(keras, keras.losses.MeanSquaredError(), [theirs]).save(path)
        (read,) = load_model(path)._session.compile_config.metrics
        assert (type(read).__name__, settings(read)) == (name, settings(ours))


def test_the_tables_name_every_loss_and_metric_that_both_have(keras: Any) -> None:
    for registry, library, table in ((losses, keras.losses, LOSSES), (metrics, keras.metrics, METRICS)):
        common = {entry.__name__ for entry in registry.classes() if hasattr(library, entry.__name__)}
        assert common - {"Mean", "Sum", "MeanMetricWrapper"} <= {name for name, *_ in table}
