"""cloud-init in an image, kept from overruling what is written here (its docs, "Disable")."""

from __future__ import annotations

from collections.abc import Iterator

from tiny_cloud.guests.base import Edit, Found, MakeFolder, Remark, Remove, Wish, WriteFile

PROGRAMS = ("/usr/bin/cloud-init", "/bin/cloud-init")
FOLDER = "/etc/cloud"
DISABLED = f"{FOLDER}/cloud-init.disabled"
CONFIG = f"{FOLDER}/cloud.cfg.d/99-tinycloud.cfg"
GENERATED = ("/etc/netplan/50-cloud-init.yaml", "/etc/network/interfaces.d/50-cloud-init",
             "/etc/network/interfaces.d/50-cloud-init.cfg",
             "/etc/systemd/network/10-cloud-init-*.network",
             "/etc/systemd/network/10-cloud-init-*.link")
"""What it wrote at an earlier boot, for cards that are no longer there."""


def asks(wish: Wish, found: Found) -> Iterator[str]:
    yield from (*PROGRAMS, DISABLED)
    if found.has(*PROGRAMS):
        yield from (CONFIG, *GENERATED)


def edits(wish: Wish, found: Found) -> Iterator[Edit | Remark]:
    if not found.has(*PROGRAMS):
        return
    declared = bool(wish.settings.get("interfaces"))
    config = _config(network=declared)
    if found.kind(CONFIG) != "file" or found.text(CONFIG).encode() != config:
        yield MakeFolder(FOLDER)
        yield MakeFolder(f"{FOLDER}/cloud.cfg.d")
        yield WriteFile(CONFIG, config)
    if not declared:
        yield Remark("cloud-init is installed and keeps the network: no interfaces are declared")
        return
    if not found.kind(DISABLED):
        yield Remark("cloud-init is installed, and is switched off so that it overrules nothing")
        yield WriteFile(DISABLED, b"switched off by tinycloud, which writes these settings\n")
    generated = ("/etc/netplan/50-", "/etc/network/interfaces.d/50-", "/etc/systemd/network/10-")
    for path in sorted(found.files):
        if path.startswith(tuple(f"{prefix}cloud-init" for prefix in generated)):
            yield Remove(path)


def _config(*, network: bool) -> bytes:
    """Holds also once somebody removes the file that disables it; waits for no metadata server."""
    lines = [
        "# written by tinycloud",
        "datasource_list: [NoCloud, ConfigDrive, None]",
        "preserve_hostname: true",
        "manage_etc_hosts: false",
        "ssh_deletekeys: false",
        "ssh_pwauth: unchanged",
        *(["network: {config: disabled}"] if network else []),
    ]
    return ("\n".join(lines) + "\n").encode()
