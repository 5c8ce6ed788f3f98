"""The four account files: passwd(5), group(5), shadow(5), gshadow(5), and login.defs(5)."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Found
from tiny_cloud.guests.tables import Table, number

PASSWD, SHADOW = "/etc/passwd", "/etc/shadow"
GROUP, GSHADOW = "/etc/group", "/etc/gshadow"
DEFS, SHELLS = "/etc/login.defs", "/etc/shells"
ALL = (PASSWD, SHADOW, GROUP, GSHADOW, DEFS, SHELLS)


class Person(Struct, frozen=True):
    """Whose home it is."""

    name: str
    uid: int
    gid: int
    home: str


class Accounts(Struct, frozen=True):
    passwd: Table
    shadow: Table
    group: Table
    gshadow: Table | None
    """None: the guest keeps none, and does not need to."""
    defs: Mapping[str, str] = field(default_factory=dict)

    def number(self, name: str, default: int) -> int:
        """A decimal setting of login.defs."""
        value = number(self.defs.get(name, ""))
        return default if value is None else value


def read(found: Found) -> Accounts:
    return Accounts(
        passwd=Table.parse(found.text(PASSWD), 7),
        shadow=Table.parse(found.text(SHADOW), 9),
        group=Table.parse(found.text(GROUP), 4),
        gshadow=Table.parse(found.text(GSHADOW), 4) if found.kind(GSHADOW) else None,
        defs=dict(
            words[:2] for line in found.text(DEFS, "").split("\n")
            if len(words := line.split()) >= 2 and not words[0].startswith("#")
        ),
    )


def person_of(accounts: Accounts, name: str) -> Person:
    row = accounts.passwd.row(name)
    uid, gid = (number(row[2]), number(row[3])) if row else (None, None)
    if row is None or uid is None or gid is None:
        raise Failure(f"the guest's {PASSWD} has no proper row for the user {name}")
    return Person(name, uid, gid, row[5])


def next_number(
    accounts: Accounts, kind: str, used: set[int], *, system: bool, who: str
) -> int:
    """A free one of login.defs's range; ``kind``: UID or GID.

    One more than the highest, and the first gap once the range is full; system accounts are
    numbered downwards, as useradd(8) does.
    """
    start = f"SYS_{kind}" if system else kind
    low, high = ((accounts.number(f"{start}_MIN", 101), accounts.number(f"{start}_MAX", 999))
                 if system else
                 (accounts.number(f"{start}_MIN", 1000), accounts.number(f"{start}_MAX", 60000)))
    highest = max((number for number in used if low <= number <= high), default=low - 1)
    if system:
        candidates: tuple[int, ...] = tuple(range(high, low - 1, -1))
    else:
        candidates = (highest + 1, *range(low, highest)) if highest < high else tuple(
            range(low, high))
    for candidate in candidates:
        if candidate not in used:
            return candidate
    raise Failure(f"the guest has no free number between {low} and {high} for {who}")
