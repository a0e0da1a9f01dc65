"""`CompilableModel`: a model with an optimizer, a loss and metrics."""

from __future__ import annotations

from typing import Any

from fitwell import optimizers
from fitwell._param_validation import Boolean, Integer, Options, validate_params
from fitwell.errors import InvalidArgument, StateError
from fitwell.models import input_checks
from fitwell.models.base_model import BaseModel
from fitwell.models.compile_config import LOSS_WEIGHTS, CompileConfig
from fitwell.models.training_session import TrainingSession

__all__ = ["CompilableModel"]


class CompilableModel(BaseModel):
    """The part of `Model` that `compile` sets up."""

    @validate_params(
        loss_weights=LOSS_WEIGHTS,
        run_eagerly=Boolean(),
        steps_per_execution=Integer(1) | Options("auto"),
        jit_compile=Boolean() | Options("auto"),
    )
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        loss_weights: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int | str = 1,
        jit_compile: bool | str = "auto",
    ) -> None:
        """Set the optimizer, the loss and the metrics.

        Which variables are trainable is decided here, as in Keras 2 (in Keras 3 by the first `fit`): freezing or
        unfreezing layers later has no effect before the next `compile`, and `fit` warns about it. Epochs start at 0,
        and a new optimizer starts with a new state.

        Args:
            optimizer (str | Optimizer | optax.GradientTransformation): Default: "rmsprop".
            loss (str | Loss | Callable | list | dict | None): A name, an object or a function ``f(y_true, y_pred)``; a
                list or dict of them for several outputs. Default: None.
            metrics (list | dict | None): Names, objects or functions; for several outputs a list of lists or a dict.
                Default: None.
            loss_weights (list[float] | dict[str, float] | None): Factor of the loss of each output. Default: 1 for
                each.
            weighted_metrics (list | dict | None): Like `metrics`, but weighted with `sample_weight`. Default: None.
            run_eagerly (bool): Only False is supported. Default: False.
            steps_per_execution (int | str): Accepted as in Keras; results do not depend on it. Default: 1.
            jit_compile (bool | str): "auto" or True; everything is compiled. Default: "auto".

        Raises:
            InvalidArgument: if a name is unknown, or a custom training step is defined, which would never be called.

        Example:
            >>> import fitwell as fw
            >>> model = fw.Sequential([fw.Input((4,)), fw.layers.Dense(1)])
            >>> model.compile(optimizer="adam", loss="mse", metrics=["mae"])
            >>> model.metrics_names
            ['loss', 'mae']

        Source: Keras `Model.compile`.
        """
        if run_eagerly:
            raise InvalidArgument(
                "run_eagerly=True: fitwell compiles whole runs; to inspect a model, call model(x) eagerly, or use "
                "jax.debug.print in a layer's call"
            )
        if jit_compile is False:
            raise InvalidArgument("jit_compile=False: fitwell always compiles; leave the argument out")
        input_checks.check_overrides(type(self))
        compile_config = CompileConfig(loss, loss_weights, metrics, weighted_metrics)
        self.optimizer = optimizers.get(optimizer)
        self._session_or_none = TrainingSession(self, self.optimizer, compile_config)

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return getattr(self, "_session_or_none", None) is not None

    @property
    def _session(self) -> TrainingSession:
        """The `TrainingSession` of the model."""
        if not self.compiled:
            raise StateError(
                f"model {self.name!r} must be compiled first: model.compile(optimizer=..., loss=...)"
            )
        return self._session_or_none

    @property
    def loss(self) -> Any:
        """The loss as given to `compile`."""
        return self._session.compile_config.loss

    @property
    def metrics_names(self) -> list[str]:
        """The names of the values that `evaluate` returns, the loss first.

        For a subclassed model they are known after the first `fit` or `evaluate`, which show how many outputs it has.
        """
        return self._session.result_names()
