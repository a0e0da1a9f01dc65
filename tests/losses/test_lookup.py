"""Losses by name, function, class and configuration."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from fitwell import losses
from fitwell._registry import custom_objects
from fitwell.errors import InvalidArgument, UnknownName
from tests.losses.cases import CASES, DATA, IDS, OWN

# Every name and alias that `keras.losses.get` knows for a loss we have.
KERAS_NAMES = [
    *["mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "kld", "KLD", "bce", "BCE"],
    *["mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error"],
    *["mean_squared_logarithmic_error", "huber", "log_cosh", "poisson", "cosine_similarity"],
    *["kl_divergence", "hinge", "squared_hinge", "categorical_hinge"],
    *["binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"],
    *[
        "binary_focal_crossentropy",
        "categorical_focal_crossentropy",
        "MeanSquaredError",
        "SparseCategoricalCrossentropy",
    ],
]


@pytest.mark.parametrize("name", KERAS_NAMES)
def test_found_by_name(name: str) -> None:
    loss = losses.get(name)
    theirs = keras.losses.get(name)
    assert isinstance(loss, losses.Loss)
    own = theirs.__name__ if callable(theirs) and hasattr(theirs, "__name__") else type(theirs).__name__
    assert own.replace("_", "").lower() == type(loss).__name__.lower()


def test_older_names() -> None:
    for name, kind in (
        ("logcosh", losses.LogCosh),
        ("kullback_leibler_divergence", losses.KLDivergence),
        ("cosine_proximity", losses.CosineSimilarity),
        ("huber_loss", losses.Huber),
    ):
        assert type(losses.get(name)) is kind


@pytest.mark.parametrize("name", sorted({case[0] for case in CASES}))
def test_default_names_are_those_of_keras(name: str) -> None:
    assert getattr(losses, name)().name == getattr(keras.losses, name)().name


@pytest.mark.parametrize(
    ("name", "arguments", "data"), CASES + OWN, ids=[*IDS, "perceptron", "per-class", "logits"]
)
def test_round_trip(name: str, arguments: dict[str, Any], data: str) -> None:
    made = getattr(losses, name)(**arguments, reduction="sum", name="mine")
    again = losses.deserialize(losses.serialize(made))
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()
    assert again.name == "mine"
    np.testing.assert_array_equal(again(*DATA[data]), made(*DATA[data]))


@pytest.mark.parametrize("name", sorted({case[0] for case in CASES}))
def test_configurations_of_keras_are_read(name: str) -> None:
    theirs = keras.losses.serialize(getattr(keras.losses, name)())
    assert type(losses.deserialize(theirs)) is getattr(losses, name)


def test_a_configuration_holds_what_was_set_and_no_more() -> None:
    expected = {"name": "huber_loss", "reduction": "sum_over_batch_size", "delta": 0.5}
    assert losses.Huber(0.5).get_config() == expected
    assert losses.Huber(0.5, dtype="float64").get_config() == {**expected, "dtype": "float64"}


def test_functions_stand_for_their_classes() -> None:
    assert type(losses.get(losses.mean_squared_error)) is losses.MeanSquaredError
    assert type(losses.get(losses.sparse_categorical_crossentropy)) is losses.SparseCategoricalCrossentropy
    assert type(losses.get(losses.Huber)) is losses.Huber
    made = losses.Huber(2.0)
    assert losses.get(made) is made
    assert losses.get(None) is None
    assert losses.mse is losses.MSE is losses.mean_squared_error


def test_a_users_function_survives_a_round_trip() -> None:
    def my_loss(y_true: Any, y_pred: Any, power: float = 2.0) -> Any:
        return jnp.mean(jnp.abs(y_true - y_pred) ** power, axis=-1)

    made = losses.LossFunctionWrapper(my_loss, power=3.0)
    written = losses.serialize(made)
    with custom_objects({"my_loss": my_loss}):
        again = losses.deserialize(written)
    assert again.fn is my_loss
    np.testing.assert_array_equal(again(*DATA["real"]), made(*DATA["real"]))


def test_words_of_errors() -> None:
    with pytest.raises(
        UnknownName, match="unknown loss 'mean_square_error'. Did you mean 'mean_squared_error'"
    ):
        losses.get("mean_square_error")
    with pytest.raises(InvalidArgument, match="expected a name such as 'mse'"):
        losses.get(3)
    with pytest.raises(
        InvalidArgument, match="MeanSquaredError: reduction must be 'sum_over_batch_size', .* got 'average'"
    ):
        losses.MeanSquaredError(reduction="average")
    with pytest.raises(InvalidArgument, match="q must be a number above 0 and below 1, got 1"):
        losses.CategoricalGeneralizedCrossEntropy(1)
    with pytest.warns(DeprecationWarning, match="'auto' is deprecated"):
        assert losses.MeanSquaredError(reduction="auto").reduction == "sum_over_batch_size"


def test_importing_losses_loads_nothing_heavy() -> None:
    heavy = "pandas sklearn matplotlib h5py optax keras torch"
    code = f"import sys, fitwell.losses, fitwell.metrics; print([m for m in '{heavy}'.split() if m in sys.modules])"
    # `fitwell/__init__.py` imports every package; this test is about this one.
    code = (
        "import sys, types; p = types.ModuleType('fitwell'); p.__path__ = ['fitwell']; sys.modules['fitwell'] = p\n"
        + code
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_deprecated_name_of_unreduced() -> None:
    with pytest.warns(DeprecationWarning, match="loss.unreduced"):
        values = losses.MeanSquaredError().per_row([[0.0]], [[2.0]])
    assert values.tolist() == [4.0]
