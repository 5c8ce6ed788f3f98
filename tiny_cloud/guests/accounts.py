"""Users, groups and passwords: passwd(5), group(5), shadow(5), gshadow(5), login.defs(5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Edit, Found, Wish, write
from tiny_cloud.guests.tables import Table, number, numbers

PASSWD, SHADOW = "/etc/passwd", "/etc/shadow"
GROUP, GSHADOW = "/etc/group", "/etc/gshadow"
DEFS, SHELLS = "/etc/login.defs", "/etc/shells"


@dataclass(frozen=True, slots=True)
class Person:
    """Whose home it is."""

    name: str
    uid: int
    gid: int
    home: str


@dataclass(frozen=True, slots=True)
class Accounts:
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


def asks(wish: Wish, found: Found) -> Iterable[str]:
    return (PASSWD, SHADOW, GROUP, GSHADOW, DEFS, SHELLS) if wish.settings.get("users") else ()


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    """passwd comes last: a new user who stands there is complete, whenever we may be killed."""
    if not wish.settings.get("users"):
        return
    old, new = read(found), settled(wish, found)
    if new.shadow != old.shadow:
        yield write(SHADOW, new.shadow.render())
    if new.gshadow is not None and new.gshadow != old.gshadow:
        yield write(GSHADOW, new.gshadow.render())
    if new.group != old.group:
        yield write(GROUP, new.group.render())
    if new.passwd != old.passwd:
        yield write(PASSWD, new.passwd.render())


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


def settled(wish: Wish, found: Found) -> Accounts:
    """The accounts as they will be. Raises Failure for a group that is not there and the like."""
    accounts = read(found)
    for name, user in wish.settings.get("users", {}).items():
        if accounts.passwd.row(name) is None:
            accounts = _with_user(accounts, name, user, found)
        accounts = _with_shell(accounts, name, user, found)
        if user.get("hash"):
            accounts = _with_hash(accounts, name, user["hash"], wish.today)
        elif accounts.shadow.row(name) is None:
            accounts = _with_hash(accounts, name, "!", wish.today)
        for group in user.get("groups", ()):
            accounts = _with_member(accounts, group, name)
    return accounts


def person(accounts: Accounts, name: str) -> Person:
    row = accounts.passwd.row(name)
    uid, gid = (number(row[2]), number(row[3])) if row else (None, None)
    if row is None or uid is None or gid is None:
        raise Failure(f"the guest's {PASSWD} has no proper row for the user {name}")
    return Person(name, uid, gid, row[5])


def new_names(wish: Wish, found: Found) -> tuple[str, ...]:
    """Users asked for who are not there yet."""
    passwd = Table.parse(found.text(PASSWD, ""), 7)
    return tuple(name for name in wish.settings.get("users", {}) if passwd.row(name) is None)


def _with_user(
    accounts: Accounts, name: str, user: Mapping[str, Any], found: Found
) -> Accounts:
    used = numbers(accounts.passwd, 2)
    uid = user.get("uid")
    if uid is None:
        low, high = accounts.number("UID_MIN", 1000), accounts.number("UID_MAX", 60000)
        uid = _next(used, low, high, f"user {name}")
    elif uid in used:
        raise Failure(f"user {name} cannot have uid {uid}: it is somebody else's in the guest",
                      hint="leave uid out, or choose another")
    accounts, gid = _with_own_group(accounts, name, uid)
    row = (name, "x", str(uid), str(gid), "", f"/home/{name}", _default_shell(found))
    return replace(accounts, passwd=accounts.passwd.with_row(row))


def _with_own_group(accounts: Accounts, name: str, uid: int) -> tuple[Accounts, int]:
    """A group of the user's own, with the gid equal to the uid if it is free, as useradd does."""
    old = accounts.group.row(name)
    used = numbers(accounts.group, 2)
    if old is not None:
        gid = number(old[2]) or 0
        # One that a killed run left behind may be taken; one that gives rights to others may not.
        taken = old[3] or gid in numbers(accounts.passwd, 3)
        if taken or gid < accounts.number("GID_MIN", 1000):
            raise Failure(f"user {name} cannot be made: the guest has a group {name} already",
                          hint="choose another name, or make the user inside the image")
        return accounts, gid
    gid = uid
    if gid in used:
        low, high = accounts.number("GID_MIN", 1000), accounts.number("GID_MAX", 60000)
        gid = _next(used, low, high, f"group {name}")
    group = accounts.group.with_row((name, "x", str(gid), ""))
    gshadow = accounts.gshadow and accounts.gshadow.with_row((name, "!", "", ""))
    return replace(accounts, group=group, gshadow=gshadow), gid


def _next(used: set[int], low: int, high: int, who: str) -> int:
    """One more than the highest number of the range; the first gap once the range is full."""
    highest = max((number for number in used if low <= number <= high), default=low - 1)
    candidates = (highest + 1, *range(low, highest)) if highest < high else range(low, high)
    for candidate in candidates:
        if candidate not in used:
            return candidate
    raise Failure(f"the guest has no free number between {low} and {high} for {who}")


def _with_shell(
    accounts: Accounts, name: str, user: Mapping[str, Any], found: Found
) -> Accounts:
    row = accounts.passwd.row(name)
    assert row is not None
    uid, shell = user.get("uid"), user.get("shell")
    if uid is not None and row[2] != str(uid):
        raise Failure(f"user {name} has uid {row[2]} in the guest, not {uid}",
                      hint="the files in the guest would lose their owner; leave uid out")
    if shell is None:
        return accounts
    known = _shells(found)
    if known and shell not in known and not shell.endswith(("/nologin", "/false")):
        raise Failure(f"user {name} asks for the shell {shell}, which the guest does not have",
                      hint=f"its {SHELLS} lists {', '.join(known)}")
    return replace(accounts, passwd=accounts.passwd.with_row((*row[:6], shell)))


def _with_hash(accounts: Accounts, name: str, crypt_hash: str, today: int) -> Accounts:
    passwd, shadow = accounts.passwd.row(name), accounts.shadow.row(name)
    assert passwd is not None
    # Any other second field makes login read the password from passwd; an empty one asks for none.
    passwd[1] = "x"
    if shadow is None:
        ageing = (str(accounts.number(key, default)) for key, default in
                  (("PASS_MIN_DAYS", 0), ("PASS_MAX_DAYS", 99999), ("PASS_WARN_AGE", 7)))
        shadow = [name, "", "", *ageing, "", "", ""]
    if shadow[1] != crypt_hash:
        shadow[1:3] = [crypt_hash, str(today)]
    return replace(accounts, passwd=accounts.passwd.with_row(passwd),
                   shadow=accounts.shadow.with_row(shadow))


def _with_member(accounts: Accounts, group: str, name: str) -> Accounts:
    row = accounts.group.row(group)
    if row is None:
        names: Sequence[str] = sorted(row[0] for row in accounts.group.rows())
        raise Failure(f"user {name} asks for the group {group}, which the guest does not have",
                      hint=f"it has {', '.join(names)}")
    accounts = replace(accounts, group=accounts.group.with_row(_joined(row, name)))
    secret = accounts.gshadow and accounts.gshadow.row(group)
    if accounts.gshadow is None or not secret:
        return accounts
    return replace(accounts, gshadow=accounts.gshadow.with_row(_joined(secret, name)))


def _joined(row: list[str], name: str) -> list[str]:
    members = [member for member in row[3].split(",") if member]
    return [*row[:3], ",".join(members if name in members else [*members, name])]


def _shells(found: Found) -> tuple[str, ...]:
    return tuple(line for line in found.text(SHELLS, "").split("\n") if line.startswith("/"))


def _default_shell(found: Found) -> str:
    known = _shells(found)
    return next((shell for shell in ("/bin/bash", "/bin/ash") if shell in known), "/bin/sh")
