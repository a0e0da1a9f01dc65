"""`Model`: a layer that can be compiled, fitted, evaluated, used and saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from fitwell import optimizers
from fitwell._data.loaders import count_rows
from fitwell._history import History
from fitwell._param_validation import (
    Boolean,
    CallableRule,
    FilePath,
    Integer,
    ListOf,
    Options,
    Real,
    validate_params,
)
from fitwell._progress import VERBOSE, ProgressReporter, print_message
from fitwell._variables import same_variables
from fitwell.callbacks.callback_list import CallbackList, flatten_callbacks
from fitwell.errors import InvalidArgument, StateError
from fitwell.models import evaluation, input_checks, prediction, summary
from fitwell.models.base_model import BaseModel
from fitwell.models.class_weight import CLASS_WEIGHT
from fitwell.models.compile_config import LOSS_WEIGHTS, CompileConfig
from fitwell.models.deprecated_methods import DeprecatedMethods, check_deprecated_arguments
from fitwell.models.fit_data import pack_data, pack_validation_data
from fitwell.models.fit_options import FIT_RULES, FitOptions
from fitwell.models.inference import Inference, infer_structs
from fitwell.models.model_program import as_outputs
from fitwell.models.run_data import RunData
from fitwell.models.train_loop import TrainLoop
from fitwell.models.training_session import TrainingSession

_COUNT = Integer(1) | None


class Model(DeprecatedMethods, BaseModel):
    """A network that can be trained.

    Three forms, as in Keras: `Sequential`; functional, ``Model(inputs=..., outputs=...)``; and subclasses
    that make layers in ``__init__`` and compute in ``call(self, inputs, training=None)``.
    """

    # Set by `fitwell.models.functional`, which this module cannot import.
    _functional_class: ClassVar[type[Model]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and (args or "inputs" in kwargs):
            return super().__new__(Model._functional_class)
        return super().__new__(cls)

    @classmethod
    def from_config(cls, config: Any) -> Any:
        """Return a new model for what `get_config` wrote; that of a functional one is read by `Model`, too."""
        if cls is Model and "calls" in config:
            return Model._functional_class.from_config(config)
        return super().from_config(config)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or "inputs" in kwargs:
            raise InvalidArgument(
                f"{type(self).__name__}: a subclass of Model is not drawn from inputs and outputs, for its `call` says "
                "what it does; derive it from models.Functional to draw it: "
                f"class {type(self).__name__}(models.Functional)"
            )
        super().__init__(**kwargs)
        self._prepare_model()

    def __getstate__(self) -> dict[str, Any]:
        """Leave the compiled forward pass out of copies and pickles: their next call makes it again."""
        return {**vars(self), "_forward_pass_or_none": None}

    # --- compiling -----------------------------------------------------------------------------------------

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
        """Say how the model is trained.

        Parameters
        ----------
        optimizer: name, `optimizers.Optimizer`, or any optax transformation.
        loss: name, object or function ``f(y_true, y_pred)``; a list or dict of them for several outputs.
        metrics, weighted_metrics: lists of names, objects or functions; per output as a list of lists or a
            dict. Weighted ones count sample weights.
        loss_weights: list or dict of factors, one per output.
        steps_per_execution, jit_compile: hints that fitwell does not need: results never depend on how a
            run is cut into dispatches, and everything is compiled.

        Which variables are trainable is settled here, as in Keras 2 (in Keras 3 by the first `fit`): what is frozen
        or unfrozen later has no effect before the next `compile`, and `fit` warns of it. Epochs and, of a new
        optimizer, slots start from nothing.
        """
        if run_eagerly:
            raise InvalidArgument(
                "run_eagerly=True: fitwell compiles whole runs; to look inside, call model(x) eagerly, or use "
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
        """The compiled side of the model."""
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
        """The names of what `evaluate` returns, the loss first.

        Of a subclassed model they are known after the first `fit` or `evaluate`, which show how many outputs it has.
        """
        return self._session.result_names()

    # --- training ------------------------------------------------------------------------------------------

    @validate_params(FIT_RULES)
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Any] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[Any, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        resume: Any = None,
        **older: Any,
    ) -> History:
        """Train the model; calling it again goes on from where it stopped.

        Parameters
        ----------
        x, y: inputs and targets, the rows first: NumPy or JAX arrays, pandas objects, lists, or dicts and
            lists of arrays for several inputs and outputs. `x` may instead be a generator or iterable of
            batches ``(x, y)`` or ``(x, y, sample_weight)``.
        batch_size: rows per update, 32. The last, short batch is used and weighs by its true size.
        epochs: the epoch to stop after. initial_epoch: the number of the first one.
        verbose: 0 silent, 1 progress, 2 a line per epoch; ``"auto"`` is 1.
        callbacks: observers and policies.
        validation_split: fraction taken from the end of x and y, before shuffling.
        validation_data: ``(x, y)``, ``(x, y, sample_weight)`` or a generator.
        shuffle: a new order of rows every epoch.
        class_weight: factor per class; multiplied with `sample_weight`, one factor per row. For learning only:
            what is split off for validation is not weighted by class.
        steps_per_epoch, validation_steps: lengths of an epoch and a validation in batches.
        validation_batch_size: results do not depend on it. validation_freq: validate every so many epochs,
            or in the epochs listed (counted from 1).
        resume: a folder in which to keep checkpoints of this run, one every epoch, and from which to go on
            when it holds some: the run ends with the bits of one that was never interrupted. They stay there,
            so a run that is over is only read back, or goes on to more `epochs`. Another frequency:
            `callbacks.BackupAndRestore`.
        older: arguments of earlier years that change nothing (`workers`); they warn, all others are refused.

        Returns the `History`. Ctrl-C ends the run after the step it is in, with all weights as learned.
        """
        check_deprecated_arguments(Model.fit, older)
        if x is None:
            raise InvalidArgument("fit: x is missing")
        session = self._session
        session.warn_if_freezing_changed()
        data = pack_data(self, x, y, sample_weight, class_weight, learning=True)
        validation, tail = None, None
        if validation_data is not None:
            validation = pack_validation_data(self, validation_data)
        elif validation_split:
            data, validation = data.split(validation_split)
            tail = validation.example
        options = FitOptions(
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            shuffle=shuffle,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
            resume=resume,
        )
        loop = TrainLoop(session, RunData(data, validation), options, flatten_callbacks(callbacks))
        session.warn_about_mistakes(data.example, tail, alone=not callbacks, whole=data.batch is not None)
        return loop.run()

    @validate_params(batch_size=_COUNT, verbose=VERBOSE, steps=_COUNT, return_dict=Boolean())
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Sequence[Any] | None = None,
        return_dict: bool = False,
        **older: Any,
    ) -> Any:
        """Return the loss and every metric over `x` and `y`: a float, a list of floats, or a dict."""
        check_deprecated_arguments(Model.evaluate, older)
        data = pack_data(self, x, y, sample_weight)
        self._session.get_program(data.example)
        self._session.check(data.example)
        progress = ProgressReporter(verbose, None, None)
        callback_list = CallbackList(flatten_callbacks(callbacks), self, {"steps": steps, "verbose": verbose})
        results = evaluation.evaluate(
            self, data, callback_list, batch_size=batch_size, steps=steps, progress=progress
        )
        progress.close()
        if return_dict:
            return results
        values = list(results.values())
        return values[0] if len(values) == 1 else values

    @validate_params(batch_size=_COUNT, verbose=VERBOSE, steps=_COUNT)
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = 0,
        steps: int | None = None,
        callbacks: Sequence[Any] | None = None,
        **older: Any,
    ) -> Any:
        """Return the outputs for every row of `x` as NumPy arrays, computed in batches."""
        check_deprecated_arguments(Model.predict, older)
        progress = ProgressReporter(verbose, None, None)
        callback_list = CallbackList(flatten_callbacks(callbacks), self, {"steps": steps, "verbose": verbose})
        outputs = prediction.predict(
            self, x, callback_list, batch_size=batch_size, steps=steps, progress=progress
        )
        progress.close()
        return outputs

    @validate_params(class_weight=CLASS_WEIGHT, return_dict=Boolean())
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Make one update on one batch and return its loss and metrics, as `evaluate` does."""
        self._session.warn_if_freezing_changed()
        data = pack_data(self, x, y, sample_weight, class_weight, learning=True)
        options = FitOptions(
            batch_size=count_rows(data.example), verbose=0, shuffle=False, restores_average=False
        )
        loop = TrainLoop(self._session, RunData(data), options)
        self._session.warn_about_mistakes(data.example)
        history = loop.run()
        # Not the learning rate of a schedule, which is history too.
        found = {name: history.history[name][-1] for name in self.metrics_names}
        values = list(found.values())
        return found if return_dict else values[0] if len(values) == 1 else values

    @validate_params(return_dict=Boolean())
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return the loss and metrics of one batch, as `evaluate` does."""
        return self.evaluate(x, y, sample_weight=sample_weight, verbose=0, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch."""
        return self.predict(x)

    def _output_specs(self, x: Any) -> list[Any]:
        """Return the abstract outputs for inputs like `x`; builds the model if need be."""
        structs = infer_structs(self, x)
        self._output_keys = sorted(structs) if isinstance(structs, dict) else None
        self._outputs_known = True
        self._check_target_names()
        return as_outputs(structs)

    def _predict_compiled(self, x: Any, size: int | None = None) -> Any:
        """Return the outputs for the rows of `x` in one compiled call, `size` rows at a time if that is given."""
        if not self.built:
            infer_structs(self, x)
        return self._forward_pass(x, size)

    @property
    def _forward_pass(self) -> Inference:
        """The compiled forward pass."""
        inference: Inference | None = self._forward_pass_or_none
        # Layers may have been added or taken away since.
        if inference is None or not same_variables(inference.variables, dict(self._named_variables())):
            inference = self._forward_pass_or_none = Inference(self)
        return inference

    # --- structure -----------------------------------------------------------------------------------------

    @validate_params(
        line_length=Integer(1) | None, positions=ListOf(Real(0)) | None, print_fn=CallableRule() | None
    )
    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
    ) -> None:
        """Print the layers with output shapes, parameter counts and, in graphs, connections."""
        text = summary.render(self, line_length, positions, expand_nested, show_trainable)
        (print_fn or print_message)(text)

    @validate_params(filepath=FilePath())
    def save(self, filepath: Any, overwrite: bool = True, include_optimizer: bool = True) -> None:
        """Write the whole model to a ``.keras`` or ``.h5`` file; see `saving.save_model`."""
        from fitwell.saving import save_model

        save_model(self, filepath, overwrite=overwrite, include_optimizer=include_optimizer)

    def to_json(self, **options: Any) -> str:
        """Return the architecture as JSON text; `options` are those of `json.dumps`."""
        from fitwell.saving import to_json

        return to_json(self, **options)

    @validate_params(filepath=FilePath())
    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Write the weights alone; see `saving.save_weights`."""
        from fitwell.saving import save_weights

        save_weights(self, filepath, overwrite=overwrite)

    @validate_params(filepath=FilePath())
    def load_weights(self, filepath: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
        """Read weights from a file of this or another model; see `saving.load_weights`."""
        from fitwell.saving import load_weights

        load_weights(self, filepath, skip_mismatch=skip_mismatch, by_name=by_name)
