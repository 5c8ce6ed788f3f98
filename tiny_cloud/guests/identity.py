"""What no two machines may share: machine-id(5), D-Bus's copy of it, and the saved random seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tiny_cloud.guests.base import Edit, Found, Remove, Symlink, Wish, WriteFile

MACHINE_ID = "/etc/machine-id"
DBUS_ID = "/var/lib/dbus/machine-id"
SEED_FOLDER = "/var/lib/systemd"
SEED = f"{SEED_FOLDER}/random-seed"
SEEDRNG = "/var/lib/seedrng"
"""Of OpenRC, and of busybox's seedrng: two files, of which one alone is ever there."""
CREDITED, UNCREDITED = f"{SEEDRNG}/seed.credit", f"{SEEDRNG}/seed.no-credit"
URANDOM = "/var/lib/misc/random-seed"
"""Of OpenRC before 0.45."""


def asks(wish: Wish, found: Found) -> Iterable[str]:
    if wish.fresh is None:
        return ()
    return (MACHINE_ID, DBUS_ID, SEED_FOLDER, SEED, SEEDRNG, CREDITED, UNCREDITED, URANDOM)


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    if wish.fresh is None:
        return
    yield WriteFile(MACHINE_ID, f"{wish.fresh.machine_id}\n".encode(), 0o444, 0, 0)
    if found.kind(DBUS_ID) == "file":
        # A copy of its own would be the image's id in every clone.
        yield Symlink(DBUS_ID, MACHINE_ID)
    if found.kind(SEED_FOLDER) == "folder":
        yield WriteFile(SEED, wish.fresh.random_seed, 0o600, 0, 0)
    if found.kind(SEEDRNG) == "folder":
        yield Remove(CREDITED)
        yield WriteFile(UNCREDITED, wish.fresh.random_seed, 0o400, 0, 0)
    if found.kind(URANDOM) == "file":
        yield WriteFile(URANDOM, wish.fresh.random_seed, 0o600, 0, 0)
