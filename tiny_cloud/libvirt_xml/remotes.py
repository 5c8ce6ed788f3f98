"""Disks on the network (https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms,
<source protocol=…>): the manifest's words, libvirt's XML, and the way back. Pure.

A password is in neither: libvirt keeps it as a secret, which the XML names by its UUID.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from tiny_cloud.facts import Server
from tiny_cloud.libvirt_xml.elements import E, Element, attribute
from tiny_cloud.model import Value

PORTS = {"iscsi": 3260, "nbd": 10809}
PROTOCOLS = ("iscsi", "nbd", "rbd")
SECRETS = {"iscsi": "iscsi", "rbd": "ceph"}
"""By protocol, what libvirt calls the secrets for it (formatsecret.html)."""
MONITOR_PORTS = (6789, 3300)
"""Of a monitor without one: the first and the second version of Ceph's protocol."""


class Remote(Struct, frozen=True):
    """A disk that some server has."""

    protocol: str
    """``iscsi``, ``nbd`` or ``rbd``."""
    name: str
    """As libvirt writes it: TARGET/LUN, the export (empty: the one without a name), POOL/IMAGE."""
    hosts: tuple[tuple[str, int], ...] = ()
    """Names or addresses, IPv6 without brackets; port 0: Ceph's usual ones."""
    socket: str = ""
    tls: bool = False
    config: str = ""
    user: str = ""
    """Empty: nobody is asked for."""
    secret: str = ""
    """UUID of libvirt's secret with the user's password."""

    @property
    def url(self) -> str:
        """Which disk it is, whoever asks for it and however."""
        servers = ",".join(sorted(_joined(*host) for host in self.hosts))
        return f"{self.protocol}://{servers}{self.socket}/{self.name}"

    @property
    def servers(self) -> tuple[Server, ...]:
        """Where it may be asked for: one that answers is enough."""
        if self.socket:
            return (self.socket,)
        return tuple((name, known) for name, port in self.hosts
                     for known in ((port,) if port else MONITOR_PORTS))


def declared(item: Mapping[str, Any], secret: str = "") -> Remote | None:
    """From an item of a machine's ``disks``; None: its disk is here. ``secret``: the UUID of that
    with its password."""
    for protocol in PROTOCOLS:
        if protocol in item:
            words = item[protocol]
            user = words.get("auth", {}).get("user", "")
            return _MAKERS[protocol](words, user, secret if user else "")
    return None


def read(disk: Element) -> Remote | None:
    """From libvirt's <disk>; None: it is here, or of a protocol that no manifest has."""
    protocol, source = attribute(disk, "source", "protocol"), disk.find("source")
    if source is None or protocol not in PROTOCOLS:
        return None
    snapshot = attribute(source, "snapshot", "name")
    hosts = source.findall("host")
    return Remote(
        protocol,
        "@".join(filter(None, (source.get("name", ""), snapshot))),
        tuple((host.get("name", ""), int(host.get("port", PORTS.get(protocol, 0))))
              for host in hosts if "socket" not in host.attrib),
        next((host.get("socket", "") for host in hosts if "socket" in host.attrib), ""),
        source.get("tls") == "yes",
        attribute(source, "config", "file"),
        # Older libvirts, and people, write it beside the source.
        attribute(source, "auth", "username") or attribute(disk, "auth", "username"),
        attribute(source, "auth/secret", "uuid") or attribute(disk, "auth/secret", "uuid"),
    )


def write(remote: Remote) -> Element:
    """The <source>."""
    source = E.source(protocol=remote.protocol)
    if remote.name:
        source.set("name", remote.name)
    if remote.protocol == "nbd":
        # Said in any case: else the host's nbd_tls decides.
        source.set("tls", "yes" if remote.tls else "no")
    if remote.socket:
        source.append(E.host(transport="unix", socket=remote.socket))
    for name, port in remote.hosts:
        source.append(E.host({"name": name} | ({"port": str(port)} if port else {})))
    if remote.config:
        source.append(E.config(file=remote.config))
    if remote.user:
        source.append(E.auth(E.secret(type=SECRETS[remote.protocol], uuid=remote.secret),
                             username=remote.user))
    return source


def fields(remote: Remote) -> Iterator[tuple[str, Value]]:
    """As the manifest has them, below the disk; of its secret libvirt's UUID."""
    at = remote.protocol
    if remote.protocol == "rbd":
        yield "rbd.monitors", tuple(_joined(*host) for host in remote.hosts)
        pool, _, image = remote.name.partition("/")
        yield from (("rbd.pool", pool), ("rbd.image", image))
    else:
        for name, port in remote.hosts:
            yield from ((f"{at}.host", name), (f"{at}.port", port))
    if remote.protocol == "iscsi":
        target, _, lun = remote.name.partition("/")
        yield from (("iscsi.target", target), ("iscsi.lun", int(lun) if lun.isdecimal() else lun))
    if remote.protocol == "nbd":
        yield "nbd.tls", remote.tls
        words = {"nbd.socket": remote.socket, "nbd.export": remote.name}
    else:
        words = {f"{at}.config": remote.config, f"{at}.auth.user": remote.user,
                 f"{at}.auth.secret": remote.secret}
    yield from ((field, word) for field, word in words.items() if word)


def _iscsi(words: Mapping[str, Any], user: str, secret: str) -> Remote:
    host = (words["host"], words.get("port", PORTS["iscsi"]))
    name = f"{words['target']}/{words['lun']}"
    return Remote("iscsi", name, (host,), user=user, secret=secret)


def _nbd(words: Mapping[str, Any], _: str, __: str) -> Remote:
    name, socket = words.get("export", ""), words.get("socket", "")
    hosts = () if socket else ((words["host"], words.get("port", PORTS["nbd"])),)
    return Remote("nbd", name, hosts, socket, words.get("tls", False))


def _rbd(words: Mapping[str, Any], user: str, secret: str) -> Remote:
    hosts = tuple(map(_split, words["monitors"]))
    name = f"{words['pool']}/{words['image']}"
    return Remote("rbd", name, hosts, config=words.get("config", ""), user=user, secret=secret)


_MAKERS: Mapping[str, Callable[[Mapping[str, Any], str, str], Remote]] = {
    "iscsi": _iscsi, "nbd": _nbd, "rbd": _rbd}


def monitors(names: Iterable[str]) -> tuple[Server, ...]:
    """Where those of a cluster may be asked for."""
    return Remote("rbd", "", tuple(map(_split, names))).servers


def _split(monitor: str) -> tuple[str, int]:
    """``10.0.0.11``, ``ceph1:6789``, ``[fd00::1]:6789``."""
    host, colon, port = monitor.rpartition(":")
    if not colon or monitor.endswith("]"):
        host, port = monitor, "0"
    return host.strip("[]"), int(port)


def _joined(host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{port}" if port else name
