"""SELinux labels of what is new in a guest, as its own policy has them: file_contexts(5).

What was there keeps its label; what we make has none, and in enforcing mode no service may read it.
A guest whose policy cannot be read is marked to be labelled anew at its next boot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from tiny_cloud.guests.base import (
    Edit,
    Found,
    MakeFolder,
    Remark,
    Remove,
    SetValue,
    Symlink,
    WriteFile,
)

CONFIG = "/etc/selinux/config"
AUTORELABEL = "/.autorelabel"
"""A file whose being there makes systemd (selinux-autorelabel) relabel everything, and reboot."""
FILES = ("file_contexts", "file_contexts.homedirs", "file_contexts.local")
"""In the order in which they are read; the last match counts (selabel_file(5))."""
ALIASES = ("file_contexts.subs_dist", "file_contexts.subs")
KINDS = {WriteFile: "--", MakeFolder: "-d", Symlink: "-l"}

_WORD = re.compile(r"^\s*(SELINUX|SELINUXTYPE)\s*=\s*(\w+)", re.MULTILINE)
_LITERAL = re.compile(r"[^\\.^$?*+|\[({]*")


class Rule(Struct, frozen=True):
    pattern: str
    stem: str
    """Its literal beginning."""
    kind: str
    """``--`` a file, ``-d`` a folder, ``-l`` a symlink; empty: whatever it is."""
    label: str
    """``<<none>>``: whatever it has."""

    def fits(self, path: str) -> bool:
        """False too for the little that PCRE can say and Python's expressions cannot."""
        try:
            return re.fullmatch(self.pattern, path) is not None
        except re.error:
            return False


def asks(found: Found) -> Iterator[str]:
    yield CONFIG
    folder = policy(found)
    if folder:
        yield from (f"{folder}/{name}" for name in (*FILES, *ALIASES))
        yield AUTORELABEL


def policy(found: Found) -> str:
    """The folder of its labels' rules; empty: SELinux is off, or not there at all."""
    words = dict(_WORD.findall(_text(CONFIG, found)))
    if words.get("SELINUX", "disabled") not in ("enforcing", "permissive"):
        return ""
    return f"/etc/selinux/{words.get('SELINUXTYPE', 'targeted')}/contexts/files"


def labelled(edits: Sequence[Edit | Remark], found: Found) -> Iterator[Edit | Remark]:
    """The edits, with a label for what is not there yet."""
    folder = policy(found)
    if not folder:
        yield from edits
        return
    rules = _rules(folder, found)
    aliases = _aliases(folder, found)
    new = [edit for edit in edits if isinstance(edit, WriteFile | Symlink)
           and not found.kind(edit.path)]
    if new and not rules:
        yield Remark("the guest has SELinux and no rules for its labels that could be read: it "
                     "labels all its files at the next boot, which takes a while")
        yield WriteFile(AUTORELABEL, b"")
    for edit in edits:
        if isinstance(edit, Remark | Remove | SetValue) or found.kind(edit.path):
            yield edit
        else:
            yield replace(edit, label=_label(rules, _plain(edit.path, aliases), KINDS[type(edit)]))


def _rules(folder: str, found: Found) -> list[Rule]:
    lines = (line for name in FILES for line in _text(f"{folder}/{name}", found).split("\n"))
    rows = (line.split() for line in lines if not line.lstrip().startswith("#"))
    return [Rule(row[0], _stem(row[0]), row[1] if len(row) == 3 else "", row[-1])
            for row in rows if len(row) in (2, 3)]


def _stem(pattern: str) -> str:
    """What every path has to begin with that it fits."""
    literal = _LITERAL.match(pattern)
    assert literal is not None
    rest = pattern[literal.end():]
    if "|" in pattern.partition("(")[0]:
        return ""
    return literal[0][:-1] if rest[:1] in ("?", "*", "{") else literal[0]


def _label(rules: Sequence[Rule], path: str, kind: str) -> str:
    """Empty: the rules say nothing of it."""
    for rule in reversed(rules):
        # There are thousands, and a regular expression takes its time to be made.
        if path.startswith(rule.stem) and rule.kind in ("", kind) and rule.fits(path):
            return "" if rule.label == "<<none>>" else rule.label
    return ""


def _aliases(folder: str, found: Found) -> list[tuple[str, str]]:
    rows = (line.split() for name in ALIASES
            for line in _text(f"{folder}/{name}", found).split("\n"))
    return [(row[0], row[1]) for row in rows if len(row) == 2 and row[0].startswith("/")]


def _plain(path: str, aliases: Iterable[tuple[str, str]]) -> str:
    """The path under the name that rules have it by."""
    for alias, name in aliases:
        if path == alias or path.startswith(f"{alias}/"):
            return name + path.removeprefix(alias)
    return path


def _text(path: str, found: Found) -> str:
    """Empty for what is no plain file of a size that can be read."""
    file = found.files.get(path)
    return found.text(path) if file is not None and not file.refused and file.kind == "file" else ""
