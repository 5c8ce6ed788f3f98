"""Scripts that run once in a machine's life, in order: by a systemd unit, or by OpenRC's local.d.

A script leaves a stamp when it has ended, whatever its exit code; so one that was cut off runs
again, and one that has ended never does. The stamps are no part of an image: a clone has its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Edit, Found, MakeFolder, Remove, Symlink, Wish, WriteFile

HOME = "/usr/local/lib/tinycloud"
SCRIPTS = f"{HOME}/first-boot.d"
RUNNER = f"{HOME}/first-boot"
STAMPS = "/var/lib/tinycloud/first-boot"
LOG = "/var/log/tinycloud-first-boot.log"
SYSTEMD = "/etc/systemd/system"
UNIT = f"{SYSTEMD}/tinycloud-first-boot.service"
WANTS = f"{SYSTEMD}/multi-user.target.wants"
WANTED = f"{WANTS}/tinycloud-first-boot.service"
LOCAL_D = "/etc/local.d"
LOCAL = f"{LOCAL_D}/tinycloud-first-boot.start"
RUNLEVEL = "/etc/runlevels/default"
LOCAL_SERVICE = f"{RUNLEVEL}/local"
INITS = ("/lib/systemd/systemd", "/usr/lib/systemd/systemd")
OPENRC = ("/sbin/openrc", "/usr/sbin/openrc")

PROGRAM = f"""\
#!/bin/sh
# written by tinycloud: runs each script once, in order
scripts={SCRIPTS} stamps={STAMPS} log={LOG}
mkdir -p "$stamps"
for script in "$scripts"/*; do
    name=${{script##*/}}
    name=${{name#*-}}
    [ -f "$script" ] && [ ! -e "$stamps/$name" ] || continue
    {{
        echo "tinycloud: $name begins"
        "$script" </dev/null
        code=$?
        echo "$code" >"$stamps/.$name"
        echo "tinycloud: $name ended with $code"
    }} 2>&1 | tee -a "$log" >/dev/console
    sync
    mv "$stamps/.$name" "$stamps/$name"
    sync
done
"""

SERVICE = f"""\
# written by tinycloud
[Unit]
Description=Scripts of the first boot
After=network-online.target local-fs.target
Wants=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
TimeoutStartSec=infinity
ExecStart={RUNNER}

[Install]
WantedBy=multi-user.target
"""


def asks(wish: Wish, found: Found) -> Iterator[str]:
    if _names(wish.settings) or _names(wish.before):
        yield from (*INITS, *OPENRC, HOME, RUNNER, UNIT, WANTED, LOCAL_D, LOCAL, LOCAL_SERVICE,
                    f"{SCRIPTS}/*")
    if wish.fresh is not None or _names(wish.before):
        yield f"{STAMPS}/*"


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    if wish.fresh is not None:
        for path in sorted(found.files):
            if path.startswith(f"{STAMPS}/") and found.kind(path) == "file":
                yield Remove(path)
    scripts = {f"{SCRIPTS}/{at:03}-{item['name']}": item["data"]
               for at, item in enumerate(wish.settings.get("firstBoot", ()))}
    stale = list(_stale(wish, found, scripts))
    yield from map(Remove, stale)
    if scripts:
        yield from _runner(found)
        yield MakeFolder(SCRIPTS)
        for path, text in scripts.items():
            old = found.files.get(path)
            if old is None or (old.content, old.mode) != (text, 0o700):
                yield WriteFile(path, text, 0o700, 0, 0)
    elif stale and not _others(found, stale):
        yield from (Remove(path) for path in (WANTED, UNIT, LOCAL, RUNNER) if found.kind(path))


def _stale(wish: Wish, found: Found, scripts: Mapping[str, bytes]) -> Iterator[str]:
    """Those that were declared and are no more, and those that have another place in the order."""
    ours = _names(wish.settings) | _names(wish.before)
    for path in sorted(found.files):
        if path.startswith(f"{SCRIPTS}/") and path not in scripts and _name(path) in ours:
            yield path


def _others(found: Found, gone: list[str]) -> list[str]:
    """Scripts that came with the image."""
    return [path for path in found.files
            if path.startswith(f"{SCRIPTS}/") and path not in gone]


def _runner(found: Found) -> Iterator[Edit]:
    if not found.has(*INITS, *OPENRC):
        raise Failure("scripts of firstBoot are declared, and the guest has neither systemd nor "
                      "OpenRC to run them")
    yield MakeFolder("/usr/local/lib")
    yield MakeFolder(HOME)
    yield from _file(RUNNER, PROGRAM, 0o755, found)
    if found.has(*INITS):
        yield from _file(UNIT, SERVICE, 0o644, found)
        if not found.kind(WANTED):
            yield MakeFolder(WANTS)
            yield Symlink(WANTED, UNIT)
        return
    yield MakeFolder(LOCAL_D)
    yield from _file(LOCAL, f"#!/bin/sh\n# written by tinycloud\nexec {RUNNER}\n", 0o755, found)
    if not found.kind(LOCAL_SERVICE):
        yield Symlink(LOCAL_SERVICE, "/etc/init.d/local")


def _file(path: str, text: str, mode: int, found: Found) -> Iterator[Edit]:
    old = found.files.get(path)
    if old is None or (old.content, old.mode) != (text.encode(), mode):
        yield WriteFile(path, text.encode(), mode, 0, 0)


def _names(settings: Mapping[str, Any]) -> set[str]:
    return {item["name"] for item in settings.get("firstBoot", ())}


def _name(path: str) -> str:
    return path.rpartition("/")[2].partition("-")[2]
