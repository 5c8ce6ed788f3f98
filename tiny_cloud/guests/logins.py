"""How an account logs in: its row of shadow(5), with what chage(1) and usermod(8) -L write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from tiny_cloud.guests.account_files import Accounts

LOCK = "!"
"""Before a hash: no password fits, and taking it away brings the old one back (usermod -L)."""


def with_login(
    accounts: Accounts, name: str, user: Mapping[str, Any], was: Mapping[str, Any], today: int
) -> Accounts:
    """``was``: what was declared of the user last time; a lock of ours is taken off again."""
    passwd, shadow = accounts.passwd.row(name), accounts.shadow.row(name)
    assert passwd is not None
    old = shadow[1] if shadow else ""
    wanted = _second_field(old or ("" if shadow else LOCK), user, was)
    expires = bool(user.get("expired")) and not (was.get("expired") and wanted == old)
    if shadow is None:
        ageing = (str(accounts.number(key, default)) for key, default in
                  (("PASS_MIN_DAYS", 0), ("PASS_MAX_DAYS", 99999), ("PASS_WARN_AGE", 7)))
        shadow = [name, "", "", *ageing, "", "", ""]
        shadow[1:3] = [wanted, str(today)]
    elif wanted != old:
        shadow[1:3] = [wanted, str(today)]
    if expires:
        # The day of the last change is 0: a new one is asked for at the next login (chage -d 0).
        shadow[2] = "0"
    if user.get("hash"):
        # Any other second field makes login read the password from passwd; empty asks for none.
        passwd[1] = "x"
    return replace(accounts, passwd=accounts.passwd.with_row(passwd),
                   shadow=accounts.shadow.with_row(shadow))


def _second_field(old: str, user: Mapping[str, Any], was: Mapping[str, Any]) -> str:
    given = user.get("hash")
    locked = user.get("locked", False if was.get("locked") else None)
    if locked:
        return (given or old) if (given or old).startswith(LOCK) else f"{LOCK}{given or old}"
    if given:
        return str(given)
    # A lone lock is an account without a password: without the lock nobody would be asked for one.
    bare = old.removeprefix(LOCK)
    return bare if locked is False and bare not in ("", LOCK) else old
