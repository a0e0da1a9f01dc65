"""Options of XLA that a jaxlib does not know are dropped with a warning, and the program compiles without them."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import fitwell as fw
from fitwell._engine import compile_cache


@pytest.fixture
def unknown_option(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"xla_option_of_another_version": ""}
    monkeypatch.setattr(compile_cache, "compiler_options", lambda use_ynn_kernels: options)
    monkeypatch.setattr(compile_cache, "_executables_by_digest", OrderedDict())
    monkeypatch.setattr(compile_cache, "_options_warned_of", set())


def compile(function: Callable[[Any], Any]) -> Any:
    arguments = (np.float32(1),)
    lowered, digest = compile_cache.lower(jax.jit(function).trace(*arguments), arguments)
    return compile_cache.compile_lowered(lowered, digest)


@pytest.mark.usefixtures("unknown_option")
def test_an_unknown_option_is_dropped_with_a_warning() -> None:
    with pytest.warns(
        UserWarning, match="does not know the XLA option xla_option_of_another_version.*slower"
    ):
        double = compile(lambda x: 2 * x)
    assert double(np.float32(3)) == 6
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compile(lambda x: 3 * x)


@pytest.mark.usefixtures("unknown_option")
@pytest.mark.filterwarnings("ignore:this version of jaxlib")
def test_a_model_trains_without_the_option() -> None:
    model = fw.Sequential([fw.layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    history = model.fit(np.ones((4, 2)), np.ones(4), epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_other_errors_of_the_compiler_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lowered:
        def compile(self, compiler_options: object) -> None:
            raise jax.errors.JaxRuntimeError("INTERNAL: out of luck")

    with pytest.raises(jax.errors.JaxRuntimeError, match="out of luck"):
        compile_cache.compile_lowered(Lowered(), "a digest")
