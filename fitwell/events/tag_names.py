"""Tags of layers, counted within one model, so that the charts of two models overlay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from fitwell._variables import Variable
from fitwell.layers.auto_name import AutoName
from fitwell.layers.base import Layer

__all__ = ["TagNames"]


class TagNames:
    """The tags of a model's layers and variables in TensorBoard.

    Automatic names are counted within the process (``dense_6``), so the tags of a second model of the same kind would
    differ. Tags are therefore counted within the model: ``dense``, ``dense_1``. A name that the user gave is the tag.
    """

    def __init__(self, model: Any) -> None:
        inside = [layer for _, layer in model._flatten_layers()]
        # The input layers of a graph are among the layers of its model, but are not its attributes.
        every = [*inside, *(part for layer in inside for part in getattr(layer, "layers", ()))]
        layers = list({id(layer): layer for layer in every}.values())
        taken = {str(layer.name) for layer in layers if not isinstance(layer.name, AutoName)}
        counts: Counter[str] = Counter()
        self._names: dict[int, str] = {}
        self._model = model
        for layer in layers:
            if isinstance(layer.name, AutoName):
                self._names[id(layer)] = _unused_name(layer.name.base, counts, taken)
        self._outputs = {
            str(layer.name): self._names[id(layer)] for layer in layers if id(layer) in self._names
        }

    def layer_tag(self, layer: Any) -> str:
        """Return the tag of `layer`. A layer that the model created, such as an input, is tagged with its kind."""
        name = layer.name
        return self._names.get(id(layer), name.base if isinstance(name, AutoName) else str(name))

    def variable_tags(self, variables: Mapping[str, Any]) -> dict[str, str]:
        """Return the tag of each of `variables`: its layer and name, with the outer models if two are the same."""
        whole = {id(variable): parts for parts, variable in self._chains(self._model, ())}
        short = {path: "/".join(whole[id(variable)][-2:]) for path, variable in variables.items()}
        counts = Counter(short.values())
        return {
            path: name if counts[name] == 1 else "/".join(whole[id(variables[path])][1:])
            for path, name in short.items()
        }

    def log_tag(self, name: str) -> str:
        """Return the tag of a logged value, whose name begins with a layer's name if there are several outputs."""
        output = max((o for o in self._outputs if name.startswith(f"{o}_")), key=len, default=None)
        return name if output is None else self._outputs[output] + name[len(output) :]

    def _chains(self, layer: Layer, parents: tuple[Layer, ...]) -> Iterator[tuple[tuple[str, ...], Variable]]:
        if any(layer is other for other in parents):
            return
        chain = (*parents, layer)
        for name, variable in layer._named_own_variables():
            yield (*map(self.layer_tag, chain), name), variable
        for _, child in layer._named_children():
            yield from self._chains(child, chain)


def _unused_name(base: str, counts: Counter[str], taken: set[str]) -> str:
    while True:
        count = counts[base]
        counts[base] += 1
        name = f"{base}_{count}" if count else base
        if name not in taken:
            return name
