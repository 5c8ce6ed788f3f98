"""SSH: users' authorized keys are merged; the server's host keys are new on a fresh machine, or
those that are declared.

The client's ssh_config is nobody's business here; the server's settings are ``sshd``'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tiny_cloud.guests import account_files, accounts
from tiny_cloud.guests.base import Edit, Found, MakeFolder, Remove, Wish, WriteFile, encoded
from tiny_cloud.guests.tables import Table, number

HOST_KEYS = "/etc/ssh/ssh_host_*_key"
SERVERS = ("/usr/sbin/sshd", "/sbin/sshd")
TYPES = ("rsa", "ecdsa", "ed25519")
"""What ssh-keygen(1) makes by itself with -A, and OpenSSH's server looks for."""

_BLOB = re.compile(r"(?:ssh|ecdsa|sk)-[a-z0-9@.-]+\s+(AAAA[0-9A-Za-z+/=]+)")


def asks(wish: Wish, found: Found) -> Iterator[str]:
    if wish.fresh is not None:
        yield from (HOST_KEYS, f"{HOST_KEYS}.pub", *SERVERS, account_files.GROUP)
    for kind in wish.part("sshHostKeys"):
        yield from (host_key(kind), f"{host_key(kind)}.pub")
    passwd = Table.parse(found.text(account_files.PASSWD, ""), 7)
    for name in _with_keys(wish):
        row = passwd.row(name)
        home = row[5] if row else accounts.home_of(name, wish.part("users").get(name, {}))
        yield from (f"{home}/.ssh", f"{home}/.ssh/authorized_keys")


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    given = wish.part("sshHostKeys")
    if wish.fresh is not None:
        fresh = wish.fresh.host_keys
        ours = {*fresh, *(path for kind in given for path in (host_key(kind),
                                                              f"{host_key(kind)}.pub"))}
        for path in sorted(found.files):
            # A key of a type that is made no more (dsa) would stay shared by all clones.
            if path.startswith("/etc/ssh/ssh_host_") and path not in ours:
                yield Remove(path)
        group = _key_group(found)
        for path, (content, mode) in sorted(fresh.items()):
            shared = group is not None and not path.endswith(".pub")
            yield WriteFile(path, content, 0o640 if shared else mode, 0, group if shared else 0)
    for kind, key in given.items():
        yield WriteFile(host_key(kind), key["private"], 0o600, 0, 0)
        yield WriteFile(f"{host_key(kind)}.pub", key["public"], 0o644, 0, 0)
    yield from _all_authorized(wish, found)


def host_key(kind: str) -> str:
    return HOST_KEYS.replace("*", kind)


def host_key_types(found: Found) -> tuple[str, ...]:
    """Which host keys a fresh machine needs: the types it has, all if it has only the server."""
    types = tuple(kind for kind in TYPES if found.kind(host_key(kind)))
    return types or (TYPES if found.has(*SERVERS) else ())


def _keys(wish: Wish, name: str) -> tuple[Sequence[str], Sequence[str]]:
    """Those that a user is to have, and those that were declared and are no more."""
    wanted = wish.part("users").get(name, {}).get("authorizedKeys", ())
    before = wish.former("users").get(name, {}).get("authorizedKeys", ())
    there = {_blob(key) for key in wanted}
    return wanted, [key for key in before if _blob(key) not in there]


def _key_group(found: Found) -> int | None:
    """The group that host keys belong to where ssh-keysign reads them by it: Fedora before 38 and
    RHEL before 10. Later ones take keys that a group can read for open to everybody."""
    if found.version[0] >= (38 if found.distro == "fedora" else 10):
        return None
    row = Table.parse(found.text(account_files.GROUP, ""), 4).row("ssh_keys")
    return number(row[2]) if row else None


def _with_keys(wish: Wish) -> list[str]:
    names = dict.fromkeys((*wish.part("users"), *wish.former("users")))
    return [name for name in names if any(_keys(wish, name))]


def _all_authorized(wish: Wish, found: Found) -> Iterator[Edit]:
    names = _with_keys(wish)
    settled = accounts.settled(wish, found) if names else None
    for name in names:
        assert settled is not None
        wanted, gone = _keys(wish, name)
        # Who was taken out of the guest by hand has no keys there to take out.
        if wanted or settled.passwd.row(name):
            yield from _authorized(account_files.person_of(settled, name), wanted, gone, found)


def _blob(key: str) -> str:
    match = _BLOB.search(key)
    return match[1] if match else key.strip()


def _authorized(
    person: account_files.Person, keys: Sequence[str], gone: Sequence[str], found: Found
) -> Iterator[Edit]:
    folder = f"{person.home.rstrip('/')}/.ssh"
    path = f"{folder}/authorized_keys"
    old = found.text(path, "")
    left = {_blob(key) for key in gone}
    text = "".join(line for line in re.split(r"(?<=\n)", old)
                   if not ((match := _BLOB.search(line)) and match[1] in left))
    there = {match[1] for match in _BLOB.finditer(text)}
    # A key that is there with other options or another comment is there.
    missing = [key.strip() for key in keys if _blob(key) not in there]
    if not missing and text == old:
        return
    if missing:
        yield MakeFolder(folder, 0o700, person.uid, person.gid)
        text += ("\n" if text and not text.endswith("\n") else "") + "\n".join((*missing, ""))
    owner = (0o600, person.uid, person.gid) if not found.kind(path) else (None, None, None)
    yield WriteFile(path, encoded(text), *owner)
