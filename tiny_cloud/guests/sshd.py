"""sshd_config(5): a drop-in where the main file reads such, a block at its top where it does not.

sshd takes the first value that it reads of a keyword, so ours has to come before all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import (
    Edit,
    Found,
    MakeFolder,
    Remark,
    Remove,
    Wish,
    with_block,
    without_block,
    write,
)
from tiny_cloud.guests.ssh import SERVERS

MAIN = "/etc/ssh/sshd_config"
FOLDER = "/etc/ssh/sshd_config.d"
PATH = f"{FOLDER}/10-tinycloud.conf"

_INCLUDE = re.compile(rf"^\s*include\s.*{FOLDER}/\*", re.IGNORECASE | re.MULTILINE)
_SETTING = re.compile(r"^\s*(\w+)", re.MULTILINE)


def asks(wish: Wish, found: Found) -> Iterator[str]:
    if wish.part("sshd") or wish.former("sshd"):
        yield from (*SERVERS, MAIN, FOLDER, f"{FOLDER}/*.conf")


def edits(wish: Wish, found: Found) -> Iterator[Edit | Remark]:
    wanted = wish.part("sshd")
    if not wanted and not wish.former("sshd"):
        return
    if wanted and not found.has(*SERVERS):
        raise Failure("settings of sshd are declared, and the guest has no SSH server",
                      hint="add the package openssh-server to the image, or leave sshd out")
    lines = [line for key, value in wanted.items() for line in _lines(key, value)]
    main = found.text(MAIN, "")
    bare = without_block(main)
    included = _INCLUDE.search(bare)
    new = bare if included else with_block(bare, lines, top=True)
    if new != main:
        yield write(MAIN, new)
    if included and lines:
        text = "\n".join(("# written by tinycloud", *lines, ""))
        yield MakeFolder(FOLDER)
        if found.text(PATH, "") != text:
            yield write(PATH, text)
        yield from _overruled(wanted, found, bare[:included.start()])
    elif found.kind(PATH):
        yield Remove(PATH)


def _overruled(wanted: Mapping[str, Any], found: Found, above: str) -> Iterator[Remark]:
    """What is read before ours counts instead of it."""
    ours = {key.lower() for key in wanted}
    earlier = {path: found.text(path) for path in sorted(found.files)
               if path.startswith(f"{FOLDER}/") and path < PATH and found.kind(path) == "file"}
    for path, text in {MAIN: above, **earlier}.items():
        said = {word for word in _SETTING.findall(text) if word.lower() in ours}
        if said:
            yield Remark(f"{', '.join(sorted(said))} of sshd is set in {path} as well, which is "
                         "read first and counts")


def _lines(key: str, value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    words = {True: "yes", False: "no"}
    return [f"{key} {words[one] if isinstance(one, bool) else one}" for one in values]
