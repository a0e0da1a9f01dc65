"""Side effects and errors of tracing user code are reported once, with the line."""

from __future__ import annotations

import inspect
import random
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fitwell as fw
from fitwell.errors import InvalidArgument, TracingWarning

# Small cases on purpose: a learning rate of 0, constant weights or targets.
pytestmark = pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning")

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
SEEN: list[int] = []
TALLY: dict[int, int] = {}
STEPS = 0
FACTOR = 2.0


class Called(fw.layers.Layer):
    """A layer whose call is a function of the layer and its inputs."""

    def __init__(self, body: Callable[[Any, Any], Any], **attributes: Any) -> None:
        super().__init__()
        self.body = body
        for name, value in attributes.items():
            setattr(self, name, value)

    def call(self, inputs: Any) -> Any:
        return self.body(self, inputs)


def model_of(*layers: Any, loss: Any = "mse", **options: Any) -> Any:
    model = fw.Sequential([fw.layers.Input((3,)), *layers])
    model.compile(options.pop("optimizer", fw.optimizers.SGD(0.0)), loss, **options)
    return model


@contextmanager
def told() -> Iterator[list[Any]]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield found
    found[:] = [warning for warning in found if issubclass(warning.category, TracingWarning)]


def numpy_draw(layer: Any, x: Any) -> Any:
    return x * np.random.normal(size=3)


def numpy_generator(layer: Any, x: Any) -> Any:
    return x * layer.rng.normal(size=3)


def numpy_fresh_generator(layer: Any, x: Any) -> Any:
    return x * np.random.default_rng().normal(size=3)


def python_draw(layer: Any, x: Any) -> Any:
    return x * random.random()


def python_gauss(layer: Any, x: Any) -> Any:
    return x * random.gauss(0, 1)


def clock(layer: Any, x: Any) -> Any:
    return x * (time.time() % 2)


def date(layer: Any, x: Any) -> Any:
    return x * datetime.now().second


def shows(layer: Any, x: Any) -> Any:
    print("shape", x.shape)
    return x


def counts(layer: Any, x: Any) -> Any:
    layer.calls += 1
    return x


def counts_outside(layer: Any, x: Any) -> Any:
    global STEPS
    STEPS += 1
    return x


def appends(layer: Any, x: Any) -> Any:
    SEEN.append(1)
    return x


def appends_to_itself(layer: Any, x: Any) -> Any:
    layer.shapes.append(x.shape)
    return x


def tallies(layer: Any, x: Any) -> Any:
    TALLY[len(TALLY)] = 1
    return x


def keeps(layer: Any, x: Any) -> Any:
    layer.last = x * 2
    return x


def calls_a_helper(layer: Any, x: Any) -> Any:
    return _helper(x)


def _helper(x: Any) -> Any:
    return x + np.random.standard_normal(3)


def splits_its_key(layer: Any, x: Any) -> Any:
    layer.key, key = jax.random.split(layer.key)
    return x * jax.random.bernoulli(key, 0.5, x.shape)


FROZEN: dict[str, tuple[Callable[[Any, Any], Any], dict[str, Any], str]] = {
    "numpy": (numpy_draw, {}, "NumPy.s normal.. is drawn only once.*self.next_key"),
    "a generator": (
        numpy_generator,
        {"rng": np.random.default_rng(0)},
        "NumPy.s normal.. is drawn only once",
    ),
    "a fresh generator": (numpy_fresh_generator, {}, "NumPy.s default_rng.. is drawn only once"),
    "python": (python_draw, {}, "Python.s random.. is drawn only once"),
    "gauss": (python_gauss, {}, "Python.s gauss.. is drawn only once"),
    "clock": (clock, {}, "time.time.. is read only once"),
    "date": (date, {}, "datetime.now.. is read only once"),
    "print": (shows, {}, "print.. happens only once.*jax.debug.print"),
    "a counter": (counts, {"calls": 0}, "self.calls is changed only once.*add_weight"),
    "a global": (counts_outside, {}, "STEPS is assigned only once"),
    "a list": (appends, {}, "SEEN grows only once"),
    "its own list": (appends_to_itself, {"shapes": []}, "layer.shapes grows only once"),
    "a dict": (tallies, {}, "TALLY grows only once"),
    "an array": (keeps, {}, "self.last keeps a tracer"),
    "a key": (splits_its_key, {"key": jax.random.key(1)}, "self.key is changed only once.*self.next_key"),
    "a helper": (calls_a_helper, {}, "NumPy.s standard_normal.."),
}


@pytest.mark.parametrize("kind", FROZEN)
def test_what_is_frozen_is_told_once_with_the_line(kind: str) -> None:
    body, attributes, words = FROZEN[kind]
    with told() as found:
        for _ in range(2):
            model = model_of(Called(body, **attributes))
            model.fit(X, X, epochs=2, batch_size=5, validation_data=(X, X), verbose=0)
            model.predict(X)
    assert len(found) == 1, [str(warning.message) for warning in found]
    lines, start = inspect.getsourcelines(_helper if kind == "a helper" else body)
    assert found[0].filename == __file__
    assert start < found[0].lineno < start + len(lines)
    with pytest.warns(TracingWarning, match=words):
        warnings.warn(str(found[0].message), TracingWarning, stacklevel=1)


def seeded(layer: Any, x: Any) -> Any:
    return x * np.random.default_rng(0).normal(size=3)


def gathers(layer: Any, x: Any) -> Any:
    parts = []
    for factor in range(3):
        parts.append(x * factor)
    return sum(parts)


def caches(layer: Any, x: Any) -> Any:
    if layer.mask is None:
        layer.mask = np.ones(3)
    return x * layer.mask


def silent(layer: Any, x: Any) -> Any:
    if layer.verbose:
        print("never")
    jax.debug.callback(print, 1) if layer.verbose else None
    return x


def draws_with_the_key(layer: Any, x: Any) -> Any:
    return x * jax.random.bernoulli(layer.next_key(), 0.5, x.shape)


def draws_with_a_key_of_its_own(layer: Any, x: Any) -> Any:
    return x * jax.random.bernoulli(layer.key, 0.5, x.shape)


def keeps_the_number_of_rows(layer: Any, x: Any) -> Any:
    layer.rows = x.shape[0]
    return x.reshape(layer.rows, -1)


def keeps_a_mode(layer: Any, x: Any) -> Any:
    layer.mode = "wide" if x.shape[-1] > 2 else "narrow"
    return x


@pytest.mark.parametrize(
    "body",
    [
        draws_with_a_key_of_its_own,
        seeded,
        gathers,
        caches,
        silent,
        draws_with_the_key,
        keeps_the_number_of_rows,
        keeps_a_mode,
    ],
)
def test_what_is_not_frozen_is_not_told(body: Any) -> None:
    attributes: dict[str, Any] = {"mask": None, "verbose": False, "key": jax.random.key(0)}
    with told() as found:
        model = model_of(Called(body, rows=0, mode="", **attributes))
        model.fit(X, X, batch_size=5, validation_data=(X, X), verbose=0)
    assert not found


def test_losses_metrics_and_lambdas_are_watched() -> None:
    def loss(y_true: Any, y_pred: Any) -> Any:
        print("loss")
        return jnp.mean(jnp.square(y_true - y_pred), axis=-1)

    def metric(y_true: Any, y_pred: Any) -> Any:
        print("metric")
        return jnp.mean(jnp.square(y_true - y_pred), axis=-1)

    with told() as found:
        lambdas = fw.layers.Lambda(lambda x: x * np.random.uniform())
        model_of(lambdas, loss=loss, metrics=[metric]).fit(X, X, verbose=0)
    called = sorted(re.findall(r"\w+\(\)", str(warning.message))[0] for warning in found)
    assert called == ["print()", "print()", "uniform()"]


def test_a_layers_key_is_new_at_every_step_and_the_same_in_every_run() -> None:
    histories = []
    for _ in range(2):
        fw.utils.set_random_seed(5)
        model = model_of(Called(draws_with_the_key))
        histories.append(model.fit(X, X, epochs=6, batch_size=12, verbose=0).history["loss"])
    assert histories[0] == histories[1]
    assert len(set(histories[0])) == 6
    population = fw.Population(
        lambda hp: model_of(Called(draws_with_the_key), fw.layers.Dense(3)), members=[{}], seeds=[0, 1]
    )
    population.fit(X, X, epochs=3, batch_size=12, verbose=0)
    losses = [list(population.member(number).history.history["loss"]) for number in range(2)]
    assert len({*losses[0], *losses[1]}) == 6


def scales(layer: Any, x: Any) -> Any:
    return x * layer.factor


def test_a_number_changed_between_runs_counts_in_the_next() -> None:
    layer = Called(scales, factor=1.0)
    model = model_of(layer)
    np.testing.assert_allclose(model.predict(X), X)
    assert model.fit(X, 0 * X, verbose=0).history["loss"] == pytest.approx([np.mean(X**2)], rel=1e-5)
    layer.factor = 3.0
    np.testing.assert_allclose(model.predict(X), 3 * X, rtol=1e-6)
    assert model.fit(X, 0 * X, verbose=0).history["loss"] == pytest.approx([9 * np.mean(X**2)], rel=1e-5)
    assert model.evaluate(X, 0 * X, verbose=0) == pytest.approx(9 * np.mean(X**2), rel=1e-5)


def scaled(y_true: Any, y_pred: Any) -> Any:
    return FACTOR * jnp.mean(jnp.square(y_true - y_pred), axis=-1)


def test_a_global_changed_between_runs_counts_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(fw.layers.Activation("linear"), loss=scaled)
    before = model.evaluate(X, 0 * X, verbose=0)
    monkeypatch.setitem(globals(), "FACTOR", 6.0)
    assert model.evaluate(X, 0 * X, verbose=0) == pytest.approx(3 * before)


class Anneal(fw.callbacks.Callback):
    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.layer.rate *= 0.5


def anneals(layer: Any, x: Any) -> Any:
    return x * layer.rate


def test_a_number_changed_within_a_run_is_told_once() -> None:
    layer = Called(anneals, rate=1.0)
    with told() as found:
        model_of(layer).fit(X, X, epochs=4, verbose=0, callbacks=[Anneal(layer)])
    assert len(found) == 1
    assert "layer.rate was 1.0 when the run was compiled and is now 0.5" in str(found[0].message)
    assert found[0].lineno == inspect.getsourcelines(anneals)[1] + 1


def branches(layer: Any, x: Any) -> Any:
    return x if x.sum() > 0 else -x


def leaves_jax(layer: Any, x: Any) -> Any:
    return jnp.asarray(np.tanh(x))


def assigns(layer: Any, x: Any) -> Any:
    x[0] = 1
    return x


def needs_a_float(layer: Any, x: Any) -> Any:
    return x * float(x.mean())


def selects(layer: Any, x: Any) -> Any:
    return x[x > 0]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (branches, "jnp.where"),
        (leaves_jax, "jax.numpy"),
        (assigns, "at.index..set"),
        (needs_a_float, "use the array itself"),
        (selects, "jnp.where.mask"),
    ],
)
def test_what_cannot_be_compiled_is_said_with_the_line(body: Any, words: str) -> None:
    line = inspect.getsourcelines(body)[1] + 1
    with pytest.raises(
        InvalidArgument, match=rf"test_tracing_warnings.py, line {line}, in {body.__name__}: .*{words}"
    ):
        model_of(Called(body)).fit(X, X, verbose=0)


def test_a_schedule_and_a_metric_that_cannot_be_compiled() -> None:
    class Halves(fw.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step: Any) -> Any:
            return 0.1 if step < 5 else 0.01

        def get_config(self) -> dict[str, Any]:
            return {}

    with pytest.raises(InvalidArgument, match="in __call__: 'return 0.1 if step < 5 else 0.01' .*jnp.where"):
        model_of(fw.layers.Dense(3), optimizer=fw.optimizers.SGD(Halves())).fit(X, X, verbose=0)

    class Total(fw.metrics.Mean):
        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            super().update_state(y_pred)

        def result(self) -> Any:
            return float(self.total)

    with pytest.raises(InvalidArgument, match="in result: 'return float.self.total.' needs a Python number"):
        model_of(fw.layers.Dense(3), metrics=[Total()]).evaluate(X, X, verbose=0)


def column_and_vector(y_true: Any, y_pred: Any) -> Any:
    return jnp.mean(jnp.square(y_true - y_pred[:, 0]), axis=-1)


def all_pairs(y_true: Any, y_pred: Any) -> Any:
    differences = y_true[:, 0][:, None] - y_pred[:, 0][None, :]
    return jnp.mean(jnp.square(differences), axis=-1)


def test_a_table_of_all_rows_by_all_rows_is_told_unless_it_is_written_out() -> None:
    class Weighted(fw.metrics.Sum):
        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            super().update_state((y_true - y_pred) * sample_weight)

    y = X[:, 0]
    with told() as found:
        model = model_of(fw.layers.Dense(1), loss=column_and_vector, weighted_metrics=[Weighted()])
        model.fit(X, y, sample_weight=np.ones(12), verbose=0)
        model_of(fw.layers.Dense(1), loss=all_pairs).fit(X, y, verbose=0)
    assert len(found) == 2
    assert found[0].lineno == inspect.getsourcelines(column_and_vector)[1] + 1
    assert "shapes (12, 1) and (12,) broadcast to (12, 12)" in str(found[0].message)
