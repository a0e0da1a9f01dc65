"""`PopulationRun`, which groups and starts the members for one call to `Population.fit`."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

from fitwell import random
from fitwell.models.fit_options import FitOptions
from fitwell.models.train_plan import check_monitors
from fitwell.population.member_backups import delete_backups
from fitwell.population.member_train_loop import (
    Group,
    MemberTrainLoop,
    SharedFitContext,
    callbacks_for,
    callbacks_of_members,
    group_members,
    is_function_of_setting,
)
from fitwell.population.members import Member, Setting
from fitwell.population.scheduling import MemberStart
from fitwell.population.shared_data import PopulationData

__all__ = ["PopulationRun"]


class PopulationRun:
    """A single call to `Population.fit`, which groups the members and creates their train loops.

    Args:
        members: The members of the population.
        data: The training and validation data.
        callbacks: The callbacks (see `Population.fit`).
        epochs_for: A function that maps a setting to the number of epochs.
        options: The options that all members share.
    """

    def __init__(
        self,
        members: Sequence[Member],
        data: PopulationData,
        callbacks: Any,
        epochs_for: Callable[[Setting], int],
        options: FitOptions,
    ) -> None:
        self._members = members
        self._data = data
        self._chosen_callbacks = callbacks_of_members(callbacks, members)
        self._callbacks_for = callbacks_for(self._chosen_callbacks, members)
        self._callbacks_differ = is_function_of_setting(callbacks)
        self._epochs_for = epochs_for
        self._options = options
        self._groups: list[Group] = []
        # The train loop of each group's first member.
        self._fits: list[MemberTrainLoop] = []

    def group_members(self, compile_ahead: Callable[[MemberTrainLoop], None]) -> list[Group]:
        """Group the members by structure, check all arguments, and start compiling one program per group."""

        def on_new_group(member: Member) -> None:
            # Creating the train loop checks the arguments before any member is trained.
            with random.use_seed_generator(member.stream):
                fit = self._start(member, SharedFitContext(self._data.rows_for(member.model)))
                self._fits.append(fit)
                compile_ahead(fit)

        self._groups = group_members(self._members, self._data, on_new_group)
        if self._callbacks_differ:
            for fit, group in zip(self._fits, self._groups, strict=True):
                for member in group.members[1:]:
                    check_monitors(
                        self._callbacks_for(member), fit.session, self._options, fit.plan.metric_names
                    )
        return self._groups

    def member_starts(self) -> list[tuple[MemberTrainLoop, list[MemberStart]]]:
        """Return each group's first train loop and members.

        Each member is paired with a function that creates the member's train loop.
        """
        return [
            (fit, [(member, functools.partial(self._start, member, fit.context)) for member in group.members])
            for fit, group in zip(self._fits, self._groups, strict=True)
        ]

    def delete_backups(self) -> None:
        """Delete the members' checkpoints, because all members are trained."""
        delete_backups(self._chosen_callbacks)

    def _start(self, member: Member, context: SharedFitContext) -> MemberTrainLoop:
        options = dataclasses.replace(self._options, epochs=self._epochs_for(dict(member.setting)))
        return MemberTrainLoop(member, context, self._callbacks_for(member), options)
