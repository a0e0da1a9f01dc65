"""Every public call refuses wrong values with an error that names the argument.

Wrong values follow from the annotation (``int``, ``float``, ``bool``, ``str``), without reading the rule.
"""

from __future__ import annotations

import contextlib
import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitwell
import fitwell.estimators
from fitwell import layers
from fitwell._param_validation import INVALID
from fitwell.errors import FitwellError
from tests.param_validation.public_calls import MODULES, NEEDED, X, Y, build, model, public

NAN, INF = float("nan"), float("inf")
WRONG = ["x", "", -1, 2.5, NAN, INF, True, None, [], [None], {}, object(), b"x", 10**400, np.ones(2), 1j, int]
# Arrays and configurations, which have separate tests (tests/models/test_input_checks.py and others).
DATA = {"x", "y", "y_true", "y_pred", "inputs", "identifier", "config", "tensors", "sample_weight"}
OPEN = {
    *(
        "get",
        "serialize",
        "deserialize",
        "accuracy_for",
        "in_train_phase",
        "get_value",
        "set_value",
        "function",
    ),
    *(
        "set_learning_phase",
        "Fixed",
        "Choice",
        "class_codes",
        "CallbackList",
        "compute_fans",
        "StepHyperparameters",
    ),
    *("model_from_json", "load_model", "load_weights", "custom_object_scope", "register_keras_serializable"),
    *("serialize_keras_object", "deserialize_keras_object", "get_registered_name", "get_registered_object"),
    "CustomObjectScope",
    *("graph", "Functional", "Model", "Comparison", "SearchResult", "compare", "search", "Search"),
    *(
        "population_based_training",
        "MLPClassifier",
        "TabularClassifier",
        "TabularRegressor",
        "MLPRegressor",
        "KerasClassifier",
        "KerasRegressor",
        "sample",
    ),
    *("scalar", "histogram", "image", "figure", "text", "audio", "hparams", "plot_model"),
}
# Documented values that are accepted in spite of the annotation.
ACCEPTED = {("epsilon", None), ("validation_split", None), ("name", int)}


def is_wrong(annotation: str, name: str, value: Any) -> bool | None:
    """Return whether an annotation alone refuses `value`; None when it does not tell."""
    kind = annotation.removesuffix(" | None").replace("Rate", "float")
    if kind not in ("int", "float", "bool", "str"):
        return None
    if value is None:
        return not annotation.endswith("| None")
    if kind == "str":
        return not isinstance(value, str)
    if isinstance(value, bool):
        return kind != "bool" and name != "verbose"
    if not isinstance(value, int | float) or not -1e300 < value < 1e300:
        return not (isinstance(value, float) and value == INF and name == "order")
    return (kind == "int" and value != int(value)) or (kind == "bool" and value not in (0, 1))


def rules_of(entry: Any) -> dict[str, Any]:
    found: dict[str, Any] = getattr(entry, "rules", None) or getattr(entry.__init__, "rules", {})
    return found


def faults(
    where: str, call: Callable[..., Any], needed: dict[str, Any], only_wrong: bool = False
) -> list[str]:
    """Return what is wrong with how `call` answers wrong values."""
    found = []
    rules = rules_of(call)
    for name, parameter in inspect.signature(call).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or name in DATA:
            continue
        rule = rules.get(name)
        if rule is not None and inspect.isclass(call):
            rule = rule.for_class(call)
        for value in WRONG:
            wrong = is_wrong(str(parameter.annotation), name, value)
            admits = False
            with contextlib.suppress(FitwellError, AttributeError):
                admits = rule is not None and rule.read(value) is not INVALID
            if only_wrong and (admits or rule is None) and not wrong:
                continue
            told = f"{where}({name}={value!r:.40})"
            try:
                call(**{**needed, name: value})
            except FitwellError as error:
                if name not in str(error):
                    found.append(f"{told} does not name it: {error}")
            except Exception as error:
                found.append(f"{told} is answered by {type(error).__name__}: {error!s:.80}")
            else:
                declared = admits or rule is None
                if isinstance(value, type | None) and (name, value) in ACCEPTED:
                    continue
                if wrong or (wrong is None and not declared):
                    found.append(f"{told} is taken in silence")
    return found


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    warnings.simplefilter("ignore")


@pytest.mark.parametrize("module_name", MODULES)
def test_wrong_values_are_refused_by_name(module_name: str) -> None:
    before = fitwell.backend.floatx(), fitwell.backend.epsilon(), fitwell.config.memory_budget()
    found = []
    for name, entry in public():
        if (
            not name.startswith(f"{module_name}.")
            or name.split(".")[1] in OPEN
            or "__init__" not in dir(entry)
        ):
            continue
        with contextlib.suppress(ValueError):  # a class of Python's has no signature
            given = {**NEEDED.get(name, {})}
            for parameter in inspect.signature(entry).parameters.values():
                if (
                    parameter.name in DATA
                    and parameter.name not in given
                    and parameter.default is parameter.empty
                ):
                    given[parameter.name] = [X, X] if parameter.name == "inputs" else Y
            found += faults(name, entry, given)
    assert not found, "\n".join(found)
    fitwell.backend.set_floatx(before[0])
    fitwell.backend.set_epsilon(before[1])
    fitwell.config.set_memory_budget(before[2])


def methods() -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Return bound methods, each with the arguments of a valid call."""
    network, rows = model(), {"x": X, "y": Y}
    population = fitwell.Population(build, seeds=[0])
    hp = fitwell.tuner.HyperParameters
    return {
        "Model.compile": (network.compile, {}),
        "Model.fit": (network.fit, {**rows, "verbose": 0}),
        "Model.evaluate": (network.evaluate, {**rows, "verbose": 0}),
        "Model.predict": (network.predict, {"x": X}),
        "Model.train_on_batch": (network.train_on_batch, rows),
        "Model.test_on_batch": (network.test_on_batch, rows),
        "Model.summary": (network.summary, {}),
        "Model.get_layer": (network.get_layer, {}),
        "Model.save": (network.save, {"filepath": "a.keras"}),
        "Model.save_weights": (network.save_weights, {"filepath": "a.weights.h5"}),
        "Population.fit": (population.fit, {**rows, "verbose": 0}),
        "Population.best": (population.best, {}),
        "Population.ensemble": (population.ensemble, {}),
        "Population.predict": (population.predict, {"x": X}),
        "Normalization.adapt": (layers.Normalization().adapt, {"data": X}),
        "HyperParameters.Float": (hp().Float, {"name": "a", "min_value": 0.1, "max_value": 1.0}),
        "HyperParameters.Int": (hp().Int, {"name": "a", "min_value": 1, "max_value": 9}),
        "HyperParameters.Boolean": (hp().Boolean, {"name": "a"}),
    }


@pytest.mark.parametrize("name", methods())
def test_wrong_values_of_methods_are_refused_by_name(name: str) -> None:
    call, needed = methods()[name]
    found = faults(name, call, needed, only_wrong=True)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("class_weight", value) for value in ("x", 2, {0: "x"}, {0: NAN}, {"a": 1}, {0: -1})),
        *(("validation_split", value) for value in ("x", 1.0, -0.1, NAN)),
        *(("validation_freq", value) for value in ("x", 0, [0], [1.5], NAN, {})),
        *(("callbacks", value) for value in ("x", 5, [5], fitwell.callbacks.EarlyStopping)),
        *(("resume", value) for value in (5, True, "", [])),
        *(("verbose", value) for value in ("x", 3, -1, NAN, None)),
        *(("shuffle", value) for value in ("x", 2, None, NAN)),
        *(("epochs", value) for value in (True, 1.5, "3", None, -1)),
        *(("batch_size", value) for value in (2.5, 0, True, "8", [8])),
        *(("steps_per_epoch", value) for value in (-1, 0, 1.5, "x")),
        *(("initial_epoch", value) for value in (-1, 0.5, None)),
        *(("validation_data", value) for value in ("x", 5, (X,))),
    ],
)
def test_wrong_arguments_of_fit_are_refused_by_name(name: str, value: Any) -> None:
    for call in (model().fit, fitwell.Population(build).fit):
        if name in inspect.signature(call).parameters:
            with pytest.raises(FitwellError, match=name):
                call(X, Y, **{"verbose": 0, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("loss_weights", value) for value in ("x", NAN, [NAN], {"dense": "x"}, {1: 2.0})),
        *(("metrics", value) for value in ([None], 5, ["x"], [["mae", None]])),
        *(("loss", value) for value in (5, "x", NAN)),
        *(("optimizer", value) for value in (5, "x", None, [])),
        *(("steps_per_execution", value) for value in (0, 2.5, "x")),
        *(("run_eagerly", value) for value in ("x", None)),
    ],
)
def test_wrong_arguments_of_compile_are_refused_by_name(name: str, value: Any) -> None:
    network = model()
    with pytest.raises(FitwellError, match=name.removesuffix("s")):
        network.compile(**{"optimizer": "sgd", "loss": "mse", name: value})
        network.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha", -1),
        ("batch_size", 2.5),
        ("max_iter", True),
        ("dropout", NAN),
        ("shuffle", "x"),
        ("random_state", "x"),
        ("validation_fraction", 1.0),
        ("verbose", "x"),
        ("n_members", 0),
        ("activation", 5),
        ("solver", None),
    ],
)
def test_parameters_of_estimators_are_refused_by_name_in_fit(name: str, value: Any) -> None:
    estimator = fitwell.estimators.MLPRegressor(**{name: value})
    with pytest.raises(FitwellError, match=f"MLPRegressor: {name}"):
        estimator.fit(X, Y[:, 0])


def test_unknown_names_are_refused_with_the_nearest() -> None:
    for call, words in (
        (lambda: layers.Dense(3, activaton="relu"), "Did you mean 'activation'"),
        (lambda: fitwell.callbacks.EarlyStopping(patince=3), "Did you mean 'patience'"),
        (lambda: fitwell.optimizers.Adam(beta1=0.9), "Did you mean 'beta_1'"),
        (lambda: model().fit(X, Y, epoch=1), "Did you mean 'epochs'"),
        (lambda: model().compile(metric=["mae"]), "Did you mean 'metrics'"),
        (lambda: fitwell.losses.Huber(dleta=1.0), "Did you mean 'delta'"),
        (lambda: fitwell.tuner.Float(0, 1, lg=True), "Did you mean 'log'"),
    ):
        with pytest.raises(FitwellError, match=words):
            call()


def test_numbers_of_numpy_and_jax_are_taken_as_what_they_mean() -> None:
    import jax.numpy as jnp

    one, half = np.int64(1), np.float32(0.5)
    assert layers.Dense(np.int64(3)).units == 3
    assert layers.Dropout(half).rate == 0.5
    assert fitwell.callbacks.EarlyStopping(patience=np.array(2)).patience == 2
    assert float(fitwell.optimizers.SGD(jnp.asarray(0.5)).learning_rate) == 0.5
    history = model().fit(
        X, Y, epochs=one, batch_size=np.uint8(8), validation_split=half, shuffle=np.False_, verbose=0
    )
    assert history.epoch == [0]


def test_a_number_that_is_set_later_follows_the_rule_of_the_argument() -> None:
    dropout, penalty = layers.Dropout(0.5), fitwell.regularizers.L2(0.1)
    for thing, name, value in ((dropout, "rate", 1.5), (dropout, "rate", NAN), (penalty, "l2", -1)):
        with pytest.raises(FitwellError, match=f"{type(thing).__name__}: {name} must be"):
            setattr(thing, name, value)
    dropout.rate = np.float32(0.25)
    assert (dropout.rate, penalty.l2) == (0.25, 0.1)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("trainable", lambda: setattr(layers.Dense(1), "trainable", "x")),
        ("on_epoch_end", lambda: fitwell.callbacks.LambdaCallback(on_epoch_end=5)),
        ("axis", lambda: fitwell.activations.softmax(X, axis=7)),
        ("axis", lambda: fitwell.activations.glu(X, axis=9)),
        ("x", lambda: fitwell.activations.relu("x")),
        ("var_names", lambda: fitwell.optimizers.Adam().exclude_from_weight_decay(var_names="bias")),
        ("shape", lambda: layers.Layer().add_weight(shape="x")),
        ("weights", lambda: model().set_weights(5)),
        ("class_weight", lambda: fitwell.estimators.MLPClassifier(class_weight=5).fit(X, [0, 1] * 4)),
        ("index", lambda: model().get_layer(index=9)),
        ("axis", lambda: fitwell.utils.normalize(X, axis=5)),
        ("json_string", lambda: fitwell.models.model_from_json(None)),
        ("path", lambda: fitwell.datasets.mnist.load_data("a\0b")),
        (
            "class_weight",
            lambda: fitwell.estimators.MLPClassifier(class_weight={0: -1}).fit(X, [0, 1] * 4),
        ),
        (
            "metric",
            lambda: fitwell.Population(lambda setting: model(), [{}]).ensemble(metric="loss"),
        ),
        ("callbacks", lambda: search(callbacks=5)),
        ("figure", lambda: search().plot(figure="x")),
        ("outputs", lambda: fitwell.Model(fitwell.Input((4,)))),
        ("nope", lambda: model().fit({"nope": X}, Y, verbose=0)),
        *(
            ("file name pattern|not measured", lambda name=name: save_as(name))
            for name in ("{epoch:zz}.keras", "{epoch.real}.keras", "{epoch[0]}.keras")
        ),
    ],
)
def test_other_doors(name: str, call: Callable[[], Any]) -> None:
    with pytest.raises(FitwellError, match=rf"\b({name})\b"):
        call()


def search(**settings: Any) -> Any:
    """Return the result of a search of one trial."""
    space = {"rate": fitwell.tuner.Float(0.1, 0.2)}
    settings = {"trials": 1, "epochs": 1, "storage": ":memory:", "verbose": 0, **settings}
    return fitwell.search(lambda setting: model(), space, (X, Y), **settings)


def save_as(name: str) -> None:
    """Train with a checkpoint file of this name."""
    model().fit(X, Y, verbose=0, callbacks=[fitwell.callbacks.ModelCheckpoint(name)])
