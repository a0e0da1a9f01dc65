"""The table that `Model.summary` prints, in Keras's layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fitwell._escaping import escape_controls
from fitwell.errors import StateError
from fitwell.layers.base import Layer
from fitwell.layers.input_layer import InputLayer
from fitwell.models.base_model import BaseModel

__all__ = [
    "render",
]


def render(
    model: BaseModel, line_length: int | None, positions: Any, expand_nested: bool, show_trainable: bool
) -> str:
    """Return the summary as a string."""
    if not model.built:
        raise StateError(
            f"model {model.name!r} is not built yet; give the model an input shape, call it on data, or fit it first"
        )
    graph = len(getattr(model, "nodes", [])) > 0
    header = ["Layer (type)", "Output Shape", "Param #"]
    header += ["Connected to"] if graph else []
    header += ["Trainable"] if show_trainable else []
    rows = [
        row
        for layer in _operations(model)
        for row in _rows(model, layer, graph, expand_nested, show_trainable, 0)
    ]
    widths = _widths(header, rows, line_length, positions)
    lines = [f'Model: "{escape_controls(str(model.name))}"', "━" * sum(widths)]
    lines += [_line(header, widths), "━" * sum(widths)]
    lines += [_line(row, widths) for row in rows]
    lines += ["━" * sum(widths), *_totals(model)]
    return "\n".join(lines)


def _operations(model: Any) -> list[Layer]:
    """Return the layers to list in the table and, for a graph, the arithmetic operations between them."""
    found: list[Layer] = model.operations if hasattr(model, "operations") else model.layers
    return found


def _rows(
    model: Any, layer: Layer, graph: bool, nested: bool, trainable: bool, depth: int
) -> list[list[str]]:
    row = [
        f"{'    ' * depth}{escape_controls(str(layer.name))} ({type(layer).__name__})",
        _output_shape(model, layer),
        f"{sum(variable.size for variable in layer.variables):,}" if layer.built else "unbuilt",
    ]
    row += [_connections(model, layer)] if graph else []
    row += ["Y" if layer.trainable else "N"] if trainable else []
    rows = [row]
    if nested and hasattr(layer, "layers"):
        rows += [
            r
            for child in _operations(layer)
            for r in _rows(layer, child, graph, nested, trainable, depth + 1)
        ]
    return rows


def _output_shape(model: Any, layer: Layer) -> str:
    if isinstance(layer, InputLayer):
        return str(layer.batch_shape)
    nodes = [node for node in getattr(model, "nodes", []) if node.layer is layer] or layer._inbound_nodes
    if nodes:
        from fitwell.layers.keras_tensor import get_batch_shape

        return str(get_batch_shape(nodes[0].outputs))
    if layer._build_input_shape is None:
        return "?"
    return str(layer.compute_output_shape(layer._build_input_shape))


def _connections(model: Any, layer: Layer) -> str:
    sources = [
        tensor.node.layer.name for node in model.nodes if node.layer is layer for tensor in node.inputs
    ]
    return ", ".join(dict.fromkeys(escape_controls(str(source)) for source in sources)) or "-"


def _widths(
    header: Sequence[str], rows: Sequence[Sequence[str]], line_length: int | None, positions: Any
) -> list[int]:
    table = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in table) + 2 for i in range(len(header))]
    if positions is not None:
        total = line_length or sum(widths)
        ends = [int(p * total) if p <= 1 else int(p) for p in positions]
        return [end - start for start, end in zip([0, *ends], ends, strict=False)][: len(header)]
    if line_length is not None and sum(widths) < line_length:
        widths[-1] += line_length - sum(widths)
    return widths


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(
        f"{cell[: width - 1]:<{width}}" for cell, width in zip(cells, widths, strict=True)
    ).rstrip()


def _totals(model: BaseModel) -> list[str]:
    counts = [
        ("Total params", sum(v.size for v in model.variables)),
        ("Trainable params", sum(v.size for v in model.trainable_variables)),
        ("Non-trainable params", sum(v.size for v in model.non_trainable_variables)),
    ]
    return [f"{name}: {count:,} ({_bytes(4 * count)})" for name, count in counts]


def _bytes(size: float) -> str:
    units = ["B", "KB", "MB", "GB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.2f} {units[0]}"
