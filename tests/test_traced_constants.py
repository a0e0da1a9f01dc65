"""Changes of plain data that user code reads take effect in the next run, wherever the data is stored."""

import types
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import fitwell as fw
from fitwell._traced_constants import comparable_content

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
SETTINGS: dict[str, Any] = {"loss": {"factor": 1.0}}
TABLE = np.ones(3, "float32")
PLACE = types.SimpleNamespace(factor=1.0)


class Constants:
    factor = 1.0


def error(y_true: Any, y_pred: Any) -> Any:
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


def of_a_cell() -> tuple[Any, Any]:
    factor = 1.0

    def loss(y_true: Any, y_pred: Any) -> Any:
        return factor * error(y_true, y_pred)

    def change() -> None:
        nonlocal factor
        factor = 3.0

    return loss, change


def of_a_list() -> tuple[Any, Any]:
    factor = [1.0]
    return lambda y, p: factor[0] * error(y, p), lambda: factor.__setitem__(0, 3.0)


def of_a_tuple_in_a_cell() -> tuple[Any, Any]:
    factors: Any = (1.0, 2.0)

    def loss(y_true: Any, y_pred: Any) -> Any:
        return factors[0] * error(y_true, y_pred)

    def change() -> None:
        nonlocal factors
        factors = (3.0, 2.0)

    return loss, change


def of_a_settings_dict() -> tuple[Any, Any]:
    SETTINGS["loss"]["factor"] = 1.0
    return (
        lambda y, p: SETTINGS["loss"]["factor"] * error(y, p),
        lambda: SETTINGS["loss"].__setitem__("factor", 3.0),
    )


def of_an_array() -> tuple[Any, Any]:
    TABLE[:] = 1.0
    return lambda y, p: jnp.mean(TABLE * jnp.square(y - p), axis=-1), lambda: TABLE.fill(3.0)


def of_an_object() -> tuple[Any, Any]:
    PLACE.factor = 1.0
    return lambda y, p: PLACE.factor * error(y, p), lambda: setattr(PLACE, "factor", 3.0)


def of_a_class() -> tuple[Any, Any]:
    Constants.factor = 1.0
    return lambda y, p: Constants.factor * error(y, p), lambda: setattr(Constants, "factor", 3.0)


class Weighted:
    """A loss that is an object, with its settings one below."""

    def __init__(self) -> None:
        self.options = types.SimpleNamespace(factor=1.0)

    def measure(self, y_true: Any, y_pred: Any) -> Any:
        return self.options.factor * error(y_true, y_pred)


def of_an_attribute_of_an_attribute() -> tuple[Any, Any]:
    kept = Weighted()
    return kept.measure, lambda: setattr(kept.options, "factor", 3.0)


KEPT = [
    of_a_cell,
    of_a_list,
    of_a_tuple_in_a_cell,
    of_a_settings_dict,
    of_an_array,
    of_an_object,
    of_a_class,
    of_an_attribute_of_an_attribute,
]


@pytest.mark.parametrize("kept", KEPT)
def test_what_is_changed_between_runs_counts_in_the_next(kept: Callable[[], tuple[Any, Any]]) -> None:
    loss, change = kept()
    model = fw.Sequential([fw.layers.Input((3,)), fw.layers.Activation("linear")])
    model.compile(fw.optimizers.SGD(), loss)
    before = model.evaluate(X, 0 * X, verbose=0)
    assert before == pytest.approx(np.mean(X**2), rel=1e-5)
    change()
    assert model.evaluate(X, 0 * X, verbose=0) == pytest.approx(3 * before)
    assert model.fit(X, 0 * X, verbose=0).history["loss"] == pytest.approx([3 * before])


def test_a_cache_that_fills_while_it_compiles_and_a_tally_are_no_change(recwarn: Any) -> None:
    class Positions(fw.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.cache: dict[int, np.ndarray] = {}
            self.limit = float("nan")

        def call(self, inputs: Any) -> Any:
            width = inputs.shape[-1]
            if width not in self.cache:
                self.cache[width] = np.arange(width, dtype="float32")
            return inputs + self.cache[width] * (self.limit == self.limit)

    class Looks(fw.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            pass

    model = fw.Sequential([fw.layers.Input((3,)), Positions(), fw.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, X[:, 0], epochs=3, verbose=0, callbacks=[Looks()])
    program = model._session._shared
    model.fit(X, X[:, 0], epochs=3, verbose=0)
    assert model._session._shared is program
    assert [str(warning.message) for warning in recwarn if "compiled" in str(warning.message)] == [
        message for message in [str(w.message) for w in recwarn] if "self.cache grows only once" in message
    ]


def test_variables_of_a_function_that_runs_are_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("all objects were searched")

    monkeypatch.setattr("fitwell._traced_constants.gc.get_referrers", refuse)

    class Inner(fw.layers.Layer):
        def call(self, inputs: Any) -> Any:
            count = inputs.shape[-1]
            return inputs + sum((lambda k: k * count)(k) for k in range(2))

    np.testing.assert_allclose(fw.Sequential([fw.layers.Input((3,)), Inner()]).predict(X, verbose=0), X + 3)


def test_equal_content() -> None:
    assert comparable_content(float("nan")) == comparable_content(np.nan)
    assert comparable_content({"a": [1, (2.0, None)]}) == comparable_content({"a": [1, (2, None)]})
    assert comparable_content([1]) != comparable_content((1,))
    assert comparable_content(np.ones(3)) != comparable_content(np.ones(3, "float32"))
    assert comparable_content(jnp.ones(2)) != comparable_content(jnp.zeros(2))
    for other in (object(), [object()], np.array([None]), np.zeros(2000), list(range(2000))):
        assert comparable_content(other) is None
