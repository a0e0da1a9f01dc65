"""Domains, conditions, grids, and hyperparameters that a build function requests."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import optuna
import pytest

from fitwell import tuner
from fitwell._deprecation import reset_deprecation_warnings
from fitwell.errors import InvalidArgument
from fitwell.tuner import Boolean, Choice, Fixed, Float, HyperParameters, Int, InvalidSetting, List
from fitwell.tuner.domains import Domain
from fitwell.tuner.search_space import SearchSpace


def never(hp: Any) -> Any:
    raise AssertionError("a declared space is drawn without building")


@pytest.mark.parametrize(
    ("domain", "points"),
    [
        (Int(2, 9, step=3), [2, 5, 8]),
        (Int(4, 4), [4]),
        (Float(0.0, 0.3, step=0.1), [0.0, 0.1, 0.2, 0.3]),
        (Float(1e-3, 1e-1, log=True), np.geomspace(1e-3, 1e-1, 10)),
        (Float(-1.0, 1.0), np.linspace(-1, 1, 10)),
        (Boolean(), [False, True]),
        (Fixed("x"), ["x"]),
    ],
)
def test_a_grid_visits_the_points_of_a_domain(domain: Domain, points: Any) -> None:
    if isinstance(points[0], float):
        np.testing.assert_allclose(domain.grid_values(), points)
    else:
        assert list(domain.grid_values()) == list(points)
    assert all(domain.contains(point) for point in domain.grid_values())


@pytest.mark.parametrize(
    "domain",
    [
        Int(2, 9, step=3),
        Int(1, 100, log=True),
        Float(0.0, 0.35, step=0.1),
        Float(1e-4, 1.0, log=True),
        Boolean(),
    ]
    + [Choice([1, True, None, "a", 1.0, (64, 64), [2]])],
)
def test_what_optuna_draws_lies_in_the_domain_and_comes_back_from_the_study(domain: Domain) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    for _ in range(30):
        trial = study.ask()
        value = domain.suggest(trial, "name")
        assert domain.contains(value)
        assert domain.to_storage(value) == trial.params["name"]
        assert repr(domain.from_storage(trial.params["name"])) == repr(value)
        back = domain.from_storage(trial.params["name"])
        assert back == value and type(back) is type(value)


def test_a_choice_of_functions_is_the_same_in_every_process() -> None:
    """Otherwise a search with these values could not be resumed."""

    def choice() -> Choice:
        def square(x: float) -> float:
            return x * x

        return Choice([square, lambda x: x, lambda x: -x])

    one, other = choice(), choice()
    assert repr(one) == repr(other)
    stored = [one.to_storage(value) for value in one.values]
    assert len(set(stored)) == 3 and "square" in stored[0]
    assert [other.from_storage(value) for value in stored] == other.values


def test_conditions_and_lists_make_hyperparameters_that_exist_only_sometimes() -> None:
    space = SearchSpace(
        never,
        {
            "norm": Boolean(),
            "momentum": Float(0.5, 0.9, step=0.4, when={"norm": True}),
            "hidden": List(Choice([8, 16]), 0, 2),
        },
    )
    settings = [setting for _, setting in space.grid()]
    lists: list[list[int]] = [
        [],
        *([a] for a in (8, 16)),
        *(list(pair) for pair in itertools.product((8, 16), repeat=2)),
    ]
    expected = [{"norm": False, "hidden": hidden} for hidden in lists]
    expected += [{"norm": True, "momentum": m, "hidden": hidden} for m in (0.5, 0.9) for hidden in lists]
    assert settings == expected


def test_what_depends_on_a_hyperparameter_that_does_not_exist_does_not_exist_either() -> None:
    """Even if None is among the values of the condition."""
    space = SearchSpace(
        never,
        {
            "kind": Choice(["flat", "deep"]),
            "norm": Choice([None, "batch"], when={"kind": "deep"}),
            "bias": Boolean(when={"norm": None}),
        },
    )
    assert [setting for _, setting in space.grid()] == [
        {"kind": "flat"},
        {"kind": "deep", "norm": None, "bias": False},
        {"kind": "deep", "norm": None, "bias": True},
        {"kind": "deep", "norm": "batch"},
    ]
    hp = HyperParameters()
    hp.Choice("kind", ["flat", "deep"])
    assert hp.Choice("norm", [None, "batch"], parent_name="kind", parent_values="deep") is None
    assert hp.Boolean("bias", parent_name="norm", parent_values=[None]) is None


@pytest.mark.parametrize(
    "domain", [Int(1, 10**12), Int(1, 10**12, log=True), Float(0, 1e6, step=1e-3)], ids=repr
)
def test_a_range_of_very_many_values_is_drawn_from_without_listing_them(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(type(domain), "grid_values")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    value = domain.suggest(study.ask(), "name")
    assert domain.contains(value)
    assert domain.contains(domain.perturb(value, np.random.default_rng(0)))


def test_names_in_a_scope_begin_with_its_name() -> None:
    hp = HyperParameters.from_values({"encoder/units": 7, "encoder/norm": True})
    with hp.name_scope("encoder"):
        assert hp.Int("units", 1, 9) == 7 and hp["units"] == 7 and "units" in hp
        hp.Boolean("norm")
        with hp.conditional_scope("norm", [True]), hp.name_scope("first"):
            assert hp.Int("units", 1, 9) == 1
    assert hp.Int("units", 1, 9, default=2) == 2
    assert hp.values == {"encoder/units": 7, "encoder/norm": True, "encoder/first/units": 1, "units": 2}


def test_the_grid_of_a_build_function_that_asks() -> None:
    def build(hp: HyperParameters) -> None:
        if hp.Choice("kind", ["flat", "deep", "bad"]) == "bad":
            raise InvalidSetting("no such kind")
        with hp.conditional_scope("kind", "deep"):
            hp.Int("depth", 1, 3)

    points = [stored for stored, _ in SearchSpace(build).grid()]
    assert points == [{"kind": "flat"}, *({"kind": "deep", "depth": depth} for depth in (1, 2, 3))]


def test_hyperparameters_have_defaults_and_keep_their_values() -> None:
    hp = HyperParameters()
    assert hp.Int("units", 32, 512, step=32) == 32
    assert hp.Float("rate", 1e-4, 1e-1, sampling="log", default=1e-2) == 1e-2
    assert hp.Choice("activation", ["relu", "tanh"]) == "relu"
    assert hp.Boolean("norm") is False and hp.Fixed("seed", 3) == 3
    assert hp.Int("units", 32, 512, step=32) == 32
    assert hp.get("units") == hp["units"] == 32 and "units" in hp and "width" not in hp
    assert hp.values == {"units": 32, "rate": 1e-2, "activation": "relu", "norm": False, "seed": 3}
    given = HyperParameters.from_values({"units": 64})
    assert given.Int("units", 32, 512, step=32) == 64


def test_a_conditional_hyperparameter_is_none_where_it_does_not_exist() -> None:
    hp = HyperParameters.from_values({"norm": False})
    hp.Boolean("norm")
    with hp.conditional_scope("norm", [True]):
        assert hp.Float("momentum", 0.5, 0.9) is None
    assert hp.Float("epsilon", 0.1, 0.2, parent_name="norm", parent_values=False) == 0.1
    assert "momentum" not in hp.values
    with pytest.raises(InvalidArgument, match="'momentum' does not exist because its condition is not met"):
        hp.get("momentum")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Int(8, 4), r"there is no value between low=8 and high=4; write Int\(4, 8\)"),
        (
            lambda: Float(0, 1, log=True),
            "with log=True, low must be above 0, got 0; for a penalty that may be 0",
        ),
        (lambda: Float(1, 2, log=True, step=0.1), "log and step=0.1 cannot be combined"),
        (lambda: Int(1, 8, log=True, step=2), "log and step=2 cannot be combined"),
        (lambda: Float(0, float("nan")), "high must be a finite number, got nan"),
        (lambda: Int(1, 2.5), "high must be an integer, got 2.5"),
        (lambda: Int(1, 8, step=0), "step must be an integer of at least 1, got 0"),
        (lambda: Choice([]), "the list of values is empty, so there is nothing to choose from"),
        (lambda: Choice("relu"), r"expected a list of values, got 'relu'; write \['relu'\]"),
        (lambda: Choice([1, 1]), "the values must be distinct"),
        (lambda: Int(1, 8, default=9), "the default 9 is not in the domain"),
        (lambda: List(Int(1, 2), 3, 2), "expected lengths 0 <= min_length <= max_length, got 3 and 2"),
        (lambda: List(Int(1, 2, when={"a": 1}), 1, 2), r"List\(..., when={'a': \[1\]}\)"),
        (lambda: List([1, 2], 1, 2), r"domain must be a domain such as Int\(8, 128\), got \[1, 2\]"),
        (lambda: SearchSpace(never, {}), "the dict is empty, so there is nothing to search"),
        (lambda: SearchSpace(never, {3: Int(1, 2)}), "hyperparameter names must be strings, got 3"),  # type: ignore[dict-item]
        (lambda: SearchSpace(never, {"a": [1, 2]}), r"expected a domain .* write fw.tuner.Choice\(\[...\]\)"),
        (
            lambda: SearchSpace(never, {"a": Int(1, 2, when={"b": 1}), "b": Int(1, 2)}),
            "depends on 'b', which comes later in the space",
        ),
        (
            lambda: SearchSpace(never, {"depth": Int(1, 2), "a": Int(1, 2, when={"dpth": 1})}),
            "depends on 'dpth', which is not in the space. Did you mean 'depth'",
        ),
        (
            lambda: SearchSpace(never, {"a": Choice(["x", "y"]), "b": Int(1, 2, when={"a": "z"})}),
            "depends on 'a', but the condition can never be met, because no value",
        ),
        (
            lambda: SearchSpace("build", {"a": Int(1, 2)}),
            "build must be a function that takes hyperparameters",
        ),
    ],
)
def test_mistakes_are_explained(make: Any, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        make()


def test_mistakes_in_asking_are_explained() -> None:
    hp = HyperParameters()
    hp.Int("units", 1, 2)
    with pytest.raises(
        InvalidArgument, match="'units' was requested as .*low=1, high=2.* before, and now as .*high=3"
    ):
        hp.Int("units", 1, 3)
    with pytest.raises(InvalidArgument, match="no hyperparameter 'unit'. Did you mean 'units'"):
        hp.get("unit")
    late = hp.conditional_scope("depth", 1)
    with (
        pytest.raises(InvalidArgument, match="request 'depth' before the hyperparameters that depend on it"),
        late,
    ):
        pass
    with pytest.raises(InvalidArgument, match="sampling must be 'linear' or 'log', got 'reverse_log'"):
        hp.Float("momentum", 0.5, 0.99, sampling="reverse_log")
    with pytest.raises(InvalidArgument, match="samplers do not support ordered=True"):
        hp.Choice("size", [1, 2], ordered=True)


def test_several_is_the_deprecated_name_of_list() -> None:
    reset_deprecation_warnings()
    with pytest.warns(DeprecationWarning, match="fw.tuner.Several is deprecated: use fw.tuner.List"):
        old = tuner.Several(Int(8, 16, when=None), 1, most=2, when={"depth": 2})
    new = List(Int(8, 16), 1, 2, when={"depth": 2})
    assert vars(old) == vars(new)
    # Studies that were begun before the renaming are still accepted.
    stored = (
        "Several(of=Int(low=8, high=16, log=False, step=1, default=8), least=1, most=2, when={'depth': [2]}, "
        "default=[8])"
    )
    assert old.stored_repr() == new.stored_repr() == stored


def test_deprecated_names_of_hyperparameters() -> None:
    reset_deprecation_warnings()
    with pytest.warns(DeprecationWarning, match="use HyperParameters.from_values"):
        assert HyperParameters.of({"units": 3}).Int("units", 1, 9) == 3
    with pytest.warns(DeprecationWarning, match=r"use HyperParameters\(sample=...\)"):
        assert HyperParameters(draw=lambda name, domain: 7).Int("units", 1, 9) == 7
