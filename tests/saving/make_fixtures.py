"""Make the files in ``tests/saving/fixtures`` with the versions of Keras that wrote them.

Run by hand: ``python tests/saving/make_fixtures.py [folder for installations]``. Each version is installed into a
separate folder. Keras 3 runs on PyTorch, which must be installed here, because its older versions do not run on
the current JAX. Keras 2 has a separate TensorFlow and NumPy, and therefore sees no other package.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).resolve().parent / "fixtures"
VERSIONS = {
    "2.15.0": ["tensorflow-cpu==2.15.1"],
    "3.3.3": ["--no-deps", "keras==3.3.3"],
    "3.6.0": ["--no-deps", "keras==3.6.0"],
    "3.9.2": ["--no-deps", "keras==3.9.2"],
    "3.12.1": ["--no-deps", "keras==3.12.1"],
}


def stack(keras: Any) -> Any:
    return keras.Sequential(
        [
            keras.layers.Dense(6, input_shape=(4,), kernel_regularizer=keras.regularizers.l2(0.01)),
            keras.layers.LeakyReLU(),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(5, activation="selu", kernel_initializer="lecun_normal"),
            keras.layers.Dense(3, activation="softmax", kernel_constraint=keras.constraints.MaxNorm(2.0)),
        ]
    )


def graph(keras: Any) -> Any:
    """Two inputs, a shared layer, a model as a layer, images, two outputs."""
    flat, image = keras.Input((4,), name="flat"), keras.Input((6, 6, 1), name="image")
    part = keras.Input((4,), name="part")
    inner = keras.Model(part, keras.layers.Dense(4, activation="tanh")(part), name="inner")
    shared = keras.layers.Dense(4, activation="relu", name="shared")
    seen = keras.layers.Conv2D(2, 3, strides=2, padding="same", activation="relu")(image)
    joined = keras.layers.Concatenate()(
        [shared(inner(shared(flat))), keras.layers.GlobalMaxPooling2D()(seen)]
    )
    one = keras.layers.Dense(1, name="one")(joined)
    two = keras.layers.Dense(2, activation="sigmoid", name="two")(
        keras.layers.Add()([inner(flat), shared(flat)])
    )
    return keras.Model([flat, image], [one, two])


def write(folder: Path) -> None:
    """Write the fixtures with the installed Keras."""
    import numpy as np

    # Keras 2 is found inside TensorFlow.
    if sys.argv[1] == "2.15.0":
        from tensorflow import keras
    else:
        import keras

    keras.utils.set_random_seed(1)
    draw = np.random.default_rng(0)
    x, image = draw.normal(size=(8, 4)).astype("float32"), draw.normal(size=(8, 6, 6, 1)).astype("float32")
    data = {"x": x, "image": image}
    model = stack(keras)
    model.compile(
        keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"]
    )
    model.fit(x, np.arange(8) % 3, epochs=3, verbose=0)
    other = graph(keras)
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    other.compile(
        keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
        loss=[keras.losses.Huber(), keras.losses.BinaryCrossentropy()],
        loss_weights=[0.7, 0.3],
    )
    other.fit([x, image], [x[:, :1], (x[:, :2] > 0).astype("float32")], epochs=2, verbose=0)
    for name, made, inputs in (("stack", model, x), ("graph", other, [x, image])):
        for suffix in ("keras", "h5"):
            made.save(folder / f"{name}.{suffix}")
        outputs = made.predict(inputs, verbose=0)
        for number, output in enumerate(outputs if isinstance(outputs, list) else [outputs]):
            data[f"{name}_{number}"] = output
        data[f"{name}_step"] = int(made.optimizer.iterations.numpy())
    np.savez_compressed(folder / "expected.npz", **data)


def main(installations: Path) -> None:
    for version, requirements in VERSIONS.items():
        place, folder = installations / version, FIXTURES / version
        folder.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", f"--target={place}", *requirements]
            subprocess.run(pip, check=True)
        alone = ["-S"] if version.startswith("2") else []
        environment = {
            **os.environ,
            "PYTHONPATH": str(place),
            "KERAS_BACKEND": "torch",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        subprocess.run([sys.executable, *alone, __file__, version, str(folder)], check=True, env=environment)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        write(Path(sys.argv[2]))
    elif len(sys.argv) == 2:
        main(Path(sys.argv[1]))
    else:
        main(Path(tempfile.mkdtemp()))
