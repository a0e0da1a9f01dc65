"""Rules of arguments: accepted values, conversions and error messages."""

from __future__ import annotations

import fractions
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fitwell._param_validation import (
    INVALID,
    Boolean,
    CallableRule,
    DictOf,
    FilePath,
    Identifier,
    Instance,
    Integer,
    ListOf,
    Options,
    Real,
    Rule,
    SizeTuple,
    String,
    validate_param,
    validate_params,
)
from fitwell.errors import InvalidArgument, UnexpectedArgument, UnknownName

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("rule", "value", "read"),
    [
        (Integer(1), np.int64(3), 3),
        (Integer(1), np.array(3, np.uint8), 3),
        (Integer(1), jnp.array(3), 3),
        (Integer(1), 3.0, 3),
        (Integer(1), np.float32(3), 3),
        (Real(0), 2, 2),
        (Real(0), np.float32(0.5), 0.5),
        (Real(0), jnp.bfloat16(0.5), 0.5),
        (Real(0), np.longdouble(0.5), 0.5),
        (Real(0), fractions.Fraction(1, 2), 0.5),
        (Real(infinite=True), INF, INF),
        (Boolean(), np.True_, True),
        (Boolean(), 0, False),
        (Options("min", "max"), "MAX", "max"),
        (String(), np.str_("a"), "a"),
        (Integer(1) | None, None, None),
        (Integer(1) | Options("epoch"), "epoch", "epoch"),
        (ListOf(Integer(1)), [1, 2.0], (1, 2)),
        (ListOf(Integer(1)), np.array([1, 2]), (1, 2)),
        (ListOf(Integer(1), unordered=True), {3}, (3,)),
        (SizeTuple(2), 3, (3, 3)),
        (SizeTuple(2), [3, np.int8(4)], (3, 4)),
        (DictOf(Integer(0), Real(0)), {np.int64(1): np.float32(2)}, {1: 2.0}),
    ],
)
def test_a_value_is_read_as_what_it_means(rule: Rule, value: Any, read: Any) -> None:
    found = rule.read(value)
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        (
            Integer(1),
            [0, 2.5, True, np.True_, "3", None, NAN, INF, [3], np.array([3]), 1j, 10**400, object()],
        ),
        (Integer(1), [np.datetime64(3, "s"), np.timedelta64(3, "s"), int]),
        (Real(0), [-1e-9, NAN, np.float32("nan"), INF, True, "1", None, [1.0], 10**400, 1j]),
        (Real(0, 1, closed="left"), [1.0, 1, np.float64(1), -0.1]),
        (Real(0, 1, closed="right"), [0, 0.0, 1.1]),
        (Real(infinite=True), [NAN]),
        (Boolean(), ["x", "", None, 2, 1.0, NAN, [], np.array([True])]),
        (Options("min", "max"), ["mid", "", None, 1, ["min"]]),
        (String(), [1, None, b"a"]),
        (FilePath(), ["", 5, None, True, b"a", ["a"]]),
        (CallableRule(), [5, None, "f", int]),
        (Instance(dict, "a dict"), [5, [], dict]),
        (ListOf(Integer(1), 2), [1, [1], [1, 2, 3], [1, 0], [1, True], "12", {1, 2}, [1, None]]),
        (ListOf(Integer(1), least=1), [[], ()]),
        (SizeTuple(2), [0, [1], [1, 2, 3], [1, "2"], None, True]),
        (DictOf(Integer(0), Real(0)), [[1], {"a": 1}, {1: -1}, {1: NAN}, {1: None}]),
    ],
)
def test_other_values_are_refused(rule: Rule, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(InvalidArgument, match=r"^f: x must be .*, got "):
            validate_param("f", "x", value, rule)


def test_a_number_that_is_being_traced_passes() -> None:
    seen = []
    jax.jit(lambda rate: seen.append(Real(0).read(rate)) or rate)(1.0)
    assert isinstance(seen[0], jax.core.Tracer)
    jax.jit(lambda rates: seen.append(Real(0).read(rates)) or rates)(jnp.ones(2))
    assert seen[1] is INVALID


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Integer(0), "an integer of at least 0"),
        (Integer(1, 5), "an integer from 1 to 5"),
        (Real(0, 1), "a number from 0 to 1"),
        (Real(0, closed="right"), "a finite number above 0"),
        (Real(0, 1, closed="left"), "a number of at least 0 and below 1"),
        (Real(0, 1, closed="neither"), "a number above 0 and below 1"),
        (Real(high=1), "a finite number of at most 1"),
        (Integer(1) | Options("epoch") | None, "an integer of at least 1 or 'epoch' or None"),
        (ListOf(Real(), 2), "a list of 2 items, each a finite number"),
        (SizeTuple(2), "an integer of at least 1, or a list of 2 such integers"),
    ],
)
def test_rules_say_what_they_admit(rule: Rule, words: str) -> None:
    assert rule.description == words


class Thing:
    @validate_params(size=Integer(1), mode=Options("min", "max"), kind=Identifier(lambda name: _made(name)))
    def __init__(self, size: int, mode: str = "min", *, kind: Any = None, **others: Any) -> None:
        self.given = (size, mode, kind, others)

    @validate_params(steps=Integer(1) | None)
    def fit(self, x: Any, steps: int | None = None) -> Any:
        """Do something."""
        return x, steps


class Special(Thing):
    pass


class Base:
    @validate_params(size=Integer(1), mode=Options("min", "max"))
    def __init__(self, size: int, mode: str) -> None:
        self.given = size, mode


class Heir(Base):
    @validate_params(size=Integer(-5))
    def __init__(self, size: int, mode: str = "min") -> None:
        super().__init__(abs(size), mode)


class Stranger(Base):
    def __init__(self, size: Any) -> None:
        super().__init__(size, "min")


def test_a_base_checks_what_a_subclass_has_not() -> None:
    assert Heir(-2).given == (2, "min")
    with pytest.raises(InvalidArgument, match="Heir: mode must be"):
        Heir(2, "mid")  # an annotation says less than the rule of the base
    with pytest.raises(InvalidArgument, match="Stranger: size must be an integer of at least 1, got 'x'"):
        Stranger("x")


def _made(name: Any) -> Any:
    if name != "good":
        raise UnknownName(f"unknown kind {name!r}")
    return "made"


def test_what_is_passed_is_checked_by_place_and_by_name() -> None:
    assert Thing(np.int64(2), kind="good", other=1).given == (2, "min", "made", {"other": 1})
    assert Thing(mode="MAX", size=2.0).given == (2, "max", None, {})
    assert Thing(1).fit([1], 3.0) == ([1], 3)
    with pytest.raises(InvalidArgument, match=r"^Special: size must be an integer of at least 1, got 0$"):
        Special(0)
    with pytest.raises(
        InvalidArgument, match=r"mode must be 'min' or 'max', got 'mx'. Did you mean 'max'\?$"
    ):
        Thing(1, "mx")
    with pytest.raises(UnknownName, match=r"^Thing: kind: unknown kind 'bad'$"):
        Thing(1, kind="bad")
    with pytest.raises(
        InvalidArgument, match=r"^fit: steps must be an integer of at least 1 or None, got 0$"
    ):
        Thing(1).fit(1, steps=0)


def test_names_that_a_call_does_not_have_are_refused_with_the_nearest() -> None:
    with pytest.raises(UnexpectedArgument, match=r"fit has no argument 'step'. Did you mean 'steps'\?"):
        Thing(1).fit(1, step=1)
    with pytest.raises(UnexpectedArgument, match="fit takes at most 2 positional arguments"):
        Thing(1).fit(1, 2, 3)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        Thing(1).fit()


def test_a_decorated_function_keeps_its_name_and_signature() -> None:
    import inspect

    assert list(inspect.signature(Thing.fit).parameters) == ["self", "x", "steps"]
    assert (Thing.fit.__name__, Thing.fit.__doc__) == ("fit", "Do something.")
    with pytest.raises(TypeError, match=r"does not have the parameters \['y'\]"):
        validate_params(y=Integer(1))(lambda x: x)


def test_an_error_is_short_whatever_came() -> None:
    class Loud:
        def __repr__(self) -> str:
            raise RuntimeError("a foreign error")

    for value in (
        "x" * 10_000,
        np.zeros((100, 100)),
        list(range(10_000)),
        10**5000,
        Loud(),
        {i: i for i in range(999)},
    ):
        with pytest.raises(InvalidArgument) as error:
            validate_param("f", "x", value, Integer(1))
        assert len(str(error.value)) < 200
