"""Three forms of models: stacks, graphs and subclasses."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import fitwell
from fitwell import Input, Model, Sequential, layers
from fitwell.models import clone_model

# Small cases on purpose: a learning rate of 0, constant weights or targets.
pytestmark = pytest.mark.filterwarnings("ignore::fitwell.errors.MistakeWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 4)).astype(np.float32)
Y = (X[:, :1] - 2 * X[:, 1:2]).astype(np.float32)


def learns(model: Any, x: Any = X, y: Any = Y, **arguments: Any) -> bool:
    """Whether the loss falls."""
    model.compile(loss=arguments.pop("loss", "mse"), optimizer=fitwell.optimizers.Adam(0.01))
    losses = model.fit(x, y, epochs=15, verbose=0, **arguments).history["loss"]
    return bool(losses[-1] < losses[0])


def dense(x: Any, layer: Any, activation: Any = lambda z: z) -> Any:
    kernel, bias = layer.get_weights()
    return activation(x @ kernel + bias)


def relu(z: Any) -> Any:
    return np.maximum(z, 0)


# --- Sequential ---------------------------------------------------------------------------------------------


FIRSTS: dict[str, Any] = {
    "input_shape": lambda: [layers.Dense(3, input_shape=(4,))],
    "input_shape as a list": lambda: [layers.Dense(3, input_shape=[4])],
    "input_dim": lambda: [layers.Dense(3, input_dim=4)],
    "Input": lambda: [Input((4,)), layers.Dense(3)],
    "Input of a list": lambda: [Input(shape=[4]), layers.Dense(3)],
    "InputLayer": lambda: [layers.InputLayer(input_shape=(4,)), layers.Dense(3)],
    "batch_input_shape": lambda: [layers.Dense(3, batch_input_shape=(None, 4))],
}


@pytest.mark.parametrize("first", FIRSTS)
@pytest.mark.parametrize("by", ["list", "add"])
def test_a_stack_with_a_known_input_is_built_at_once(first: str, by: str) -> None:
    parts = [*FIRSTS[first](), layers.Dense(1)]
    if by == "list":
        model = Sequential(parts)
    else:
        model = Sequential()
        for part in parts:
            model.add(part)
    assert model.built
    assert model.count_params() == 4 * 3 + 3 + 3 + 1
    assert model.output_shape == (None, 1)
    assert model.input_shape == (None, 4)
    np.testing.assert_allclose(
        model.predict(X), dense(dense(X, model.layers[0]), model.layers[1]), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("how", ["fit", "call", "build", "predict", "evaluate"])
def test_a_stack_without_an_input_shape_is_built_when_it_meets_data(how: str) -> None:
    model = Sequential([layers.Dense(3, "relu"), layers.BatchNormalization(), layers.Dense(1)])
    assert not model.built
    model.compile(loss="mse", optimizer="sgd")
    if how == "fit":
        model.fit(X, Y, verbose=0)
    elif how == "call":
        assert model(X).shape == (20, 1)
    elif how == "build":
        model.build((None, 4))
    elif how == "predict":
        assert model.predict(X).shape == (20, 1)
    else:
        assert np.isfinite(model.evaluate(X, Y, verbose=0))
    assert model.count_params() == (12 + 3) + 12 + 4
    assert len(model.trainable_variables) == 6
    model.fit(X, Y, verbose=0)
    assert not np.allclose(model.layers[1].moving_mean.numpy(), 0)


def test_pop_and_add_change_the_stack() -> None:
    model = Sequential([layers.Dense(3, input_shape=(4,)), layers.Dense(2), layers.Dense(1)])
    removed = model.pop()
    assert removed.units == 1
    assert model.output_shape == (None, 2)
    model.add(layers.Dense(5))
    assert model.predict(X).shape == (20, 5)
    assert [layer.units for layer in model.layers] == [3, 2, 5]


def test_known_parameter_counts() -> None:
    """The counts that the literature prints (CATALOGUE, section 1)."""
    plain = Sequential(
        [
            layers.Flatten(input_shape=[28, 28]),
            layers.Dense(300, activation="relu"),
            layers.Dense(100, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    assert plain.count_params() == 266_610
    normed = Sequential(
        [
            layers.Flatten(input_shape=[28, 28]),
            layers.BatchNormalization(),
            layers.Dense(300, activation="elu"),
            layers.BatchNormalization(),
            layers.Dense(100, activation="elu"),
            layers.BatchNormalization(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    assert normed.count_params() == 271_346
    assert sum(v.size for v in normed.non_trainable_variables) == 2_368
    before = Sequential(
        [
            layers.Flatten(input_shape=[28, 28]),
            layers.BatchNormalization(),
            layers.Dense(300, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("elu"),
            layers.Dense(100, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("elu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    assert before.count_params() == 270_946
    assert sum(v.size for v in before.non_trainable_variables) == 2_368


def test_summary_says_layers_shapes_counts_and_totals() -> None:
    model = Sequential(
        [
            layers.Flatten(input_shape=(28, 28)),
            layers.Dense(300, name="hidden"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(10, name="out"),
        ],
        name="mine",
    )
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert 'Model: "mine"' in text
    for name, shape, count in (
        ("hidden (Dense)", "(None, 300)", "235,500"),
        ("norm (BatchNormalization)", "(None, 300)", "1,200"),
        ("out (Dense)", "(None, 10)", "3,010"),
    ):
        (line,) = [line for line in text.splitlines() if name in line]
        assert shape in line
        assert line.endswith(count)
    assert "Total params: 239,710 (936.37 KB)" in text
    assert "Trainable params: 239,110" in text
    assert "Non-trainable params: 600" in text


def test_summary_of_a_graph_says_connections() -> None:
    first, second = Input((4,), name="first"), Input((2,), name="second")
    joined = layers.concatenate([first, layers.Dense(3, name="deep")(second)], name="join")
    model = Model(inputs=[first, second], outputs=layers.Dense(1, name="out")(joined))
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    (line,) = [line for line in "\n".join(lines).splitlines() if line.startswith("join")]
    assert "first" in line
    assert "deep" in line
    assert "(None, 7)" in line


# --- weights ------------------------------------------------------------------------------------------------


def test_get_and_set_weights() -> None:
    one = Sequential([layers.Dense(3, input_shape=(4,)), layers.BatchNormalization(), layers.Dense(1)])
    other = clone_model(one)
    assert [w.shape for w in one.get_weights()] == [(4, 3), (3,), (3,), (3,), (3,), (3,), (3, 1), (1,)]
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])
    other.set_weights(one.get_weights())
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    copy = one.get_weights()
    copy[0][:] = 7
    assert not (one.get_weights()[0] == 7).any()


@pytest.mark.parametrize("form", ["stack", "graph"])
def test_a_clone_has_the_architecture_and_weights_of_its_own(form: str) -> None:
    if form == "stack":
        model = Sequential(
            [layers.Dense(3, "relu", input_shape=(4,), kernel_regularizer="l2"), layers.Dense(1)]
        )
    else:
        entrance = Input((4,))
        shared = layers.Dense(4, "relu")
        model = Model(entrance, layers.Dense(1)(shared(shared(entrance)) + entrance * 2.0))
    clone = clone_model(model)
    assert clone.count_params() == model.count_params()
    assert clone.get_config() == model.get_config()
    before = model.get_weights()
    assert learns(clone)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
    clone.set_weights(before)
    np.testing.assert_allclose(clone.predict(X), model.predict(X), rtol=1e-6)


def test_freezing_takes_effect_at_compile_and_warns_before() -> None:
    hidden = layers.Dense(3, input_shape=(4,))
    model = Sequential([hidden, layers.Dense(1)])
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.1))
    model.fit(X, Y, verbose=0)
    hidden.trainable = False
    before = hidden.get_weights()[0]
    with pytest.warns(UserWarning, match="trainable was changed after compile"):
        model.fit(X, Y, verbose=0)
    moved = hidden.get_weights()[0]
    assert not np.array_equal(before, moved)
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.1))
    last = model.layers[1].get_weights()[0]
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(moved, hidden.get_weights()[0])
    assert not np.array_equal(last, model.layers[1].get_weights()[0])
    assert len(model.trainable_variables) == 2
    model.trainable = True
    assert len(model.trainable_variables) == 4


def test_frozen_batch_norm_uses_and_keeps_its_moving_statistics() -> None:
    norm = layers.BatchNormalization()
    model = Sequential([layers.Dense(3, input_shape=(4,)), norm, layers.Dense(1)])
    norm.set_weights([np.full(3, 2.0), np.full(3, 0.5), np.full(3, 0.25), np.full(3, 4.0)])
    norm.trainable = False
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.0))
    history = model.fit(X, Y, verbose=0).history
    kept = norm.get_weights()
    np.testing.assert_array_equal(kept[2], np.full(3, 0.25))
    np.testing.assert_array_equal(kept[3], np.full(3, 4.0))
    hidden = (dense(X, model.layers[0]) - 0.25) / np.sqrt(4.0 + 1e-3) * 2.0 + 0.5
    expected = np.square(dense(hidden, model.layers[2]) - Y).mean()
    assert history["loss"][0] == pytest.approx(expected, rel=1e-4)


def test_transfer_of_lower_layers_shares_their_weights() -> None:
    base = Sequential([layers.Dense(5, "relu", input_shape=(4,)), layers.Dense(3)])
    top = Sequential(base.layers[:-1])
    top.add(layers.Dense(1))
    learns(top)
    np.testing.assert_array_equal(base.layers[0].get_weights()[0], top.layers[0].get_weights()[0])


# --- graphs -------------------------------------------------------------------------------------------------


def test_wide_and_deep() -> None:
    wide, deep = Input((2,), name="wide"), Input((4,), name="deep")
    hidden1 = layers.Dense(6, "relu")
    hidden2 = layers.Dense(5, "relu")
    out = layers.Dense(1)
    model = Model(inputs=[wide, deep], outputs=[out(layers.concatenate([wide, hidden2(hidden1(deep))]))])
    inside = dense(dense(X, hidden1, relu), hidden2, relu)
    expected = dense(np.concatenate([X[:, :2], inside], axis=1), out)
    for x in ([X[:, :2], X], (X[:, :2], X), {"wide": X[:, :2], "deep": X}, {"deep": X, "wide": X[:, :2]}):
        got = model.predict(x)
        np.testing.assert_allclose(got[0] if isinstance(got, list) else got, expected, rtol=1e-4, atol=1e-5)
    assert learns(model, [X[:, :2], X])
    assert learns(model, {"deep": X, "wide": X[:, :2]})


def test_shared_layers_are_trained_once() -> None:
    """d/dw of (w x + w z - y)^2 by hand: both uses add up in one gradient."""
    left, right = Input((1,)), Input((1,))
    shared = layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = Model([left, right], shared(left) + shared(right))
    assert model.count_params() == 1
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.1))
    x, z, y = X[:, :1], X[:, 1:2], Y
    model.fit([x, z], y, batch_size=20, shuffle=False, verbose=0)
    gradient = np.mean(2 * (x + z - y) * (x + z))
    assert model.get_weights()[0][0, 0] == pytest.approx(1 - 0.1 * gradient, rel=1e-5)


def test_operators_on_symbols() -> None:
    entrance = Input((4,))
    cases = {
        "+": (entrance + entrance, X + X),
        "+ number": (entrance + 1.5, X + 1.5),
        "number -": (2.0 - entrance, 2.0 - X),
        "*": (entrance * entrance, X * X),
        "/": (entrance / 4.0, X / 4.0),
        "number /": (1.0 / (entrance + 10.0), 1.0 / (X + 10.0)),
        "**": (entrance**2, X**2),
        "negative": (-entrance, -X),
        "slice": (entrance[:, 1:3], X[:, 1:3]),
        "item": (entrance[:, 0], X[:, 0]),
        "array": (entrance + np.arange(4, dtype=np.float32), X + np.arange(4)),
    }
    for name, (symbol, expected) in cases.items():
        model = Model(entrance, symbol)
        np.testing.assert_allclose(model.predict(X), expected, rtol=1e-5, atol=1e-6, err_msg=name)
        assert symbol.shape == (None, *expected.shape[1:]), name


def test_models_are_layers() -> None:
    inner = Sequential([layers.Dense(3, "relu", input_shape=(4,)), layers.Dense(2)], name="inner")
    entrance = Input((4,))
    head = layers.Dense(1)
    model = Model(entrance, head(inner(entrance)))
    assert model.count_params() == inner.count_params() + 3
    before = inner.get_weights()[0]
    assert learns(model)
    assert not np.array_equal(before, inner.get_weights()[0])
    np.testing.assert_allclose(model.predict(X), dense(inner.predict(X), head), rtol=1e-4, atol=1e-5)
    stacked = Sequential([inner, layers.Dense(1)])
    assert stacked.predict(X).shape == (20, 1)


def test_several_outputs_come_in_the_structure_they_were_given() -> None:
    entrance = Input((4,))
    one, two = layers.Dense(1, name="one")(entrance), layers.Dense(2, name="two")(entrance)
    as_list = Model(entrance, [one, two]).predict(X)
    as_dict = Model(entrance, {"a": one, "b": two}).predict(X)
    assert [part.shape for part in as_list] == [(20, 1), (20, 2)]
    assert {name: part.shape for name, part in as_dict.items()} == {"a": (20, 1), "b": (20, 2)}
    np.testing.assert_array_equal(as_list[1], as_dict["b"])


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_dicts_of_outputs_meet_the_targets_of_their_name(order: tuple[str, str]) -> None:
    """Every pairing of names and arrays must go by name, in whatever order either was written."""
    entrance = Input((4,))
    biases = {"a": 1.0, "b": 2.0}
    heads = {
        name: layers.Dense(
            1,
            kernel_initializer="zeros",
            bias_initializer=fitwell.initializers.Constant(biases[name]),
        )(entrance)
        for name in order
    }
    model = Model(entrance, heads)
    model.compile(loss={"b": "mae", "a": "mse"}, optimizer="sgd", metrics={"b": ["mse"]})
    y = {"a": np.full((20, 1), 3.0), "b": np.full((20, 1), 5.0)}
    results = model.evaluate(X, y, verbose=0, return_dict=True)
    assert results["a_loss"] == pytest.approx(4)
    assert results["b_loss"] == pytest.approx(3)
    assert results["b_mse"] == pytest.approx(9)
    assert results["loss"] == pytest.approx(7)
    assert {name: value[0, 0] for name, value in model.predict(X).items()} == biases


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_dicts_of_inputs_go_to_the_input_of_their_key(order: tuple[str, str]) -> None:
    entrances = {name: Input((1,)) for name in order}
    model = Model(entrances, entrances["a"] - 10.0 * entrances["b"])
    x = {"a": X[:, :1], "b": X[:, 1:2]}
    np.testing.assert_allclose(model.predict(x), x["a"] - 10 * x["b"], rtol=1e-5)
    np.testing.assert_allclose(np.asarray(model(x)), x["a"] - 10 * x["b"], rtol=1e-5)


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_dicts_of_outputs_of_a_subclass_meet_their_targets(order: tuple[str, str]) -> None:
    class Heads(Model):
        def call(self, inputs: Any) -> Any:
            values = {"a": 0.0 * inputs[:, :1] + 1.0, "b": 0.0 * inputs[:, :1] + 2.0}
            return {name: values[name] for name in order}

    model = Heads()
    model.compile(loss={"a": "mse", "b": "mae"}, optimizer="sgd")
    for names in (("a", "b"), ("b", "a")):
        y = {name: np.full((20, 1), {"a": 3.0, "b": 5.0}[name]) for name in names}
        results = model.evaluate(X, y, verbose=0, return_dict=True)
        assert results == pytest.approx({"loss": 7, "a_loss": 4, "b_loss": 3})


def test_named_targets_need_named_outputs() -> None:
    model = WithAuxiliary()
    model.compile(loss="mse", optimizer="sgd")
    for _ in range(2):
        with pytest.raises(fitwell.errors.InvalidArgument, match="the model's outputs have no names"):
            model.fit((X[:, :2], X), {"main": Y, "aux": Y}, verbose=0)
    model.fit((X[:, :2], X), (Y, Y), verbose=0)
    with pytest.raises(fitwell.errors.InvalidArgument, match="the model's outputs have no names"):
        model.fit((X[:, :2], X), {"main": Y, "aux": Y}, verbose=0)


def test_a_graph_with_an_output_for_an_intermediate_layer() -> None:
    base = Sequential([layers.Dense(3, "relu", input_shape=(4,), name="hidden"), layers.Dense(1)])
    features = Model(base.input, base.get_layer("hidden").output)
    np.testing.assert_allclose(features.predict(X), dense(X, base.layers[0], relu), rtol=1e-4, atol=1e-5)


# --- subclasses ---------------------------------------------------------------------------------------------


class Residual(Model):
    def __init__(self, blocks: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.blocks = blocks
        self.hidden = [layers.Dense(4, "relu") for _ in range(blocks)]
        self.drop = layers.Dropout(0.5)
        self.out = layers.Dense(1)

    def call(self, inputs: Any, training: Any = None) -> Any:
        z = inputs
        for layer in self.hidden:
            z = z + layer(z)
        if training:
            z = self.drop(z)
        return self.out(z)


def test_a_subclass_with_a_loop_and_a_branch_on_training() -> None:
    model = Residual(3)
    assert learns(model)
    assert len(model.trainable_variables) == 8
    assert model.count_params() == 3 * 20 + 5
    z = X
    for layer in model.hidden:
        z = z + dense(z, layer, relu)
    np.testing.assert_allclose(model.predict(X), dense(z, model.out), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.asarray(model(X)), model.predict(X), rtol=1e-4, atol=1e-5)
    assert not np.allclose(np.asarray(model(X, training=True)), model.predict(X))


class WithAuxiliary(Model):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(6, "relu")
        self.main = layers.Dense(1)
        self.aux = layers.Dense(1)

    def call(self, inputs: Any) -> Any:
        wide, deep = inputs
        hidden = self.hidden(deep)
        return self.main(layers.concatenate([wide, hidden])), self.aux(hidden)


def test_a_subclass_with_two_inputs_and_an_auxiliary_output() -> None:
    model = WithAuxiliary()
    model.compile(loss=["mse", "mse"], loss_weights=[0.9, 0.1], optimizer="sgd")
    history = model.fit((X[:, :2], X), (Y, Y), epochs=10, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    main, aux = model.predict((X[:, :2], X))
    assert main.shape == aux.shape == (20, 1)
    total = model.evaluate((X[:, :2], X), (Y, Y), verbose=0)[0]
    expected = 0.9 * np.square(main - Y).mean() + 0.1 * np.square(aux - Y).mean()
    assert total == pytest.approx(expected, rel=1e-4)


class Scale(layers.Layer):
    """A layer of a user's own, as the books write them."""

    def __init__(self, power: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.power = power

    def build(self, batch_input_shape: Any) -> None:
        self.factor = self.add_weight(name="factor", shape=[batch_input_shape[-1]], initializer="ones")
        super().build(batch_input_shape)

    def call(self, X: Any) -> Any:
        return X * self.factor**self.power

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power": self.power}


def test_a_layer_of_ones_own_trains_and_clones() -> None:
    model = Sequential([Scale(2.0, input_shape=(4,)), layers.Dense(1)])
    assert model.count_params() == 4 + 5
    assert learns(model)
    assert not np.allclose(model.layers[0].factor.numpy(), 1)
    assert model.layers[0].get_config()["power"] == 2.0


class Reconstructs(Model):
    """The reconstruction loss of Géron's book, chapter 12: added in `call` to the loss of compile."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.hidden = layers.Dense(3, "selu")
        self.back = layers.Dense(4)
        self.out = layers.Dense(1)
        self.weight = weight

    def call(self, inputs: Any, training: Any = None) -> Any:
        z = self.hidden(inputs)
        self.add_loss(self.weight * jnp.mean(jnp.square(self.back(z) - inputs)))
        return self.out(z)


def test_a_loss_added_in_call_is_reported_and_trained() -> None:
    model = Reconstructs(0.5)
    model.compile(loss="mse", optimizer=fitwell.optimizers.Adam(0.01), metrics=["mse"])
    model.build_on = model(X)
    reconstruction = np.square(dense(np.asarray(model.hidden(X)), model.back) - X).mean()
    loss, mse = model.evaluate(X, Y, verbose=0)
    assert loss - mse == pytest.approx(0.5 * reconstruction, rel=1e-3)
    model.fit(X, Y, epochs=30, batch_size=20, verbose=0)
    after = np.square(dense(np.asarray(model.hidden(X)), model.back) - X).mean()
    assert after < reconstruction


def test_a_loss_function_a_loss_class_and_a_metric_class_of_ones_own() -> None:
    def huber(y_true: Any, y_pred: Any) -> Any:
        error = y_true - y_pred
        return jnp.where(jnp.abs(error) < 1, jnp.square(error) / 2, jnp.abs(error) - 0.5)

    class HuberLoss(fitwell.losses.Loss):
        def __init__(self, threshold: float = 1.0, **kwargs: Any) -> None:
            self.threshold = threshold
            super().__init__(**kwargs)

        def call(self, y_true: Any, y_pred: Any) -> Any:
            error = y_true - y_pred
            near, far = jnp.square(error) / 2, self.threshold * jnp.abs(error) - self.threshold**2 / 2
            return jnp.where(jnp.abs(error) < self.threshold, near, far)

    class HuberMetric(fitwell.metrics.Metric):
        def __init__(self, threshold: float = 1.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.threshold = threshold
            self.total = self.add_weight("total", initializer="zeros")
            self.count = self.add_weight("count", initializer="zeros")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            values = huber(y_true, y_pred)
            self.total.assign_add(jnp.sum(values))
            self.count.assign_add(values.size)

        def result(self) -> Any:
            return self.total / self.count

    results = []
    for loss in (huber, HuberLoss(), fitwell.losses.Huber()):
        fitwell.utils.set_random_seed(1)
        model = Sequential([layers.Dense(1, input_shape=(4,))])
        model.compile(loss=loss, optimizer="sgd", metrics=[HuberMetric()])
        # Batches of 8, 8 and 4: a metric that counted padding would differ from the loss.
        history = model.fit(X, 3 * Y, batch_size=8, epochs=3, verbose=0).history
        np.testing.assert_allclose(history["huber_metric"], history["loss"], rtol=1e-5)
        results.append(history["loss"])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5)
    np.testing.assert_allclose(results[0], results[2], rtol=1e-5)


# --- inputs and predictions ---------------------------------------------------------------------------------


def test_all_kinds_of_input_give_the_same() -> None:
    import pandas as pd

    model = Sequential([layers.Dense(3, "tanh", input_shape=(4,)), layers.Dense(1)])
    expected = model.predict(X)
    kinds: dict[str, Any] = {
        "JAX": jnp.asarray(X),
        "list": X.tolist(),
        "DataFrame": pd.DataFrame(X, columns=list("abcd")),
        "float64": X.astype(np.float64),
        "not contiguous": np.asfortranarray(X),
        "reversed twice": X[::-1][::-1],
    }
    for name, x in kinds.items():
        np.testing.assert_allclose(model.predict(x), expected, rtol=1e-6, err_msg=name)
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.0))
    loss = model.evaluate(X, Y, verbose=0)
    for name, x in kinds.items():
        y: Any = pd.Series(Y[:, 0]) if name == "DataFrame" else Y[:, 0].tolist()
        assert model.fit(x, y, verbose=0).history["loss"][0] == pytest.approx(loss, rel=1e-5), name


def test_images_of_bytes_become_floats() -> None:
    images = RNG.integers(0, 256, (10, 6, 6), dtype=np.uint8)
    model = Sequential([layers.Flatten(input_shape=(6, 6)), layers.Dense(2)])
    expected = dense(images.reshape(10, 36).astype(np.float32), model.layers[1])
    np.testing.assert_allclose(model.predict(images), expected, rtol=1e-4)
    np.testing.assert_allclose(np.asarray(model(images)), expected, rtol=1e-4)
    assert learns(model, images / np.float32(255), np.eye(2)[RNG.integers(0, 2, 10)])


@pytest.mark.parametrize("rows", [1, 2, 31, 32, 33, 100])
@pytest.mark.parametrize("batch_size", [None, 7])
def test_any_number_of_rows(rows: int, batch_size: int | None) -> None:
    draw = np.random.default_rng(rows)
    x = draw.normal(size=(rows, 4)).astype(np.float32)
    y = draw.normal(size=(rows, 1)).astype(np.float32)
    model = Sequential(
        [layers.Dense(3, "relu", input_shape=(4,)), layers.BatchNormalization(), layers.Dense(1)]
    )
    model.compile(loss="mse", optimizer="sgd")
    expected = dense(dense(x, model.layers[0], relu) / np.sqrt(1.001), model.layers[2])
    got = model.predict(x, batch_size=batch_size)
    assert got.shape == (rows, 1)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5)
    loss = model.evaluate(x, y, batch_size=batch_size, verbose=0)
    assert loss == pytest.approx(np.square(expected - y).mean(), rel=1e-3)


class Slices:
    """Keras's Sequence: batches by number."""

    def __init__(self) -> None:
        self.ended = 0

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        rows = slice(8 * index, 8 * index + 8)
        return X[rows], Y[rows]

    def on_epoch_end(self) -> None:
        self.ended += 1


def test_sequences_iterables_and_generators_feed_what_arrays_feed() -> None:
    def endless() -> Any:
        while True:
            yield from (slices[index] for index in range(3))

    slices = Slices()
    once = [slices[index] for index in range(3)]
    sources: dict[str, tuple[Any, dict[str, Any]]] = {
        "arrays": (X, {"y": Y, "batch_size": 8, "shuffle": False}),
        "sequence": (slices, {}),
        "endless": (endless(), {"steps_per_epoch": 3}),
        "finite for one epoch at a time": (iter(once * 2), {"steps_per_epoch": 3}),
    }
    results = {}
    for name, (source, arguments) in sources.items():
        fitwell.utils.set_random_seed(2)
        model = Sequential([layers.Dense(3, "tanh", input_shape=(4,)), layers.Dense(1)])
        model.compile(loss="mse", optimizer="sgd")
        history = model.fit(source, epochs=2, verbose=0, **arguments).history
        results[name] = history["loss"]
    for name, losses in results.items():
        np.testing.assert_allclose(losses, results["arrays"], rtol=1e-5, err_msg=name)
    assert slices.ended == 2


def test_a_generator_may_yield_weights_and_validate() -> None:
    weights = RNG.uniform(0, 2, 20).astype(np.float32)

    def batches() -> Any:
        while True:
            for start in (0, 8, 16):
                rows = slice(start, start + 8)
                yield X[rows], Y[rows], weights[rows]

    results = []
    for arguments in (
        {"x": batches(), "steps_per_epoch": 3, "validation_data": batches(), "validation_steps": 3},
        {
            "x": X,
            "y": Y,
            "sample_weight": weights,
            "batch_size": 8,
            "shuffle": False,
            "validation_data": (X, Y, weights),
        },
    ):
        fitwell.utils.set_random_seed(2)
        model = Sequential([layers.Dense(1, input_shape=(4,))])
        model.compile(loss="mse", optimizer="sgd")
        results.append(model.fit(epochs=2, verbose=0, **arguments).history)
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(results[0][name], results[1][name], rtol=1e-5)


def test_steps_per_epoch_walks_on_through_the_arrays() -> None:
    model = Sequential([layers.Dense(1, input_shape=(4,))])
    model.compile(loss="mse", optimizer=fitwell.optimizers.SGD(0.0))
    history = model.fit(X, Y, batch_size=5, steps_per_epoch=2, epochs=2, shuffle=False, verbose=0).history
    errors = np.square(model.predict(X) - Y)
    assert history["loss"] == pytest.approx([errors[:10].mean(), errors[10:].mean()], rel=1e-4)


def test_random_layers_are_quiet_in_predict_and_evaluate() -> None:
    model = Sequential([layers.Dropout(0.5, input_shape=(4,)), layers.Dense(1)])
    model.compile(loss="mse", optimizer="sgd")
    np.testing.assert_array_equal(model.predict(X), model.predict(X))
    assert model.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    kept = np.asarray(layers.Dropout(0.25)(np.ones((1000, 10), np.float32), training=True))
    assert set(np.unique(kept)) == {0.0, np.float32(4 / 3)}
    assert (kept == 0).mean() == pytest.approx(0.25, abs=0.02)


def test_a_loss_from_dead_units_has_the_gradient_of_its_bias() -> None:
    """All hidden units dead: the logit is exactly 0, where max and |z| have no derivative."""
    model = Sequential(
        [layers.Dense(2, "relu", input_shape=(4,), kernel_initializer="zeros"), layers.Dense(1, "sigmoid")]
    )
    model.compile(loss="binary_crossentropy", optimizer=fitwell.optimizers.SGD(1.0))
    y = (np.arange(20) < 5).astype(np.float32)
    model.fit(X, y, batch_size=20, verbose=0)
    assert model.layers[1].bias.numpy()[0] == pytest.approx(-(0.5 - 0.25), rel=1e-5)


def test_older_names_work_and_warn() -> None:
    model = Sequential([layers.Dense(3, "softmax", input_shape=(4,))])
    with pytest.warns(DeprecationWarning, match="predict_classes"):
        classes = model.predict_classes(X)
    np.testing.assert_array_equal(classes, model.predict(X).argmax(axis=1))
