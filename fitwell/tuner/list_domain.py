"""A search-space domain whose values are lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fitwell._deprecation import warn_deprecated
from fitwell._param_validation import Integer, validate_params
from fitwell.errors import InvalidArgument
from fitwell.tuner.domains import CONDITION, Domain, format_call, normalize_conditions

__all__ = ["List", "Several"]

# Studies identify a list by the original names of the class and its arguments.
_STORED_NAMES = {"domain": "of", "min_length": "least", "max_length": "most"}


class List(Domain):
    """A list of values from one domain, such as the widths of the hidden layers.

    ``"hidden": List(Int(8, 128, log=True), 1, 3)`` gives values such as ``[64, 16]``. The study stores the length
    and each value as separate hyperparameters (``hidden_length``, ``hidden_0``, …).

    Args:
        domain (Domain): Domain of each value. It must not have a condition.
        min_length (int): Minimum length.
        max_length (int): Maximum length.
        when (dict | None): Condition under which the list exists (see `Domain`). Default: None.

    Raises:
        InvalidArgument: If `domain` is not a domain, is a `List`, or has a condition, or if `max_length` is less than
            `min_length`.

    Example:
        >>> import fitwell as fw
        >>> fw.tuner.List(fw.tuner.Int(8, 128), 1, 3).default
        [8]
    """

    @validate_params(min_length=Integer(0), max_length=Integer(0), when=CONDITION)
    def __init__(
        self, domain: Domain, min_length: int, max_length: int, *, when: Mapping[str, Any] | None = None
    ) -> None:
        if not isinstance(domain, Domain) or isinstance(domain, List):
            raise InvalidArgument(f"List: domain must be a domain such as Int(8, 128), got {domain!r}")
        if domain.when:
            raise InvalidArgument(
                f"List: pass the condition to the list, not to its domain, as in List(..., when={domain.when!r})"
            )
        if not 0 <= min_length <= max_length:
            raise InvalidArgument(
                f"List: expected lengths 0 <= min_length <= max_length, got {min_length!r} and {max_length!r}"
            )
        self.domain, self.min_length, self.max_length = domain, min_length, max_length
        self.when = normalize_conditions(when)
        self.default = [domain.default] * min_length

    def stored_repr(self) -> str:
        """Return the string that identifies the domain in a study."""
        return format_call(
            "Several", {_STORED_NAMES.get(name, name): value for name, value in vars(self).items()}
        )


class Several(List):
    """A deprecated name for `List`, with the arguments `of`, `least` and `most`."""

    def __init__(self, of: Domain, least: int, most: int, *, when: Mapping[str, Any] | None = None) -> None:
        warn_deprecated("fw.tuner.Several", "fw.tuner.List")
        super().__init__(of, least, most, when=when)
