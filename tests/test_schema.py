"""Schemas of files: an error names the place of the first mismatch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest

from fitwell._schema import (
    ANY_NUMBER,
    BOOLEAN,
    COUNT,
    NUMBER,
    POSITIVE,
    STRING,
    UINT32,
    DictSchema,
    LeafSchema,
    NonEmpty,
    OptionalKey,
    TaggedUnion,
    UnionSchema,
    check_schema,
    dataclass_schema,
    enum_schema,
    find_mismatch,
    integer_schema,
    read_json,
)
from fitwell.errors import FileError

SHAPE = {"kind": STRING, "sides": [POSITIVE]}


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (1.5, NUMBER), (3, NUMBER), (float("nan"), ANY_NUMBER), (float("inf"), ANY_NUMBER), (0, COUNT),
        (2**32 - 1, UINT32), ("", STRING), (False, BOOLEAN), ([], [STRING]), ([1.0, "a"], (NUMBER, STRING)),
        ({}, DictSchema(STRING)), ({"any": "text"}, DictSchema(STRING)),
        ({"a": 1}, {"a": NUMBER, "b": OptionalKey(STRING)}),
        (None, UnionSchema((STRING, LeafSchema("null", lambda value: value is None)))), (["x"], NonEmpty([STRING])),
        ({"kind": "square", "sides": [1]}, TaggedUnion("kind", {"square": SHAPE})),
    ],
)  # fmt: skip
def test_what_has_the_form_passes(value: Any, schema: Any) -> None:
    assert find_mismatch(value, schema) == ""


@pytest.mark.parametrize(
    ("value", "schema", "told"),
    [
        (True, NUMBER, "the content is True, expected a finite number"),
        (float("nan"), NUMBER, "the content is nan, expected a finite number"),
        (10**400, NUMBER, "the content is an integer of 1,329 bits, expected a finite number"),
        (0, POSITIVE, "the content is 0, expected a finite number above 0"),
        (-1, COUNT, "the content is -1, expected an integer from 0 to 9007199254740992"),
        (10**30, UINT32, f"the content is {10**30}, expected an integer from 0 to 4294967295"),
        (1.0, integer_schema(0, 9), "the content is 1.0, expected an integer from 0 to 9"),
        ({"a": {"b": [1, "x"]}}, {"a": {"b": [NUMBER]}}, "a.b[1] is 'x', expected a finite number"),
        ({"a": {}}, {"a": {"b": STRING}}, "'b' is missing in a"),
        ({"a": 1, "c": 2}, {"a": NUMBER}, "the key 'c' is unknown"),
        ([1], (NUMBER, NUMBER), "the content is [1], expected a list of length 2"),
        ([], NonEmpty([STRING]), "the content is empty"),
        ({"a": {"odd name": 5}}, {"a": DictSchema(STRING)}, "a['odd name'] is 5, expected a string"),
        ({"z": 5}, DictSchema(NUMBER, enum_schema("a", "b")), "the key 'z' is 'z', expected 'a' or 'b'"),
        (5, {"a": STRING}, "the content is 5, expected a dict with string keys"),
        (5, UnionSchema((STRING, BOOLEAN)), "the content is 5, expected a string or true or false"),
        ({"kind": "cube", "sides": []}, TaggedUnion("kind", {"square": SHAPE}), "kind is 'cube', expected 'square'"),
        ({"sides": []}, TaggedUnion("kind", {"square": SHAPE}), "'kind' is missing"),
        ({"kind": ["square"]}, TaggedUnion("kind", {"square": SHAPE}), "kind is ['square'], expected 'square'"),
        ({"kind": "square", "sides": [0]}, TaggedUnion("kind", {"square": SHAPE}), "sides[0] is 0, expected a finite"),
    ],
)  # fmt: skip
def test_the_first_misfit_is_told_with_its_place(value: Any, schema: Any, told: str) -> None:
    assert find_mismatch(value, schema).startswith(told)


def test_what_is_told_is_short_and_harmless_however_large_the_value_is() -> None:
    with pytest.raises(FileError) as caught:
        check_schema({"a": "\x1b]0;title\x07" * 10**6}, {"a": NUMBER}, "f.json")
    assert len(str(caught.value)) < 300
    assert "\x1b" not in str(caught.value)


def test_a_form_of_a_dataclass_follows_its_hints() -> None:
    @dataclass
    class Part:
        name: str
        size: Annotated[float, POSITIVE]
        rows: int
        levels: list[str]
        table: dict[str, float]
        pattern: str | None = None

    # Local classes are looked up where their hints are evaluated.
    Part.__annotations__ = {
        "name": str, "size": Annotated[float, POSITIVE], "rows": int, "levels": list[str],
        "table": dict[str, float], "pattern": str | None,
    }  # fmt: skip
    schema = dataclass_schema(Part, kind=enum_schema("part"))
    good = {"kind": "part", "name": "a", "size": 1, "rows": 0, "levels": ["x"], "table": {"y": 0.5}}
    assert find_mismatch(good, schema) == ""
    assert find_mismatch(good | {"pattern": None}, schema) == ""
    for key, bad in {
        "kind": "x",
        "name": 5,
        "size": 0,
        "rows": -1,
        "levels": [1],
        "table": {"y": ""},
    }.items():
        assert find_mismatch(good | {key: bad}, schema).startswith(key)
    assert find_mismatch(good | {"pattern": 5}, schema) == "pattern is 5, expected a string or null"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is not valid JSON"),
        (b'{"a": ', "is not valid JSON"),
        (b"[" * 100_000, "is not valid JSON"),
        (b"\xff\xfe\x00", "is not valid JSON"),
        (b"1" * 5000, "is not valid JSON"),
        (b" " * 1001, "has more than 1,000 bytes"),
    ],
)
def test_what_is_not_json_is_told_in_words(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "f.json"
    path.write_bytes(content)
    with pytest.raises(FileError, match=told) as caught:
        read_json(path, 1000 if told.startswith("has") else 2**20)
    assert len(str(caught.value)) < 400


def test_json_is_read_with_and_without_a_mark_of_its_encoding(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    for encoding in ("utf-8", "utf-8-sig"):
        path.write_text(json.dumps({"é": [1, 2.5, None]}), encoding=encoding)
        assert read_json(path) == {"é": [1, 2.5, None]}
    with pytest.raises(FileError, match="cannot be read: No such file"):
        read_json(tmp_path / "none.json")
    with pytest.raises(FileError, match="cannot be read: Is a directory"):
        read_json(tmp_path)
