"""Which messages of errors a run of the tests has triggered, and which there are.

A message is a place that makes a ``Failure`` or a ``Problem``, or has a resource ``refuse``. With
MESSAGES=FILE in its environment a test run notes there which of them it came by, a line each; all
its processes append to it, and several runs. ``python -m tests.messages FILE`` lists the others.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tiny_cloud"
MAKERS = ("Failure", "Problem", "refuse")
VARIABLE = "MESSAGES"


def watch(file: str) -> None:
    """From now on note in the file who makes one."""
    from tiny_cloud.errors import Failure, Problem
    from tiny_cloud.resource import Resource

    seen: set[tuple[str, int]] = set()
    prefix = f"{PACKAGE}{os.sep}"

    def noting(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **words: Any) -> Any:
            caller = sys._getframe(1)
            place = caller.f_code.co_filename, caller.f_lineno
            if place not in seen and place[0].startswith(prefix):
                seen.add(place)
                with open(file, "a", encoding="utf-8") as notes:
                    notes.write(f"{Path(place[0]).relative_to(ROOT)}:{place[1]}\n")
            return original(*args, **words)
        return call

    for owner, name in ((Failure, "__init__"), (Problem, "__init__"), (Resource, "refuse")):
        setattr(owner, name, noting(getattr(owner, name)))


def sites() -> Iterator[tuple[str, str]]:
    """``FILE:LINE``, as it is noted, and what the message begins with."""
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        modules = {alias.asname or alias.name for node in ast.walk(tree)
                   if isinstance(node, ast.ImportFrom) for alias in node.names}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node.func, modules) in MAKERS:
                words = next((one for one in node.args if isinstance(
                    one, ast.Constant | ast.JoinedStr)), None)
                said = ast.get_source_segment(text, words or node) or ""
                yield f"{path.relative_to(ROOT)}:{node.lineno}", " ".join(said.split())[:90]


def _called(node: ast.expr, modules: set[str]) -> str:
    """``refuse`` of a resource; that of a module is another function."""
    if isinstance(node, ast.Attribute):
        of_module = isinstance(node.value, ast.Name) and node.value.id in modules
        return "" if of_module else node.attr
    return node.id if isinstance(node, ast.Name) else ""


def main(file: str) -> int:
    """The exit code: 1 if there is one that nothing triggered."""
    reached = set(Path(file).read_text(encoding="utf-8").split())
    known = dict(sites())
    missing = {place: words for place, words in known.items() if place not in reached}
    for place, words in missing.items():
        print(f"{place}  {words}")
    print(f"{len(known) - len(missing)} of {len(known)} messages were triggered.", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
