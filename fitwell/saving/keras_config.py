"""Functions that convert configurations to and from Keras's format.

The tables below list every argument that differs between fitwell's and Keras's classes. `to_keras` and `from_keras`
convert plain data, such as the results of `serialize` and JSON files. They do not build objects, do not import modules
that a file refers to, and raise an error for data that represents code.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from fitwell._escaping import short_repr
from fitwell._registry import Configurable, find_kind, find_registry
from fitwell.config import floatx
from fitwell.errors import FileError, UnknownName, warn
from fitwell.layers.base import Layer
from fitwell.saving.functional_config import from_keras_graph, to_keras_graph

__all__ = [
    "FITWELL_ONLY_ARGUMENTS",
    "KERAS_ONLY_ARGUMENTS",
    "READ_CONVERSIONS",
    "RENAMED_ARGUMENTS",
    "WRITE_CONVERSIONS",
    "from_keras",
    "to_keras",
    "to_keras_v2",
]

Config = dict[str, Any]

# A table entry that matches every value.
ANY = object()

# Arguments that Keras's classes do not have, with the values for which they have no effect. An argument with such a
# value is not written to files.
FITWELL_ONLY_ARGUMENTS: dict[str, Config] = {
    "Optimizer": {
        "coupled_weight_decay": None,
        "gradient_noise": None,
        "learning_rate_multipliers": None,
        "weight_decay_multipliers": None,
    },
}

# Arguments that classes have in some Keras version but not in fitwell, with the values for which they have no effect.
# An argument that is None, False or an empty list never has an effect. An argument without an effect is ignored.
KERAS_ONLY_ARGUMENTS: dict[str, Config] = {
    "BatchNormalization": {"renorm_momentum": ANY, "virtual_batch_size": None},
    "Flatten": {"data_format": "channels_last"},
    "RandomBrightness": {"data_format": ANY},
    "RandomContrast": {"data_format": ANY},
    "Layer": {"autocast": True},
    # Keras 2: the name of the function that the class wraps.
    "Loss": {"fn": ANY},
    "Optimizer": {"jit_compile": ANY},
}

# Deprecated argument names, and the current names.
RENAMED_ARGUMENTS: dict[str, dict[str, str]] = {
    "LeakyReLU": {"alpha": "negative_slope"},
    "Optimizer": {"lr": "learning_rate"},
}


def _unwrap_single_axis(value: Any) -> Any:
    """Convert ``[[1, 2]]`` to ``[1, 2]``, because Keras does not use a nested list for a single axis."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _unwrap_symmetric_range(value: Any) -> Any:
    """Convert ``[-0.3, 0.3]`` to 0.3, because fitwell's argument is the magnitude and the sign is drawn at random."""
    symmetric = isinstance(value, list) and len(value) == 2 and value[0] == -value[1]
    return value[1] if symmetric else value


# Functions that convert argument values that Keras represents differently, when a file is written and when it is read.
WRITE_CONVERSIONS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "Cropping1D": {"cropping": _unwrap_single_axis},
    "ZeroPadding1D": {"padding": _unwrap_single_axis},
}
READ_CONVERSIONS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "Loss": {"reduction": lambda value: "sum_over_batch_size" if value == "auto" else value},
    "RandomShear": {"x_factor": _unwrap_symmetric_range, "y_factor": _unwrap_symmetric_range},
}

_LAYER_ARGUMENTS = (
    "name",
    "trainable",
    "dtype",
    "activity_regularizer",
    "input_shape",
    "input_dim",
    "batch_input_shape",
)


# --- writing -----------------------------------------------------------------------------------------------


def to_keras(value: Any) -> Any:
    """Convert `value`, as returned by `serialize`, to the Keras 3 format."""
    if isinstance(value, list):
        return [to_keras(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if not value.keys() >= {"class_name", "config"}:
        return {key: to_keras(item) for key, item in value.items()}
    name, config = value["class_name"], value["config"]
    shared = {key: value[key] for key in ("shared_object_id",) if key in value}
    if name == "Functional":
        about = {
            "module": "keras.src.models.functional",
            "class_name": name,
            "registered_name": name,
            **shared,
        }
        return {**about, "config": to_keras_graph(config, to_keras)}
    neutral = FITWELL_ONLY_ARGUMENTS.get(_family(value), {}) | FITWELL_ONLY_ARGUMENTS.get(name, {})
    config = {key: to_keras(item) for key, item in config.items() if not _is_neutral(neutral, key, item)}
    config = _convert_arguments(config, WRITE_CONVERSIONS.get(name, {}))
    if _family(value) == "Layer" and floatx() != "float32":
        config.setdefault("dtype", floatx())
    module = "keras" if name == "Sequential" else value.get("module")
    return {
        "module": module,
        "class_name": name,
        "config": config,
        "registered_name": value.get("registered_name"),
        **shared,
    }


def _family(value: Mapping[str, Any]) -> str:
    families = {"keras.layers": "Layer", "keras.optimizers": "Optimizer"}
    return families.get(str(value.get("module")), "")


def _convert_arguments(config: Config, changes: Mapping[str, Callable[[Any], Any]]) -> Config:
    return {key: changes[key](item) if key in changes else item for key, item in config.items()}


def _is_neutral(table: Mapping[str, Any], name: str, value: Any) -> bool:
    return name in table and (table[name] is ANY or table[name] == value)


def to_keras_v2(value: Any) -> Any:
    """Convert a Keras 3 configuration to the Keras 2 format, in which classes have no modules.

    Operations keep their modules, because Keras 2 did not have operations and Keras 3 has layers with the same names.
    """
    if isinstance(value, list):
        return [to_keras_v2(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    written = {key: to_keras_v2(item) for key, item in value.items()}
    if "class_name" in written and not str(written.get("module")).startswith("keras.src.ops"):
        written.pop("module", None)
        registered = str(written.pop("registered_name", None))
        if ">" in registered:
            written["class_name"] = registered
    return written


# --- reading -----------------------------------------------------------------------------------------------


def from_keras(value: Any) -> Any:
    """Convert a configuration from any Keras version to the format that `deserialize` accepts.

    Raises:
        FileError: if the configuration contains Python code (a `Lambda` layer or a pickled function), or an unsupported
            argument that has an effect.
    """
    if isinstance(value, list):
        return [from_keras(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if not value.keys() >= {"class_name", "config"}:
        return {key: from_keras(item) for key, item in value.items()}
    name = value["class_name"]
    if not isinstance(name, str):
        raise FileError(f"expected a string as 'class_name' in the configuration, got {name!r}")
    if name in _SPECIAL_CLASSES:
        return _SPECIAL_CLASSES[name](value["config"])
    return _read_object(dict(value), _current_class_name(name, value))


def _current_class_name(name: str, value: Mapping[str, Any]) -> str:
    """Return a class's current name.

    The prefix ``Custom>`` is removed, and so is a suffix ``V1`` or ``V2`` that TensorFlow added. The class name of a
    functional model is ``Functional``, even if the file calls it ``Model``.
    """
    config = value["config"]
    name = name.removeprefix("Custom>")
    if name == "Model" and isinstance(config, Mapping) and "input_layers" in config:
        return "Functional"
    for suffix in ("V1", "V2"):
        if name.endswith(suffix) and not value.get("registered_name"):
            return name.removesuffix(suffix)
    return name


def _read_object(value: Config, name: str) -> Any:
    config = value["config"]
    if config is None:
        config = {}
    if name == "Sequential" and isinstance(config, list):
        # Keras versions before 2.2.3 wrote only a list of layers, without the model's name.
        config = {"layers": config}
    if not isinstance(config, Mapping):
        raise FileError(f"expected the configuration of {name} to be a dict, got {type(config).__name__}")
    module = value.get("module")
    # Keras 2: the name of a registered class contains its package.
    written = value["class_name"] if ">" in value["class_name"] else None
    about = {"class_name": name, "registered_name": value.get("registered_name") or written}
    if "shared_object_id" in value:
        about["shared_object_id"] = value["shared_object_id"]
    if isinstance(module, str) and not module.startswith("keras.src"):
        about["module"] = "keras.layers" if module == "keras" else module
    if name == "Functional":
        return {**about, "module": "keras.layers", "config": from_keras_graph(dict(config), from_keras)}
    try:
        home = find_registry(about)
        entry = home.resolve_class(about)
    except UnknownName:
        # The class is user-defined or unknown. If it is unknown, `deserialize` raises an error with a better message.
        return {**about, "config": {key: from_keras(item) for key, item in config.items()}}
    own = home.has(entry)
    kind = "Layer" if _is_layer(entry) else (find_kind(entry) or home.kind).capitalize()
    config = {_current_argument_name(name, kind, key): item for key, item in config.items()}
    if kind == "Layer":
        config |= {"dtype": _dtype(config["dtype"])} if config.get("dtype") is not None else {}
    if kind == "Optimizer":
        config = _current_optimizer_config(config)
    if name != "Sequential" and (
        hasattr(entry, "_arguments") if own else inspect.isclass(entry) and _inherits_from_config(entry)
    ):
        config = _keep_known_arguments(name, kind, config, _arguments(entry))
    if name == "Sequential" and "layers" not in config:
        raise FileError("the configuration of a Sequential model has no key 'layers'")
    config = {key: from_keras(item) for key, item in config.items()}
    return {
        **about,
        "config": _convert_arguments(config, READ_CONVERSIONS.get(kind, {}) | READ_CONVERSIONS.get(name, {})),
    }


def _inherits_from_config(entry: Any) -> bool:
    """Return whether a user-defined class inherits `from_config` from fitwell.

    If so, the configuration is passed to the class's constructor.
    """
    reads = next((cls for cls in entry.__mro__ if "from_config" in vars(cls)), None)
    return reads is Configurable and find_kind(entry) is not None


def _is_layer(entry: Any) -> bool:
    return inspect.isclass(entry) and issubclass(entry, Layer)


def _arguments(entry: Any) -> set[str]:
    """Return the names of the constructor's arguments, including arguments that it accepts through ``**options``.

    A user-defined class passes its options to its fitwell base class, so the base class's arguments are included.
    """
    known: set[str] = set()
    for cls in entry.__mro__:
        known |= {*cls._arguments(), *inspect.signature(cls.__init__).parameters}
        if find_kind(cls) is not None and cls.__module__.startswith("fitwell."):
            break
    return known - {"self", "kwargs", "options"}


def _current_argument_name(name: str, kind: str, argument: str) -> str:
    return (
        RENAMED_ARGUMENTS.get(name, {}).get(argument)
        or RENAMED_ARGUMENTS.get(kind, {}).get(argument)
        or argument
    )


def _keep_known_arguments(name: str, kind: str, config: Config, known: set[str]) -> Config:
    """Return `config` without its unknown arguments.

    Raises:
        FileError: if an unknown argument has an effect.
    """
    known = known | set(_LAYER_ARGUMENTS if kind == "Layer" else ())
    neutral = KERAS_ONLY_ARGUMENTS.get(kind, {}) | KERAS_ONLY_ARGUMENTS.get(name, {})
    kept = {key: value for key, value in config.items() if key in known}
    for key, value in config.items():
        # In Keras, even objects that compute nothing have a name and a dtype, which do not affect any result.
        if key in known or key in ("name", "dtype") or value in (None, False, []):
            continue
        if not _is_neutral(neutral, key, value):
            raise FileError(
                f"the file contains {name}({key}={value!r}), but fitwell does not support this argument. "
                f"The supported arguments are {', '.join(sorted(known))}."
            )
    return kept


def _dtype(value: Any) -> Any:
    """Convert a Keras dtype or dtype policy to the dtype of a layer's variables.

    A mixed-precision policy is replaced with float32, and the function warns about it.

    Raises:
        FileError: if fitwell does not support the dtype.
    """
    if isinstance(value, Mapping):
        value = (value.get("config") or {}).get("name")
    if isinstance(value, str) and value.startswith("mixed_"):
        warn(
            f"the file has the dtype policy {short_repr(value)}, which fitwell replaces with float32 for variables and "
            "computations",
        )
        return "float32"
    if value not in ("float16", "bfloat16", "float32", "float64", "int32", "int64", "uint8", "bool", None):
        raise FileError(f"the file has the dtype {value!r}, which fitwell does not support")
    return value


def _current_optimizer_config(config: Config) -> Config:
    """Convert an optimizer's arguments from earlier Keras versions to the current arguments.

    The argument `decay` is replaced with a learning-rate schedule, and an `epsilon` of None is removed.
    """
    config = {key: value for key, value in config.items() if not (key == "epsilon" and value is None)}
    decay = config.pop("decay", None)
    if decay:
        schedule = {
            "initial_learning_rate": config.get("learning_rate", 0.001),
            "decay_steps": 1,
            "decay_rate": decay,
        }
        config["learning_rate"] = {
            "module": "keras.optimizers.schedules",
            "class_name": "InverseTimeDecay",
            "config": schedule,
        }
    return config


def _refuse_code(config: Any) -> Any:
    raise FileError(
        "the file contains Python code (a Lambda layer or a lambda function), which fitwell never loads. Build "
        "the model in code and use load_weights, or replace the function with a registered Layer subclass."
    )


def _refuse_typespec(config: Any) -> Any:
    raise FileError("the file contains a TensorFlow TypeSpec, which fitwell does not support")


def _get_key(key: str) -> Callable[[Any], Any]:
    def read(config: Any) -> Any:
        if not isinstance(config, Mapping) or key not in config:
            raise FileError(f"the configuration has no key {key!r}: {config!r}")
        return config[key]

    return read


def _slice(config: Any) -> Config:
    return {"slice": [_get_key(key)(config) for key in ("start", "stop", "step")]}


def _wrapped_metric(config: Any) -> Any:
    """Return the name of the function that a Keras 2 metric wraps."""
    name = config.get("fn") or config.get("name") if isinstance(config, Mapping) else None
    return from_keras(name)


# Class names in Keras's configurations that have no class in fitwell, with functions that convert the configurations.
_SPECIAL_CLASSES: dict[str, Callable[[Any], Any]] = {
    "__lambda__": _refuse_code,
    "Lambda": _refuse_code,
    "__typespec__": _refuse_typespec,
    "__tensor__": _get_key("value"),
    "__numpy__": _get_key("value"),
    "__bytes__": _get_key("value"),
    "__tuple__": lambda config: config,
    "__slice__": _slice,
    "__ellipsis__": lambda config: "...",
    "function": lambda config: config,
    "DTypePolicy": _get_key("name"),
    "SeedGenerator": _get_key("seed"),
    "MeanMetricWrapper": _wrapped_metric,
    "SumOverBatchSizeMetricWrapper": _wrapped_metric,
}
