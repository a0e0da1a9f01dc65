"""Layer tags that are numbered within one model, so that the charts of two models can be overlaid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from fitwell._variables import Variable
from fitwell.layers.auto_name import AutoName
from fitwell.layers.base import Layer

__all__ = ["TagNames"]


class TagNames:
    """A mapping from a model's layers and variables to their tags in TensorBoard.

    A name that the user chose is also the tag. Automatic names such as ``dense_6`` are numbered within the process, so
    they differ between two models with the same layers. Their tags are therefore numbered within the model, starting
    with ``dense`` and ``dense_1``.
    """

    def __init__(self, model: Any) -> None:
        inside = [layer for _, layer in model._flatten_layers()]
        # The input layers of a functional model are in its list `layers`, but they are not attributes of the model.
        every = [*inside, *(part for layer in inside for part in getattr(layer, "layers", ()))]
        layers = list({id(layer): layer for layer in every}.values())
        used_names = {str(layer.name) for layer in layers if not isinstance(layer.name, AutoName)}
        counts: Counter[str] = Counter()
        self._names: dict[int, str] = {}
        self._model = model
        for layer in layers:
            if isinstance(layer.name, AutoName):
                self._names[id(layer)] = _unused_name(layer.name.base, counts, used_names)
        self._outputs = {
            str(layer.name): self._names[id(layer)] for layer in layers if id(layer) in self._names
        }

    def layer_tag(self, layer: Any) -> str:
        """Return the tag of `layer`.

        If the layer has an automatic name but is not one of the model's layers (for example, an input that the model
        created), the tag is the name without its number.
        """
        name = layer.name
        return self._names.get(id(layer), name.base if isinstance(name, AutoName) else str(name))

    def variable_tags(self, variables: Mapping[str, Any]) -> dict[str, str]:
        """Return a dict that maps each path in `variables` to the tag of its variable.

        A tag consists of the layer's tag and the variable's name. If two variables would have the same tag, their
        tags also include the tags of the layers and models that contain the layers.
        """
        chains = {id(variable): parts for parts, variable in self._chains(self._model, ())}
        short = {path: "/".join(chains[id(variable)][-2:]) for path, variable in variables.items()}
        counts = Counter(short.values())
        return {
            path: name if counts[name] == 1 else "/".join(chains[id(variables[path])][1:])
            for path, name in short.items()
        }

    def log_tag(self, name: str) -> str:
        """Return the tag of a logged value.

        If the model has more than one output, the value's name begins with the name of an output layer. This method
        replaces the layer's name with the layer's tag.
        """
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


def _unused_name(base: str, counts: Counter[str], used_names: set[str]) -> str:
    while True:
        count = counts[base]
        counts[base] += 1
        name = f"{base}_{count}" if count else base
        if name not in used_names:
            return name
