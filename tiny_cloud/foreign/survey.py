"""Which things of a host are meant, and all of them as documents. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tiny_cloud import suggest
from tiny_cloud.borrowed import borrowed
from tiny_cloud.errors import Failure
from tiny_cloud.facts import DomainFacts, NetworkFacts, Reader, VolumeFacts
from tiny_cloud.foreign import Found, machines, networks, volumes
from tiny_cloud.foreign.stores import FORMATS, Stores
from tiny_cloud.libvirt_xml import stamp_of
from tiny_cloud.model import Observed, Unknown
from tiny_cloud.resource import Resource

Facts = DomainFacts | NetworkFacts | VolumeFacts
CALLED = {"virtualmachine": "domain", "network": "network", "logicalvolume": "path"}
"""By kind, what a declared one tells of how the host calls it."""
FILES = {"image": "Image", "disk": "Disk"}
ANY = "domain, network or volume"
HINT = "write vm/NAME, network/NAME, lv/GROUP/NAME, image/PATH or disk/PATH"


@dataclass(slots=True)
class Survey:
    """Of one host, for one cloud. ``declared``: what its manifests have already."""

    host: Reader
    cloud: str
    declared: Sequence[Resource] = ()
    stores: Stores = field(init=False)
    taken: dict[str, set[str]] = field(init=False)
    """Names that are given away, by kind."""
    networks: dict[str, str] = field(init=False)
    """By libvirt's name the documents of networks."""

    def __post_init__(self) -> None:
        self.stores = Stores.of(self.host, self.cloud, self.declared)
        self.taken = {kind: {item.address.name for item in self.declared
                             if item.address.kind == kind} for kind in (*CALLED, *FILES)}
        self.networks = {str(item.provides()["network"]): item.address.name
                         for item in self.declared if item.address.kind == "network"}

    def everything(self) -> tuple[list[Found], list[str]]:
        """Domains and networks that nobody declares and no tinycloud made; and of those that no
        document can say, why."""
        found: list[Found] = []
        left: list[str] = []
        # Networks first: machines refer to them.
        for kind in ("network", "virtualmachine"):
            for _, facts in sorted(self._there(kind).items()):
                if not self._known(kind, facts):
                    try:
                        found.append(self._document(facts))
                    except Failure as failure:
                        left.append(failure.summary)
        return found, left

    def named(self, kind: str, name: str) -> Found:
        """``kind``: as an address has it; empty: whatever is called so. A file's name is its
        absolute path. Raises Failure for what is not there, is of several kinds, or is known
        already."""
        if kind in FILES or (not kind and name.startswith("/")):
            return self._file(kind, name)
        if kind not in ("", *CALLED):
            raise Failure(f"nothing of the kind {kind} can be imported", HINT)
        kinds = (kind,) if kind else tuple(CALLED)
        there = {one: self._there(one) for one in kinds}
        meant = [one for one in kinds if name in there[one]]
        if not meant:
            known = [called for one in kinds for called in there[one]]
            raise Failure(f"this host has no {_word(kind) or ANY} {name}",
                          suggest.hint(name, known, "there are") or HINT)
        if len(meant) > 1:
            raise Failure(f"{name} is {' and '.join(f'{one}/{name}' for one in meant)}",
                          "write which one")
        facts = there[meant[0]][name]
        if whose := self._known(meant[0], facts):
            raise Failure(f"{_word(meant[0])} {name} is {whose}")
        return self._document(facts)

    def _there(self, kind: str) -> Mapping[str, Facts]:
        """By the host's name, of a volume GROUP/NAME. Raises Failure if it cannot be asked."""
        if kind == "virtualmachine":
            return self.host.domains()
        if kind == "network":
            return self.host.networks()
        there = self.host.volumes()
        if isinstance(there, Unknown):
            return {}
        return {f"{facts.group}/{facts.name}": facts for facts in there.values()}

    def _known(self, kind: str, facts: Facts) -> str:
        """Whose it is; empty: nobody's."""
        if not isinstance(facts, VolumeFacts) and (mark := stamp_of(facts.xml)) is not None:
            return f"{mark.get('address')} of the cloud {mark.get('cloud')}"
        called = facts.path if isinstance(facts, VolumeFacts) else facts.name
        return next((f"declared as {item.address} already" for item in self.declared
                     if item.address.kind == kind
                     and item.provides().get(CALLED[kind]) == called), "")

    def _document(self, facts: Facts) -> Found:
        match facts:
            case DomainFacts():
                return machines.found(
                    facts, self.stores, self.taken["virtualmachine"], self.networks)
            case NetworkFacts():
                found = networks.found(facts, self.cloud, self.taken["network"])
                self.networks[facts.name] = found.document.name
                return found
        there = self.host.volumes()
        assert not isinstance(there, Unknown)
        return volumes.found(facts, there, self.cloud, self.stores.taken)

    def _file(self, kind: str, path: str) -> Found:
        """An image, unless a machine has it as its disk."""
        use = self.host.disk_users().get(path)
        mine = kind == "disk" or (not kind and use is not None and not use.base)
        why = ""
        # The first that it really is: nothing is a qcow2 by chance.
        for form in FORMATS:
            seen = borrowed(self.host, path, form, base=not mine)
            if isinstance(seen, Observed):
                kind = "disk" if mine else "image"
                stem = posixpath.basename(path).rpartition(".")[0] or posixpath.basename(path)
                taken = self.stores if mine else Stores(self.host, self.cloud, {}, self.taken[kind])
                return taken.file(path, form, stem, FILES[kind])
            why = why or (seen.reason if seen else "it is not there")
        raise Failure(f"{path} cannot be used: {why}")


def _word(kind: str) -> str:
    return {"virtualmachine": "domain", "logicalvolume": "volume"}.get(kind, kind)
