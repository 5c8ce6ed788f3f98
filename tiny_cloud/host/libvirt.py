"""libvirt: the domains of one connection, read in bulk and changed one at a time; its networks
and secrets."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tiny_cloud.errors import Failure
from tiny_cloud.facts import DiskUse, DomainFacts, SnapshotFacts
from tiny_cloud.host import openers
from tiny_cloud.host.libvirt_connection import connect, ignoring, libvirt, require_binding
from tiny_cloud.host.libvirt_hints import hint_for
from tiny_cloud.host.libvirt_network import Networks
from tiny_cloud.host.libvirt_power import is_off, powers_off, still_on
from tiny_cloud.host.libvirt_secrets import Secrets
from tiny_cloud.libvirt_xml import (
    above,
    bare,
    bases,
    disk_paths,
    oldest_first,
    read_snapshot,
    with_passwords,
)

UNDEFINE_TPM: int = getattr(libvirt, "VIR_DOMAIN_UNDEFINE_TPM", 0)
"""Before libvirt 8.9 a TPM's state always went with the definition, and there was no flag."""

SECRETS: int = getattr(libvirt, "VIR_DOMAIN_XML_INACTIVE", 0) | getattr(
    libvirt, "VIR_DOMAIN_XML_SECURE", 0)

ACTIVE, PERSISTENT, AUTOSTART, HAS_SNAPSHOT = TOLD = tuple(
    getattr(libvirt, f"VIR_CONNECT_LIST_DOMAINS_{word}", 0)
    for word in ("ACTIVE", "PERSISTENT", "AUTOSTART", "HAS_SNAPSHOT"))
"""What libvirt tells of all domains at once."""

LOOKS = 3
"""How often the snapshots of a machine are listed, which somebody may be deleting meanwhile."""


class BlockInfo(Struct, frozen=True):
    """Bytes, as the running qemu has them."""

    capacity: int
    allocation: int
    physical: int


class Libvirt:
    """One connection, opened when first needed and again if the daemon went away meanwhile."""

    def __init__(self, uri: str, *, readonly: bool = False) -> None:
        self.uri = uri
        self.readonly = readonly
        self._connection: Any = None
        self._opening = threading.Lock()
        self.networks = Networks(self._open, self._failing)
        self.secrets = Secrets(self._open, self._failing)

    # -- reading ----------------------------------------------------------------------------------

    def domains(self) -> dict[str, DomainFacts]:
        """All domains by name. Raises Failure if libvirt does not answer."""
        with self._failing("cannot list the machines"):
            connection = self._open()
            every = connection.listAllDomains(0)
            # One call of each kind for all; of each domain by itself only its XML is asked.
            told = {flag: {domain.UUIDString() for domain in connection.listAllDomains(flag)}
                    for flag in TOLD}
            found = (_facts(domain, told) for domain in every)
            return {facts.name: facts for facts in found if facts is not None}

    def disk_users(self, domains: Mapping[str, DomainFacts] | None = None) -> dict[str, DiskUse]:
        """Which domain has which file or device as a disk; one that runs comes before one that
        does not. ``domains`` saves asking for them again."""
        domains = self.domains() if domains is None else domains
        overlays = {path: stack for facts in domains.values() if facts.snapshots
                    for path, stack in above(facts).items()}
        domains = {name: bare(facts) for name, facts in domains.items()}
        sizes = self._running_sizes()
        users: dict[str, DiskUse] = {}
        having: defaultdict[str, set[str]] = defaultdict(set)
        for facts in sorted(domains.values(), key=lambda facts: (not facts.live_xml, facts.name)):
            for path, target in disk_paths(facts.live_xml) if facts.live_xml else []:
                size = sizes.get((facts.name, target), 0)
                users.setdefault(path, DiskUse(facts.name, facts.uuid, True, size))
            for path, _ in disk_paths(facts.xml):
                having[path].add(facts.name)
                users.setdefault(path, DiskUse(facts.name, facts.uuid, False))
        for facts in domains.values():
            for path in bases(facts.xml) | (bases(facts.live_xml) if facts.live_xml else set()):
                running = bool(facts.live_xml)
                users.setdefault(path, DiskUse(facts.name, facts.uuid, running, base=True))
        return {path: replace(use, also=tuple(sorted(having[path] - {use.domain})),
                              above=overlays.get(path, ()))
                for path, use in users.items()}

    def block_info(self, domain: str, path: str) -> BlockInfo:
        with self._failing(f"cannot look at the disk {path} of {domain}"):
            return BlockInfo(*self._lookup(domain).blockInfo(path))

    def disk_errors(self, domain: str) -> str:
        """What went wrong with the disks of a running machine, in libvirt's words; empty: nothing.
        """
        words = {libvirt.VIR_DOMAIN_DISK_ERROR_NO_SPACE: "no space",
                 libvirt.VIR_DOMAIN_DISK_ERROR_UNSPEC: "an I/O error"}
        with self._failing(f"cannot look at the disks of {domain}"):
            errors = self._lookup(domain).diskErrors(0)
            return ", ".join(f"{words[code]} on {target}" for target, code in errors.items()
                             if code in words)

    def _running_sizes(self) -> dict[tuple[str, str], int]:
        """Virtual sizes in bytes by domain and target (``vda``), in one call for all: of what a
        server has, libvirt tells no path."""
        with self._failing("cannot read the sizes of disks in use"):
            running = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE
            report = self._open().getAllDomainStats(libvirt.VIR_DOMAIN_STATS_BLOCK, running)
            return {
                (domain.name(), stats[f"block.{number}.name"]): stats[f"block.{number}.capacity"]
                for domain, stats in report for number in range(stats.get("block.count", 0))
                if f"block.{number}.capacity" in stats
            }

    # -- changing ---------------------------------------------------------------------------------

    def define(self, name: str, xml: str) -> None:
        """New or in place; the XML is validated against libvirt's schema. The passwords of screens
        stay: they are in no plan, and here alone."""
        with self._failing(f"cannot define {name}"):
            there = self._find(name)
            if there is not None and "<graphics" in xml:
                xml = with_passwords(xml, there.XMLDesc(SECRETS))
            self._open().defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)

    def rename(self, name: str, to: str) -> None:
        """libvirt renames only what is off. One that is not there was renamed before."""
        with self._failing(f"cannot rename {name} to {to}"):
            domain = self._find(name)
            if domain is not None:
                domain.rename(to, 0)

    def autostart(self, name: str, on: bool) -> None:
        with self._failing(f"cannot switch the autostart of {name}"):
            self._lookup(name).setAutostart(int(on))

    def start(self, name: str) -> None:
        """A machine that runs already is fine."""
        with self._failing(f"cannot start {name}"):
            domain = self._lookup(name)
            if not domain.isActive():
                domain.create()

    def shutdown(self, name: str, timeout: float, force: bool = False) -> None:
        """Ask the guest to power off and wait ``timeout`` seconds. Raises Failure if it has not by
        then, or pulls the plug with ``force``. One that is off or not there is fine."""
        with self._failing(f"cannot stop {name}"):
            domain = self._find(name)
            if domain is None or is_off(domain) or powers_off(domain, timeout):
                return
            if not force:
                raise still_on(domain, timeout)
            with ignoring(libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN):
                domain.destroy()

    def undefine(self, name: str) -> None:
        """Its definition, NVRAM, TPM, saved state and snapshot records go; disks stay. Raises
        Failure for a machine that runs: it would go on running without a definition."""
        with self._failing(f"cannot undefine {name}"):
            domain = self._find(name)
            if domain is None:
                return
            if not is_off(domain):
                raise Failure(f"{name} is running, so its definition stays",
                              hint=f"virsh shutdown {name}")
            domain.undefineFlags(
                libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
                | UNDEFINE_TPM
                | libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
                | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
                | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA)

    @contextmanager
    def domain(self, name: str, doing: str) -> Iterator[Any]:
        """libvirt's own object; its errors become Failures: ``cannot DOING NAME``."""
        with self._failing(f"cannot {doing} {name}"):
            yield self._lookup(name)

    def block_resize(self, domain: str, path: str, size: int) -> None:
        """Grow a disk under a running machine; ``size`` in bytes."""
        with self._failing(f"cannot resize {path} of {domain}"):
            flags = libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES
            self._lookup(domain).blockResize(path, size, flags)

    # -- the connection ---------------------------------------------------------------------------

    def close(self) -> None:
        with self._opening:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> Any:
        with self._opening:
            if self._connection is None or not self._connection.isAlive():
                self._connection = connect(self.uri, self.readonly)
            return self._connection

    def _lookup(self, name: str) -> Any:
        return self._open().lookupByName(name)

    def _find(self, name: str) -> Any:
        with ignoring(libvirt.VIR_ERR_NO_DOMAIN):
            return self._lookup(name)
        return None

    @contextmanager
    def _failing(self, doing: str) -> Iterator[None]:
        require_binding()
        try:
            yield
        except libvirt.libvirtError as error:
            message = str(error)
            hint = openers.told_by(message) or hint_for(message)
            raise Failure(doing, hint=hint, detail=message) from None


def _facts(domain: Any, told: Mapping[int, Collection[str]]) -> DomainFacts | None:
    """``told``: by flag, the UUIDs of those it holds of. None: it went away while we looked."""
    with ignoring(libvirt.VIR_ERR_NO_DOMAIN):
        uuid, xml = domain.UUIDString(), domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        live = domain.XMLDesc(0) if uuid in told[ACTIVE] else ""
        return DomainFacts(
            domain.name(), uuid, xml,
            # One that has gone off meanwhile shows its definition, which has no number.
            live if " id=" in live.partition(">")[0] else "",
            uuid in told[AUTOSTART], uuid in told[PERSISTENT],
            _snapshots(domain) if uuid in told[HAS_SNAPSHOT] else ())
    return None


def _snapshots(domain: Any) -> tuple[SnapshotFacts, ...]:
    """The oldest first. If somebody deletes one between two calls, they are listed again."""
    for _ in range(LOOKS - 1):
        with ignoring(libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT):
            return _listed(domain)
    return _listed(domain)


def _listed(domain: Any) -> tuple[SnapshotFacts, ...]:
    """In no order of libvirt's: asked for a topological one (9.0), it fails for as long as a
    snapshot is being made, which it counts and does not find in the tree."""
    return oldest_first(read_snapshot(one.getXMLDesc(0)) for one in domain.listAllSnapshots())
