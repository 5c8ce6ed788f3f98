"""What a machine leaves in a disk that an image is made of: gone by virt-sysprep(1)'s operations,
under its names where they are the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from tiny_cloud.guests.base import Edit, Found, Remark, Remove, Symlink, Wish, WriteFile
from tiny_cloud.guests.identity import DBUS_ID, MACHINE_ID

OPERATIONS: Mapping[str, Sequence[str]] = {
    "bash-history": ("/root/.bash_history", "/home/*/.bash_history", "/root/.ash_history"),
    "cloud-init": ("/var/lib/cloud/instance", "/var/lib/cloud/data/*", "/var/lib/cloud/sem/*",
                   "/var/lib/cloud/instances/*/*", "/var/lib/cloud/instances/*/sem/*"),
    "crash-data": ("/var/crash/*", "/var/lib/systemd/coredump/*"),
    "dhcp-client-state": ("/var/lib/dhcp/*", "/var/lib/dhclient/*", "/var/lib/dhcpcd/*",
                          "/var/lib/NetworkManager/*.lease", "/var/lib/wicked/*"),
    "first-boot": ("/var/lib/tinycloud/first-boot/*",),
    "logfiles": ("/var/log/*", "/var/log/*/*", "/var/log/*/*/*"),
    "machine-id": (MACHINE_ID, DBUS_ID),
    "package-manager-cache": ("/var/cache/apt/*.bin", "/var/cache/apt/archives/*.deb",
                              "/var/cache/dnf/*", "/var/cache/dnf/*/*", "/var/cache/dnf/*/*/*",
                              "/var/cache/yum/*/*", "/var/cache/zypp/packages/*/*",
                              "/var/cache/apk/*", "/var/cache/pacman/pkg/*"),
    "random-seed": ("/var/lib/systemd/random-seed", "/var/lib/random-seed",
                    "/var/lib/urandom/random-seed", "/var/lib/misc/random-seed",
                    "/var/lib/seedrng/*"),
    "ssh-hostkeys": ("/etc/ssh/ssh_host_*",),
    "udev-persistent-net": ("/etc/udev/rules.d/70-persistent-net.rules",),
    "utmp": ("/var/run/utmp", "/var/log/wtmp", "/var/log/btmp", "/var/log/lastlog"),
}
IDENTITY = ("machine-id", "random-seed", "ssh-hostkeys")
"""What no two machines may share: gone from every image that is written into."""
SHOWN = 3


def asks(wish: Wish, found: Found) -> Iterator[str]:
    for name in wish.settings.get("sysprep", ()):
        yield from OPERATIONS[name]


def edits(wish: Wish, found: Found) -> Iterator[Edit | Remark]:
    """Files go, folders stay: what runs in there expects them."""
    gone: set[str] = set()
    for name in wish.settings.get("sysprep", ()):
        paths = [path for path, file in sorted(found.files.items())
                 if file.kind in ("file", "symlink") and path not in gone and _of(name, path)]
        if not paths:
            continue
        gone.update(paths)
        shown = ", ".join(paths[:SHOWN])
        more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
        yield Remark(f"sysprep {name}: removes {shown}{more}")
        yield from _machine_id(paths, found) if name == "machine-id" else map(Remove, paths)


def _of(operation: str, path: str) -> bool:
    """As glob(7): a star stands for no slash."""
    return any(pattern.count("/") == path.count("/") and fnmatchcase(path, pattern)
               for pattern in OPERATIONS[operation])


def _machine_id(paths: Sequence[str], found: Found) -> Iterator[Edit]:
    """An empty file is what systemd fills at boot (machine-id(5)); else it is D-Bus's."""
    if MACHINE_ID in paths:
        yield WriteFile(MACHINE_ID, b"", 0o444, 0, 0)
    if found.kind(DBUS_ID) == "file":
        yield Symlink(DBUS_ID, MACHINE_ID) if MACHINE_ID in paths else Remove(DBUS_ID)
