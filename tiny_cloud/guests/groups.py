"""Groups: those that are declared, those of new users, and who is in them; others stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from tiny_cloud.errors import Failure
from tiny_cloud.guests.account_files import Accounts, next_number
from tiny_cloud.guests.base import Wish
from tiny_cloud.guests.tables import Table, number, numbers


def with_group(accounts: Accounts, name: str, group: Mapping[str, Any]) -> Accounts:
    """A declared group. Raises Failure for a number that it cannot have."""
    gid, row = group.get("gid"), accounts.group.row(name)
    if row is not None:
        if gid is not None and row[2] != str(gid):
            raise Failure(f"group {name} has gid {row[2]} in the guest, not {gid}",
                          hint="the files in the guest would lose their group; leave gid out")
        return accounts
    used = numbers(accounts.group, 2)
    if gid is None:
        system = bool(group.get("system"))
        gid = next_number(accounts, "GID", used, system=system, who=f"group {name}")
    elif gid in used:
        raise Failure(f"group {name} cannot have gid {gid}: it is another's in the guest",
                      hint="leave gid out, or choose another")
    return _with_row(accounts, name, gid)


def with_own_group(
    accounts: Accounts, name: str, uid: int, *, system: bool = False
) -> tuple[Accounts, int]:
    """A group of the user's own, with the gid equal to the uid if it is free, as useradd does."""
    old = accounts.group.row(name)
    used = numbers(accounts.group, 2)
    if old is not None:
        gid = number(old[2]) or 0
        # One that a killed run left behind may be taken; one that gives rights to others may not.
        taken = old[3] or gid in numbers(accounts.passwd, 3)
        if taken or (not system and gid < accounts.number("GID_MIN", 1000)):
            raise Failure(f"user {name} cannot be made: the guest has a group {name} already",
                          hint="choose another name, or write it as the user's group")
        return accounts, gid
    gid = uid
    if gid in used:
        gid = next_number(accounts, "GID", used, system=system, who=f"group {name}")
    return _with_row(accounts, name, gid), gid


def gid_of(accounts: Accounts, name: str, user: str) -> int:
    """Raises Failure, with those that there are, for a group that is not there."""
    row = accounts.group.row(name)
    gid = number(row[2]) if row else None
    if gid is None:
        names: Sequence[str] = sorted(row[0] for row in accounts.group.rows())
        raise Failure(f"user {user} asks for the group {name}, which the guest does not have",
                      hint=f"declare it under groups:, or take one of {', '.join(names)}")
    return gid


def with_members(accounts: Accounts, wish: Wish) -> Accounts:
    """Everybody in the groups that are wished for, and out of those that were and are no more."""
    wanted = _members(wish.settings)
    for group, user in _members(wish.before):
        if (group, user) not in wanted and accounts.group.row(group):
            accounts = _changed(accounts, group, user, stays=False)
    for group, user in wanted:
        gid_of(accounts, group, user)
        if accounts.passwd.row(user) is None:
            raise Failure(f"group {group} is to have the member {user}, who is no user of the "
                          "guest", hint=f"declare {user} under users:")
        accounts = _changed(accounts, group, user, stays=True)
    return accounts


def _members(settings: Mapping[str, Any]) -> dict[tuple[str, str], None]:
    """Group and user, in the order of the manifest."""
    by_user = ((group, name) for name, user in (settings.get("users") or {}).items()
               for group in user.get("groups", ()))
    by_group = ((name, user) for name, group in (settings.get("groups") or {}).items()
                for user in group.get("members", ()))
    return dict.fromkeys((*by_user, *by_group))


def _with_row(accounts: Accounts, name: str, gid: int) -> Accounts:
    group = accounts.group.with_row((name, "x", str(gid), ""))
    gshadow = accounts.gshadow and accounts.gshadow.with_row((name, "!", "", ""))
    return replace(accounts, group=group, gshadow=gshadow)


def _changed(accounts: Accounts, group: str, user: str, *, stays: bool) -> Accounts:
    accounts = replace(accounts, group=_listed(accounts.group, group, user, stays))
    if accounts.gshadow is None or accounts.gshadow.row(group) is None:
        return accounts
    return replace(accounts, gshadow=_listed(accounts.gshadow, group, user, stays))


def _listed(table: Table, group: str, user: str, stays: bool) -> Table:
    row = table.row(group)
    assert row is not None
    members = [member for member in row[3].split(",") if member]
    if (user in members) == stays:
        return table
    members = [*members, user] if stays else [one for one in members if one != user]
    return table.with_row((*row[:3], ",".join(members)))
