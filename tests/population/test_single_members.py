"""A member equals the model trained alone with its seed: the learning curve and the final weights."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fitwell as fw
from fitwell import random
from fitwell.errors import NonFiniteWarning

layers, callbacks = fw.layers, fw.callbacks


def rows(kind):
    """Return training and validation data for a kind of model."""
    generator = np.random.default_rng(3)
    if kind == "images":
        x = generator.normal(size=(48, 6, 6, 1)).astype(np.float32)
        y = (x.mean(axis=(1, 2, 3)) > 0).astype(np.int32)
    else:
        x = generator.normal(size=(48, 4)).astype(np.float32)
        y = (x[:, :1] - x[:, 1:2] * x[:, 2:3]).astype(np.float32)
    if kind == "two":
        inputs = {"left": x[:, :2], "right": x[:, 2:]}
        targets = {"sum": y, "sign": (y > 0).astype(np.float32)}
        first, last = (
            [{name: part[piece] for name, part in tree.items()} for tree in (inputs, targets)]
            for piece in (slice(38), slice(38, None))
        )
        return *first, tuple(last)
    return x[:38], y[:38], (x[38:], y[38:])


def compiled(model, setting, optimizer=fw.optimizers.SGD, loss="mse", **others):
    model.compile(optimizer=optimizer(setting.get("rate", 0.03)), loss=loss, **others)
    return model


def dense(setting):
    penalty = fw.regularizers.L2(setting.get("l2", 0.0))
    return compiled(
        fw.Sequential(
            [fw.Input((4,)), layers.Dense(6, activation="relu", kernel_regularizer=penalty), layers.Dense(1)]
        ),
        setting,
        metrics=["mae"],
    )


def unbuilt(setting):
    return compiled(fw.Sequential([layers.Dense(6, activation="relu"), layers.Dense(1)]), setting)


def normalised(setting):
    stack = [fw.Input((4,)), layers.Dense(6), layers.BatchNormalization(), layers.ReLU(), layers.Dense(1)]
    return compiled(fw.Sequential(stack), setting)


def noisy(setting):
    stack = [
        fw.Input((4,)),
        layers.Dense(8, activation="relu"),
        layers.Dropout(setting.get("dropout", 0.3)),
        layers.Dense(1),
    ]
    return compiled(fw.Sequential(stack), setting)


def convolutional(setting):
    stack = [
        fw.Input((6, 6, 1)),
        layers.Conv2D(3, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(2, activation="softmax"),
    ]
    return compiled(
        fw.Sequential(stack), setting, loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )


def two_by_two(setting):
    left, right = fw.Input((2,), name="left"), fw.Input((2,), name="right")
    hidden = layers.Dense(6, activation="tanh")(layers.Concatenate()([left, right]))
    outputs = [
        layers.Dense(1, name="sum")(hidden),
        layers.Dense(1, activation="sigmoid", name="sign")(hidden),
    ]
    model = fw.Model(inputs=[left, right], outputs=outputs)
    losses = {"sum": "mse", "sign": "binary_crossentropy"}
    model.compile(optimizer=fw.optimizers.SGD(setting.get("rate", 0.03)), loss=losses)
    return model


class Residual(fw.Model):
    """A subclassed model with a layer that may mix the rows of a batch."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(4, activation="tanh")
        self.out = layers.Dense(1)

    def call(self, inputs):
        return self.out(inputs + self.hidden(inputs))


def subclassed(setting):
    return compiled(Residual(), setting)


STRUCTURES = {
    "dense": (dense, "rows"),
    "without input shape": (unbuilt, "rows"),
    "batch norm": (normalised, "rows"),
    "dropout": (noisy, "rows"),
    "convolution": (convolutional, "images"),
    "two inputs, two outputs": (two_by_two, "two"),
    "subclass": (subclassed, "rows"),
}


def solo(build, setting, seed, x, y, make_callbacks=list, **settings):
    """Train one model alone."""
    with random.seed_scope(seed):
        model = build(setting)
        history = model.fit(x, y, verbose=0, callbacks=make_callbacks(), **settings)
    return model, history.history


def same(member, model, history):
    assert list(member.history.history) == list(history)
    for name, values in history.items():
        np.testing.assert_allclose(member.history.history[name], values, rtol=2e-5, atol=1e-6, err_msg=name)
    for ours, theirs in zip(member.model.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("name", STRUCTURES)
def test_structures(name):
    build, kind = STRUCTURES[name]
    x, y, validation = rows(kind)
    settings = {"epochs": 4, "batch_size": 8, "validation_data": validation}
    population = fw.Population(build, [{"rate": 0.03}, {"rate": 0.1}], seeds=[1, 2])
    population.fit(x, y, verbose=0, **settings)
    assert len(population._groups) == 1
    for member in population.members:
        same(member, *solo(build, member.setting, member.seed, x, y, **settings))
    assert len({history.history["loss"][-1] for history in population.history}) == 4


@pytest.mark.parametrize("name", ["l2", "dropout"])
def test_penalties_and_rates_of_layers_are_data(name):
    build = {"l2": dense, "dropout": noisy}[name]
    x, y, validation = rows("rows")
    settings = {"epochs": 3, "validation_data": validation}
    population = fw.Population(build, fw.grid(**{name: [0.0, 0.2, 0.5]}))
    population.fit(x, y, verbose=0, **settings)
    assert len(population._groups) == 1
    for member in population.members:
        same(member, *solo(build, member.setting, 0, x, y, **settings))


@pytest.mark.parametrize("optimizer", ["SGD", "RMSprop", "Adam", "AdamW", "Nadam", "Adagrad", "Adadelta"])
def test_optimizers(optimizer):
    def build(setting):
        model = fw.Sequential([fw.Input((4,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
        return compiled(model, setting, getattr(fw.optimizers, optimizer))

    x, y, _ = rows("rows")
    population = fw.Population(build, fw.grid(rate=[0.01, 0.1])).fit(x, y, epochs=3, verbose=0)
    for member in population.members:
        same(member, *solo(build, member.setting, 0, x, y, epochs=3))


def test_schedules_by_step():
    def build(setting):
        decay = fw.optimizers.schedules.ExponentialDecay(
            setting["start"], decay_steps=10, decay_rate=setting["factor"]
        )
        model = fw.Sequential([fw.Input((4,)), layers.Dense(1)])
        model.compile(optimizer=fw.optimizers.SGD(decay, momentum=setting["momentum"]), loss="mse")
        return model

    x, y, _ = rows("rows")
    population = fw.Population(build, fw.grid(start=[0.02, 0.1], factor=[0.5, 0.9], momentum=[0.5, 0.9]))
    population.fit(x, y, epochs=4, verbose=0)
    assert len(population._groups) == 1
    for member in population.members:
        same(member, *solo(build, member.setting, 0, x, y, epochs=4))


POLICIES = {
    "early stopping": lambda: [callbacks.EarlyStopping(patience=1)],
    "best weights": lambda: [callbacks.EarlyStopping(patience=2, restore_best_weights=True)],
    "plateau": lambda: [callbacks.ReduceLROnPlateau(patience=1, factor=0.3)],
    "plateau and stopping": lambda: [
        callbacks.ReduceLROnPlateau(patience=1),
        callbacks.EarlyStopping(patience=3),
    ],
    "rate by epoch": lambda: [callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7)],
}


@pytest.mark.parametrize("name", POLICIES)
def test_policies_act_on_each_member_alone(name):
    x, y, validation = rows("rows")
    settings = {"epochs": 12, "batch_size": 8, "validation_data": validation}
    population = fw.Population(dense, fw.grid(rate=[0.02, 0.1, 0.3]), seeds=[0, 4])
    population.fit(x, y, verbose=0, callbacks=POLICIES[name](), **settings)
    for member in population.members:
        model, history = solo(dense, member.setting, member.seed, x, y, POLICIES[name], **settings)
        same(member, model, history)
        assert member.model.optimizer.learning_rate == pytest.approx(model.optimizer.learning_rate)
    if "stopping" in name or name == "best weights":
        assert population.results["epochs"].nunique() > 1
        assert "stopped" in set(population.results["status"])


def test_callbacks_may_depend_on_the_setting():
    x, y, validation = rows("rows")
    settings = {"epochs": 10, "validation_data": validation}

    def choose(setting):
        return [callbacks.EarlyStopping(patience=setting["patience"], min_delta=10.0)]

    population = fw.Population(dense, fw.grid(patience=[1, 3, 5])).fit(
        x, y, verbose=0, callbacks=choose, **settings
    )
    assert population.results["epochs"].tolist() == [2, 4, 6]


def test_a_member_that_goes_nan_ends_alone_with_its_last_good_weights():
    x, y, validation = rows("rows")
    settings = {"epochs": 30, "batch_size": 8, "validation_data": validation}
    population = fw.Population(dense, fw.grid(rate=[0.02, 1e4, 0.05]))
    with pytest.warns(NonFiniteWarning, match=r"1 of 3 members .* rate=10000.0, seed 0 \(NaN in epoch"):
        population.fit(x, y, verbose=0, **settings)
    status = population.results["status"].tolist()
    assert [text.split()[0] for text in status] == ["finished", "NaN", "finished"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonFiniteWarning)
        for member in population.members:
            same(member, *solo(dense, member.setting, 0, x, y, **settings))
    assert all(np.isfinite(weight).all() for weight in population.member(1).get_weights())


def test_going_on_is_like_one_long_run():
    x, y, _ = rows("rows")
    population = fw.Population(normalised, fw.grid(rate=[0.02, 0.1]))
    population.fit(x, y, epochs=2, verbose=0).fit(x, y, epochs=5, initial_epoch=2, verbose=0)
    for member in population.members:
        model, history = solo(normalised, member.setting, 0, x, y, epochs=5)
        same(member, model, {name: values[2:] for name, values in history.items()})
        assert member.history.epoch == [2, 3, 4]
