"""Saving and loading of populations, including settings, seeds, histories, and the members' training states.

A file contains only numbers and strings, and no code. Loading a file therefore requires the function that builds the
models.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from fitwell import random
from fitwell._data.category_json import categories_from_json, categories_to_json
from fitwell._data.loaders import Batch
from fitwell._engine.train_state import field_of_file
from fitwell._escaping import short_repr
from fitwell._file_io import check_path
from fitwell._history import History
from fitwell._load_budget import LoadBudget, use_budget
from fitwell._schema import POSITION
from fitwell._typing import PathType
from fitwell.errors import FileError, InvalidArgument
from fitwell.population.member_train_loop import Group
from fitwell.population.members import Build, Member, Setting, build_member
from fitwell.population.population_schema import FORMAT, check_tree, history_state
from fitwell.saving.checkpoint_file import read_checkpoint, write_checkpoint
from fitwell.saving.legacy_layer_paths import rename_legacy_paths
from fitwell.saving.path_checks import check_input_path, check_overwrite

__all__ = ["from_tree", "read_population", "read_populations", "to_tree", "write_population"]

# While a model is built, the memory limit is _SPARE times the size of its saved state, plus _SMALL bytes. The extra
# memory is for weights that the build function creates but that are not part of the model.
_SPARE, _SMALL = 4, 2**20
# The saved fields of the training state. The next call to `fit` creates the other fields.
_SAVED_STATE = ("trainable", "statistics", "slots", "hyper", "seed", "step", "epoch")


def write_population(
    filepath: PathType, members: Sequence[Member], groups: Sequence[Group], overwrite: bool
) -> None:
    """Write all members and groups to a file. Raise `FileError` if the file exists and `overwrite` is False."""
    path = check_path(filepath)
    check_overwrite(path, overwrite)
    write_checkpoint(path, to_tree(members, groups))


def read_population(filepath: PathType, build: Build) -> tuple[list[Member], list[Group]]:
    """Read members and groups from a file, and rebuild the models with `build`."""
    path = check_input_path(filepath)
    return from_tree(read_checkpoint(path), build, repr(str(path)))


def read_populations(filepaths: Sequence[PathType], build: Build) -> tuple[list[Member], list[Group]]:
    """Read one or more files, and merge their members and groups in the order of the files."""
    members: list[Member] = []
    groups: list[Group] = []
    settings: dict[str, Setting] = {}
    for filepath in filepaths:
        part, its_groups = read_population(filepath, build)
        for member in part:
            # Members with equal settings must share one dict, even if they come from different files.
            member.setting = settings.setdefault(repr(member.setting), member.setting)
        _check_mergeable(part, members, os.fspath(filepath))
        members += part
        groups += its_groups
    return members, groups


def _check_mergeable(part: Sequence[Member], others: Sequence[Member], name: str) -> None:
    """Check that a file's members can be merged with the members of the files that were read before.

    Args:
        part: The members of the file.
        others: The members of the files that were read before.
        name: The name of the file.

    Raises:
        FileError: If a member occurs twice, or if the number of folds differs.
    """
    known = {(id(member.setting), member.seed, member.fold) for member in others}
    for member in part:
        if (id(member.setting), member.seed, member.fold) in known:
            raise FileError(
                f"{name!r} contains {member.label}, which an earlier file also contains; give each process "
                "different members, such as members[rank::processes]"
            )
    have, before = _count_folds(part), _count_folds(others)
    if others and have != before:
        raise FileError(
            f"the members in {name!r} were trained with {have or 'no'} folds, but the members in the earlier files "
            f"were trained with {before or 'no'} folds; files can be merged only if they have the same number of folds"
        )


def _count_folds(members: Sequence[Member]) -> int:
    return max((member.fold + 1 for member in members if member.fold is not None), default=0)


def to_tree(members: Sequence[Member], groups: Sequence[Group]) -> dict[str, Any]:
    """Convert all members and groups to a tree of dicts and lists that contain numbers, strings and arrays."""
    positions = {id(member): place for place, member in enumerate(members)}
    return {"format": FORMAT, "groups": [_group_record(group, positions) for group in groups]}


def from_tree(tree: dict[str, Any], build: Build, name: str) -> tuple[list[Member], list[Group]]:
    """Create members and groups from a tree, and rebuild the models with `build`.

    Args:
        tree: A tree that `to_tree` returned.
        build: The function that builds the models.
        name: The name of the tree for error messages.

    Returns:
        The members and the groups.
    """
    check_tree(tree, name)
    members_by_place: dict[int, Member] = {}
    settings: dict[str, Setting] = {}
    groups = []
    for written in tree["groups"]:
        example = Batch(**written["example"])
        for notes in written["members"]:
            # Members with equal settings share one dict, because the ranking uses its identity to group folds.
            notes["setting"] = settings.setdefault(repr(notes["setting"]), notes["setting"])
        group_members = []
        for number, notes in enumerate(written["members"]):
            arrays = {key: stack[number] for key, stack in written["state"].items()}
            # The model that `build` returns must not be larger than the state in the file.
            size = sum(array.nbytes for array in arrays.values())
            with _build_within_budget(name, notes["setting"], size):
                member = _build_member(notes, build)
                _prepare(member, example)
            member.model._session.categories = categories_from_json(notes.get("categories", {}), name)
            if tree["format"] != FORMAT:
                arrays = rename_legacy_paths(arrays, member.model)
            _restore(member, arrays, name)
            member.stream.position = notes["drawn"]
            group_members.append(member)
        members_by_place |= {
            notes["place"]: member for notes, member in zip(written["members"], group_members, strict=True)
        }
        groups.append(Group(example, group_members))
    return [members_by_place[place] for place in sorted(members_by_place)], groups


def _group_record(group: Group, positions: dict[int, int]) -> dict[str, Any]:
    states = [_named_state(member) for member in group.members]
    example = group.example
    return {
        "example": {"x": example.x, "y": example.y, "weights": example.weights},
        "members": [{"place": positions[id(member)], **_member_record(member)} for member in group.members],
        # Each variable is stored as one array that is stacked over the members.
        "state": {name: np.stack([state[name] for state in states]) for name in states[0]},
    }


def _member_record(member: Member) -> dict[str, Any]:
    for name, value in member.setting.items():
        if not _is_plain(value):
            raise InvalidArgument(
                f"save: hyperparameter {name}={value!r} cannot be written, because files may only contain numbers, "
                'strings and lists of these; use names in the settings, such as activation="relu", and create '
                "the objects in build"
            )
    history = member.history
    return {
        "setting": {name: _plain(value) for name, value in member.setting.items()},
        "seed": member.seed,
        "fold": member.fold,
        "drawn": member.stream.position,
        "status": member.status,
        "stopped_epoch": member.stopped_epoch,
        "restored_epoch": member.restored_epoch,
        "epochs": np.asarray(history.epoch, np.int64),
        "learning_rate": np.asarray(history.learning_rate, np.float64),
        "logs": {
            name: [np.asarray(history.epochs_of(name), np.int64), np.asarray(values, np.float64)]
            for name, values in history.history.items()
        },
        **({"categories": categories_to_json(known)} if (known := member.model._session.categories) else {}),
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str | np.generic)


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def _build_member(notes: dict[str, Any], build: Build) -> Member:
    member = build_member(build, notes["setting"], notes["seed"], notes["fold"])
    for name in ("status", "stopped_epoch", "restored_epoch"):
        setattr(member, name, notes[name])
    member.history = History()
    member.history.restore_arrays(history_state(notes))
    return member


def _named_state(member: Member) -> dict[str, np.ndarray]:
    """Return a member's training state as a dict that maps names to arrays."""
    state = member.model._session.init_train_state([])
    tree = {name: getattr(state, field_of_file(name)) for name in _SAVED_STATE}
    return {_leaf_name(path): np.asarray(leaf) for path, leaf in jax.tree.leaves_with_path(tree)}


@contextmanager
def _build_within_budget(where: str, setting: Setting, size: int) -> Iterator[None]:
    """Limit the memory that `build` may use inside the block, and convert its errors to `FileError`.

    Args:
        where: The name of the file or tree.
        setting: The setting of the member.
        size: The size of the saved state in bytes.

    Yields:
        None.
    """
    budget = LoadBudget(where, size, _SPARE * size + _SMALL)
    # Limit only the memory. The number of calls and objects and the time depend on the user's build function, not
    # on the file.
    budget.calls = budget.objects = budget.ends = math.inf
    try:
        with use_budget(budget):
            yield
    except FileError:
        raise
    except Exception as error:
        raise FileError(
            f"{where}: the build function failed for the saved setting {short_repr(setting)} "
            f"({type(error).__name__}: {short_repr(str(error), 200, quote=False)}); load the population with the "
            "build function that was used to create it"
        ) from error


def _prepare(member: Member, example: Batch) -> None:
    with random.use_seed_generator(member.stream):
        member.model._session.get_program(example)


def _restore(member: Member, arrays: dict[str, np.ndarray], origin: str) -> None:
    session = member.model._session
    fresh = session.init_train_state([])
    expected = _named_state(member)
    for name in sorted({*expected, *arrays}):
        built, saved = (_describe_array(part.get(name)) for part in (expected, arrays))
        if built != saved:
            raise FileError(
                f"{origin} was saved from a population with a different architecture: for {member.label}, {name} is "
                f"{saved} in the file but {built} in the model that build returns; load the population with the build "
                "function that was used to create it"
            )
    if arrays[_counter_name("step")] < 0 or not POSITION.test(int(arrays[_counter_name("epoch")])):
        raise FileError(
            f"{origin} is damaged: the step count or the epoch count of {member.label} is not valid"
        )
    tree = {name: getattr(fresh, field_of_file(name)) for name in _SAVED_STATE}
    tree = jax.tree.map_with_path(lambda place, leaf: arrays[_leaf_name(place)], tree)
    session.seed, session.epoch = int(tree["seed"]), int(tree["epoch"])
    for name, value in tree["hyper"].items():
        if session.program.hyperparams[name].as_array() != value:
            session.program.hyperparams[name].raw_value = float(value)
    session.push(dataclasses.replace(fresh, **{field_of_file(name): part for name, part in tree.items()}))


def _describe_array(array: np.ndarray | None) -> str:
    return "missing" if array is None else f"{array.dtype} {array.shape}"


def _counter_name(counter: str) -> str:
    return _leaf_name((jax.tree_util.DictKey(counter),))


def _leaf_name(path: Any) -> str:
    return jax.tree_util.keystr(path)
