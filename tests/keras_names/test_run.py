"""Programs written for Keras run unchanged: `fitwell run`, `install_as_keras` and the names of TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fitwell as fw
from fitwell.errors import InvalidArgument, StateError

LISTING = """
import sys
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers, models
from tensorflow.keras.layers import Dense, LSTM
from tensorflow.keras.optimizers.schedules import ExponentialDecay
from keras.preprocessing.sequence import pad_sequences
import keras.utils
import fitwell

assert keras.layers.Dense is Dense is layers.Dense is fitwell.layers.Dense
assert sys.modules["tensorflow.keras.layers"] is fitwell.layers and fitwell.layers.__spec__.name == "fitwell.layers"

tf.random.set_seed(1)
x = tf.random.normal((64, 10))
y = tf.cast(tf.reduce_sum(x, axis=1, keepdims=True) > 0, tf.float32)

def my_loss(true, predicted):
    return tf.reduce_mean(tf.square(true - predicted), axis=-1)

model = models.Sequential(
    [layers.Input(shape=(10,)), Dense(8, activation=tf.nn.relu), Dense(1, activation="sigmoid")]
)
model.compile(optimizer=keras.optimizers.SGD(ExponentialDecay(0.5, 10, 0.9)), loss=my_loss, metrics=["accuracy"])
data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(64).batch(16).prefetch(tf.data.AUTOTUNE)
history = model.fit(data, epochs=5, verbose=0)
assert history.history["loss"][-1] < history.history["loss"][0]
print(__name__, sys.argv[1:], len(data), pad_sequences([[1], [2, 3]]).tolist())
"""


def run(program: str, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "listing.py"
    path.write_text(program)
    return subprocess.run(
        [sys.executable, "-m", "fitwell", "run", str(path), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_listing_for_tensorflow_runs_as_printed(tmp_path: Path) -> None:
    done = run(LISTING, tmp_path, "1", "--epochs", "5")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "__main__ ['1', '--epochs', '5'] 4 [[0, 1], [2, 3]]\n"


def test_missing_parts_are_named_and_the_program_keeps_its_exit_code(tmp_path: Path) -> None:
    done = run(
        """
import sys
for statement in (
    "import tensorflow.lite", "from keras.applications import VGG16", "import tensorflow as tf; tf.GradientTape"
):
    try:
        exec(statement)
    except (ImportError, AttributeError) as error:
        print(error)
sys.exit(7)
""",
        tmp_path,
    )
    assert done.returncode == 7, done.stderr
    lite, applications, tape = done.stdout.splitlines()
    assert lite.startswith("tensorflow.lite is a part of TensorFlow, which fitwell does not contain")
    assert applications.startswith("fitwell has no module for keras.applications")
    assert "custom training loop must be written with JAX" in tape


def test_errors_show_the_lines_of_the_program(tmp_path: Path) -> None:
    done = run("import keras\n\nkeras.layers.Dense(-1)\n", tmp_path)
    assert done.returncode == 1
    assert "line 3, in <module>" in done.stderr and "runpy" not in done.stderr
    assert "units" in done.stderr.splitlines()[-1]
    done = subprocess.run(
        [sys.executable, "-m", "fitwell", "run", "nowhere.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "nowhere.py does not exist; expected a Python program" in done.stderr


def test_an_imported_keras_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", fw)
    with pytest.raises(StateError, match="keras is already imported in this process"):
        fw.install_as_keras()


def test_datasets_are_shuffled_and_batched() -> None:
    from fitwell.keras_names.dataset import Dataset

    numbers = Dataset.range(10)
    assert [batch.tolist() for batch in numbers.batch(4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(numbers.batch(4)) == 3 and len(numbers.batch(4, drop_remainder=True)) == 2
    shuffled = numbers.shuffle(10, seed=1)
    first, second = list(shuffled), list(shuffled)
    assert sorted(first) == sorted(second) == list(range(10)) and first != second
    same = numbers.shuffle(10, seed=1, reshuffle_each_iteration=False)
    assert list(same) == list(same) != list(range(10))
    near = list(Dataset.range(100).shuffle(5, seed=0))
    assert all(place >= value - 5 for place, value in enumerate(near)), (
        "an element is never early by more than the buffer"
    )
    assert list(numbers.map(lambda n: 2 * n).filter(lambda n: n > 10).take(2)) == [12, 14]
    assert list(numbers.skip(8).repeat(2)) == [8, 9, 8, 9] and len(numbers.skip(8).repeat(2)) == 4
    assert [int(n) for n in numbers.batch(3).unbatch()] == list(range(10))
    pairs = Dataset.zip(numbers, numbers.skip(1)).cache()
    assert list(pairs) == list(pairs) == [(n, n + 1) for n in range(9)]
    rows = Dataset.from_tensor_slices({"a": np.arange(3), "b": [[1], [2], [3]]})
    assert [(row["a"], row["b"].tolist()) for row in rows] == [(0, [1]), (1, [2]), (2, [3])]
    assert [int(n) for n in Dataset.from_generator(range, args=(2, 5))] == [2, 3, 4]
    with pytest.raises(InvalidArgument, match=r"different lengths: \[2, 3\]"):
        Dataset.from_tensor_slices((np.arange(2), np.arange(3)))


def test_the_functions_of_tensorflow_give_its_numbers() -> None:
    from fitwell.keras_names.tensorflow_names import tensorflow as tf

    x = np.array([[1.0, -2.0], [3.0, 4.0]])
    assert tf.constant([1.0]).dtype == "float32" and tf.constant([1]).dtype == "int32"
    np.testing.assert_allclose(tf.reduce_mean(x, axis=[0]), [2, 1])
    np.testing.assert_allclose(
        tf.math.divide_no_nan(x, np.array([[0.0, 2.0], [1.0, 0.0]])), [[0, -1], [3, 0]]
    )
    np.testing.assert_array_equal(tf.argmax(x), [1, 1])
    np.testing.assert_array_equal(tf.where(x > 0), [[0, 0], [1, 0], [1, 1]])
    np.testing.assert_allclose(tf.nn.leaky_relu(x), [[1, -0.4], [3, 4]])
    np.testing.assert_array_equal(tf.one_hot([1, 0], 3), [[0, 1, 0], [1, 0, 0]])
    np.testing.assert_array_equal(tf.matmul(x, x, transpose_b=True), x @ x.T)
    assert tf.function(len) is len and tf.function(jit_compile=True)(len) is len


def test_pad_sequences_equals_keras() -> None:
    keras = pytest.importorskip("keras", reason="the reference is Keras, of the extra [test]")
    sequences = [[1], [2, 3], [4, 5, 6], []]
    for maxlen in (None, 2, 5):
        for padding in ("pre", "post"):
            for truncating in ("pre", "post"):
                options = {"maxlen": maxlen, "padding": padding, "truncating": truncating, "value": -1}
                np.testing.assert_array_equal(
                    fw.utils.pad_sequences(sequences, **options),
                    keras.utils.pad_sequences(sequences, **options),
                )
    with pytest.raises(InvalidArgument, match="item 0 is not a sequence but 1"):
        fw.utils.pad_sequences([1, 2])
