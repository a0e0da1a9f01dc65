"""`HyperParameters`: what a build function asks for values, by name, while it builds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fitwell.arguments import Call, checked
from fitwell.errors import FitwellError, InvalidArgument, nearest
from fitwell.tuner.domains import Boolean, Choice, Domain, Fixed, Float, Int, as_values

Setting = dict[str, Any]
Draw = Callable[[str, Domain], Any]


class InvalidSetting(FitwellError, ValueError):
    """Raise it in `build` for hyperparameters that make no model; another setting is drawn instead."""


class HyperParameters:
    """The hyperparameters of one model.

    A build function ``build(hp)`` says what it searches where it uses it; the same name always gives the same
    value. Made without arguments it gives every hyperparameter its default (the lowest number, the
    first choice). The methods are KerasTuner's.

    >>> hp = HyperParameters()
    >>> hp.Int("units", 32, 128, step=32), hp.Choice("activation", ["relu", "tanh"])
    (32, 'relu')
    >>> hp.values
    {'units': 32, 'activation': 'relu'}
    """

    @checked(draw=Call() | None)
    def __init__(self, draw: Draw | None = None) -> None:
        self.values: Setting = {}
        self.domains: dict[str, Domain] = {}
        self._draw = draw or _default
        self._scopes: list[tuple[str, list[Any]]] = []
        self._prefix = ""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> HyperParameters:
        """Return hyperparameters that have these values, and defaults for all others."""
        return cls(lambda name, domain: values.get(name, domain.default))

    # The names are KerasTuner's, capitals included.
    @checked()
    def Float(  # noqa: N802
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str | None = None,
        default: float | None = None,
        *,
        log: bool = False,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Return a number between `min_value` and `max_value`.

        log, or ``sampling="log"``: equal chances for equal ratios. `parent_name`, `parent_values`: a condition, as
        in `conditional_scope`.
        """
        log = _logarithmic(name, sampling, log)
        domain = Float(min_value, max_value, log=log, step=step, default=default)
        return self._ask(name, domain, parent_name, parent_values)

    @checked()
    def Int(  # noqa: N802
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str | None = None,
        default: int | None = None,
        *,
        log: bool = False,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Return a whole number between `min_value` and `max_value`, both included; see `Float`."""
        log = _logarithmic(name, sampling, log)
        domain = Int(min_value, max_value, log=log, step=1 if step is None else step, default=default)
        return self._ask(name, domain, parent_name, parent_values)

    @checked()
    def Choice(  # noqa: N802
        self,
        name: str,
        values: Iterable[Any],
        ordered: bool | None = None,
        default: Any = None,
        *,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Return one of `values`. `ordered` is accepted for KerasTuner's sake: only True needs more than a choice."""
        if ordered:
            raise InvalidArgument(
                f"hp.Choice({name!r}): ordered=True is not known to the samplers; use hp.Int or hp.Float for "
                "numbers in an order, or leave ordered out"
            )
        return self._ask(name, Choice(values, default=default), parent_name, parent_values)

    @checked()
    def Boolean(  # noqa: N802
        self, name: str, default: bool = False, *, parent_name: str | None = None, parent_values: Any = None
    ) -> Any:
        """Return False or True."""
        return self._ask(name, Boolean(default=default), parent_name, parent_values)

    @checked()
    def Fixed(  # noqa: N802
        self, name: str, value: Any, *, parent_name: str | None = None, parent_values: Any = None
    ) -> Any:
        """Return `value`, and write it down with the others."""
        return self._ask(name, Fixed(value), parent_name, parent_values)

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Inside, names are those of ``name/...``, so that a part of a model can be used twice."""
        outside = self._prefix
        self._prefix = f"{outside}{name}/"
        try:
            yield
        finally:
            self._prefix = outside

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """Inside, hyperparameters exist only while `parent_name` has one of `parent_values`; else they are None."""
        parent_name = self._prefix + parent_name
        if parent_name not in self.domains:
            known = ", ".join(self.domains) or "none"
            raise InvalidArgument(
                f"conditional_scope: ask for {parent_name!r} before what depends on it"
                f"{nearest(parent_name, self.domains) or '.'} Asked for so far: {known}."
            )
        self._scopes.append((parent_name, as_values(parent_values)))
        try:
            yield
        finally:
            self._scopes.pop()

    def ask(self, name: str, domain: Domain) -> Any:
        """Return the value of `name`, drawn from `domain` when it is asked for the first time."""
        if name in self.domains:
            if self.domains[name] != domain:
                raise InvalidArgument(
                    f"the hyperparameter {name!r} was asked for as {self.domains[name]!r} and now as {domain!r}; "
                    "give one of them another name"
                )
        else:
            self.domains[name] = domain
        if name not in self.values:
            if not all(
                parent in self.values and self.values[parent] in allowed for parent, allowed in self._scopes
            ):
                return None
            self.values[name] = self._draw(name, domain)
        return self.values[name]

    def _ask(self, name: str, domain: Domain, parent: str | None, values: Any) -> Any:
        if parent is None:
            return self.ask(self._prefix + name, domain)
        with self.conditional_scope(parent, values):
            return self.ask(self._prefix + name, domain)

    def get(self, name: str) -> Any:
        """Return the value of a hyperparameter that was asked for before."""
        name = self._prefix + name
        if name in self.values:
            return self.values[name]
        if name in self.domains:
            raise InvalidArgument(f"the hyperparameter {name!r} does not exist under the present conditions")
        known = ", ".join(self.domains) or "none"
        raise InvalidArgument(
            f"there is no hyperparameter {name!r}{nearest(name, self.domains) or '.'} Asked for so far: {known}."
        )

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self.values

    def __repr__(self) -> str:
        return f"<HyperParameters {self.values}>"


def _default(name: str, domain: Domain) -> Any:
    return domain.default


def _logarithmic(name: str, sampling: str | None, log: bool) -> bool:
    if sampling not in (None, "linear", "log"):
        raise InvalidArgument(
            f"hyperparameter {name!r}: sampling must be 'linear' or 'log', got {sampling!r}; for more chances near the "
            "upper end search the distance from it: 1 - hp.Float(..., sampling='log')"
        )
    return log or sampling == "log"
