"""Sequential, functional and subclassed models, and functions that copy, save and load them."""

from fitwell.layers.input_layer import Input
from fitwell.models.cloning import clone_model
from fitwell.models.functional import Functional
from fitwell.models.lsuv_init import lsuv
from fitwell.models.model import Model
from fitwell.models.sequential import Sequential
from fitwell.saving import load_model, model_from_json, save_model

__all__ = [
    "Functional",
    "Input",
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "lsuv",
    "model_from_json",
    "save_model",
]


def __dir__() -> list[str]:
    return sorted(__all__)
