"""`Policy`, the protocol for decisions that are part of the compiled loop.

A policy is a set of pure functions that the compiled loop calls at the end of each epoch, on the device. The
run therefore does not need to return to the host to make a decision, no matter how many epochs a dispatch
has. The same policy works for a single model and for a population of a thousand models. A callback provides a
policy through its method `Callback.policy`. `EarlyStopping`, `ReduceLROnPlateau` and `FlatStopping` are
callbacks with a policy.

If a user-defined hook observes epochs, the run makes the decision on the host instead, when it calls the
callback's `on_epoch_end`. A callback that has a policy and overrides `on_epoch_end` must therefore call the
base class's method.

This callback stops a run as soon as a value is small enough:

>>> import fitwell as fw, numpy as np, jax.numpy as jnp
>>> class TargetPolicy:
...     def __init__(self, name, monitor, value):
...         self.name, self.monitor, self.target = name, monitor, None
...         self.numbers = {"value": np.float32(value)}
...     def init(self, state):
...         return self.numbers
...     def update(self, policy_state, logs, state):
...         stop = logs[self.monitor] <= policy_state["value"]
...         return policy_state, state.replace(stop=state.stop | stop)
...     def finish(self, policy_state, state):
...         return state
>>> class StopAtTarget(fw.callbacks.Callback):
...     def __init__(self, monitor, value):
...         super().__init__()
...         self.monitor, self.value = monitor, value
...     def policy(self, first_epoch):
...         return TargetPolicy("stop_at_target", self.monitor, self.value)
>>> model = fw.Sequential([fw.layers.Dense(1, kernel_initializer="zeros", input_shape=(1,))])
>>> model.compile(fw.optimizers.SGD(0.05), "mse")
>>> history = model.fit(np.ones((4, 1)), np.ones(4), epochs=100, verbose=0, callbacks=[StopAtTarget("loss", 0.1)])
>>> len(history.epoch), history.history["loss"][-1] <= 0.1
(7, True)
"""

from __future__ import annotations

from fitwell._engine.policies import Policy

__all__ = ["Policy"]
