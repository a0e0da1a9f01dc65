"""`BaseModel`: the interface that training, evaluation and inference need from a model.

The modules for these tasks depend on this class instead of `Model`, because `Model` imports them.
"""

from __future__ import annotations

from typing import Any

from fitwell._data.text_format import pluralize
from fitwell._history import History
from fitwell._param_validation import FilePath, Integer, validate_params
from fitwell.errors import InvalidArgument, unknown_name_error
from fitwell.layers.base import Layer
from fitwell.models.data_adapters import is_container_of_arrays

__all__ = ["BaseModel"]


class BaseModel(Layer):
    """A layer with named inputs and outputs, from which all kinds of models are derived.

    Attributes:
        optimizer: The optimizer that was set by `compile`.
        history: The history of the last `fit`, or None before the first one.
        stop_training: Set this to True to end the current `fit`.
    """

    optimizer: Any
    history: History | None
    stop_training: bool

    def _prepare_model(self) -> None:
        self.history = None
        self.stop_training = False
        self._forward_pass_or_none: Any = None
        # The keys of the dict that `call` returns, or None if it does not return a dict. They are known after
        # the first call.
        self._output_keys: list[str] | None = None
        self._outputs_known = False
        self._targets_are_named = False

    @property
    def _session(self) -> Any:
        """The model's `TrainingSession`."""
        raise NotImplementedError

    def _output_specs(self, x: Any) -> list[Any]:
        """Return the shape and dtype of each output for inputs like `x`, and build the model if necessary."""
        raise NotImplementedError

    def _predict_compiled(self, x: Any, size: int | None = None) -> Any:
        """Compute the outputs for the rows of `x` in one compiled call.

        Args:
            x: The inputs.
            size: The number of rows per batch. None computes all rows as one batch.
        """
        raise NotImplementedError

    # --- inputs and outputs ----------------------------------------------------------------------------------

    @property
    def output_names(self) -> list[str] | None:
        """The names of the outputs, or None for a subclassed model that has not been called yet."""
        return None

    @property
    def input_names(self) -> list[str] | None:
        """The names of the inputs, or None for a subclassed model."""
        return None

    def _output_names_for(self, y: Any) -> list[str]:
        """Return the names of the outputs. If they are not known yet, derive them from the targets `y`."""
        if self._output_keys is not None:
            return list(self._output_keys)
        self._targets_are_named = isinstance(y, dict)
        if isinstance(y, dict):
            self._check_target_names()
            return sorted(y)
        if is_container_of_arrays(y):
            return [f"output_{i + 1}" for i in range(len(y))] if len(y) > 1 else ["output"]
        return ["output"]

    def _input_specs(self) -> tuple[list[tuple[Any, ...]] | None, list[str], str]:
        """Return the input shapes, the input names and the first layer's name, for use in error messages."""
        return None, [], str(self.name)

    def _check_target_names(self) -> None:
        if self._targets_are_named and self._outputs_known and self._output_keys is None:
            raise InvalidArgument(
                f"model {self.name!r}: the targets are a dict, but the model's outputs have no names; return a dict "
                "with the same keys from call, or pass the targets as a list in the order of the outputs"
            )

    @property
    def _supports_padding(self) -> bool:
        """Whether every layer either processes each row independently or ignores padding rows."""
        return all(layer.supports_padding for _, layer in self._flatten_layers())

    # --- layers ----------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self.name)!r} of {pluralize(len(self.layers), 'layer')}>"

    @property
    def layers(self) -> list[Layer]:
        """The model's direct layers, without the layers nested inside them."""
        return [layer for _, layer in self._named_children()]

    @validate_params(index=Integer() | None)
    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by name or index.

        Args:
            name (str | None): Name of the layer. Default: None.
            index (int | None): Index of the layer in `layers`. It takes precedence over `name`. Default: None.

        Returns:
            Layer: The layer.

        Raises:
            InvalidArgument: if there is no such layer.

        Source: Keras `Model.get_layer`.
        """
        if index is not None:
            count = len(self.layers)
            if not -count <= index < count:
                raise InvalidArgument(
                    f"get_layer: index={index} is out of range, because model {self.name!r} has {count} layers"
                )
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise unknown_name_error("layer", str(name), [str(layer.name) for layer in self.layers])

    # --- files -----------------------------------------------------------------------------------------------

    @validate_params(filepath=FilePath())
    def save(self, filepath: Any, overwrite: bool = True, include_optimizer: bool = True) -> None:
        """Save the whole model to a file.

        Args:
            filepath (str | Path): Path of the file, which must end in ``.keras`` or ``.h5``.
            overwrite (bool): Whether to replace an existing file instead of raising an error. Default: True.
            include_optimizer (bool): Whether to save the optimizer's state as well. Default: True.

        Source: Keras `Model.save`. See `saving.save_model`.
        """
        from fitwell.saving import save_model

        save_model(self, filepath, overwrite=overwrite, include_optimizer=include_optimizer)

    def to_json(self, **options: Any) -> str:
        """Return the model's architecture as a JSON string.

        Args:
            **options: Keyword arguments for `json.dumps`.

        Returns:
            str: The configuration, which `models.model_from_json` can read.

        Source: Keras `Model.to_json`.
        """
        from fitwell.saving import to_json

        return to_json(self, **options)

    @validate_params(filepath=FilePath())
    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Save the weights to a file.

        Args:
            filepath (str | Path): Path of the file. See `saving.save_weights` for the formats.
            overwrite (bool): Whether to replace an existing file instead of raising an error. Default: True.

        Source: Keras `Model.save_weights`.
        """
        from fitwell.saving import save_weights

        save_weights(self, filepath, overwrite=overwrite)

    @validate_params(filepath=FilePath())
    def load_weights(self, filepath: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
        """Load weights from a file that was saved by this model or a different one.

        Args:
            filepath (str | Path): Path of the file. See `saving.load_weights` for the formats.
            skip_mismatch (bool): Whether to skip weights that do not match the model, with a warning for each. If
                False, a mismatch raises an error. Default: False.
            by_name (bool): Whether to match layers by name. This works only for ``.h5`` files in Keras 2's layout.
                Default: False.

        Source: Keras `Model.load_weights`.
        """
        from fitwell.saving import load_weights

        load_weights(self, filepath, skip_mismatch=skip_mismatch, by_name=by_name)
