"""Users and groups as they will be, and the four files that say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from tiny_cloud.errors import Failure
from tiny_cloud.guests import groups
from tiny_cloud.guests.account_files import (
    ALL,
    GROUP,
    GSHADOW,
    PASSWD,
    SHADOW,
    SHELLS,
    Accounts,
    next_number,
    read,
)
from tiny_cloud.guests.base import Edit, Found, Wish, write
from tiny_cloud.guests.logins import with_login
from tiny_cloud.guests.tables import Table, numbers

_FIXED = {"group": "the files in its home would keep their group",
          "home": "what is in there would have to be moved"}
"""What a user who is there keeps, and why."""


def asks(wish: Wish, found: Found) -> Iterable[str]:
    return ALL if _concerned(wish) else ()


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    """passwd comes last: a new user who stands there is complete, whenever we may be killed."""
    if not _concerned(wish):
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


def settled(wish: Wish, found: Found) -> Accounts:
    """The accounts as they will be. Raises Failure for a group that is not there and the like."""
    accounts = read(found)
    for name, group in wish.part("groups").items():
        accounts = groups.with_group(accounts, name, group)
    for name, user in wish.part("users").items():
        if accounts.passwd.row(name) is None:
            accounts = _with_user(accounts, name, user, found)
        accounts = _with_details(accounts, name, user, found)
        was = wish.former("users").get(name, {})
        if accounts.shadow.row(name) is None or user.keys() & {"hash", "locked", "expired"} \
                or was.get("locked"):
            accounts = with_login(accounts, name, user, was, wish.today)
    return groups.with_members(accounts, wish)


def new_names(wish: Wish, found: Found) -> tuple[str, ...]:
    """Users asked for who are not there yet."""
    passwd = Table.parse(found.text(PASSWD, ""), 7)
    return tuple(name for name in wish.part("users") if passwd.row(name) is None)


def home_of(name: str, user: Mapping[str, Any]) -> str:
    """Of a user who is made."""
    return str(user.get("home", f"/home/{name}"))


def _concerned(wish: Wish) -> bool:
    sections = ("users", "groups")
    return any(wish.part(name) or wish.former(name) for name in sections)


def _with_user(
    accounts: Accounts, name: str, user: Mapping[str, Any], found: Found
) -> Accounts:
    used, system = numbers(accounts.passwd, 2), bool(user.get("system"))
    uid = user.get("uid")
    if uid is None:
        uid = next_number(accounts, "UID", used, system=system, who=f"user {name}")
    elif uid in used:
        raise Failure(f"user {name} cannot have uid {uid}: it is somebody else's in the guest",
                      hint="leave uid out, or choose another")
    if "group" in user:
        gid = groups.gid_of(accounts, user["group"], name)
    else:
        accounts, gid = groups.with_own_group(accounts, name, uid, system=system)
    row = (name, "x", str(uid), str(gid), "", home_of(name, user), _default_shell(found))
    return replace(accounts, passwd=accounts.passwd.with_row(row))


def _with_details(
    accounts: Accounts, name: str, user: Mapping[str, Any], found: Found
) -> Accounts:
    row = accounts.passwd.row(name)
    assert row is not None
    uid, shell = user.get("uid"), user.get("shell")
    if uid is not None and row[2] != str(uid):
        raise Failure(f"user {name} has uid {row[2]} in the guest, not {uid}",
                      hint="the files in the guest would lose their owner; leave uid out")
    gid = str(groups.gid_of(accounts, user["group"], name)) if "group" in user else row[3]
    for field, there, wanted in (("group", row[3], gid),
                                 ("home", row[5], user.get("home", row[5]))):
        if there != wanted:
            raise Failure(f"user {name} has the {field} {there} in the guest, not {wanted}",
                          hint=f"{_FIXED[field]}; leave {field} out, or change it in the guest")
    known = _shells(found)
    if shell and known and shell not in known and not shell.endswith(("/nologin", "/false")):
        raise Failure(f"user {name} asks for the shell {shell}, which the guest does not have",
                      hint=f"its {SHELLS} lists {', '.join(known)}")
    row = [*row[:4], user.get("comment", row[4]), row[5], shell or row[6]]
    return replace(accounts, passwd=accounts.passwd.with_row(row))


def _shells(found: Found) -> tuple[str, ...]:
    return tuple(line for line in found.text(SHELLS, "").split("\n") if line.startswith("/"))


def _default_shell(found: Found) -> str:
    known = _shells(found)
    return next((shell for shell in ("/bin/bash", "/bin/ash") if shell in known), "/bin/sh")
