"""`evaluate`, which computes a model's loss and metrics over many rows."""

from __future__ import annotations

from typing import Any

from fitwell._engine.dispatch_size import AdaptiveDispatchSize
from fitwell.callbacks.callback_list import CallbackList
from fitwell.models.base_model import BaseModel
from fitwell.models.batch_loading import EVALUATION_ROWS, make_loader
from fitwell.models.fit_data import FitData

__all__ = ["TEST_BATCH_HOOKS", "evaluate"]

TEST_BATCH_HOOKS = ("on_test_batch_begin", "on_test_batch_end")


def evaluate(
    model: BaseModel,
    data: FitData,
    callback_list: CallbackList,
    *,
    batch_size: int | None,
    steps: int | None,
    progress: Any = None,
) -> dict[str, float]:
    """Evaluate the model on `data` without training it, and return a dict that maps metric names to values."""
    program = model._session.get_program(data.example)
    has_hooks = callback_list.has_hook(*TEST_BATCH_HOOKS)
    default = EVALUATION_ROWS if program.supports_padding and not has_hooks else 32
    loader = make_loader(
        data, batch_size, shuffle=False, seed=0, pad=program.supports_padding, steps=steps, default=default
    )
    runner = model._session.get_runner(training=False)
    state = model._session.init_train_state([])
    dispatch_size = AdaptiveDispatchSize(by_batch=has_hooks)
    if progress is not None:
        progress.steps = loader.steps
    results: dict[str, float] = {}
    callback_list.call_hook("on_test_begin", {})
    number = 0
    for dispatch in loader.dispatches(0, 1, dispatch_size.max_steps):
        if has_hooks:
            callback_list.call_hook("on_test_batch_begin", number, {})
        state, result = runner(state, dispatch, {})
        dispatch_size.update(dispatch.steps, result.seconds)
        number += dispatch.steps
        if has_hooks:
            callback_list.call_hook("on_test_batch_end", number - 1, result.running)
        if progress is not None:
            progress.update(number, result.running)
        for finished in result.epochs:
            results = finished
    callback_list.call_hook("on_test_end", dict(results))
    return results
