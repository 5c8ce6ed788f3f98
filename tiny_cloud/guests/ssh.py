"""SSH: users' authorized keys are merged, the server's host keys are new on a fresh machine.

The client's ssh_config is nobody's business here, and sshd_config stays as the image has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tiny_cloud.guests import accounts
from tiny_cloud.guests.base import Edit, Found, MakeFolder, Remove, Wish, WriteFile, encoded
from tiny_cloud.guests.tables import Table, number

HOST_KEYS = "/etc/ssh/ssh_host_*_key"
SERVERS = ("/usr/sbin/sshd", "/sbin/sshd")
TYPES = ("rsa", "ecdsa", "ed25519")
"""What ssh-keygen(1) makes by itself with -A, and OpenSSH's server looks for."""

_BLOB = re.compile(r"(?:ssh|ecdsa|sk)-[a-z0-9@.-]+\s+(AAAA[0-9A-Za-z+/=]+)")


def asks(wish: Wish, found: Found) -> Iterator[str]:
    if wish.fresh is not None:
        yield from (HOST_KEYS, f"{HOST_KEYS}.pub", *SERVERS, accounts.GROUP)
    passwd = Table.parse(found.text(accounts.PASSWD, ""), 7)
    for name in _with_keys(wish):
        row = passwd.row(name)
        home = row[5] if row else f"/home/{name}"
        yield from (f"{home}/.ssh", f"{home}/.ssh/authorized_keys")


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    if wish.fresh is not None:
        fresh = wish.fresh.host_keys
        for path in sorted(found.files):
            # A key of a type that is made no more (dsa) would stay shared by all clones.
            if path.startswith("/etc/ssh/ssh_host_") and path not in fresh:
                yield Remove(path)
        group = _key_group(found)
        for path, (content, mode) in sorted(fresh.items()):
            shared = group is not None and not path.endswith(".pub")
            yield WriteFile(path, content, 0o640 if shared else mode, 0, group if shared else 0)
    names = _with_keys(wish)
    settled = accounts.settled(wish, found) if names else None
    for name in names:
        assert settled is not None
        keys = wish.settings["users"][name]["authorizedKeys"]
        yield from _authorized(accounts.person(settled, name), keys, found)


def host_key_types(found: Found) -> tuple[str, ...]:
    """Which host keys a fresh machine needs: the types it has, all if it has only the server."""
    types = tuple(kind for kind in TYPES if found.kind(f"/etc/ssh/ssh_host_{kind}_key"))
    return types or (TYPES if found.has(*SERVERS) else ())


def _key_group(found: Found) -> int | None:
    """The group that host keys belong to where ssh-keysign reads them by it: Fedora before 38 and
    RHEL before 10. Later ones take keys that a group can read for open to everybody."""
    if found.version[0] >= (38 if found.distro == "fedora" else 10):
        return None
    row = Table.parse(found.text(accounts.GROUP, ""), 4).row("ssh_keys")
    return number(row[2]) if row else None


def _with_keys(wish: Wish) -> list[str]:
    users = wish.settings.get("users", {})
    return [name for name, user in users.items() if user.get("authorizedKeys")]


def _authorized(person: accounts.Person, keys: list[str], found: Found) -> Iterator[Edit]:
    folder = f"{person.home.rstrip('/')}/.ssh"
    path = f"{folder}/authorized_keys"
    old = found.text(path, "")
    there = {match[1] for match in _BLOB.finditer(old)}
    # A key that is there with other options or another comment is there.
    missing = [key.strip() for key in keys
               if not ((match := _BLOB.search(key)) and match[1] in there)]
    if not missing:
        return
    yield MakeFolder(folder, 0o700, person.uid, person.gid)
    text = old + ("\n" if old and not old.endswith("\n") else "") + "\n".join((*missing, ""))
    owner = (0o600, person.uid, person.gid) if not found.kind(path) else (None, None, None)
    yield WriteFile(path, encoded(text), *owner)
