"""The search space, which is declared as a dict of domains or defined by the build function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fitwell import random
from fitwell.errors import InvalidArgument, did_you_mean
from fitwell.models.model import Model
from fitwell.population.members import Setting, copy_setting, require_compiled_model
from fitwell.tuner.domains import Domain, Fixed, Int
from fitwell.tuner.hyperparameters import HyperParameters, InvalidSetting
from fitwell.tuner.list_domain import List

__all__ = ["SearchSpace", "get_build_function", "encode_params"]


class SearchSpace:
    """A build function and the domains of its hyperparameters.

    Args:
        build: Function that builds a model, or an object with a method `build`, such as a KerasTuner hypermodel. It is
            called as ``build(setting)`` with a dict if `domains` is not None, and as ``build(hp)`` otherwise.
        domains: A dict that maps names to domains, or None if the build function defines the space.

    Attributes:
        infeasible_reason: Message of the last `InvalidSetting` that `build` raised.
    """

    def __init__(self, build: Any, domains: Mapping[str, Domain] | None = None) -> None:
        self._build_function = get_build_function(build)
        self.infeasible_reason = ""
        self.domains = None if domains is None else _check_domains(domains)

    def sample(self, hp: HyperParameters) -> Setting:
        """Sample all hyperparameters of one model from `hp`, and return the setting.

        Raises:
            InvalidSetting: If the build function rejects the setting.
        """
        if self.domains is None:
            # The model built here is discarded, so building it must not advance the random streams.
            with random.seed_scope(0):
                self._call(hp)
            return dict(hp.values)
        setting: Setting = {}
        for name, domain in self.domains.items():
            # Do not use `get`, because None may be a valid value of a parent.
            if all(parent in setting and setting[parent] in values for parent, values in domain.when.items()):
                setting[name] = (
                    _sample_list(hp, name, domain) if isinstance(domain, List) else hp.suggest(name, domain)
                )
        return setting

    def flatten_lists(self, setting: Mapping[str, Any]) -> Setting:
        """Return `setting` with each list replaced by its length and its values, as the study stores them."""
        flat: Setting = {}
        for name, value in setting.items():
            domain = (self.domains or {}).get(name)
            if isinstance(domain, List):
                if not isinstance(value, list | tuple):
                    raise InvalidArgument(f"{name}: expected a list of values, got {value!r}")
                flat |= {f"{name}_length": len(value)}
                flat |= {f"{name}_{number}": part for number, part in enumerate(value)}
            else:
                flat[name] = value
        return flat

    def build(self, setting: Setting) -> Model:
        """Build and return the model for `setting`."""
        model = self._call(
            HyperParameters.from_values(setting) if self.domains is None else copy_setting(setting)
        )
        return require_compiled_model(model, f"build({setting!r})")

    def _call(self, hyperparameters: Any) -> Any:
        try:
            return self._build_function(hyperparameters)
        except InvalidSetting as error:
            self.infeasible_reason = str(error)
            raise

    def grid(self) -> Iterator[tuple[dict[str, Any], Setting]]:
        """Yield every combination of grid values as a pair: the parameters that the study stores, and the setting.

        The last hyperparameter changes fastest. Each hyperparameter is added to the grid when it is first requested, so
        a conditional hyperparameter multiplies only the number of settings in which it exists.
        """
        axes: list[_GridAxis] = []
        while True:
            position = 0

            def next_value(name: str, domain: Domain) -> Any:
                nonlocal position
                if position == len(axes):
                    axes.append(_GridAxis(domain.grid_values()))
                position += 1
                return axes[position - 1].value

            hp = HyperParameters(next_value)
            try:
                setting = self.sample(hp)
                yield encode_params(hp), setting
            except InvalidSetting:
                del axes[position:]
            while axes and not axes[-1].advance():
                axes.pop()
            if not axes:
                return


class _GridAxis:
    def __init__(self, points: list[Any]) -> None:
        self._points = points
        self._at = 0

    @property
    def value(self) -> Any:
        return self._points[self._at]

    def advance(self) -> bool:
        self._at += 1
        return self._at < len(self._points)


def encode_params(hp: HyperParameters) -> dict[str, Any]:
    """Convert the values in `hp` to the form that the study stores. Constants (`Fixed`) are omitted."""
    return {
        name: hp.domains[name].to_storage(value)
        for name, value in hp.values.items()
        if not isinstance(hp.domains[name], Fixed)
    }


def _sample_list(hp: HyperParameters, name: str, values: List) -> list[Any]:
    length = hp.suggest(f"{name}_length", Int(values.min_length, values.max_length))
    return [hp.suggest(f"{name}_{number}", values.domain) for number in range(length)]


def get_build_function(build: Any) -> Callable[..., Any]:
    """Return `build` if it is a function, or its method `build` if it is a hypermodel."""
    if hasattr(build, "build") and not isinstance(build, Model):
        if hasattr(build, "fit"):
            raise InvalidArgument(
                f"{type(build).__name__}.fit is not supported, because all trials are trained together; remove it, "
                "and pass arguments of fit, such as callbacks and batch_size, to search"
            )
        return build.build
    if not callable(build) or isinstance(build, Model):
        raise InvalidArgument(
            f"build must be a function that takes hyperparameters and returns a compiled model, got {build!r}; write "
            "def build(hp): ... return model"
        )
    return build


def _check_domains(space: Any) -> dict[str, Domain]:
    if not isinstance(space, Mapping):
        raise InvalidArgument(
            f"space: expected a dict that maps names to domains such as fw.tuner.Float(1e-4, 1e-1), got {space!r}"
        )
    if not space:
        raise InvalidArgument(
            "space: the dict is empty, so there is nothing to search; omit it if build(hp) requests its "
            "hyperparameters itself"
        )
    known: list[str] = []
    for name, domain in space.items():
        if not isinstance(name, str):
            raise InvalidArgument(f"space: hyperparameter names must be strings, got {name!r}")
        if not isinstance(domain, Domain):
            raise InvalidArgument(
                f"space[{name!r}]: expected a domain (fw.tuner.Float, Int, Choice, Boolean, Fixed, List), got "
                f"{domain!r}; for a list of values, write fw.tuner.Choice([...])"
            )
        for parent, allowed in domain.when.items():
            location = f"space[{name!r}]: its condition depends on {parent!r}"
            if parent not in known:
                if parent in space:
                    raise InvalidArgument(
                        f"{location}, which comes later in the space; move {parent!r} before {name!r}"
                    )
                hint = (
                    did_you_mean(parent, known) or f"; the previous names are: {', '.join(known) or 'none'}"
                )
                raise InvalidArgument(f"{location}, which is not in the space{hint}")
            possible = space[parent]
            if not isinstance(possible, List) and not any(possible.contains(value) for value in allowed):
                raise InvalidArgument(
                    f"{location}, but the condition can never be met, because no value in {allowed!r} is in "
                    f"{possible!r}"
                )
        known.append(name)
    return dict(space)
