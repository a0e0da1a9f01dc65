"""Methods of `Population` for saving and loading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from fitwell._param_validation import CallableRule, validate_params
from fitwell._typing import PathType
from fitwell.errors import InvalidArgument, StateError
from fitwell.population import population_file
from fitwell.population.fold_members import TrainedFolds
from fitwell.population.member_train_loop import Group
from fitwell.population.members import Build, Member

__all__ = ["BUILD", "PopulationSaving"]

BUILD = CallableRule("a function that maps hyperparameters to a compiled model")


class PopulationSaving:
    """A mixin that provides the methods of `Population` for saving and loading."""

    build: Build
    members: list[Member]
    _groups: list[Group]
    _trained_folds: TrainedFolds | None
    _log_scaled: Mapping[str, bool]

    def save(self, filepath: PathType, overwrite: bool = True) -> None:
        """Write the settings, seeds, histories and training states of all members to one file.

        Args:
            filepath (str | Path): The file to write.
            overwrite (bool): Whether to replace an existing file. Default: True.

        Raises:
            StateError: If the population is not trained.
            InvalidArgument: If a hyperparameter is not a number, a string or a list of these.
            FileError: If the file cannot be written.
        """
        if not self._groups:
            raise StateError("save: the population is not trained yet; call fit first")
        population_file.write_population(filepath, self.members, self._groups, overwrite)

    @classmethod
    @validate_params(build=BUILD)
    def load(cls, filepath: PathType | list[PathType] | tuple[PathType, ...], build: Build) -> Self:
        """Load a population from one or more files.

        A file contains only numbers and strings, so loading it does not run any code from the file. Training a
        loaded population gives exactly the same results as training the original one.

        To divide a population among multiple processes, let each process train some of the members, and merge the
        files at the end. On a single machine this is not necessary, because `fit` uses all cores and accelerators
        and compiles only once. ::

            part = fw.Population(build, members[rank::processes], seeds=range(10))
            part.fit(x, y, epochs=100, folds=5)
            part.save(f"part-{rank}.fit")
            # after all processes are done
            population = fw.Population.load([f"part-{rank}.fit" for rank in range(processes)], build)

        Args:
            filepath (str | Path | list): A file written by `save`, or a list of files to merge. The members are in
                the same order as the files.
            build (Callable[[dict], Model]): The function that was used to create the population.

        Returns:
            Population: The loaded population.

        Raises:
            FileError: If a file is damaged or does not match `build`, or if two files contain the same member.
        """
        files = list(filepath) if isinstance(filepath, list | tuple) else [filepath]
        if not files:
            raise InvalidArgument("load: expected a file or a list of files, got an empty list")
        return cls._from_members(build, *population_file.read_populations(files, build))

    def to_tree(self) -> dict[str, Any]:
        """Convert the population to the dicts and lists of numbers, strings and arrays that `save` writes to a file."""
        return population_file.to_tree(self.members, self._groups)

    @classmethod
    def from_tree(cls, tree: dict[str, Any], build: Build) -> Self:
        """Create a population from a tree that `to_tree` returned. See `load`."""
        return cls._from_members(build, *population_file.from_tree(tree, build, "the tree"))

    @classmethod
    def _from_members(cls, build: Build, members: list[Member], groups: list[Group]) -> Self:
        population = cls.__new__(cls)
        population.build, population.members, population._groups = build, members, groups
        population._trained_folds = None
        population._log_scaled = {}
        return population
