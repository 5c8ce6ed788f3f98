"""Which messages of errors a run of the tests has triggered, and which there are.

A message is a place that makes a ``Failure`` or a ``Problem``, has a resource ``refuse``, or says
that the command line is wrong; and an ``x-problem`` of the schemas. With MESSAGES=FILE in its
environment a test run notes there which of them it came by, a line each; all its processes append
to it, and several runs. ``python -m tests.messages FILE`` lists the others.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tiny_cloud"
MAKERS = ("Failure", "Problem", "refuse", "UsageError", "BadParameter")
VARIABLE = "MESSAGES"


def watch(file: str) -> None:
    """From now on note in the file who makes one."""
    import click

    from tiny_cloud.errors import Failure, Problem
    from tiny_cloud.resource import Resource

    seen: set[str] = set()
    prefix, declared = f"{PACKAGE}{os.sep}", list(schema_messages())

    def note(place: str) -> None:
        if place not in seen:
            seen.add(place)
            with open(file, "a", encoding="utf-8") as notes:
                notes.write(f"{place}\n")

    def noting(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, *args: Any, **words: Any) -> Any:
            caller = sys._getframe(1)
            if caller.f_code.co_filename.startswith(prefix):
                note(f"{caller.f_code.co_filename.removeprefix(f'{ROOT}{os.sep}')}:"
                     f"{caller.f_lineno}")
                # As in schema/sentences.py: the field, and what its schema says.
                said = str(args[0]).partition(": ")[2] if args else ""
                for place in (place for text, place in declared if text == said):
                    note(place)
            return original(self, *args, **words)
        return call

    for owner in (Failure, Problem, click.UsageError, click.BadParameter):
        owner.__init__ = noting(owner.__init__)
    Resource.refuse = noting(Resource.refuse)


def schema_messages() -> Iterator[tuple[str, str]]:
    """(the message, where it stands), of the schemas."""
    for path in sorted((ROOT / "schemas").glob("*.json")):
        for at, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for found in re.finditer(r'"x-problem": ("(?:[^"\\]|\\.)*")', line):
                yield json.loads(found[1]), f"schemas/{path.name}:{at}"


def sites() -> Iterator[tuple[str, str]]:
    """``FILE:LINE``, as it is noted, and what the message begins with."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {alias.asname or alias.name for node in ast.walk(tree)
                   if isinstance(node, ast.ImportFrom) for alias in node.names}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node.func, modules) in MAKERS:
                words = next((one for one in node.args if isinstance(
                    one, ast.Constant | ast.JoinedStr)), None)
                yield f"{path.relative_to(ROOT)}:{node.lineno}", ast.unparse(words or node)[:90]
    yield from ((place, text) for text, place in schema_messages())


def _called(node: ast.expr, modules: set[str]) -> str:
    """``refuse`` of a resource; that of a module is another function."""
    if isinstance(node, ast.Attribute):
        of_module = isinstance(node.value, ast.Name) and node.value.id in modules
        return "" if of_module else node.attr
    return node.id if isinstance(node, ast.Name) else ""


def main(file: str) -> int:
    """The exit code: 1 if there is one that nothing triggered."""
    reached = set(Path(file).read_text(encoding="utf-8").splitlines())
    known = dict(sites())
    missing = {place: words for place, words in known.items() if place not in reached}
    for place, words in missing.items():
        print(f"{place}  {words}")
    print(f"{len(known) - len(missing)} of {len(known)} messages were triggered.", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
