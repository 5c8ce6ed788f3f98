"""Fixture texts of a small Debian guest, and short ways to ask what would be written into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiny_cloud.guests.base import Edit, File, Found, Fresh, Matter, Remark, Wish, WriteFile

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
ann:x:999:999:Ann, system:/home/ann:/bin/sh
bob:x:1000:1000:Bob,,,:/home/bob:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
SHADOW = """\
root:*:19700:0:99999:7:::
daemon:*:19700:0:99999:7:::
ann:!:19700::::::
bob:$6$salt$hash:19701:0:99999:7:::
nobody:*:19700:0:99999:7:::
"""
GROUP = "root:x:0:\nsudo:x:27:bob\nusers:x:100:\nann:x:999:\nbob:x:1000:\nnogroup:x:65534:\n"
GSHADOW = "root:*::\nsudo:*::bob\nusers:*::\nann:!::\nbob:!::\nnogroup:*::\n"
DEFS = "# defaults\nUID_MIN\t\t1000\nUID_MAX 60000\nGID_MIN 1000\nGID_MAX 60000\nHOME_MODE 0750\n"
SHELLS = "# /etc/shells\n/bin/sh\n/bin/bash\n"

ACCOUNTS: Mapping[str, str] = {
    "/etc/passwd": PASSWD, "/etc/shadow": SHADOW, "/etc/group": GROUP, "/etc/gshadow": GSHADOW,
    "/etc/login.defs": DEFS, "/etc/shells": SHELLS,
}


def guest(
    texts: Mapping[str, str] | None = None,
    files: Mapping[str, File] | None = None,
    distro: str = "debian",
    version: tuple[int, int] = (12, 5),
) -> Found:
    found = {path: File(content=text.encode("utf-8", "surrogateescape"))
             for path, text in (texts or {}).items()}
    return Found(distro, version, "Debian GNU/Linux 12", {**found, **(files or {})})


def wish(fresh: Fresh | None = None, **settings: Any) -> Wish:
    return Wish(settings, fresh, today=20000)


def made(matter: Matter, wanted: Wish, found: Found) -> list[Edit]:
    return [edit for edit in matter.edits(wanted, found) if not isinstance(edit, Remark)]


def texts(edits: list[Edit]) -> dict[str, str]:
    """What the files will hold that are written."""
    return {edit.path: edit.content.decode("utf-8", "surrogateescape")
            for edit in edits if isinstance(edit, WriteFile)}


CARD = {"name": "eth0", "mac": "52:54:00:12:34:56", "address": "10.0.2.15/24",
        "gateway": "10.0.2.2", "dns": ["10.0.2.3", "9.9.9.9"], "search": ["lab.example"]}
