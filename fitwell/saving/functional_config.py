"""Functions that convert functional models' configurations to and from Keras's format.

fitwell's configuration lists all layer calls in order and describes a tensor as ``{"tensor": [call, output]}``. In
Keras's configuration, each layer lists its own calls (`inbound_nodes`), and a tensor is described as ``[layer name,
index of the layer's call, output]``. Both Keras 3's format and the nested lists of Keras 2 can be read.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Any

from fitwell.errors import FileError

__all__ = ["from_keras_graph", "map_tree", "to_keras_graph"]

Config = dict[str, Any]

# Arithmetic operations on symbolic tensors. fitwell has one class for all of them, and Keras has one class for each.
_OPERATIONS = {
    name: name.capitalize() for name in ("add", "subtract", "multiply", "divide", "power", "matmul")
}
_OPERATIONS["negative"] = "Negative"
_CLASSES = {name: operation for operation, name in _OPERATIONS.items()} | {"TrueDivide": "divide"}
_OPERATIONS_MODULE = "keras.src.ops.numpy"
_OPERATIONS_MODULES = (_OPERATIONS_MODULE, "keras.ops.numpy", "keras.ops")


def map_tree(tree: Any, change: Callable[[Any], Any], is_leaf: Callable[[Any], bool]) -> Any:
    """Apply `change` to every leaf of `tree`, a nested structure of dicts and lists.

    The function `is_leaf` returns whether a dict or list is a leaf. A value of any other type is always a leaf.
    """
    if not is_leaf(tree):
        if isinstance(tree, Mapping):
            return {key: map_tree(item, change, is_leaf) for key, item in tree.items()}
        if isinstance(tree, list | tuple):
            return [map_tree(item, change, is_leaf) for item in tree]
    return change(tree)


# --- writing -----------------------------------------------------------------------------------------------


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Mapping) and "tensor" in value


def to_keras_graph(config: Config, write: Callable[[Any], Any]) -> Config:
    """Convert a functional model's configuration to the Keras 3 format, using `write` to convert each layer."""
    layers, calls = config["layers"], config["calls"]
    names = [layer["config"]["name"] for layer in layers]
    # The index of each call among all calls of the same layer.
    numbers = [sum(c["layer"] == call["layer"] for c in calls[:i]) for i, call in enumerate(calls)]

    def place(tensor: Any) -> list[Any]:
        call, index = tensor["tensor"]
        return [names[calls[call]["layer"]], numbers[call], index]

    def argument(value: Any) -> Any:
        if not _is_tensor(value):
            return value
        about = {"shape": value["shape"], "dtype": value["dtype"], "keras_history": place(value)}
        return {"class_name": "__keras_tensor__", "config": about}

    def outlet(tensor: Any) -> Any:
        name, number, index = place(tensor)
        # In Keras, a functional model inside another one has an initial node, so the indices of its calls are 1 higher.
        nested = layers[names.index(name)]["class_name"] == "Functional"
        return [name, number + nested, index]

    written = []
    for i, layer in enumerate(layers):
        nodes = [
            {
                "args": map_tree([*call["args"], *_extra_arguments(layer)], argument, _is_tensor),
                "kwargs": map_tree(call["kwargs"], argument, _is_tensor),
            }
            for call in calls
            if call["layer"] == i and call["args"]
        ]
        written.append({**_write_layer(layer, write), "name": names[i], "inbound_nodes": nodes})
    return {
        "name": config["name"],
        "trainable": config["trainable"],
        "layers": written,
        "input_layers": map_tree(config["inputs"], outlet, _is_tensor),
        "output_layers": map_tree(config["outputs"], outlet, _is_tensor),
    }


def _write_layer(layer: Config, write: Callable[[Any], Any]) -> Config:
    config = layer["config"]
    if layer["class_name"] == "Operation" and config["operation"] in _OPERATIONS:
        name = _OPERATIONS[config["operation"]]
    elif layer["class_name"] == "GetItem":
        name = "GetItem"
    else:
        written: Config = write(layer)
        return written
    return {
        "module": _OPERATIONS_MODULE,
        "class_name": name,
        "config": {"name": config["name"]},
        "registered_name": name,
    }


def _extra_arguments(layer: Config) -> list[Any]:
    """Return a call's positional arguments that exist only in Keras: the index for `GetItem`, and none otherwise."""
    if layer["class_name"] != "GetItem":
        return []
    return [[_write_index(item) for item in layer["config"]["index"]]]


def _write_index(item: Any) -> Any:
    if isinstance(item, Mapping):
        start, stop, step = item["slice"]
        return {"class_name": "__slice__", "config": {"start": start, "stop": stop, "step": step}}
    return {"class_name": "__ellipsis__", "config": {}} if item == "..." else item


# --- reading -----------------------------------------------------------------------------------------------


class _MissingInput(Exception):
    """The exception that is raised if a call's input does not exist yet.

    The missing input is an output of the layer `name`, from the layer's call with the index `number`.
    """

    def __init__(self, name: str, number: int) -> None:
        super().__init__(name, number)
        self.needed = (name, number)


def from_keras_graph(config: Config, convert: Callable[[Any], Any]) -> Config:
    """Convert a functional model's Keras configuration to fitwell's format, using `convert` to convert each layer."""
    try:
        return _GraphReader(config, convert).result()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise FileError(
            f"the graph of the functional model {config.get('name')!r} is not readable: "
            f"{type(error).__name__}: {error}"
        ) from None


class _GraphReader:
    def __init__(self, config: Config, convert: Callable[[Any], Any]) -> None:
        self.config = config
        self.convert = convert
        self.written = {str(layer["name"]): layer for layer in config["layers"]}
        if len(self.written) != len(config["layers"]):
            raise ValueError("two layers have the same name")
        self.places = {name: place for place, name in enumerate(self.written)}
        nodes = [node for layer in config["layers"] for node in layer["inbound_nodes"]]
        self.is_keras_v2 = any(isinstance(node, list) for node in nodes)
        # All calls that have been made so far, and for each layer, the indices of its calls in that list.
        self.calls: list[Config] = []
        self.call_indices: dict[str, list[int]] = {name: [] for name in self.written}

    def result(self) -> Config:
        self.layers = [self._read_layer(layer) for layer in self.config["layers"]]
        self._make_calls()
        return {
            "name": self.config.get("name"),
            "trainable": self.config.get("trainable", True) is not False,
            "layers": self.layers,
            "calls": self.calls,
            "inputs": self._parse_endpoints(self.config["input_layers"]),
            "outputs": self._parse_endpoints(self.config["output_layers"]),
        }

    def _make_calls(self) -> None:
        """Record the calls of all layers in an order in which each call's inputs already exist.

        The layers are visited in rounds, in the order of the file. Each round records the calls whose inputs exist.
        """
        waiting = {name: deque(layer["inbound_nodes"]) for name, layer in self.written.items()}
        for name, nodes in waiting.items():
            if not nodes and self.written[name]["class_name"] == "InputLayer":
                self._record(name, [], {})
        # Visit only layers whose next call may be possible. Visiting all layers in each round would be slow, because a
        # file may list the layers in any order.
        rounds = [(0, place, name) for name, place in self.places.items()]
        blocked: dict[tuple[str, int], list[str]] = defaultdict(list)
        while rounds:
            this_round, place, name = heappop(rounds)
            nodes = waiting[name]
            while nodes:
                try:
                    self._call(name, nodes[0])
                except _MissingInput as pending:
                    blocked[pending.needed].append(name)
                    break
                nodes.popleft()
                for other in blocked.pop((name, len(self.call_indices[name]) - 1), []):
                    later = self.places[other] <= place
                    heappush(rounds, (this_round + later, self.places[other], other))
        left = [name for name, nodes in waiting.items() if nodes]
        if left:
            raise ValueError(f"the inputs of the layers {left[:5]} form a cycle or do not exist")

    def _read_layer(self, layer: Config) -> Config:
        name = layer["class_name"]
        if layer.get("module") in _OPERATIONS_MODULES or _is_operation(layer):
            if name == "GetItem":
                index = self.convert(layer["inbound_nodes"][0]["args"][1])
                index = index if isinstance(index, list) else [index]
                return _fitwell_config("GetItem", {"name": layer["name"], "index": index})
            if name in _CLASSES:
                return _fitwell_config("Operation", {"name": layer["name"], "operation": _CLASSES[name]})
        found: Config = self.convert(
            {key: layer[key] for key in layer if key not in ("name", "inbound_nodes")}
        )
        found["config"].setdefault("name", layer["name"])
        return found

    def _call(self, name: str, node: Any) -> None:
        args, kwargs = self._parse_v2_call(node) if isinstance(node, list) else self._parse_v3_call(node)
        kind = self.layers[self.places[name]]["class_name"]
        if kind == "GetItem":
            args = args[:1]
        if kind.startswith("Random"):
            # Keras writes the default value of `training` to every file, but the current mode must take precedence.
            kwargs.pop("training", None)
        self._record(name, args, kwargs)

    def _record(self, name: str, args: list[Any], kwargs: Config) -> None:
        self.call_indices[name].append(len(self.calls))
        self.calls.append({"layer": self.places[name], "args": args, "kwargs": kwargs})

    def _parse_v3_call(self, node: Config) -> tuple[list[Any], Config]:
        def is_leaf(value: Any) -> bool:
            return isinstance(value, Mapping) and "class_name" in value

        def argument(value: Any) -> Any:
            if is_leaf(value) and value["class_name"] == "__keras_tensor__":
                return self._tensor(*value["config"]["keras_history"])
            return self.convert(value)

        kwargs = map_tree(node["kwargs"], argument, is_leaf)
        # Layers in fitwell neither create nor accept masks.
        return map_tree(node["args"], argument, is_leaf), {k: v for k, v in kwargs.items() if k != "mask"}

    def _parse_v2_call(self, node: list[Any]) -> tuple[list[Any], Config]:
        if node and isinstance(node[0], str):
            node = [node]
        tensors = [
            self._tensor(name, self._skip_own_node(name, number), index) for name, number, index, *_ in node
        ]
        kwargs = node[-1][3] if node and len(node[-1]) > 3 else {}
        return [tensors[0] if len(tensors) == 1 else tensors], dict(kwargs)

    def _skip_own_node(self, name: str, number: int) -> int:
        """Return a call's index without counting the initial node that each inner model has in Keras 2 files."""
        model = "layers" in self.written[name].get("config", {})
        return number - 1 if model and number > 0 else number

    def _tensor(self, name: str, number: int, index: int) -> Config:
        made = self.call_indices[name]
        if number < 0 or index < 0:
            raise ValueError(
                f"layer {name!r}: the indices of a call and its output must be >= 0, got {number} and {index}"
            )
        if number >= len(made):
            raise _MissingInput(name, number)
        return {"tensor": [made[number], index]}

    def _parse_endpoints(self, tree: Any) -> Any:
        """Convert a model's inputs or outputs to fitwell's format."""

        def is_place(value: Any) -> bool:
            return isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str)

        def end(place: Any) -> Config:
            name, number, index = place[:3]
            if self.is_keras_v2:
                number = self._skip_own_node(name, number)
            elif self.written[name]["class_name"] == "Functional":
                number -= 1
            try:
                return self._tensor(name, number, index)
            except _MissingInput:
                raise ValueError(f"layer {name!r} has no call with the index {number}") from None

        found = map_tree(tree, end, is_place)
        # Keras 2: even a single input or output is written as a list, which is removed here.
        return found[0] if self.is_keras_v2 and isinstance(found, list) and len(found) == 1 else found


def _is_operation(layer: Config) -> bool:
    """Return whether a layer without a module is an arithmetic operation.

    In ``.h5`` files, layers have no module, and a layer may have the same class name as an operation. An operation's
    inputs are separate arguments, but the inputs of a layer with the same class name are one list.
    """
    if "module" in layer or set(layer["config"]) != {"name"}:
        return False
    first = layer["inbound_nodes"][0]["args"][0] if isinstance(layer["inbound_nodes"][0], Mapping) else []
    return not isinstance(first, list)


def _fitwell_config(name: str, config: Config) -> Config:
    return {"module": "keras.layers", "class_name": name, "config": config}
