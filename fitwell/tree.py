"""``keras.tree``: functions of nested structures of lists, tuples, named tuples and dicts.

Everything else is a leaf, also None. The keys of a dict are visited in sorted order.

>>> import fitwell as keras
>>> keras.tree.flatten({"b": [1, 2], "a": 3})
[3, 1, 2]
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]


class MAP_TO_NONE:  # noqa: N801  # the name in Keras
    """A marker that a function returns to `traverse` to put None in the place of a node.

    Example:
        >>> traverse(lambda node: MAP_TO_NONE if node == 2 else None, [1, 2])
        [1, None]
    """


def is_nested(structure: Any) -> bool:
    """Return whether `structure` is a list, a tuple or a dict.

    Args:
        structure (Any): The value.

    Example:
        >>> is_nested([1]), is_nested(1)
        (True, False)
    """
    return isinstance(structure, list | tuple | dict)


def _items(structure: Any) -> Iterator[tuple[Any, Any]]:
    """Yield pairs of a key or an index and a child."""
    if isinstance(structure, Mapping):
        keys = structure if isinstance(structure, OrderedDict) else sorted(structure)
        yield from ((key, structure[key]) for key in keys)
    else:
        yield from enumerate(structure)


def _rebuild(structure: Any, children: list[Any]) -> Any:
    """Return a structure like `structure` with other children, in the order of `_items`."""
    if isinstance(structure, Mapping):
        found = dict(zip((key for key, _ in _items(structure)), children, strict=True))
        ordered = {key: found[key] for key in structure}
        if isinstance(structure, defaultdict):
            return defaultdict(structure.default_factory, ordered)
        kind: Any = type(structure)
        return kind(ordered)
    if hasattr(structure, "_fields"):
        return type(structure)(*children)
    return type(structure)(children)


def flatten(structure: Any) -> list[Any]:
    """Return the leaves of a structure.

    Args:
        structure (Any): The structure.

    Returns:
        list: The leaves.

    Example:
        >>> flatten({"b": (1, 2), "a": None})
        [None, 1, 2]
    """
    return [leaf for _, leaf in flatten_with_path(structure)]


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Return pairs of a path, a tuple of keys and indices, and a leaf.

    Args:
        structure (Any): The structure.

    Example:
        >>> flatten_with_path({"a": [5]})
        [(('a', 0), 5)]
    """
    if not is_nested(structure):
        return [((), structure)]
    return [
        ((key, *path), leaf) for key, child in _items(structure) for path, leaf in flatten_with_path(child)
    ]


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """Apply a function to the corresponding leaves of structures, and return a structure like the first one.

    Args:
        func (Callable): The function, with one argument per structure.
        *structures: The structures, which must be the same except for their leaves.
        none_is_leaf (bool): Whether `func` is also called for None. Default: True.

    Raises:
        TypeError: If `func` is not a function.
        ValueError: If there are no structures, or if they differ.

    Example:
        >>> map_structure(lambda a, b: a + b, [1, (2,)], [10, (20,)])
        [11, (22,)]
    """
    if not callable(func):
        raise TypeError(f"func must be a function, got {func!r}")
    if not structures:
        raise ValueError("map_structure needs at least one structure")
    for other in structures[1:]:
        assert_same_structure(structures[0], other)

    def apply(*nodes: Any) -> Any:
        if is_nested(nodes[0]):
            children = [[child for _, child in _items(node)] for node in nodes]
            return _rebuild(nodes[0], [apply(*parts) for parts in zip(*children, strict=True)])
        return None if nodes[0] is None and not none_is_leaf else func(*nodes)

    return apply(*structures)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """Apply a function to the parts of `structures` that are in the places of the leaves of `shallow_structure`.

    Args:
        shallow_structure (Any): The structure of the result.
        func (Callable): The function, with one argument per structure.
        *structures: The structures, which may be deeper.

    Raises:
        ValueError: If a structure differs from `shallow_structure` above its leaves.

    Example:
        >>> map_structure_up_to([0, 0], len, [(1, 2), (3,)])
        [2, 1]
    """

    def apply(shallow: Any, *nodes: Any) -> Any:
        if not is_nested(shallow):
            return func(*nodes)
        keys = [key for key, _ in _items(shallow)]
        for node in nodes:
            if not is_nested(node) or [key for key, _ in _items(node)] != keys:
                raise ValueError(f"the structures differ: {shallow!r} and {node!r}")
        children = [[child for _, child in _items(node)] for node in (shallow, *nodes)]
        return _rebuild(shallow, [apply(*parts) for parts in zip(*children, strict=True)])

    return apply(shallow_structure, *structures)


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Raise an error if two structures differ in anything but their leaves.

    Args:
        a (Any): A structure.
        b (Any): Another structure.
        check_types (Any): Accepted for compatibility with older versions of Keras. It has no effect.

    Raises:
        ValueError: If the structures differ.

    Example:
        >>> assert_same_structure({"a": [1]}, {"a": [None]})
    """
    if is_nested(a) != is_nested(b):
        raise ValueError(f"the structures differ: {a!r} and {b!r}")
    if not is_nested(a):
        return
    both_dicts = isinstance(a, Mapping) and isinstance(b, Mapping)
    if not both_dicts and type(a) is not type(b):
        raise ValueError(f"the structures differ in type: {type(a).__name__} and {type(b).__name__}")
    if sorted(map(str, (k for k, _ in _items(a)))) != sorted(map(str, (k for k, _ in _items(b)))):
        raise ValueError(f"the structures differ: {a!r} and {b!r}")
    for key, child in _items(a):
        assert_same_structure(child, b[key])


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise an error if the leaves of two structures have different paths. Lists and tuples count as equal.

    Args:
        a (Any): A structure.
        b (Any): Another structure.

    Raises:
        ValueError: If the paths differ.

    Example:
        >>> assert_same_paths([1, 2], (3, 4))
    """
    first, second = ({path for path, _ in flatten_with_path(item)} for item in (a, b))
    if first != second:
        raise ValueError(f"the structures have different paths: {sorted(map(str, first ^ second))}")


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """Return a structure like `structure` with the leaves of `flat_sequence`.

    Args:
        structure (Any): The structure.
        flat_sequence (list): The leaves.

    Raises:
        ValueError: If the number of leaves differs.

    Example:
        >>> pack_sequence_as({"a": 0, "b": [0, 0]}, [1, 2, 3])
        {'a': 1, 'b': [2, 3]}
    """
    leaves = list(flat_sequence)
    needed = len(flatten(structure))
    if len(leaves) != needed:
        raise ValueError(f"the structure has {needed} leaves, but there are {len(leaves)} values")
    remaining = iter(leaves)
    return map_structure(lambda _: next(remaining), structure)


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """Replace the nodes of a structure for which a function does not return None.

    Args:
        func (Callable): A function of a node. None keeps the node, and `MAP_TO_NONE` replaces it with None.
        structure (Any): The structure.
        top_down (bool): Whether `func` sees a node before its children. If it replaces the node, its children are not
            visited. Default: True.

    Example:
        >>> traverse(lambda node: 0 if node == 2 else None, [1, (2, 3)])
        [1, (0, 3)]
    """

    def result(found: Any) -> Any:
        return None if found is MAP_TO_NONE else found

    if not callable(func):
        raise TypeError(f"func must be a function, got {func!r}")
    if top_down:
        found = func(structure)
        if found is not None:
            return result(found)
    if is_nested(structure):
        structure = _rebuild(structure, [traverse(func, child, top_down) for _, child in _items(structure)])
    if top_down:
        return structure
    found = func(structure)
    return structure if found is None else result(found)


def lists_to_tuples(structure: Any) -> Any:
    """Return a structure in which each list is a tuple.

    Args:
        structure (Any): The structure.

    Example:
        >>> lists_to_tuples([1, [2]])
        (1, (2,))
    """
    return traverse(lambda node: tuple(node) if isinstance(node, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """Apply a function to the shapes in a structure. A shape is a tuple or list of integers and None.

    Args:
        func (Callable): The function of one shape.
        structure (Any): A structure of shapes.

    Example:
        >>> map_shape_structure(len, [(None, 3), (2, 3, 4)])
        [2, 3]
    """

    def is_shape(node: Any) -> bool:
        return isinstance(node, list | tuple) and all(isinstance(size, int | None) for size in node)

    def apply(node: Any) -> Any:
        if is_shape(node):
            found = func(tuple(node))
            return MAP_TO_NONE if found is None else found
        return None

    return traverse(apply, structure)


def __dir__() -> list[str]:
    return sorted(__all__)
