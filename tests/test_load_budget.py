"""The budget of a load: memory, calls, objects, time, and its errors."""

from __future__ import annotations

import pytest

from fitwell import _load_budget
from fitwell.errors import FileError, InvalidArgument, WeightsMismatch


def test_nothing_is_charged_outside_of_a_load() -> None:
    assert _load_budget.current() is None
    _load_budget.charge_memory(10**30, "a table")
    _load_budget.charge_weight("dense", "kernel", (10**9, 10**9), 4)
    _load_budget.charge_call()
    _load_budget.charge_object()


def test_memory_runs_out_by_the_sum_of_what_is_taken() -> None:
    with (
        pytest.raises(
            FileError, match=r"^model.keras: the third takes 200,000,000 bytes, but only"
        ) as caught,
        _load_budget.limit_loading("model.keras", 10**7),
    ):
        for what in ("the first", "the second", "the third", "the fourth"):
            _load_budget.charge_memory(200_000_000, what)
    # 256 MiB and 32 times the file, less the two before.
    assert f"{2**28 + 32 * 10**7 - 4 * 10**8:,}" in str(caught.value)


@pytest.mark.parametrize("size", [float("inf"), float("nan"), -1, 10**400])
def test_sizes_that_cannot_be(size: float) -> None:
    with pytest.raises(FileError, match="but only"), _load_budget.limit_loading("model.keras", 10**7):
        _load_budget.charge_memory(size, "a table")


def test_weights_are_no_larger_than_what_the_file_holds_of_them() -> None:
    with _load_budget.limit_loading("model.keras", 1000, weights=800):
        _load_budget.charge_weight("dense", "kernel", (10, 20), 4)
        with pytest.raises(
            FileError, match="layer 'dense': weight 'bias' of shape .* than the file can contain"
        ):
            _load_budget.charge_weight("dense", "bias", (1,), 4)
    with (
        pytest.raises(FileError, match="negative size"),
        _load_budget.limit_loading("model.keras", 1000, weights=800),
    ):
        _load_budget.charge_weight("dense", "kernel", (-2, -3), 4)


def test_calls_and_objects_grow_with_the_configuration() -> None:
    def calls(text: str) -> int:
        count = 0
        with (
            pytest.raises(FileError, match="has more layer calls"),
            _load_budget.limit_loading("m", 0) as opened,
        ):
            opened.extend_for_config(text)
            while True:
                _load_budget.charge_call()
                count += 1
        return count

    assert calls("") == 2000
    assert calls("x" * 30_000) == 4000
    assert calls("x" * 3_000_000) == 10_000
    with pytest.raises(FileError, match="more objects"), _load_budget.limit_loading("m", 0):
        for _ in range(5001):
            _load_budget.charge_object()


def test_a_load_within_a_load_has_a_budget_of_its_own() -> None:
    with _load_budget.limit_loading("outer", 0) as outer:
        with _load_budget.limit_loading("inner", 0) as inner:
            assert _load_budget.current() is inner
        assert _load_budget.current() is outer
    assert _load_budget.current() is None


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (KeyError("layers"), FileError, "m.keras cannot be read: KeyError: 'layers'"),
        (MemoryError(), FileError, "m.keras cannot be read: MemoryError: "),
        (InvalidArgument("units must be positive"), FileError, "m.keras: units must be positive"),
        (FileError("units must be positive"), FileError, "m.keras: units must be positive"),
        (WeightsMismatch("m.keras: 2 weights"), WeightsMismatch, "m.keras: 2 weights"),
    ],
)
def test_every_error_names_the_file(error: Exception, kind: type[Exception], text: str) -> None:
    with pytest.raises(FileError) as caught, _load_budget.limit_loading("m.keras", 0):
        raise error
    assert type(caught.value) is kind
    assert str(caught.value) == text


@pytest.mark.parametrize("error", [ValueError, FileError, WeightsMismatch, InvalidArgument])
def test_no_message_is_long_nor_obeyed_by_a_terminal(error: type[Exception]) -> None:
    with pytest.raises(FileError) as caught, _load_budget.limit_loading("m.keras", 0):
        raise error("m.keras: \x1b[31m\ud800" + "x" * 10**6)
    text = str(caught.value)
    assert len(text) < 1000
    assert "\x1b" not in text
    text.encode()
    assert caught.value.__cause__ is None


def test_what_is_no_error_of_the_file_passes() -> None:
    with pytest.raises(KeyboardInterrupt), _load_budget.limit_loading("m.keras", 0):
        raise KeyboardInterrupt
    with pytest.raises(UserWarning), _load_budget.limit_loading("m.keras", 0):
        raise UserWarning("one that -W error made an exception")
