"""Conversion between train states and the named arrays that checkpoints store."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fitwell._engine.train_state import TrainState, path_in_file
from fitwell.errors import ErrorCollector, FileError

__all__ = ["fill_state", "named_arrays", "to_storable"]


def named_arrays(state: TrainState) -> dict[str, Any]:
    """Return the state's arrays, keyed by name.

    Hyperparameters are omitted, because checkpoints store them as numbers.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(state.replace(hyperparams={}))
    return {_key(path): leaf for path, leaf in leaves}


def _key(path: Any) -> str:
    """Return the name that identifies a leaf of the state in files."""
    return path_in_file(jax.tree_util.keystr(path).lstrip("."))


def to_storable(leaf: Any) -> Any:
    """Return `leaf` in a form that can be stored.

    A random key is converted to the integers that it consists of.
    """
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def fill_state(state: TrainState, saved: dict[str, np.ndarray], where: str) -> tuple[TrainState, list[str]]:
    """Return a copy of `state` with the saved arrays, and a list of the policies that are not in the checkpoint.

    Args:
        state: The state whose arrays are replaced.
        saved: The arrays in the checkpoint, keyed by name.
        where: The name of the checkpoint in error messages.
    """
    problems = ErrorCollector(f"resume: {where} does not fit the model")
    new_policies: list[str] = []

    def take(path: Any, leaf: Any) -> Any:
        name, like = _key(path), to_storable(leaf)
        value = saved.get(name)
        if value is not None and value.shape == np.shape(like) and value.dtype == like.dtype:
            return (
                value
                if like is leaf
                else jax.random.wrap_key_data(jax.device_put(value), impl=jax.random.key_impl(leaf))
            )
        had = "no such array" if value is None else f"{value.dtype} {value.shape}"
        problems.add(f"{name} is {like.dtype} {np.shape(like)}, but the checkpoint contains {had}")
        return leaf

    filled = state.replace(hyperparams={})
    policies = {}
    for name, policy_state in filled.policies.items():
        # The state of a policy is restored completely or not at all.
        part = TrainState.replace(filled, policies={name: policy_state})
        if all(key in saved for key in named_arrays(part) if key.startswith("policies")):
            policies[name] = policy_state
        else:
            new_policies.append(name)
    filled = jax.tree_util.tree_map_with_path(take, filled.replace(policies=policies))
    problems.raise_if_any(FileError)
    fresh = {name: state.policies[name] for name in new_policies}
    return filled.replace(hyperparams=state.hyperparams, policies={**filled.policies, **fresh}), new_policies
