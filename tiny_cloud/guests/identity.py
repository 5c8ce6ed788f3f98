"""What no two machines may share: machine-id(5), D-Bus's copy of it, and the saved random seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tiny_cloud.guests.base import Edit, Found, Symlink, Wish, WriteFile

MACHINE_ID = "/etc/machine-id"
DBUS_ID = "/var/lib/dbus/machine-id"
SEED_FOLDER = "/var/lib/systemd"
SEED = f"{SEED_FOLDER}/random-seed"


def asks(wish: Wish, found: Found) -> Iterable[str]:
    return (MACHINE_ID, DBUS_ID, SEED_FOLDER, SEED) if wish.fresh is not None else ()


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    if wish.fresh is None:
        return
    yield WriteFile(MACHINE_ID, f"{wish.fresh.machine_id}\n".encode(), 0o444, 0, 0)
    if found.kind(DBUS_ID) == "file":
        # A copy of its own would be the image's id in every clone.
        yield Symlink(DBUS_ID, MACHINE_ID)
    if found.kind(SEED_FOLDER) == "folder":
        yield WriteFile(SEED, wish.fresh.random_seed, 0o600, 0, 0)
