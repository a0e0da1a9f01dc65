"""How a model was compiled, as Keras writes it, and compiling it again."""

from __future__ import annotations

from typing import Any

from fitwell import losses, metrics
from fitwell._registry import deserialize, serialize
from fitwell.errors import FileError, FitwellError, InvalidArgument, UnknownName, warn
from fitwell.saving.keras_config import Config, from_keras, to_keras

_ARGUMENTS = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")


def get_compile_config(model: Any) -> Config | None:
    """Return the arguments of `compile` in Keras's words; None for a model not compiled, or only code could say."""
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
            "saved without what exclude_from_weight_decay spares, for which Keras's files have no place: after loading "
            "weight decay applies to all weights",
        )
    return written


def expand_names(config: Config) -> Config:
    """Return `config` with losses and metrics written as classes: Keras 3 cannot read names in ``.h5`` files."""
    changed = dict(config)
    for name, get in (("loss", losses.get), ("metrics", metrics.get), ("weighted_metrics", metrics.get)):
        changed[name] = _expand_names(config[name], get)
    return changed


def _expand_names(value: Any, get: Any) -> Any:
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _expand_names(item, get) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand_names(item, get) for item in value]
    # What an accuracy is depends on the shapes; Keras reads these names, and only these.
    if not isinstance(value, str) or value in ("accuracy", "acc"):
        return value
    try:
        found = get(value)
    except UnknownName:
        return value  # a function of the user's own
    own_function = isinstance(
        found, losses.LossFunctionWrapper | metrics.LossMetric | metrics.MeanMetricWrapper
    )
    if own_function:
        return value
    if isinstance(found, metrics.Metric):
        found.name = value  # as `compile` calls what it is given by name
    return to_keras(serialize(found))


def compile_from_config(model: Any, config: Config) -> None:
    """Compile `model` as `config`, which Keras or `get_compile_config` wrote, says."""
    modules = {"optimizer": "keras.optimizers", "loss": "keras.losses"}
    arguments = {}
    for name in _ARGUMENTS:
        if config.get(name) is not None:
            arguments[name] = _read(config[name], modules.get(name, "keras.metrics"))
    try:
        model.compile(**arguments)
    except FileError:
        raise  # said of the file already
    except FitwellError as error:
        raise FileError(
            f"the file's compilation cannot be read: {error} A function of your own is passed as "
            "custom_objects={its name: the function}; load_model(..., compile=False) leaves the compilation out"
        ) from error


def _read(value: Any, module: str) -> Any:
    """Return objects for configurations; those of Keras 2, which name no module, are of `module`."""
    if isinstance(value, dict) and "class_name" not in value:
        return {name: _read(item, module) for name, item in value.items()}
    if isinstance(value, list):
        return [_read(item, module) for item in value]
    return deserialize(from_keras({"module": module, **value} if isinstance(value, dict) else value))
