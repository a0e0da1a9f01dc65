"""`fitwell.tree` against `keras.tree`."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest

from fitwell import tree

keras: Any = pytest.importorskip("keras", reason="the reference is Keras, of the extra [test]")
Point = namedtuple("Point", ["x", "y"])
STRUCTURES: list[Any] = [
    3, None, [], [1, 2], (1, [2, (3,)]), {"b": [1, None], "a": (2, {"c": 3})}, Point(1, [2, 3]), [{}, ()],
]  # fmt: skip


@pytest.mark.parametrize("structure", STRUCTURES, ids=repr)
def test_structures_are_taken_apart_as_in_keras(structure: Any) -> None:
    assert tree.flatten(structure) == keras.tree.flatten(structure)
    assert tree.flatten_with_path(structure) == keras.tree.flatten_with_path(structure)
    assert tree.is_nested(structure) == keras.tree.is_nested(structure)
    assert tree.lists_to_tuples(structure) == keras.tree.lists_to_tuples(structure)
    for function in (repr, lambda leaf: [leaf]):
        assert tree.map_structure(function, structure) == keras.tree.map_structure(function, structure)
    leaves = [str(leaf) for leaf in tree.flatten(structure)]
    packed = tree.pack_sequence_as(structure, leaves)
    assert packed == keras.tree.pack_sequence_as(structure, leaves) and type(packed) is type(
        structure if tree.is_nested(structure) else ""
    )


@pytest.mark.parametrize("top_down", [True, False])
def test_nodes_are_replaced_as_in_keras(top_down: bool) -> None:
    structure = {"a": [1, 2], "b": (3, None, [4])}

    def run(where: Any) -> Any:
        seen: list[Any] = []

        def visit(node: Any) -> Any:
            seen.append(node)
            if node == [1, 2]:
                return "replaced"
            return where.MAP_TO_NONE if node == 3 else None

        return where.traverse(visit, structure, top_down=top_down), seen

    assert run(tree) == run(keras.tree)


def test_shapes_and_shallow_structures() -> None:
    shapes = {"a": (None, 3), "b": [(2, 4), [5]]}
    assert tree.map_shape_structure(len, shapes) == keras.tree.map_shape_structure(len, shapes)
    arguments = ([0, 0], lambda a, b: (a, b), [[1, 2], 3], [4, {"x": 5}])
    assert tree.map_structure_up_to(*arguments) == keras.tree.map_structure_up_to(*arguments)


def test_different_structures_are_refused() -> None:
    for a, b in [([1], (1,)), ([1], [1, 2]), ({"a": 1}, {"b": 1}), (1, [1])]:
        with pytest.raises(ValueError, match="the structures differ"):
            tree.assert_same_structure(a, b)
        with pytest.raises(ValueError, match="the structures differ"):
            tree.map_structure(max, a, b)
    tree.assert_same_structure({"a": [1]}, {"a": ["x"]})
    tree.assert_same_paths([1, (2,)], (1, [2]))
    with pytest.raises(ValueError, match="different paths"):
        tree.assert_same_paths([1], [1, 2])
    with pytest.raises(ValueError, match="has 2 leaves, but there are 1"):
        tree.pack_sequence_as([1, 2], [1])
