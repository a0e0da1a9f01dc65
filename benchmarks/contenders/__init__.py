"""The contenders, by name, in the order of the tables."""

from benchmarks.contenders.base import Contender
from benchmarks.contenders.ceiling import Ceiling
from benchmarks.contenders.fitwell_fit import Fitwell
from benchmarks.contenders.floor import Floor
from benchmarks.contenders.keras_jax import KerasJax, KerasJaxSteps
from benchmarks.contenders.pytorch import PyTorch
from benchmarks.contenders.sklearn_mlp import SklearnMLP

CONTENDERS: dict[str, Contender] = {
    contender.name: contender
    for contender in (Fitwell(), Ceiling(), Floor(), KerasJax(), KerasJaxSteps(), PyTorch(), SklearnMLP())
}
