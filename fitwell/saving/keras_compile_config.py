"""Functions that convert the arguments of `compile` to and from Keras's format."""

from __future__ import annotations

from typing import Any

from fitwell import losses, metrics
from fitwell._registry import deserialize, serialize
from fitwell.errors import FileError, FitwellError, InvalidArgument, UnknownName, warn
from fitwell.saving.keras_config import Config, from_keras, to_keras

__all__ = ["compile_from_config", "expand_names", "get_compile_config"]

_ARGUMENTS = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")


def get_compile_config(model: Any) -> Config | None:
    """Return the arguments that `model` was compiled with, in Keras's format.

    Returns:
        The arguments, or None if the model is not compiled. If an argument cannot be saved, the function warns and
        returns None.
    """
    if not model.compiled:
        return None
    compile_config = model._session.compile_config
    values = {"optimizer": model.optimizer} | {name: getattr(compile_config, name) for name in _ARGUMENTS[1:]}
    try:
        written: Config = to_keras({name: serialize(value) for name, value in values.items()})
    except InvalidArgument as error:
        warn(f"the model was saved without its compile arguments: {error}")
        return None
    if model.optimizer.reach.excluded or model.optimizer.reach.excluded_pattern:
        warn(
            "the weight-decay exclusions (exclude_from_weight_decay) were not saved, because the Keras format cannot "
            "store them. After loading, weight decay will apply to all weights.",
        )
    return written


def expand_names(config: Config) -> Config:
    """Return a copy of `config` in which configurations replace the names of loss and metric classes.

    In ``.h5`` files, Keras 3 cannot read the names of these classes. It can read the names of functions and the name
    ``"accuracy"``, so these are not changed.
    """
    changed = dict(config)
    for name, get in (("loss", losses.get), ("metrics", metrics.get), ("weighted_metrics", metrics.get)):
        changed[name] = _expand_names(config[name], get)
    return changed


def _expand_names(value: Any, get: Any) -> Any:
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _expand_names(item, get) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand_names(item, get) for item in value]
    # Keep these names, because the metric that they refer to depends on the shapes. Keras can read them.
    if not isinstance(value, str) or value in ("accuracy", "acc"):
        return value
    try:
        found = get(value)
    except UnknownName:
        return value  # a user-defined function
    own_function = isinstance(
        found, losses.LossFunctionWrapper | metrics.LossMetric | metrics.MeanMetricWrapper
    )
    if own_function:
        return value
    if isinstance(found, metrics.Metric):
        found.name = value  # `compile` uses the same name for a metric that is passed as a string
    return to_keras(serialize(found))


def compile_from_config(model: Any, config: Config) -> None:
    """Compile `model` with the arguments in `config`, which Keras wrote or `get_compile_config` returned."""
    modules = {"optimizer": "keras.optimizers", "loss": "keras.losses"}
    arguments = {}
    for name in _ARGUMENTS:
        if config.get(name) is not None:
            arguments[name] = _read(config[name], modules.get(name, "keras.metrics"))
    try:
        model.compile(**arguments)
    except FileError:
        raise  # the message already includes the file name
    except FitwellError as error:
        raise FileError(
            f"cannot read the compile arguments in the file ({str(error).rstrip('.')}). If the file refers to a "
            "user-defined function, pass custom_objects={name: function}. To load the model without compiling it, use "
            "load_model(..., compile=False)."
        ) from error


def _read(value: Any, module: str) -> Any:
    """Convert configurations to objects. Keras 2 wrote configurations without a module, so `module` is the default."""
    if isinstance(value, dict) and "class_name" not in value:
        return {name: _read(item, module) for name, item in value.items()}
    if isinstance(value, list):
        return [_read(item, module) for item in value]
    return deserialize(from_keras({"module": module, **value} if isinstance(value, dict) else value))
