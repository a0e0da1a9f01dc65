"""Where settings come from: a declared space, or the build function itself, asked in one way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fitwell import random
from fitwell.errors import InvalidArgument, nearest
from fitwell.models.model import Model
from fitwell.population.members import checked_model, copied
from fitwell.tuner.domains import Domain, Fixed, Int, Several
from fitwell.tuner.hyperparameters import HyperParameters, InvalidSetting, Setting


class Space:
    """A build function, and how its hyperparameters are drawn.

    build: ``build(setting)`` with a dict, when `declared` names the domains, else ``build(hp)`` that asks for
        its hyperparameters (or an object with such a method, as KerasTuner's hypermodels).

    refusal: what `build` said when it last refused a setting.
    """

    def __init__(self, build: Any, declared: Mapping[str, Domain] | None = None) -> None:
        self._function = build_function(build)
        self.refusal = ""
        self.declared = None if declared is None else _check_declared(declared)

    def draw(self, hp: HyperParameters) -> Setting:
        """Ask `hp` for every hyperparameter of one model; return what `build` needs.

        Raises `InvalidSetting` when the build function refuses what was drawn.
        """
        if self.declared is None:
            # What is built here is looked at by nobody: it must not use up the seeds of anybody.
            with random.seeded(0):
                self._call(hp)
            return dict(hp.values)
        setting: Setting = {}
        for name, domain in self.declared.items():
            # Not `get`: None may be a value of a parent, and a parent that does not exist has none.
            if all(parent in setting and setting[parent] in values for parent, values in domain.when.items()):
                setting[name] = (
                    _draw_list(hp, name, domain) if isinstance(domain, Several) else hp.ask(name, domain)
                )
        return setting

    def apart(self, setting: Mapping[str, Any]) -> Setting:
        """Return `setting` with its lists taken apart, as `draw` asks for them."""
        found: Setting = {}
        for name, value in setting.items():
            domain = (self.declared or {}).get(name)
            if isinstance(domain, Several):
                if not isinstance(value, list | tuple):
                    raise InvalidArgument(f"{name}: expected a list of values, got {value!r}")
                found |= {f"{name}_length": len(value)}
                found |= {f"{name}_{number}": part for number, part in enumerate(value)}
            else:
                found[name] = value
        return found

    def build(self, setting: Setting) -> Model:
        """Return the model of `setting`."""
        model = self._call(HyperParameters.of(setting) if self.declared is None else copied(setting))
        return checked_model(model, f"build({setting!r})")

    def _call(self, hyperparameters: Any) -> Any:
        try:
            return self._function(hyperparameters)
        except InvalidSetting as error:
            self.refusal = str(error)
            raise

    def grid(self) -> Iterator[tuple[dict[str, Any], Setting]]:
        """Yield every combination: as it is written into a study, and as a setting.

        An odometer whose wheels appear as it turns: a hyperparameter that exists only under a condition
        multiplies only the settings that have it.
        """
        wheels: list[_Wheel] = []
        while True:
            place = 0

            def turn(name: str, domain: Domain) -> Any:
                nonlocal place
                if place == len(wheels):
                    wheels.append(_Wheel(domain.points()))
                place += 1
                return wheels[place - 1].value

            hp = HyperParameters(turn)
            try:
                setting = self.draw(hp)
                yield stored(hp), setting
            except InvalidSetting:
                del wheels[place:]
            while wheels and not wheels[-1].advance():
                wheels.pop()
            if not wheels:
                return


class _Wheel:
    def __init__(self, points: list[Any]) -> None:
        self._points = points
        self._at = 0

    @property
    def value(self) -> Any:
        return self._points[self._at]

    def advance(self) -> bool:
        self._at += 1
        return self._at < len(self._points)


def stored(hp: HyperParameters) -> dict[str, Any]:
    """Return the values of `hp` as they are written into a study."""
    return {
        name: hp.domains[name].stored(value)
        for name, value in hp.values.items()
        if not isinstance(hp.domains[name], Fixed)
    }


def _draw_list(hp: HyperParameters, name: str, several: Several) -> list[Any]:
    length = hp.ask(f"{name}_length", Int(several.least, several.most))
    return [hp.ask(f"{name}_{number}", several.of) for number in range(length)]


def build_function(build: Any) -> Callable[..., Any]:
    """Return the function that `build` is or has."""
    if hasattr(build, "build") and not isinstance(build, Model):
        if hasattr(build, "fit"):
            raise InvalidArgument(
                f"{type(build).__name__}.fit would not be called: all trials are trained together. Leave it out, and "
                "give what it passes to fit (callbacks, batch_size) to search itself"
            )
        return build.build
    if not callable(build) or isinstance(build, Model):
        raise InvalidArgument(
            f"build must be a function from hyperparameters to a compiled model, got {build!r}; write "
            "def build(hp): ... return model"
        )
    return build


def _check_declared(space: Any) -> dict[str, Domain]:
    if not isinstance(space, Mapping):
        raise InvalidArgument(
            f"space: expected a dict from names to domains such as fw.tuner.Float(1e-4, 1e-1, log=True), got {space!r}"
        )
    if not space:
        raise InvalidArgument(
            "space: it is empty, so there is nothing to search; leave it out when build(hp) asks for its "
            "hyperparameters by itself"
        )
    known: list[str] = []
    for name, domain in space.items():
        if not isinstance(name, str):
            raise InvalidArgument(f"space: the names of hyperparameters must be texts, got {name!r}")
        if not isinstance(domain, Domain):
            raise InvalidArgument(
                f"space[{name!r}]: expected a domain (fw.tuner.Float, Int, Choice, Boolean, Fixed, Several), got "
                f"{domain!r}; for one of several values write fw.tuner.Choice([...])"
            )
        for parent, allowed in domain.when.items():
            where = f"space[{name!r}]: its condition"
            if parent not in known:
                if parent in space:
                    raise InvalidArgument(f"{where} {parent!r} stands later in the space; name it before")
                hint = nearest(parent, known) or f"; before it there are: {', '.join(known) or 'none'}"
                raise InvalidArgument(f"{where} {parent!r} is not in the space{hint}")
            possible = space[parent]
            if not isinstance(possible, Several) and not any(possible.contains(value) for value in allowed):
                raise InvalidArgument(
                    f"{where} can never hold: {parent!r} is never one of {allowed!r}, it is {possible!r}"
                )
        known.append(name)
    return dict(space)
