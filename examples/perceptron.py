"""The perceptron of 1957: one threshold unit, trained by its own rule, and the problem it cannot solve.

The loss "perceptron" with plain SGD and one row at a time is the rule ``w += eta (y - y_hat) x``. It finds
setosa among the irises, because a plane separates them from the rest. No plane separates XOR: it takes two
layers, whose weights are set by hand here, because no gradient passes through a threshold unit.

    python -m examples.perceptron
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_iris

import fitwell as fw

PAIRS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
XOR = np.array([0, 1, 1, 0], "float32")


def perceptron(inputs: int) -> fw.Sequential:
    """Return one threshold unit, ready to be trained by the perceptron rule."""
    model = fw.Sequential(
        [fw.layers.Dense(1, activation="heaviside", kernel_initializer="zeros", input_shape=(inputs,))]
    )
    model.compile(loss="perceptron", optimizer=fw.optimizers.SGD(1.0), metrics=["accuracy"])
    return model


def xor_network() -> fw.Sequential:
    """Return two layers of threshold units that compute "or, but not and"."""
    model = fw.Sequential(
        [
            fw.layers.Dense(2, activation="heaviside", input_shape=(2,)),
            fw.layers.Dense(1, activation="heaviside"),
        ]
    )
    # The first hidden unit is 1 where both inputs are, the second where any is.
    model.set_weights([[[1, 1], [1, 1]], [-1.5, -0.5], [[-1], [1]], [-0.5]])
    return model


def main(epochs: int = 10) -> dict[str, float]:
    """Return the accuracies on setosa, and of one unit and of two layers on XOR."""
    flowers, species = load_iris(return_X_y=True)
    found = {}
    for name, x, y in (("setosa", flowers, species == 0), ("xor, one unit", PAIRS, XOR)):
        model = perceptron(x.shape[1])
        model.fit(x, y.astype("float32"), batch_size=1, epochs=epochs, shuffle=False, verbose=0)
        found[name] = model.evaluate(x, y.astype("float32"), verbose=0)[1]
    found["xor, two layers"] = float(np.mean(xor_network().predict(PAIRS).ravel() == XOR))
    for name, accuracy in found.items():
        print(f"{name:16} {accuracy:.0%} right")
    return found


if __name__ == "__main__":
    main()
