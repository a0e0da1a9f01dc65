"""`fitwell.ops` against `keras.ops`: every operation on examples, in graphs, and in files."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import fitwell as fw
from fitwell import ops
from fitwell.errors import InvalidArgument

keras: Any = pytest.importorskip("keras", reason="the reference is Keras, of the extra [test]")
if keras.backend.backend() != "jax":
    pytest.skip("the reference is Keras on JAX", allow_module_level=True)

RNG = np.random.default_rng(0)


def draw(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


A, B, SQUARE = draw(3, 4), draw(3, 4), draw(4, 4)
POSITIVE = np.abs(A) + 0.1
UNIT = RNG.uniform(-0.9, 0.9, (3, 4)).astype(np.float32)
INTS, COUNTS = RNG.integers(0, 5, (3, 4)), RNG.integers(1, 5, (3, 4))
DEFINITE = (SQUARE @ SQUARE.T + 4 * np.eye(4)).astype(np.float32)
PROBABILITIES = (np.exp(A) / np.exp(A).sum(1, keepdims=True)).astype(np.float32)
IMAGE = draw(2, 8, 9, 4)
# Operations that take or return functions, or that have no fixed result. They have tests of their own below.
SPECIAL = {
    "associative_scan",
    "cond",
    "custom_gradient",
    "empty",
    "fori_loop",
    "get_item",
    "histogram",
    "jvp",
    "map",
}
SPECIAL |= {
    "scan",
    "stop_gradient",
    "switch",
    "vectorize",
    "vectorized_map",
    "while_loop",
    "is_tensor",
    "shape",
}
SPECIAL |= {"ndim", "size", "dtype", "dsplit", "hsplit", "vsplit"}
# In Keras on JAX, the rows may not sum to 1: docs/exactness.md.
SPECIAL |= {"sparsemax"}
MISSING = {"ctc_decode", "ctc_loss", "fold", "istft", "rearrange", "stft", "unfold", "unique"}
MATRICES = {"det", "inv", "logdet", "slogdet", "eig", "eigh", "cholesky", "lu_factor", "qr", "svd", "pinv"}
MATRICES |= {"matrix_rank", "cholesky_inverse"}
ARGUMENTS: dict[str, Any] = {
    "arccosh": POSITIVE + 1, "arccos": UNIT, "arcsin": UNIT, "arctanh": UNIT, "erfinv": UNIT, "bitwise_invert": INTS,
    "bitwise_not": INTS, "bincount": INTS[0], "view_as_complex": draw(3, 2), "view_as_real": (A + 1j * B).astype("c8"),
    "vander": A[0],
}  # fmt: skip
ARGUMENTS |= dict.fromkeys(["log", "log2", "log10", "log1p", "sqrt", "rsqrt"], POSITIVE)
ARGUMENTS |= dict.fromkeys(["fft", "fft2", "ifft2", "irfft"], (A, B))
ARGUMENTS |= dict.fromkeys(["bartlett", "blackman", "hamming", "hanning"], 7)
ARGUMENTS |= dict.fromkeys(MATRICES, DEFINITE)
LABELS = (A > 0).astype(np.float32)
PLACES, VALUES = np.array([[0, 1], [2, 0]]), np.array([1.0, 2.0], np.float32)
EXAMPLES: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {}


def example(name: str, *args: Any, **kwargs: Any) -> None:
    EXAMPLES.setdefault(name, []).append((args, kwargs))


def add_examples_by_signature(name: str) -> None:
    parameters = inspect.signature(getattr(keras.ops, name)).parameters
    required = [
        p.name for p in parameters.values() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    if required == ["x"]:
        x = ARGUMENTS.get(name, A)
        example(name, x)
        if x is A and name not in ("layer_normalization", "rms_normalization"):
            example(name, INTS)
        if "axis" in parameters and name not in ("vander", "bincount"):
            example(name, x, axis=0)
        if "keepdims" in parameters:
            example(name, x, axis=1, keepdims=True)
    elif required == ["x1", "x2"]:
        first, second = {
            "gcd": (INTS, COUNTS), "lcm": (INTS, COUNTS), "isin": (INTS, COUNTS), "ldexp": (A, INTS),
            "dot": (A, B.T), "matmul": (A, B.T), "cross": (draw(3, 3), draw(3, 3)), "correlate": (A[0], B[0]),
            "vdot": (A[0], B[0]), "power": (POSITIVE, B),
        }.get(name, (A, B))  # fmt: skip
        example(name, first, second)
        if (
            first is A
            and second is B
            and name not in ("inner", "outer", "kron", "append", "allclose", "tensordot")
        ):
            example(name, INTS, COUNTS)
            example(name, A, 2)
    elif required == ["x", "y"] and ("shift" in name or "bit" in name):
        example(name, INTS, COUNTS)
    elif required == ["xs"]:
        example(name, [A, B])


NAMES = sorted(
    name for name in dir(keras.ops) if not name.startswith("_") and callable(getattr(keras.ops, name))
)
for _name in NAMES:
    if _name not in SPECIAL | MISSING:
        add_examples_by_signature(_name)

for _args in [(5,), (1, 7, 2), (0.0, 1.0, 0.25)]:
    example("arange", *_args)
example("average", A, axis=1, weights=POSITIVE)
example("tensordot", A, B.T, axes=1)
example("array", [1.0, 2.0])
example("array_split", A, 2, axis=1)
example("broadcast_to", A, (2, 3, 4))
example("cast", A, "int32")
example("clip", A, -0.5, 0.5)
example("cdist", A, B)
example("convert_to_tensor", [1.0, 2.0])
example("convert_to_numpy", A)
example("diag", A[0])
example("diff", A)
example("digitize", A, np.array([-1.0, 0.0, 1.0]))
example("divide_no_nan", A, INTS.astype(np.float32))
example("einsum", "ij,kj->ik", A, B)
example("expand_dims", A, (0, 2))
example("extract_sequences", A, 2, 1)
example("eye", 3, 4, 1)
example("full", (2, 3), 4)
example("full_like", A, 2)
example("geomspace", 1, 100, 5)
example("identity", 3)
example("in_top_k", np.array([0, 1, 2]), A, 2)
example("kaiser", 7, 2.0)
example("linspace", 0, 1, 5)
example("logspace", 0, 2, 5)
example("lstsq", draw(5, 3), draw(5))
example("meshgrid", A[0], B[0])
example("moveaxis", draw(2, 3, 4), 0, -1)
example("moments", A, [0])
example("multi_hot", INTS, 6)
example("one_hot", INTS[0], 6, axis=0)
example("ones", (2, 3))
example("zeros", (2,), dtype="int32")
example("pad", A, ((1, 2), (0, 1)))
example("pad", A, 1, mode="reflect")
for _name in ("percentile", "nanpercentile"):
    example(_name, A, 30.0)
for _name in ("quantile", "nanquantile"):
    example(_name, A, 0.3, axis=0)
example("repeat", A, 2, axis=1)
example("reshape", A, (4, 3))
example("roll", A, 1, axis=1)
example("rot90", A)
example("saturate_cast", A * 1000, "int8")
example("scatter", PLACES, VALUES, (3, 2))
for _kind in (None, "add", "max", "min", "mul"):
    example("scatter_update", A, PLACES, VALUES, reduction=_kind)
example("searchsorted", np.sort(A[0]), B[0])
for _name in ("segment_sum", "segment_max", "segment_min", "segment_prod"):
    example(_name, A, np.array([0, 1, 0]), 3)
example("select", [A > 0, A < 0], [A, B], 1.0)
example("slice", A, (1, 1), (2, 2))
example("slice_update", A, (1, 1), draw(2, 2))
example("solve", DEFINITE, draw(4))
example("solve_triangular", np.tril(DEFINITE), draw(4), lower=True)
example("split", A, [1, 2], axis=1)
example("stack", [A, B], axis=1)
example("swapaxes", A, 0, 1)
example("take", A, np.array([0, 2]), axis=0)
example("take", A, np.array([-1, 5]))
example("take_along_axis", A, INTS % 3, axis=0)
example("threshold", A, 0.1, -1.0)
example("tile", A, (2, 1))
example("top_k", A, 2)
example("trace", DEFINITE)
example("transpose", draw(2, 3, 4), (1, 0, 2))
example("trapezoid", A)
example("tri", 3)
example("unravel_index", np.array([1, 5]), (3, 4))
example("unstack", A)
example("view", A, dtype="int32")
example("where", A > 0, A, B)
example("polar", POSITIVE, A)
example("psnr", A, B, 1.0)
example("argpartition", A, 2)
example("norm", DEFINITE, ord="fro")
example("binary_crossentropy", LABELS, PROBABILITIES)
example("binary_crossentropy", LABELS, B, from_logits=True)
example("categorical_crossentropy", np.eye(4, dtype=np.float32)[:3], PROBABILITIES)
example("sparse_categorical_crossentropy", np.array([0, 1, 3]), PROBABILITIES)
example("sparse_categorical_crossentropy", np.array([[0], [1], [3]]), A, from_logits=True)
for _padding in ("valid", "same"):
    for _step in (1, 2):
        example("conv", IMAGE, draw(3, 2, 4, 5), _step, _padding)
        example("depthwise_conv", IMAGE, draw(3, 2, 4, 2), _step, _padding)
        example("separable_conv", IMAGE, draw(3, 2, 4, 2), draw(1, 1, 8, 3), _step, _padding)
        example("max_pool", IMAGE, 2, _step, _padding)
        example("average_pool", IMAGE, (2, 3), _step, _padding)
        example("conv_transpose", IMAGE, draw(3, 2, 5, 4), _step, _padding)
        example("conv_transpose", IMAGE, draw(4, 4, 5, 4), _step, _padding)
    example("conv_transpose", IMAGE, draw(3, 3, 5, 4), 3, _padding, output_padding=1)
example("conv", draw(2, 9, 4), draw(3, 4, 5), 1, "same", dilation_rate=2)
example("conv", IMAGE, draw(3, 3, 2, 6))
example("conv", draw(2, 4, 5, 6, 3), draw(2, 3, 2, 3, 5), 2, "same")
example("conv", draw(2, 4, 8, 9), draw(3, 2, 4, 5), 1, "same", "channels_first")
example("depthwise_conv", draw(2, 4, 8, 9), draw(3, 2, 4, 2), 2, "valid", "channels_first")
example("adaptive_average_pool", IMAGE, (3, 4))
example("adaptive_max_pool", IMAGE, (3, 4))
example("space_to_depth", draw(2, 4, 6, 8), 2)
example("depth_to_space", draw(2, 4, 6, 8), 2)
example("batch_normalization", A, A.mean(0), A.var(0) + 0.1, -1, offset=B[0], scale=B[1])
example("layer_normalization", A, gamma=B[0], beta=B[1], axis=-1, epsilon=1e-3)
example("rms_normalization", A, scale=B[0])
QUERY = draw(2, 5, 3, 8)
example("dot_product_attention", QUERY, draw(2, 6, 3, 8), draw(2, 6, 3, 8))
example("dot_product_attention", QUERY, QUERY, QUERY, is_causal=True)


def test_every_operation_of_keras_is_here_or_named_as_missing() -> None:
    assert {name for name in NAMES if not hasattr(ops, name)} == MISSING
    assert {name for name in NAMES if name not in EXAMPLES} - SPECIAL - MISSING == set()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_results_equal_keras(name: str) -> None:
    compared = 0
    for args, kwargs in EXAMPLES[name]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = getattr(keras.ops, name)(*args, **kwargs)
            except Exception:  # Keras does not accept this example, for example integers for a logarithm
                continue
            found = getattr(ops, name)(*args, **kwargs)
        leaves, references = jax.tree.leaves(found), jax.tree.leaves(expected)
        assert len(leaves) == len(references)
        for leaf, reference in zip(leaves, references, strict=True):
            assert np.shape(leaf) == np.shape(reference)
            assert np.asarray(leaf).dtype == np.asarray(reference).dtype
            np.testing.assert_allclose(np.asarray(leaf), np.asarray(reference), rtol=2e-4, atol=2e-5)
        compared += 1
    assert compared, "Keras accepts none of the examples"


def test_operations_build_graphs_that_are_saved(tmp_path: Path) -> None:
    x = fw.Input((3,))
    hidden = ops.relu(ops.matmul(x, np.ones((3, 2), np.float32)) - 2.0)
    outputs = ops.concatenate([hidden, ops.sum(x, axis=1, keepdims=True)], axis=-1)
    assert outputs.shape == (None, 3)
    model = fw.Model(x, outputs)
    rows = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 1.0]], np.float32)
    expected = [[4, 4, 6], [0, 0, 1]]
    np.testing.assert_allclose(model.predict(rows), expected)
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(fw.models.load_model(tmp_path / "model.keras").predict(rows), expected)


def test_a_layer_may_use_operations_and_variables() -> None:
    class Scale(fw.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight(name="factor", shape=(input_shape[-1],), initializer="ones")

        def call(self, inputs: Any) -> Any:
            return ops.multiply(inputs, self.factor) + ops.cast(ops.shape(inputs)[-1], "float32")

    model = fw.Sequential([Scale(), fw.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(A, B[:, :1], epochs=2, verbose=0)
    assert float(np.abs(model.layers[0].factor.numpy() - 1).max()) > 0


def test_control_flow() -> None:
    assert int(ops.while_loop(lambda i: i < 5, lambda i: i + 2, 0)) == 6
    count, total = ops.while_loop(
        lambda i, s: i < 100, lambda i, s: (i + 1, s + i), (0, 0), maximum_iterations=4
    )
    assert (int(count), int(total)) == (4, 6)
    assert int(ops.fori_loop(0, 5, lambda i, s: s + i, 0)) == 10
    assert int(ops.cond(True, lambda: 1, lambda: 2)) == 1
    assert int(ops.switch(1, [lambda x: x, lambda x: 2 * x], 5)) == 10
    last, sums = ops.scan(lambda s, x: (s + x, s + x), np.float32(0), np.arange(4, dtype=np.float32))
    assert float(last) == 6 and sums.tolist() == [0, 1, 3, 6]
    assert ops.associative_scan(lambda a, b: a + b, np.arange(4)).tolist() == [0, 1, 3, 6]
    np.testing.assert_allclose(ops.vectorized_map(lambda row: row.sum(), A), A.sum(1), rtol=1e-5)
    np.testing.assert_allclose(ops.map(lambda row: row.max(), A), A.max(1))
    np.testing.assert_allclose(ops.vectorize(lambda a, b: a + b)(A, 1.0), A + 1)
    value, slope = ops.jvp(lambda x: x**2, (3.0,), (1.0,))
    assert (float(value), float(slope)) == (9, 6)
    assert float(jax.grad(lambda x: ops.stop_gradient(x) * x)(3.0)) == 3
    double = ops.custom_gradient(lambda x: (x, lambda upstream: 2 * upstream))
    assert float(jax.grad(double)(1.0)) == 2


def test_descriptions_of_arrays() -> None:
    assert ops.shape(A) == (3, 4) and ops.shape(fw.Input((5,))) == (None, 5)
    assert ops.ndim(A) == 2 and ops.size(A) == 12 and ops.dtype(A) == "float32"
    assert ops.is_tensor(ops.ones(2)) and not ops.is_tensor(A)
    np.testing.assert_array_equal(ops.get_item(A, (slice(None), 1)), A[:, 1])
    assert [part.shape for part in ops.hsplit(A, 2)] == [(3, 2), (3, 2)]
    for found, expected in zip(ops.histogram(A, 5), np.histogram(A, 5), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(np.sum(ops.sparsemax(A), axis=1), 1, atol=1e-6)


def test_options_without_meaning_are_refused() -> None:
    for name, arguments, option in [
        ("one_hot", (INTS, 6), "sparse"),
        ("multi_hot", (INTS, 6), "sparse"),
        ("bincount", (INTS[0],), "sparse"),
        ("convert_to_tensor", (A,), "ragged"),
        ("moments", (A, 0), "synchronized"),
        ("layer_normalization", (A,), "rms_scaling"),
        ("dot_product_attention", (QUERY, QUERY, QUERY), "flash_attention"),
    ]:
        with pytest.raises(InvalidArgument, match=f"ops.{name}: {option}=True is not supported; omit it"):
            getattr(ops, name)(*arguments, **{option: True})
