"""Mutation testing: change one number, sign, comparison or operator at a time, and check that a test fails.

Run it from the repository root, niced, because it takes long::

    nice python -m tests.mutants                    # every mutant of every package
    nice python -m tests.mutants --sample 400       # a random sample, the same for the same --seed
    nice python -m tests.mutants losses             # one package only
    nice python -m tests.mutants --at fitwell/losses/base.py:67   # one line only, after adding a test for it

The packages are optimizers, losses, initializers and schedules, each with the tests that must fail. First the tests of
a package run once without changes, to record which lines each test executes. Then, for each mutant, a forked process
imports the package with the changed syntax tree in place of the module (no file is written) and runs the tests that
execute the changed line, fastest first, until one fails: the mutant is *killed*. Lines that only imports execute
(defaults, tables of limits) are checked with all tests of the package. A mutant that no test kills *survives* and is
printed with its place. It counts against the rate unless `EQUIVALENT` gives a reason why it cannot change a result.

Mutations: numbers (integers + 1, others times 1.1), True and False, arithmetic (``+ -``, ``* /``, ``** *``), unary
signs, ``not``, comparisons (``< <=``, ``== !=``, ``is``, ``in``), ``and`` and ``or``. Docstrings, annotations, strings,
exceptions, warnings and ``__all__`` are not mutated.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import importlib.machinery
import importlib.util
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Package: what is broken, and the tests that must notice.
PACKAGES = {
    "optimizers": ("fitwell/optimizers", "tests/optimizers"),
    "losses": ("fitwell/losses", "tests/losses"),
    "initializers": ("fitwell/initializers", "tests/initializers"),
    "schedules": ("fitwell/schedules", "tests/schedules"),
}
TIME_LIMIT = 300

# Module, source of the line, the change: why no test can see it.
EQUIVALENT: dict[tuple[str, str, str], str] = {
    (
        "fitwell/losses/reduction.py",
        "return jnp.where(count == 0, 0, total / jnp.where(count == 0, 1, count))",
        "1 -> 2",
    ): "divides what is not chosen",
    (
        "fitwell/losses/base.py",
        "if self.dtype is None and y_pred.dtype.itemsize <= 2:",
        "2 -> 3",
    ): "no type has three bytes",
    (
        "fitwell/losses/regression_losses.py",
        "jnp.where(size <= delta, 0.5 * jnp.square(size), delta * size - 0.5 * jnp.square(delta)), axis=-1",
        "LtE -> Lt",
    ): "both pieces meet there, in value and slope",
    (
        "fitwell/initializers/random_initializers.py",
        "flat = values.reshape(-1)",
        "1 -> 2",
    ): "any negative size is the open one",
    (
        "fitwell/initializers/random_initializers.py",
        "outside = np.flatnonzero(np.abs(flat) > 2.0)",
        "Gt -> GtE",
    ): "2 itself is never drawn",
    (
        "fitwell/initializers/random_initializers.py",
        "outside = outside[np.abs(flat[outside]) > 2.0]",
        "Gt -> GtE",
    ): "2 itself is never drawn",
    (
        "fitwell/optimizers/gradient_transforms.py",
        "path: gradient + deviation * jax.random.normal(_key_of(key, path), gradient.shape, gradient.dtype)",
        "Add -> Sub",
    ): "the noise is as likely as its opposite",
    (
        "fitwell/schedules/cosine_decay.py",
        "rising = self.initial_learning_rate + line * step / jnp.maximum(self.warmup_steps, 1)",
        "1 -> 2",
    ): "a warm-up of one step has only step 0, where the line is at its start",
    (
        "fitwell/schedules/cosine_decay.py",
        "growth = jnp.where(even, 2, self.t_mul)  # any number except 1; this branch is then not selected",
        "2 -> 3",
    ): "not chosen",
    (
        "fitwell/schedules/warmup.py",
        "return jnp.where(step < self.warmup_steps, rising, target)",
        "Lt -> LtE",
    ): "the line ends where the schedule begins",
    (
        "fitwell/schedules/one_cycle.py",
        "step < half, rising, jnp.where(step < 2 * half, falling, _interpolate(start, end, rest))",
        "Lt -> LtE",
    ): "the lines meet there",
}

SWAPPED: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True)
class Mutant:
    """One change: the `number`-th that `Sites` finds in the tree of `path`."""

    path: str
    number: int
    lines: tuple[int, int]
    text: str
    change: str

    def __str__(self) -> str:
        return f"{self.path}:{self.lines[0]}: {self.change}: {self.text}"


class Sites(ast.NodeVisitor):
    """All places of a tree that can be broken, in order, each with what breaks it in place."""

    def __init__(self, tree: ast.Module) -> None:
        self.found: list[tuple[ast.AST, str, Callable[[], None]]] = []
        self.inside = 0
        self.visit(tree)

    def add(self, node: ast.AST, name: str, break_it: Callable[[], None]) -> None:
        self.found.append((node, name, break_it))

    def swap(self, node: ast.AST, holder: Any, field: Any) -> None:
        old = holder[field] if isinstance(holder, list) else getattr(holder, field)
        new = SWAPPED.get(type(old))
        if new is None:
            return
        put = holder.__setitem__ if isinstance(holder, list) else lambda k, v: setattr(holder, k, v)
        self.add(node, f"{type(old).__name__} -> {new.__name__}", lambda: put(field, new()))

    # --- what is left alone

    def visit_Raise(self, node: ast.Raise) -> None:
        pass

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        pass

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        if not any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets):
            self.visit(node.value)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in node.body:
            self.visit(part)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.inside += 1
        for part in (*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body):
            self.visit(part)
        self.inside -= 1

    def visit_Call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func)
        if name == "isinstance":
            self.visit(node.args[0])
        elif "warn" not in name:
            self.generic_visit(node)

    # --- what is broken

    def visit_Constant(self, node: ast.Constant) -> None:
        old = node.value
        if isinstance(old, bool):
            new: Any = not old
        elif isinstance(old, int):
            new = old + 1
        elif isinstance(old, float):
            new = 1.1 * old or 0.1
        else:
            return
        self.add(node, f"{old!r} -> {new!r}", lambda: setattr(node, "value", new))

    def visit_BinOp(self, node: ast.BinOp) -> None:
        # Outside of functions `|` joins types.
        if self.inside or not isinstance(node.op, ast.BitOr):
            self.swap(node, node, "op")
            self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.swap(node, node, "op")
        self.visit(node.value)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.swap(node, node, "op")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for number in range(len(node.ops)):
            self.swap(node, node.ops, number)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.USub):
            self.add(node, "-x -> +x", lambda: setattr(node, "op", ast.UAdd()))
        elif isinstance(node.op, ast.Not):
            # bool(x) in the words of the tree: `not not x`.
            inner = node.operand
            self.add(
                node, "not x -> x", lambda: setattr(node, "operand", ast.UnaryOp(op=ast.Not(), operand=inner))
            )
        self.generic_visit(node)


def mutants_of(path: Path) -> Iterator[Mutant]:
    source = path.read_text()
    lines = source.splitlines()
    for number, (node, change, _) in enumerate(Sites(ast.parse(source)).found):
        place = (node.lineno, node.end_lineno)
        yield Mutant(str(path.relative_to(ROOT)), number, place, lines[node.lineno - 1].strip(), change)


def broken_tree(mutant: Mutant) -> ast.Module:
    tree = ast.parse((ROOT / mutant.path).read_text())
    Sites(tree).found[mutant.number][2]()
    return ast.fix_missing_locations(tree)


class BrokenImport:
    """Finds the module of `mutant` in its broken form, and nothing else."""

    def __init__(self, mutant: Mutant) -> None:
        path = str(ROOT / mutant.path)
        self.name = mutant.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        tree = broken_tree(mutant)

        class Loader(importlib.machinery.SourceFileLoader):
            def get_code(self, fullname: str) -> Any:
                return compile(tree, path, "exec")

        self.spec = importlib.util.spec_from_file_location(self.name, path, loader=Loader(self.name, path))

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        return self.spec if name == self.name else None


class Listener:
    """Notes, for every test, how long it took and which lines of `folder` it reached."""

    def __init__(self, folder: str) -> None:
        self.folder = str(ROOT / folder)
        self.reached: dict[str, list[tuple[str, int]]] = {}
        self.seconds: Counter[str] = Counter()
        self.lines: set[tuple[str, int]] = set()

    def trace(self, frame: Any, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(self.folder):
            return None
        self.lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self.trace

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.lines = set()
        self.started = time.perf_counter()
        sys.settrace(self.trace)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        sys.settrace(None)
        self.seconds[nodeid] = time.perf_counter() - self.started
        self.reached[nodeid] = [(os.path.relpath(path, ROOT), line) for path, line in self.lines]


class Chooser:
    """Runs the named tests only, in the order given."""

    def __init__(self, tests: list[str]) -> None:
        self.place = {test: number for number, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.place), key=lambda i: self.place[i.nodeid]
        )


def pytest_run(arguments: list[str], *plugins: Any) -> int:
    """Run pytest without a word; return its exit status."""
    import hypothesis
    import pytest

    # The first counterexample is enough, and none is kept from mutant to mutant.
    hypothesis.settings.register_profile(
        "mutants",
        deadline=None,
        database=None,
        max_examples=20,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile=mutants", "--no-header"]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        return int(pytest.main([*quiet, "--tb=no", *arguments], plugins=list(plugins)))


def in_a_fork(work: Callable[[], int], limit: float = TIME_LIMIT) -> int:
    """Return what `work` returns in a process of its own; -1 if it dies or takes more than `limit` seconds."""
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_PROF, limit)  # of processor time, for others may be at work
        try:
            code = work()
        except BaseException:
            code = 100
        os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1


def listen(package: str) -> tuple[dict[str, float], dict[tuple[str, int], list[str]]]:
    """Run the tests of `package` once; return the seconds of each, and the tests that reach each line."""
    folder, tests = PACKAGES[package]
    with tempfile.TemporaryDirectory() as kept:
        note = Path(kept) / "reached.json"

        def work() -> int:
            listener = Listener(folder)
            code = pytest_run([tests], listener)
            note.write_text(json.dumps([dict(listener.seconds), listener.reached]))
            return code

        code = in_a_fork(work, 10 * TIME_LIMIT)
        if code != 0:
            sys.exit(f"{tests} must pass before they can judge mutants; pytest ended with {code}")
        seconds, reached = json.loads(note.read_text())
    by_line = defaultdict(list)
    for test in sorted(reached, key=seconds.get):
        for path, line in reached[test]:
            by_line[path, line].append(test)
    return seconds, by_line


def judges(mutant: Mutant, seconds: dict[str, float], by_line: dict[tuple[str, int], list[str]]) -> list[str]:
    """Return the tests that `mutant` is put to, fastest first."""
    first, last = mutant.lines
    reaching = {test for line in range(first, last + 1) for test in by_line.get((mutant.path, line), ())}
    return sorted(reaching or seconds, key=lambda test: seconds[test])


def killed(mutant: Mutant, tests: list[str]) -> bool:
    files = sorted({test.split("::")[0] for test in tests})

    def work() -> int:
        sys.meta_path.insert(0, BrokenImport(mutant))
        return pytest_run(["-x", *files], Chooser(tests))

    return in_a_fork(work) != 0


def warm_up() -> None:
    """Import what does not belong to the package, so that every fork has it; nothing of it starts JAX."""
    for name in (
        "jax.test_util",
        "keras",
        "optax",
        "scipy.stats",
        "sklearn.metrics",
        "hypothesis.extra.numpy",
    ):
        importlib.import_module(name)
    with contextlib.suppress(ImportError):
        importlib.import_module("torch")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument(
        "packages", nargs="*", metavar="package", help=f"of {', '.join(PACKAGES)}; all by default"
    )
    parser.add_argument(
        "--sample", type=int, help="how many mutants at most, drawn at random over the packages"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--at", action="append", metavar="FILE:LINE", help="only this line; may be repeated")
    arguments = parser.parse_args()
    for package in arguments.packages:
        if package not in PACKAGES:
            parser.error(f"no package {package!r}; there are {', '.join(PACKAGES)}")

    os.chdir(ROOT)
    os.environ.setdefault("KERAS_BACKEND", "jax")
    # Most programs of a test are those of the unbroken package: compile each once only.
    cache = tempfile.TemporaryDirectory()
    os.environ["JAX_COMPILATION_CACHE_DIR"] = cache.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    warm_up()
    everything: list[tuple[str, Mutant]] = []
    for package in arguments.packages or PACKAGES:
        path = ROOT / PACKAGES[package][0]
        for file in [path] if path.is_file() else sorted(path.glob("*.py")):
            everything += [(package, mutant) for mutant in mutants_of(file)]
    if arguments.at:
        everything = [(package, m) for package, m in everything if f"{m.path}:{m.lines[0]}" in arguments.at]
    chosen = everything
    if arguments.sample and arguments.sample < len(everything):
        numbers = random.Random(arguments.seed).sample(range(len(everything)), arguments.sample)
        chosen = [everything[number] for number in numbers]

    counts: dict[str, Counter[str]] = defaultdict(Counter)
    heard: dict[str, Any] = {}
    for number, (package, mutant) in enumerate(chosen, start=1):
        print(f"{number} of {len(chosen)}", end="\r", file=sys.stderr, flush=True)
        counts[package]["all"] += 1
        if (mutant.path, mutant.text, mutant.change) in EQUIVALENT:
            counts[package]["equivalent"] += 1
            continue
        if package not in heard:
            heard[package] = listen(package)
        if killed(mutant, judges(mutant, *heard[package])):
            counts[package]["killed"] += 1
        else:
            print(f"survived  {mutant}", flush=True)
    print(f"{len(chosen)} of {len(everything)} mutants")
    counts["together"] = sum(counts.values(), Counter())
    for package, count in counts.items():
        judged = count["all"] - count["equivalent"]
        share = count["killed"] / max(judged, 1)
        print(
            f"{package:13} {share:6.1%} killed: {count['killed']} of {judged}, {count['equivalent']} equivalent"
        )


if __name__ == "__main__":
    main()
