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
    """A model that can be compiled with an optimizer, a loss and metrics."""

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

        Compiling determines which variables are trainable, as in Keras 2. (In Keras 3, the first `fit` does.) Freezing
        or unfreezing layers later has no effect until the next `compile`, and `fit` warns about it. The epoch
        count restarts at 0. A new optimizer starts with a new state.

        Args:
            optimizer (str | Optimizer | optax.GradientTransformation): Name of an optimizer, or an optimizer object.
                Default: "rmsprop".
            loss (str | Loss | Callable | list | dict | None): A name, an object or a function ``f(y_true, y_pred)``,
                or a list or dict with one of these per output. Default: None.
            metrics (list | dict | None): A list of names, objects or functions. To use different metrics for each
                output, pass a list of lists or a dict. Default: None.
            loss_weights (list[float] | dict[str, float] | None): Weight of each output's loss in the total loss.
                Defaults to None, which means 1 for each output.
            weighted_metrics (list | dict | None): Like `metrics`, but weighted with `sample_weight`. Default: None.
            run_eagerly (bool): Only False is supported. Default: False.
            steps_per_execution (int | str): Accepted for compatibility with Keras. It does not affect the results.
                Default: 1.
            jit_compile (bool | str): "auto" or True. Everything is compiled, so False is not supported.
                Default: "auto".

        Raises:
            InvalidArgument: if a name is unknown, if an argument has an unsupported value, or if the model defines a
                custom training step, which fitwell would never call.

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
                "run_eagerly=True is not supported, because fitwell compiles whole runs; to inspect a model, call "
                "model(x) directly, or use jax.debug.print in a layer's call"
            )
        if jit_compile is False:
            raise InvalidArgument("jit_compile=False is not supported, because fitwell always compiles")
        input_checks.check_overrides(type(self))
        compile_config = CompileConfig(loss, loss_weights, metrics, weighted_metrics)
        self.optimizer = optimizers.get(optimizer)
        self._session_or_none = TrainingSession(self, self.optimizer, compile_config)

    @property
    def compiled(self) -> bool:
        """Whether the model has been compiled."""
        return getattr(self, "_session_or_none", None) is not None

    @property
    def _session(self) -> TrainingSession:
        """The model's `TrainingSession`."""
        if not self.compiled:
            raise StateError(
                f"model {self.name!r} must be compiled first; call model.compile(optimizer=..., loss=...)"
            )
        return self._session_or_none

    @property
    def loss(self) -> Any:
        """The loss that was passed to `compile`."""
        return self._session.compile_config.loss

    @property
    def metrics_names(self) -> list[str]:
        """The names of the values that `evaluate` returns, starting with the loss.

        For a subclassed model, they are known only after the first `fit` or `evaluate`, which determines the
        number of outputs.
        """
        return self._session.result_names()
