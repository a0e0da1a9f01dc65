"""Plotting a model as a diagram, with one box for each layer call and arrows for the data between them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fitwell._file_io import atomic_writer
from fitwell._log_names import TRAINING_COLOR
from fitwell._param_validation import FilePath, Instance, Integer, Options, validate_params
from fitwell._plotting.labels import PLAIN_TEXT, escape_control
from fitwell.errors import InvalidArgument
from fitwell.layers.base import Layer
from fitwell.layers.keras_tensor import Node, find_keras_tensors, get_batch_shape
from fitwell.models.functional import Functional
from fitwell.models.model import Model
from fitwell.models.sequential import Sequential
from fitwell.saving.path_checks import check_output_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "plot_model",
]

_SUFFIXES = (".png", ".svg", ".pdf", ".jpg")
# Raster formats, and the maximum width and height of images in matplotlib, in pixels.
_RASTER_SUFFIXES, _MAX_PIXELS = (".png", ".jpg"), 2**16

# Sizes in inches.
_CHARACTER, _LINE, _MARGIN, _GAP = 0.08, 0.17, 0.14, 0.4
_ARROW: dict[str, Any] = {"color": "#5b6875", "shrinkA": 0, "shrinkB": 0}
_FRAME: dict[str, Any] = {"boxstyle": "square,pad=0", "facecolor": "#f4f7fa", "edgecolor": TRAINING_COLOR}


@dataclass(eq=False)
class _Box:
    """The box of a layer call or, if it has no lines of text, a point that a long arrow passes through."""

    lines: list[str] = field(default_factory=list)
    sources: list[_Box] = field(default_factory=list)
    rank: int = 0
    x: float = 0.0
    y: float = 0.0

    @property
    def width(self) -> float:
        return _CHARACTER * max(map(_count_columns, self.lines), default=0) + 2 * _MARGIN

    @property
    def height(self) -> float:
        return _LINE * len(self.lines) + _MARGIN if self.lines else 0.0


@validate_params(
    model=Instance(Layer, "a model"), to_file=FilePath() | None, rankdir=Options("TB"), dpi=Integer(1)
)
def plot_model(
    model: Model,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 96,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> Figure:
    """Plot a sequential or functional model with matplotlib, save the figure to a file, and return it.

    Args:
        model (Model): A model with a known input shape. Subclassed models are not supported.
        to_file (str | Path | None): Path of a .png, .svg, .pdf or .jpg file, or None to save nothing.
            Default: "model.png".
        show_shapes (bool): Whether to show the layers' output shapes, with None for the batch size. Default: False.
        show_dtype (bool): Whether to show the layers' output dtypes. Default: False.
        show_layer_names (bool): Whether to show the layers' names in addition to their classes. Default: True.
        rankdir (str): ``"TB"``, which means from top to bottom. Other directions are not supported. Default: "TB".
        expand_nested (bool): Must be False. Plot a nested model separately. Default: False.
        dpi (int): Pixels per inch. Default: 96.
        show_layer_activations (bool): Whether to show the layers' activations. Default: False.
        show_trainable (bool): Whether to show if a layer's variables are trainable. Default: False.

    Returns:
        matplotlib.figure.Figure: The figure.

    Raises:
        InvalidArgument: if an argument is not supported, or if the image would be too large.
        StateError: if the model has no input shape yet.

    Example:
        >>> import fitwell as fw
        >>> model = fw.Sequential([fw.Input((3,)), fw.layers.Dense(1)])
        >>> figure = fw.utils.plot_model(model, to_file=None, show_shapes=True)
        >>> len(figure.axes)
        1

    Source: Keras `plot_model`.
    """
    if expand_nested:
        raise InvalidArgument(
            "plot_model: expand_nested=True is not supported; plot a nested model separately with "
            "plot_model(model.get_layer(name))"
        )
    path = None if to_file is None else check_output_path(to_file, _SUFFIXES, overwrite=True)
    shown = {
        "names": show_layer_names,
        "activations": show_layer_activations,
        "shapes": show_shapes,
        "dtypes": show_dtype,
        "trainable": show_trainable,
    }
    rows = _arrange(_make_boxes(model, {item for item, wanted in shown.items() if wanted}))
    figure = _draw_figure(rows, dpi, raster=path is not None and path.suffix in _RASTER_SUFFIXES)
    if path is not None:
        with atomic_writer(path) as file:
            figure.savefig(file, format=path.suffix[1:])
    return figure


def _count_columns(line: str) -> int:
    """Return the number of columns that a line takes up.

    Chinese characters, for example, take up two columns each.
    """
    return sum(1 + (unicodedata.east_asian_width(letter) in "FW") for letter in line)


def _make_boxes(model: Model, shown: set[str]) -> list[_Box]:
    """Return the boxes in the order of the computation."""
    if isinstance(model, Sequential):
        model = Functional(model.input, model.output, name=model.name)
    if not isinstance(model, Functional):
        raise InvalidArgument(
            f"plot_model: {model.name!r} is a subclassed model, which has no graph to plot; "
            "use model.summary() to list its layers"
        )
    sources: dict[int, _Box] = {}
    boxes = []
    for node in model.nodes:
        box = _Box(_box_lines(node, shown))
        box.sources = list(dict.fromkeys(sources[id(tensor)] for tensor in node.inputs))
        sources |= {id(tensor): box for tensor in find_keras_tensors(node.outputs)}
        boxes.append(box)
    return boxes


def _box_lines(node: Node, shown: set[str]) -> list[str]:
    layer = node.layer
    kind = type(layer).__name__
    lines = [escape_control(f"{layer.name} ({kind})" if "names" in shown else kind)]
    activation = getattr(layer, "activation", None)
    if "activations" in shown and activation is not None:
        lines.append(escape_control(f"activation: {getattr(activation, '__name__', activation)}"))
    if "shapes" in shown:
        lines.append(str(get_batch_shape(node.outputs)))
    if "dtypes" in shown:
        lines.append(", ".join(str(tensor.dtype) for tensor in find_keras_tensors(node.outputs)))
    if "trainable" in shown and layer.variables:
        lines.append("trainable" if layer.trainable else "frozen")
    return lines


def _arrange(boxes: list[_Box]) -> list[list[_Box]]:
    """Arrange the boxes in rows from top to bottom, and return the rows.

    Each box is placed one row below its lowest source. The boxes in a row are ordered by the average
    horizontal position of their sources. An arrow that crosses a row passes through a point that is added there.
    """
    rows: list[list[_Box]] = []
    for box in boxes:
        box.rank = max((source.rank + 1 for source in box.sources), default=0)
        rows.extend([] for _ in range(box.rank + 1 - len(rows)))
        rows[box.rank].append(box)
    for box in boxes:
        box.sources = [_add_points(source, box.rank, rows) for source in box.sources]
    for row in rows:
        row.sort(key=lambda box: sum(s.x for s in box.sources) / max(len(box.sources), 1))
        _center_row(row)
    y = _MARGIN
    for row in reversed(rows):
        height = max(box.height for box in row)
        for box in row:
            box.y = y + height / 2
        y += height + _GAP
    return rows


def _add_points(source: _Box, rank: int, rows: list[list[_Box]]) -> _Box:
    """Add a point to each row between `source` and row `rank`, and return the start of the last arrow segment."""
    for between in range(source.rank + 1, rank):
        source = _Box(sources=[source], rank=between)
        rows[between].append(source)
    return source


def _center_row(row: list[_Box]) -> None:
    """Place the boxes of a row side by side and center the row."""
    x = -(sum(box.width for box in row) + _GAP * (len(row) - 1)) / 2
    for box in row:
        box.x = x + box.width / 2
        x += box.width + _GAP


def _draw_figure(rows: list[list[_Box]], dpi: int, raster: bool) -> Figure:
    """Draw the boxes into a new figure."""
    from matplotlib.figure import Figure

    width = 2 * (max(row[-1].x + row[-1].width / 2 for row in rows) + _MARGIN)
    height = max(box.y + box.height / 2 for box in rows[0]) + _MARGIN
    if raster and max(width, height) * dpi >= _MAX_PIXELS:
        raise InvalidArgument(
            f"plot_model: at dpi={dpi} the image would have {width * dpi:.0f} × {height * dpi:.0f} pixels, but the "
            f"maximum is {_MAX_PIXELS} in each direction; use a .svg or .pdf file, or a smaller dpi"
        )
    figure = Figure(figsize=(width, height), dpi=dpi)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(-width / 2, width / 2), ylim=(0, height))
    axes.set_axis_off()
    for row in rows:
        for box in row:
            _draw_box(axes, box)
    return figure


def _draw_box(axes: Axes, box: _Box) -> None:
    from matplotlib.patches import FancyBboxPatch

    for source in box.sources:
        start, end = (source.x, source.y - source.height / 2), (box.x, box.y + box.height / 2)
        axes.annotate("", end, start, arrowprops={"arrowstyle": "->" if box.lines else "-", **_ARROW})
    if box.lines:
        corner = (box.x - box.width / 2, box.y - box.height / 2)
        axes.add_patch(FancyBboxPatch(corner, box.width, box.height, **_FRAME))
        axes.text(
            box.x,
            box.y,
            "\n".join(box.lines),
            ha="center",
            va="center",
            fontsize=9,
            family="monospace",
            **PLAIN_TEXT,
        )
