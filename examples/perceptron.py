"""The perceptron of 1957: one threshold unit, its learning rule, and a problem that it cannot solve.

The loss "perceptron" with plain SGD and batches of one row is the rule ``w += eta (y - y_hat) x``. It separates
setosa from the other irises, because a plane does. No plane separates XOR, which takes two layers; their weights
are set by hand here, because threshold units have no gradient.

    python -m examples.perceptron
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_iris

import fitwell as fw

PAIRS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
XOR = np.array([0, 1, 1, 0], "float32")


def perceptron(inputs: int) -> fw.Sequential:
    """Create one threshold unit, compiled with the perceptron rule."""
    model = fw.Sequential(
        [fw.layers.Dense(1, activation="heaviside", kernel_initializer="zeros", input_shape=(inputs,))]
    )
    model.compile(loss="perceptron", optimizer=fw.optimizers.SGD(1.0), metrics=["accuracy"])
    return model


def xor_network() -> fw.Sequential:
    """Create two layers of threshold units that compute "or, but not and"."""
    model = fw.Sequential(
        [
            fw.layers.Dense(2, activation="heaviside", input_shape=(2,)),
            fw.layers.Dense(1, activation="heaviside"),
        ]
    )
    # The first hidden unit computes "and", the second "or".
    model.set_weights([[[1, 1], [1, 1]], [-1.5, -0.5], [[-1], [1]], [-0.5]])
    return model


def main(epochs: int = 10) -> dict[str, float]:
    """Return the accuracy of one unit on setosa, and of one unit and two layers on XOR."""
    flowers, species = load_iris(return_X_y=True)
    found = {}
    for name, x, y in (("setosa", flowers, species == 0), ("xor, one unit", PAIRS, XOR)):
        model = perceptron(x.shape[1])
        model.fit(x, y.astype("float32"), batch_size=1, epochs=epochs, shuffle=False, verbose=0)
        found[name] = model.evaluate(x, y.astype("float32"), verbose=0)[1]
    found["xor, two layers"] = float(np.mean(xor_network().predict(PAIRS).ravel() == XOR))
    for name, accuracy in found.items():
        print(f"{name:16} accuracy {accuracy:.0%}")
    return found


if __name__ == "__main__":
    main()
