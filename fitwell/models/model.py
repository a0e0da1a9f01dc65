"""`Model`: a layer that can be compiled, trained, evaluated, used for prediction, and saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from fitwell._data.loaders import count_rows
from fitwell._history import History
from fitwell._param_validation import (
    Boolean,
    CallableRule,
    Integer,
    ListOf,
    Real,
    validate_params,
)
from fitwell._progress import VERBOSE, ProgressReporter, print_message
from fitwell._variables import same_variables
from fitwell.callbacks.callback_list import CallbackList, flatten_callbacks
from fitwell.errors import InvalidArgument
from fitwell.models import evaluation, prediction, summary
from fitwell.models.class_weight import CLASS_WEIGHT
from fitwell.models.compilable_model import CompilableModel
from fitwell.models.deprecated_api import DeprecatedMethods, check_deprecated_arguments
from fitwell.models.fit_data import pack_data, pack_validation_data
from fitwell.models.fit_options import FIT_RULES, FitOptions
from fitwell.models.inference import Inference, infer_structs
from fitwell.models.model_program import as_outputs
from fitwell.models.run_data import RunData
from fitwell.models.train_loop import TrainLoop

__all__ = ["Model"]

_COUNT = Integer(1) | None


class Model(DeprecatedMethods, CompilableModel):
    """A neural network that can be compiled, trained, evaluated, used for prediction, and saved.

    As in Keras, there are three kinds of models: `Sequential` models; functional models, which
    ``Model(inputs=..., outputs=...)`` creates; and subclasses, which create layers in ``__init__`` and compute their
    outputs in ``call(self, inputs, training=None)``.

    Args:
        inputs (KerasTensor | list | dict): Symbolic inputs of a functional model, such as those that `Input` returns.
        outputs (KerasTensor | list | dict): Symbolic outputs of a functional model, which its layers returned.
        name (str | None): Name of the model. Defaults to None, which means an automatic name.

    Raises:
        InvalidArgument: if a subclass of `Model` is created with `inputs` and `outputs`.

    Example:
        >>> import fitwell as fw
        >>> inputs = fw.Input((4,))
        >>> model = fw.Model(inputs, fw.layers.Dense(2)(inputs))
        >>> model.count_params()
        10

    Source: Keras `Model`.
    """

    # Set by `fitwell.models.functional`, which this module cannot import.
    _functional_class: ClassVar[type[Model]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and (args or "inputs" in kwargs):
            return super().__new__(Model._functional_class)
        return super().__new__(cls)

    @classmethod
    def from_config(cls, config: Any) -> Any:
        """Create a new model from a configuration that `get_config` returned.

        Args:
            config (dict): The configuration. `Model` can also read the configuration of a functional model.

        Returns:
            Model: An uncompiled model with new weights.
        """
        if cls is Model and "calls" in config:
            return Model._functional_class.from_config(config)
        return super().from_config(config)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or "inputs" in kwargs:
            raise InvalidArgument(
                f"{type(self).__name__}: a subclass of Model does not take inputs and outputs, because its `call` "
                "defines what it computes; to define the model by inputs and outputs, derive it from Functional with "
                f"class {type(self).__name__}(models.Functional)"
            )
        super().__init__(**kwargs)
        self._prepare_model()

    def __getstate__(self) -> dict[str, Any]:
        """Exclude the compiled forward pass from copies and pickles.

        A copy compiles it again when it is next called.
        """
        return {**vars(self), "_forward_pass_or_none": None}

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
        **deprecated: Any,
    ) -> History:
        """Train the model. A later call continues where this one stopped.

        Ctrl-C ends the run once the steps that are already running have finished, and the model keeps its weights.

        Args:
            x (ArrayLike | list | dict | Iterable): Inputs, with one row for each sample. Each input may be a NumPy
                or JAX array, a pandas object or a list. For more than one input, pass a list or dict of arrays. `x`
                may also be a generator or another iterable of batches ``(x, y)`` or ``(x, y, sample_weight)``.
            y (ArrayLike | list | dict | None): Targets, as arrays in the same formats as `x`, or None if `x` yields
                batches. Default: None.
            batch_size (int | None): Rows per update. The last batch may be shorter. Defaults to None, which means 32.
            epochs (int): The number of the last epoch, counted from 1. Default: 1.
            verbose (int | str): 0 is silent, 1 shows progress, 2 prints a line per epoch, and "auto" means 1.
                Default: "auto".
            callbacks (list[Callback] | None): Callbacks. Their hooks are called in the order of the list.
                Default: None.
            validation_split (float): Fraction of the rows, in [0, 1), to use for validation. These rows are taken from
                the end before shuffling. Default: 0.0.
            validation_data (tuple | Iterable | None): ``(x, y)``, ``(x, y, sample_weight)`` or a generator.
                Default: None.
            shuffle (bool): Whether to shuffle the rows before each epoch. Default: True.
            class_weight (dict[int, float] | None): A dict that maps each class to a factor for the sample weights of
                its rows. It does not apply to validation rows. Default: None.
            sample_weight (ArrayLike | list | dict | None): One factor per row, or one per time step or pixel. For more
                than one output, a single array for all outputs, or a list or dict of arrays. Default: None.
            initial_epoch (int): The 0-based number of the first epoch. Default: 0.
            steps_per_epoch (int | None): Batches per epoch. Defaults to None, which means all batches.
            validation_steps (int | None): Batches per validation. Defaults to None, which means all batches.
            validation_batch_size (int | None): Rows per validation batch. It does not affect the results. Defaults to
                None, which means an automatic size.
            validation_freq (int | list[int]): Validate after every n-th epoch, or after the listed epochs (1-based).
                Default: 1.
            resume (str | Path | None): A folder in which to save a checkpoint after each epoch. If it contains
                checkpoints, the run continues from the last one and ends with exactly the same weights and logs as an
                uninterrupted run. The checkpoints are kept after the run. For checkpoints at other intervals, use
                `callbacks.BackupAndRestore`. Default: None.
            **deprecated: Deprecated arguments such as `workers`, which only cause a warning. Other names raise an
                error.

        Returns:
            History: The logs and the learning rate of every epoch.

        Raises:
            InvalidArgument: if an argument or the data does not fit the model.
            StateError: if the model is not compiled.

        Example:
            >>> import fitwell as fw, numpy as np
            >>> model = fw.Sequential([fw.Input((1,)), fw.layers.Dense(1)])
            >>> model.compile(optimizer="sgd", loss="mse")
            >>> x = np.linspace(-1, 1, 20)
            >>> history = model.fit(x, 2 * x, epochs=3, verbose=0)
            >>> history.epoch
            [0, 1, 2]

        Source: Keras `Model.fit`. The argument `resume` is specific to fitwell.
        """
        check_deprecated_arguments(Model.fit, deprecated)
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
        session.warn_about_mistakes(
            data.example, tail, alone=not callbacks, has_all_rows=data.batch is not None
        )
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
        **deprecated: Any,
    ) -> Any:
        """Return the loss and the metrics over all rows.

        Args:
            x (ArrayLike | list | dict | Iterable): Inputs, as in `fit`.
            y (ArrayLike | list | dict | None): Targets, as in `fit`. Default: None.
            sample_weight (ArrayLike | None): One factor per row. Default: None.
            batch_size (int | None): Rows per batch. It does not affect the results. Defaults to None, which means an
                automatic size.
            verbose (int | str): As in `fit`. Default: "auto".
            steps (int | None): Number of batches. Defaults to None, which means all batches.
            callbacks (list[Callback] | None): Callbacks whose test hooks are called. Default: None.
            return_dict (bool): Whether to return a dict. Default: False.
            **deprecated: Deprecated arguments, as in `fit`.

        Returns:
            float | list[float] | dict[str, float]: The loss if there are no metrics. Otherwise, a list of values in the
                order of `metrics_names`. If `return_dict` is True, a dict that maps names to values.

        Source: Keras `Model.evaluate`.
        """
        check_deprecated_arguments(Model.evaluate, deprecated)
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
        **deprecated: Any,
    ) -> Any:
        """Return the model's outputs for all rows.

        Args:
            x (ArrayLike | list | dict | Iterable): Inputs, as in `fit`, or a generator or iterable of input batches.
            batch_size (int | None): Rows per batch. Defaults to None, which means 1024 if the model treats rows
                independently, else 32.
            verbose (int | str): As in `fit`. Default: 0.
            steps (int | None): Number of batches. Defaults to None, which means all batches.
            callbacks (list[Callback] | None): Callbacks whose predict hooks are called. Default: None.
            **deprecated: Deprecated arguments, as in `fit`.

        Returns:
            np.ndarray | list | dict: The outputs, with shape ``[rows, ...]``, in the structure that the model returns.

        Raises:
            DataError: if there are no rows, or if the batches have outputs of different shapes.

        Example:
            >>> import fitwell as fw, numpy as np
            >>> model = fw.Sequential([fw.Input((3,)), fw.layers.Dense(2)])
            >>> model.predict(np.ones((5, 3))).shape
            (5, 2)

        Source: Keras `Model.predict`.
        """
        check_deprecated_arguments(Model.predict, deprecated)
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
        """Update the weights once, using a single batch.

        Args:
            x (ArrayLike | list | dict): Inputs of the batch, as in `fit`.
            y (ArrayLike | list | dict | None): Targets of the batch. Default: None.
            sample_weight (ArrayLike | None): One factor per row. Default: None.
            class_weight (dict[int, float] | None): One factor per class. Default: None.
            return_dict (bool): Whether to return a dict. Default: False.

        Returns:
            float | list[float] | dict[str, float]: The loss and metrics from before the update, in the same format as
                from `evaluate`.

        Source: Keras `Model.train_on_batch`.
        """
        self._session.warn_if_freezing_changed()
        data = pack_data(self, x, y, sample_weight, class_weight, learning=True)
        options = FitOptions(
            batch_size=count_rows(data.example), verbose=0, shuffle=False, restores_average=False
        )
        loop = TrainLoop(self._session, RunData(data), options)
        self._session.warn_about_mistakes(data.example)
        history = loop.run()
        # If the learning rate follows a schedule, the history also contains the rate. Omit it here.
        found = {name: history.history[name][-1] for name in self.metrics_names}
        values = list(found.values())
        return found if return_dict else values[0] if len(values) == 1 else values

    @validate_params(return_dict=Boolean())
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return the loss and the metrics of a single batch.

        Args:
            x (ArrayLike | list | dict): Inputs of the batch, as in `fit`.
            y (ArrayLike | list | dict | None): Targets of the batch. Default: None.
            sample_weight (ArrayLike | None): One factor per row. Default: None.
            return_dict (bool): Whether to return a dict. Default: False.

        Returns:
            float | list[float] | dict[str, float]: The loss and metrics, in the same format as from `evaluate`.

        Source: Keras `Model.test_on_batch`.
        """
        return self.evaluate(x, y, sample_weight=sample_weight, verbose=0, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for a single batch.

        Args:
            x (ArrayLike | list | dict): Inputs of shape ``[batch, ...]``.

        Returns:
            np.ndarray | list | dict: The outputs, with shape ``[batch, ...]``.

        Source: Keras `Model.predict_on_batch`.
        """
        return self.predict(x)

    def _output_specs(self, x: Any) -> list[Any]:
        """Return the shape and dtype of each output for inputs like `x`, and build the model if necessary."""
        structs = infer_structs(self, x)
        self._output_keys = sorted(structs) if isinstance(structs, dict) else None
        self._outputs_known = True
        self._check_target_names()
        return as_outputs(structs)

    def _predict_compiled(self, x: Any, size: int | None = None) -> Any:
        """Compute the outputs for the rows of `x` in one compiled call.

        Unless `size` is None, the rows are split into batches of `size` rows.
        """
        if not self.built:
            infer_structs(self, x)
        return self._forward_pass(x, size)

    @property
    def _forward_pass(self) -> Inference:
        """The compiled forward pass, which is created when it is first needed."""
        inference: Inference | None = self._forward_pass_or_none
        # Create it again if layers were added or removed.
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
        """Print a table of the layers with their output shapes, parameter counts and, for graphs, connections.

        Args:
            line_length (int | None): Characters per line. Defaults to None, which means that the lines fit the content.
            positions (list[float] | None): Ends of the columns, as fractions of the line or in characters.
                Default: None.
            print_fn (Callable[[str], Any] | None): A function that receives the text. Defaults to None, which prints
                the text.
            expand_nested (bool): Whether to show the layers of nested models. Default: False.
            show_trainable (bool): Whether to show which layers are trainable. Default: False.

        Source: Keras `Model.summary`.
        """
        text = summary.render(self, line_length, positions, expand_nested, show_trainable)
        (print_fn or print_message)(text)
