"""Convert the arguments of `compile` to and from the format of Keras."""

from __future__ import annotations

from typing import Any

from fitwell import losses, metrics
from fitwell._registry import deserialize, serialize
from fitwell.errors import FileError, FitwellError, InvalidArgument, UnknownName, warn
from fitwell.saving.keras_config import Config, from_keras, to_keras

__all__ = ["compile_from_config", "expand_names", "get_compile_config"]

_ARGUMENTS = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")


def get_compile_config(model: Any) -> Config | None:
    """Return the arguments of `compile` in the format of Keras, or None if not compiled or not serializable."""
    if not model.compiled:
        return None
    compile_config = model._session.compile_config
    values = {"optimizer": model.optimizer} | {name: getattr(compile_config, name) for name in _ARGUMENTS[1:]}
    try:
        written: Config = to_keras({name: serialize(value) for name, value in values.items()})
    except InvalidArgument as error:
        warn(f"saved without its compilation: {error}")
        return None
    if model.optimizer.reach.excluded or model.optimizer.reach.excluded_pattern:
        warn(
            "weight-decay exclusions (exclude_from_weight_decay) were not saved, because the Keras format cannot store "
            "them: after loading, weight decay applies to all weights",
        )
    return written


def expand_names(config: Config) -> Config:
    """Return `config` with losses and metrics as classes, because Keras 3 cannot read their names in ``.h5`` files."""
    changed = dict(config)
    for name, get in (("loss", losses.get), ("metrics", metrics.get), ("weighted_metrics", metrics.get)):
        changed[name] = _expand_names(config[name], get)
    return changed


def _expand_names(value: Any, get: Any) -> Any:
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _expand_names(item, get) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand_names(item, get) for item in value]
    # The function behind these names depends on the shapes. Keras reads these names, and no others.
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
        found.name = value  # `compile` names a metric that is given by name so
    return to_keras(serialize(found))


def compile_from_config(model: Any, config: Config) -> None:
    """Compile `model` with the arguments in `config`, which Keras or `get_compile_config` wrote."""
    modules = {"optimizer": "keras.optimizers", "loss": "keras.losses"}
    arguments = {}
    for name in _ARGUMENTS:
        if config.get(name) is not None:
            arguments[name] = _read(config[name], modules.get(name, "keras.metrics"))
    try:
        model.compile(**arguments)
    except FileError:
        raise  # already names the file
    except FitwellError as error:
        raise FileError(
            f"the file's compilation cannot be read: {error} Pass a user-defined function as "
            "custom_objects={its name: the function}; load_model(..., compile=False) omits the compilation"
        ) from error


def _read(value: Any, module: str) -> Any:
    """Return the objects of configurations; those of Keras 2, which have no module, are in `module`."""
    if isinstance(value, dict) and "class_name" not in value:
        return {name: _read(item, module) for name, item in value.items()}
    if isinstance(value, list):
        return [_read(item, module) for item in value]
    return deserialize(from_keras({"module": module, **value} if isinstance(value, dict) else value))
