"""An RBDImage's document in Ceph's words: where it is, what it is called, whose it is. Pure.

A machine has it as if it had declared ``disks[].rbd`` itself; so this is below machines, and knows
the document by its fields alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tiny_cloud.ceph import Cluster
from tiny_cloud.facts import DiskUse, FileFacts, RBDFacts, Reader
from tiny_cloud.libvirt_xml import remotes
from tiny_cloud.resource import Resource
from tiny_cloud.schema import secret_of

KIND = "rbdimage"
PART = ".part"
"""The ending of an image that is not finished."""
REFUSED = {
    "disk": ("libguestfs is not given the key of Ceph's images",
             "write it into what the image is cloned from, and leave out here what is written "
             "into a guest"),
    "base": ("an image of Ceph is no file here",
             "write an RBDImage with cloneOf: and a snapshot of that one"),
}
"""By the field of a Guest or a Disk that names an image: why it cannot, and what to do instead."""
CLOUD, ADDRESS, ID = "tinycloud.cloud", "tinycloud.address", "tinycloud.id"
"""The stamp, in the image's metadata. Ceph copies metadata to clones: the ID tells them apart."""


def name_of(image: Resource) -> str:
    """What Ceph calls it: in the cloud ``default`` by its own name, as libvirt's domains are."""
    cloud, name = image.context.cloud.name, image.address.name
    return name if cloud == "default" else f"{cloud}-{name}"


def place_of(image: Resource, pool: str = "") -> str:
    return f"{pool or image.spec['pool']}/{name_of(image)}"


def words(image: Resource) -> Mapping[str, Any]:
    """Those that a machine would declare for it below ``disks[].rbd``."""
    known = {key: image.spec[key] for key in ("monitors", "pool", "config", "auth")
             if key in image.spec}
    return {**known, "image": name_of(image)}


def disks(machine: Resource) -> Iterator[Mapping[str, Any]]:
    """A machine's as declared; one that is an RBDImage as if its words stood there as well."""
    for item in machine.spec.get("disks", ()):
        link = machine.links.get(f"disks[{item['name']}].disk")
        ceph = link is not None and link.address.kind == KIND
        yield {**item, "rbd": words(link)} if link and ceph else item


def url_of(image: Resource) -> str:
    remote = remotes.declared({"rbd": words(image)})
    assert remote is not None
    return remote.url


def cluster_of(image: Resource) -> Cluster:
    auth = image.spec.get("auth", {})
    source = secret_of(auth["secret"]) if auth else None
    return Cluster(tuple(image.spec["monitors"]), image.spec.get("config", ""),
                   auth.get("user", ""), (source.source, source.value) if source else None)


def pools(resources: Iterable[Resource]) -> Mapping[Cluster, frozenset[str]]:
    """Those that declared images are in, by cluster."""
    found: dict[Cluster, frozenset[str]] = {}
    for item in resources:
        if item.address.kind == KIND:
            cluster = cluster_of(item)
            found[cluster] = found.get(cluster, frozenset()) | {item.spec["pool"]}
    return found


def is_at(image: Resource, place: str) -> bool:
    """Whether a disk's URL means this image: a cluster is known by any of its monitors."""
    mine, theirs = (_parted(url) for url in (url_of(image), place))
    return mine[1] == theirs[1] and bool(mine[0] & theirs[0])


def _parted(url: str) -> tuple[frozenset[str], str]:
    protocol, _, rest = url.partition("://")
    servers, _, name = rest.partition("/")
    return frozenset(servers.split(",") if protocol == "rbd" else ()), name


def use_of(host: Reader, image: Resource) -> tuple[str, DiskUse | None]:
    """The URL by which a domain has it, one that runs before one that does not, and who that is."""
    found = [(url, use) for url, use in host.disk_users().items() if is_at(image, url)]
    return min(found, key=lambda one: not one[1].running, default=("", None))


def as_file(place: str, facts: RBDFacts) -> FileFacts:
    """In the terms of a file; its ID stands for the inode."""
    mark = None
    if facts.metadata.keys() >= {CLOUD, ADDRESS}:
        mark = {"cloud": facts.metadata[CLOUD], "address": facts.metadata[ADDRESS],
                "inode": facts.metadata.get(ID, "")}
    genuine = mark is not None and mark["inode"] == facts.id
    return FileFacts(place, facts.size, facts.id, mark, genuine)
