"""The second half of docs/api.md is what the names of ``tiny_cloud.__all__`` say of themselves.

Nothing else is promised: what has no place here may change.
"""

from __future__ import annotations

import ast
import enum
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import tiny_cloud

FILE = Path(__file__).parents[2] / "docs" / "api.md"
MARK = "\n## Every name\n"
OURS = {
    "Workspace": ("record", "errand", "leftovers", "resources", "things"),
    "Planned": ("errand", "command"),
    "View": ("host", "owned"),
    "Wish": ("full", "partial"),
    "Plan": ("tasks",),
    "Cloud": ("declared", "seed", "path"),
    "Change": ("observed", "stop", "rests", "aside", "fresh", "rebased", "fillers", "around",
               "lets_go", "takes", "force", "down", "up", "seal"),
    "Observed": ("rival", "identity", "declared", "needed_by", "strangers", "held",
                 "held_fields", "drifted", "policy", "facts", "attached_to"),
    "Unknown": ("adoptable",),
    "Trash": ("files", "volumes", "images"),
    "Machine": ("resource", "guest", "disk", "reading", "writing", "host_key_alias", "live_xml",
                "silence", "ask", "has_console", "console_log", "cards", "ways"),
    "Amount": ("part",),
    "Found": ("card", "is_seen"),
    "Sandbox": ("shared",),
    "SandboxMachine": ("folder",),
}
"""Members that are public to our own modules alone."""


def reference() -> str:
    names = sorted((name for name in tiny_cloud.__all__ if name != "__version__"),
                   key=lambda name: (name[0].isupper(), name))
    return f"{MARK}\n" + "\n".join(map(entry, names))


def entry(name: str) -> str:
    thing = getattr(tiny_cloud, name)
    if not inspect.isclass(thing):
        return f"### {name}\n\n{prototype(name, thing)}\n\n{told(thing)}\n"
    rows = [f"| `{word}` | {text} |" for word, text in members(thing)]
    table = "\n| | |\n| --- | --- |\n" + "\n".join(rows) + "\n" if rows else ""
    return f"### {name}\n\n{told(thing)}\n{table}"


def told(thing: object) -> str:
    text = inspect.cleandoc(thing.__doc__ or "")
    made = text.startswith(f"{getattr(thing, '__name__', '')}(")  # by dataclass
    assert text and not made, f"{thing} says nothing of itself"
    return text.replace("``", "`")


def prototype(name: str, function: object) -> str:
    words = str(inspect.signature(function))  # type: ignore[arg-type]
    return re.sub(r"(: |-> )'([^']+)'", r"\1\2", f"`{name}{words}`")  # annotations are texts


def members(thing: type) -> Iterator[tuple[str, str]]:
    """Fields and methods, in the order of the source, with what is written below them."""
    if issubclass(thing, enum.Enum):
        yield from ((f"{thing.__name__}.{one.name}", f"`{one.value}`") for one in thing)
        return
    texts = attributes(thing)
    for name, member in {**dict.fromkeys(texts), **vars(thing)}.items():
        if name.startswith("_") or name in OURS.get(thing.__name__, ()):
            continue
        member = getattr(member, "__func__", member)
        if inspect.isfunction(member):
            words = ", ".join(list(inspect.signature(member).parameters)[1:])
            yield f"{name}({words})", cell(told(member))
        else:
            text = texts.get(name) or (told(member) if isinstance(member, property) else "")
            yield name, cell(text)


def attributes(thing: type) -> dict[str, str]:
    """The strings below fields, also below those that ``__init__`` sets."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    found: dict[str, str] = {}
    for body in (node.body for node in ast.walk(tree)
                 if isinstance(node, ast.ClassDef) or getattr(node, "name", "") == "__init__"):
        for node, below in zip(body, [*body[1:], None], strict=True):
            target = node.target if isinstance(node, ast.AnnAssign) else (
                node.targets[0] if isinstance(node, ast.Assign) else None)
            name = getattr(target, "id", getattr(target, "attr", ""))
            own = isinstance(target, ast.Name) == (body is tree.body[0].body)  # type: ignore[attr-defined]
            if name and own:
                text = below.value.value if isinstance(below, ast.Expr) and isinstance(
                    below.value, ast.Constant) else ""
                found[name] = str(text)
    return found


def cell(text: str) -> str:
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())


def test_the_reference_is_what_the_names_say(request: pytest.FixtureRequest) -> None:
    guide = FILE.read_text().partition(MARK)[0]
    if request.config.getoption("--regenerate"):
        FILE.write_text(guide + reference())
    assert FILE.read_text() == guide + reference()


@pytest.mark.parametrize("name", OURS)
def test_what_is_ours_alone_is_there(name: str) -> None:
    """A member that was renamed is not kept back under its old name."""
    thing = getattr(tiny_cloud, name)
    assert {*attributes(thing), *vars(thing)} >= set(OURS[name])
