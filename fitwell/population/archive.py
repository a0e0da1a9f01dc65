"""A population as one file: settings, seeds, histories, and the whole training state of every member.

What is written are numbers and texts, no code: the file is read with the function that builds the models.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fitwell import random
from fitwell.data.feeds import Batch
from fitwell.errors import FileError, InvalidArgument
from fitwell.history import History
from fitwell.population.fitting import Group
from fitwell.population.members import Build, Member, Setting, make_member
from fitwell.saving.checkpoint import read_checkpoint, write_checkpoint

_FORMAT = "fitwell population"
# The rest of a state is made anew by the next `fit`.
_KEPT = ("trainable", "statistics", "slots", "hyper", "seed", "step", "epoch")
# What `as_tree` returns: types, dicts with certain keys, or lists and dicts of any length whose parts are all alike.
_NUMBER, _ANY_KEY = (int, type(None)), ""
_FORM = {
    "format": str,
    "groups": [
        {
            "example": {"x": object, "y": object, "weights": object},
            "members": [
                {
                    "place": int,
                    "setting": dict,
                    "seed": int,
                    "fold": _NUMBER,
                    "drawn": int,
                    "status": str,
                    "stopped_epoch": _NUMBER,
                    "restored_epoch": _NUMBER,
                    "epochs": np.ndarray,
                    "logs": {_ANY_KEY: [np.ndarray]},
                }
            ],
            "state": {_ANY_KEY: np.ndarray},
        }
    ],
}


def write(filepath: Any, members: Sequence[Member], groups: Sequence[Group], overwrite: bool) -> None:
    """Write all members, sorted into groups, to a file."""
    path = Path(os.fspath(filepath))
    if path.exists() and not overwrite:
        raise FileError(f"{str(path)!r} exists already; pass overwrite=True or another name")
    if not path.parent.is_dir():
        raise FileError(f"there is no folder {str(path.parent)!r}: make it first")
    write_checkpoint(path, as_tree(members, groups))


def read(filepath: Any, build: Build) -> tuple[list[Member], list[Group]]:
    """Return what `write` was given, the models built anew by `build`."""
    path = Path(os.fspath(filepath))
    if not path.is_file():
        raise FileError(f"there is no file {str(path)!r}")
    tree = read_checkpoint(path)
    if not isinstance(tree, dict) or tree.get("format") != _FORMAT:
        raise FileError(f"{str(path)!r} holds something else than a population")
    if not _has_form(tree, _FORM):
        raise FileError(f"{str(path)!r} is damaged: it does not have the form that Population.save writes")
    return of_tree(tree, build, repr(str(path)))


def _has_form(tree: Any, form: Any) -> bool:
    if isinstance(form, list):
        return isinstance(tree, list) and all(_has_form(part, form[0]) for part in tree)
    if not isinstance(form, dict):
        return isinstance(tree, form)
    if not isinstance(tree, dict):
        return False
    if _ANY_KEY in form:
        return all(_has_form(part, form[_ANY_KEY]) for part in tree.values())
    return tree.keys() == form.keys() and all(_has_form(tree[key], form[key]) for key in form)


def read_parts(filepaths: Sequence[Any], build: Build) -> tuple[list[Member], list[Group]]:
    """Return what several files hold, one after another, as one population."""
    members: list[Member] = []
    groups: list[Group] = []
    settings: dict[str, Setting] = {}
    for filepath in filepaths:
        part, its_groups = read(filepath, build)
        for member in part:
            # As in one file, one dict for all that have the setting.
            member.setting = settings.setdefault(repr(member.setting), member.setting)
        _check_part(part, members, os.fspath(filepath))
        members += part
        groups += its_groups
    return members, groups


def _check_part(part: Sequence[Member], others: Sequence[Member], name: str) -> None:
    """Refuse members that cannot belong to one population with `others`, which were read before."""
    known = {(id(member.setting), member.seed, member.fold) for member in others}
    for member in part:
        if (id(member.setting), member.seed, member.fold) in known:
            raise FileError(
                f"{name!r} holds {member.where}, and so does a file before it: give every process members of its "
                "own, such as members[rank::processes]"
            )
    have, before = _folds(part), _folds(others)
    if others and have != before:
        raise FileError(
            f"{name!r} was trained with {have or 'no'} folds and the files before it with {before or 'none'}: "
            "what is put together must have been trained in one way"
        )


def _folds(members: Sequence[Member]) -> int:
    return max((member.fold + 1 for member in members if member.fold is not None), default=0)


def as_tree(members: Sequence[Member], groups: Sequence[Group]) -> dict[str, Any]:
    """Return all members, sorted into groups, as dicts and lists of numbers and texts."""
    places = {id(member): place for place, member in enumerate(members)}
    return {"format": _FORMAT, "groups": [_group(group, places) for group in groups]}


def of_tree(tree: dict[str, Any], build: Build, name: str) -> tuple[list[Member], list[Group]]:
    """Return what `as_tree` was given, the models built anew by `build`; `name`: of the tree, for people."""
    found: dict[int, Member] = {}
    settings: dict[str, Setting] = {}
    groups = []
    for written in tree["groups"]:
        example = Batch(**written["example"])
        for notes in written["members"]:
            # One dict for all seeds and folds of a setting: by that a ranking knows what belongs together.
            notes["setting"] = settings.setdefault(repr(notes["setting"]), notes["setting"])
        count = len(written["members"])
        if any(np.shape(stack)[:1] != (count,) for stack in written["state"].values()):
            raise FileError(f"{name} is damaged: it has no state for each of the {count} members of a group")
        made = [_member(notes, build) for notes in written["members"]]
        for number, member in enumerate(made):
            _restore(member, example, {at: stack[number] for at, stack in written["state"].items()}, name)
            member.stream.position = written["members"][number]["drawn"]
        found |= {notes["place"]: member for notes, member in zip(written["members"], made, strict=True)}
        groups.append(Group(example, made))
    return [found[place] for place in sorted(found)], groups


def _group(group: Group, places: dict[int, int]) -> dict[str, Any]:
    states = [_state(member) for member in group.members]
    example = group.example
    return {
        "example": {"x": example.x, "y": example.y, "weights": example.weights},
        "members": [{"place": places[id(member)], **_notes(member)} for member in group.members],
        # One array holds what has the same place in all members.
        "state": {name: np.stack([state[name] for state in states]) for name in states[0]},
    }


def _notes(member: Member) -> dict[str, Any]:
    for name, value in member.setting.items():
        if not _is_plain(value):
            raise InvalidArgument(
                f"save: hyperparameter {name}={value!r} cannot be written to a file, which holds numbers, texts and "
                'lists of them; give names in the settings, such as activation="relu", and make objects in build'
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
        "logs": {
            name: [np.asarray(history.epochs_of(name), np.int64), np.asarray(values, np.float64)]
            for name, values in history.history.items()
        },
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str | np.generic)


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def _member(notes: dict[str, Any], build: Build) -> Member:
    member = make_member(build, notes["setting"], notes["seed"], notes["fold"])
    for name in ("status", "stopped_epoch", "restored_epoch"):
        setattr(member, name, notes[name])
    member.history = History()
    logs = {name: dict(zip(*(part.tolist() for part in parts))) for name, parts in notes["logs"].items()}
    for epoch in notes["epochs"].tolist():
        member.history.append(
            epoch, {name: values[epoch] for name, values in logs.items() if epoch in values}
        )
    return member


def _state(member: Member) -> dict[str, np.ndarray]:
    """Return the state of a member as named arrays."""
    state = member.model.runtime.begin([])
    tree = {name: getattr(state, name) for name in _KEPT}
    return {_name(path): np.asarray(leaf) for path, leaf in jax.tree.leaves_with_path(tree)}


def _restore(member: Member, example: Batch, arrays: dict[str, np.ndarray], origin: str) -> None:
    runtime = member.model.runtime
    with random.drawing_from(member.stream):
        runtime.prepare(example)
    fresh = runtime.begin([])
    expected = _state(member)
    for name in sorted({*expected, *arrays}):
        made, kept = (part[name].shape if name in part else "nothing" for part in (expected, arrays))
        if made != kept:
            raise FileError(
                f"{origin} was written by a population of other models: for {member.where}, {name} is {kept} in "
                f"the file and {made} in what build returns; load it with the build function it was made with"
            )
    tree = {name: getattr(fresh, name) for name in _KEPT}
    tree = jax.tree.map_with_path(lambda place, leaf: arrays[_name(place)], tree)
    runtime.seed, runtime.epoch = int(tree["seed"]), int(tree["epoch"])
    for name, value in tree["hyper"].items():
        if runtime.program.hyper[name].as_array() != value:
            runtime.program.hyper[name].content = float(value)
    runtime.adopt(dataclasses.replace(fresh, **tree))


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path)
