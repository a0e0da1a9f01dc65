"""`HyperParameters`: named values that a build function requests while it builds a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fitwell._deprecation import warn_deprecated
from fitwell._param_validation import CallableRule, validate_params
from fitwell.errors import FitwellError, InvalidArgument, did_you_mean
from fitwell.population.members import Setting
from fitwell.tuner.domains import Boolean, Choice, Domain, Fixed, Float, Int, allowed_values

__all__ = ["HyperParameters", "InvalidSetting", "SampleFunction"]

SampleFunction = Callable[[str, Domain], Any]


class InvalidSetting(FitwellError, ValueError):
    """An exception that a build function raises to reject a setting. The search then samples another one.

    Example:
        >>> import fitwell as fw
        >>> def build(hp):
        ...     if hp.Int("depth", 1, 9) * hp.Int("width", 1, 999) > 2000:
        ...         raise fw.tuner.InvalidSetting("too large")
    """


class HyperParameters:
    """The hyperparameters of one model.

    A build function ``build(hp)`` defines the search space by requesting the values that it uses. Requests with the
    same name always return the same value.

    Args:
        sample (Callable[[str, Domain], Any] | None): Function that returns the value of a new hyperparameter. Default:
            None, which means the hyperparameter's default value.
        draw: Deprecated name for `sample`.

    Attributes:
        values (dict): Dict that maps names to the values requested so far.
        domains (dict[str, Domain]): Dict that maps names to the domains requested so far.

    Example:
        >>> import fitwell as fw
        >>> hp = fw.tuner.HyperParameters()
        >>> hp.Int("units", 32, 128, step=32), hp.Choice("activation", ["relu", "tanh"])
        (32, 'relu')
        >>> hp.values
        {'units': 32, 'activation': 'relu'}

    Source: KerasTuner `HyperParameters`.
    """

    @validate_params(sample=CallableRule() | None, draw=CallableRule() | None)
    def __init__(self, sample: SampleFunction | None = None, *, draw: SampleFunction | None = None) -> None:
        if draw is not None:
            warn_deprecated("HyperParameters(draw=...)", "HyperParameters(sample=...)")
        self.values: Setting = {}
        self.domains: dict[str, Domain] = {}
        self._sample = sample or draw or _default
        self._scopes: list[tuple[str, list[Any]]] = []
        self._prefix = ""

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> HyperParameters:
        """Create hyperparameters with the given values. Hyperparameters that are not in `values` get their defaults."""
        return cls(lambda name, domain: values.get(name, domain.default))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> HyperParameters:
        """Create hyperparameters with the given values. This is a deprecated name for `from_values`."""
        warn_deprecated("HyperParameters.of", "HyperParameters.from_values")
        return cls.from_values(values)

    # KerasTuner's methods have the same capitalized names.
    @validate_params()
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
        """Return a real number in a range.

        Args:
            name (str): Name of the hyperparameter.
            min_value (float): Smallest value.
            max_value (float): Largest value, which is included.
            step (float | None): Restricts the values to ``min_value``, ``min_value + step``, and so on. Default: None,
                which allows all values.
            sampling (str | None): ``"linear"`` or ``"log"``. Default: None, which means ``"linear"``.
            default (float | None): Value for a model that is built without a search. Default: None, which means
                `min_value`.
            log (bool): Whether to sample on a logarithmic scale, like ``sampling="log"``. Default: False.
            parent_name (str | None): Hyperparameter that this one depends on (see `conditional_scope`). Default: None.
            parent_values (Any): Values of `parent_name` for which this hyperparameter exists. Default: None.

        Returns:
            float | None: The value, or None if the condition is not met.
        """
        log = _uses_log_scale(name, sampling, log)
        domain = Float(min_value, max_value, log=log, step=step, default=default)
        return self._suggest(name, domain, parent_name, parent_values)

    @validate_params()
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
        """Return an integer in a range that includes both ends.

        Args:
            name (str): Name of the hyperparameter.
            min_value (int): Smallest value.
            max_value (int): Largest value.
            step (int | None): Distance between two values. Default: None, which means 1.
            sampling (str | None): ``"linear"`` or ``"log"``. Default: None, which means ``"linear"``.
            default (int | None): Value for a model that is built without a search. Default: None, which means
                `min_value`.
            log (bool): Whether to sample on a logarithmic scale, like ``sampling="log"``. Default: False.
            parent_name (str | None): Hyperparameter that this one depends on (see `conditional_scope`). Default: None.
            parent_values (Any): Values of `parent_name` for which this hyperparameter exists. Default: None.

        Returns:
            int | None: The value, or None if the condition is not met.
        """
        log = _uses_log_scale(name, sampling, log)
        domain = Int(min_value, max_value, log=log, step=1 if step is None else step, default=default)
        return self._suggest(name, domain, parent_name, parent_values)

    @validate_params()
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
        """Return one of the given values.

        Args:
            name (str): Name of the hyperparameter.
            values (Iterable): The values to choose from.
            ordered (bool | None): Accepted for compatibility with KerasTuner, but True is not supported. Default: None.
            default (Any): Value for a model that is built without a search. Default: None, which means the first value.
            parent_name (str | None): Hyperparameter that this one depends on (see `conditional_scope`). Default: None.
            parent_values (Any): Values of `parent_name` for which this hyperparameter exists. Default: None.

        Returns:
            Any: The value, or None if the condition is not met.

        Raises:
            InvalidArgument: If `ordered` is True.
        """
        if ordered:
            raise InvalidArgument(
                f"hp.Choice({name!r}): the samplers do not support ordered=True; use hp.Int or hp.Float for "
                "ordered numbers, or omit ordered"
            )
        return self._suggest(name, Choice(values, default=default), parent_name, parent_values)

    @validate_params()
    def Boolean(  # noqa: N802
        self, name: str, default: bool = False, *, parent_name: str | None = None, parent_values: Any = None
    ) -> Any:
        """Return False or True, or None if the condition is not met."""
        return self._suggest(name, Boolean(default=default), parent_name, parent_values)

    @validate_params()
    def Fixed(  # noqa: N802
        self, name: str, value: Any, *, parent_name: str | None = None, parent_values: Any = None
    ) -> Any:
        """Return `value` and record it in the attribute `values`, or return None if the condition is not met."""
        return self._suggest(name, Fixed(value), parent_name, parent_values)

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Add the prefix ``name/`` to all names inside the block, so that two blocks can use the same names."""
        outside = self._prefix
        self._prefix = f"{outside}{name}/"
        try:
            yield
        finally:
            self._prefix = outside

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """Make the hyperparameters inside the block depend on the hyperparameter `parent_name`.

        Their values are None unless `parent_name` has one of the `parent_values`.
        """
        parent_name = self._prefix + parent_name
        if parent_name not in self.domains:
            known = ", ".join(self.domains) or "none"
            raise InvalidArgument(
                f"conditional_scope: request {parent_name!r} before the hyperparameters that depend on it"
                f"{did_you_mean(parent_name, self.domains) or '.'} Requested so far: {known}."
            )
        self._scopes.append((parent_name, allowed_values(parent_values)))
        try:
            yield
        finally:
            self._scopes.pop()

    def suggest(self, name: str, domain: Domain) -> Any:
        """Return the value of `name`, or None if its condition is not met.

        The value is sampled from `domain` when it is first needed.
        """
        if name in self.domains:
            if self.domains[name] != domain:
                raise InvalidArgument(
                    f"the hyperparameter {name!r} was requested as {self.domains[name]!r} before, and now as "
                    f"{domain!r}; use a different name for one of them"
                )
        else:
            self.domains[name] = domain
        if name not in self.values:
            if not all(
                parent in self.values and self.values[parent] in allowed for parent, allowed in self._scopes
            ):
                return None
            self.values[name] = self._sample(name, domain)
        return self.values[name]

    def _suggest(self, name: str, domain: Domain, parent: str | None, values: Any) -> Any:
        if parent is None:
            return self.suggest(self._prefix + name, domain)
        with self.conditional_scope(parent, values):
            return self.suggest(self._prefix + name, domain)

    def get(self, name: str) -> Any:
        """Return the value of a hyperparameter that has already been requested."""
        name = self._prefix + name
        if name in self.values:
            return self.values[name]
        if name in self.domains:
            raise InvalidArgument(
                f"the hyperparameter {name!r} does not exist because its condition is not met"
            )
        known = ", ".join(self.domains) or "none"
        raise InvalidArgument(
            f"there is no hyperparameter {name!r}{did_you_mean(name, self.domains) or '.'} Requested so far: {known}."
        )

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self.values

    def __repr__(self) -> str:
        return f"<HyperParameters {self.values}>"


def _default(name: str, domain: Domain) -> Any:
    return domain.default


def _uses_log_scale(name: str, sampling: str | None, log: bool) -> bool:
    if sampling not in (None, "linear", "log"):
        raise InvalidArgument(
            f"hyperparameter {name!r}: sampling must be 'linear' or 'log', got {sampling!r}; to sample more "
            "densely near the upper end, use sampling='log' for the distance from that end, and subtract it in build"
        )
    return log or sampling == "log"
