"""sudoers(5): a file of its own for each user and group, where the guest's sudoers looks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Edit, Found, MakeFolder, Remove, Wish, WriteFile

PROGRAMS = ("/usr/bin/sudo", "/bin/sudo", "/usr/local/bin/sudo")
MAIN = "/etc/sudoers"
FOLDER = "/etc/sudoers.d"

_INCLUDE = re.compile(rf"^[@#]includedir\s+{FOLDER}/?\s*$", re.MULTILINE)


def asks(wish: Wish, found: Found) -> Iterator[str]:
    if _rules(wish.settings) or _rules(wish.before):
        yield from (*PROGRAMS, MAIN, FOLDER)
        yield from {**_rules(wish.before), **_rules(wish.settings)}


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    wanted = _rules(wish.settings)
    for path in _rules(wish.before):
        if path not in wanted and found.kind(path):
            yield Remove(path)
    if not wanted:
        return
    who = ", ".join(sorted(path.rpartition("/")[2].removeprefix(PREFIX) for path in wanted))
    if not found.has(*PROGRAMS):
        raise Failure(f"sudo rules are declared for {who}, and the guest has no sudo",
                      hint="add the package sudo to the image, or leave the rules out")
    if not _INCLUDE.search(found.text(MAIN)):
        raise Failure(f"sudo rules are declared for {who}, and the guest's {MAIN} does not read "
                      f"{FOLDER}", hint=f"it takes the line: @includedir {FOLDER}")
    yield MakeFolder(FOLDER, 0o750)
    for path, text in wanted.items():
        old = found.files.get(path)
        if old is None or (old.content, old.mode) != (text.encode(), 0o440):
            yield WriteFile(path, text.encode(), 0o440, 0, 0)


PREFIX = "90-tinycloud-"


def _rules(settings: Mapping[str, Any]) -> dict[str, str]:
    """Path -> text. A group's file is told from a user's; neither name can hold a dot, with which
    sudo would pass it over."""
    found = {}
    for section, start, mark in (("users", "", ""), ("groups", "group-", "%")):
        for name, one in (settings.get(section) or {}).items():
            rules = one.get("sudo", ())
            lines = [f"{mark}{name} {rule}" for rule in
                     ([rules] if isinstance(rules, str) else rules)]
            if lines:
                text = "\n".join(("# written by tinycloud", *lines, ""))
                found[f"{FOLDER}/{PREFIX}{start}{name}"] = text
    return found
