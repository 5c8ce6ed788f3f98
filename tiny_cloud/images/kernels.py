"""The kernels that machines boot straight out of an image: files of ours beside it. Pure.

A kernel must be of the very version that a machine's disk stands on, for its modules are in there.
So each version of an image that such a disk stands on has files of its own, called after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from tiny_cloud.facts import FileFacts
from tiny_cloud.model import Address, Ownership, Unknown
from tiny_cloud.naming import former, ownership
from tiny_cloud.resource import Resource
from tiny_cloud.steps import ExtractKernel, Publish, Remove, Step

FIELD = "kernel.image"
"""Of a machine: it refers to the image whose kernel it boots."""
STAMPED = "kernel"
"""The version, in the stamps of the files."""
SOURCE = "imageInode"
"""The very file it was taken out of: one that is built again has another kernel."""
ENDINGS = ("vmlinuz", "initrd")

Siblings = Mapping[str, FileFacts | Unknown]
Bases = Mapping[str, tuple[Address, ...]]
"""Which disks stand on an image's file."""


class Lack(Struct, frozen=True):
    """A version of an image whose kernel has to be taken out."""

    image: str
    there: tuple[str, ...] = ()
    """Those of its files that a killed apply had published already."""
    stale: tuple[str, ...] = ()
    """Those that are of an image which is no more."""


def files_of(image: str) -> tuple[str, str]:
    """Kernel and initial ramdisk of an image's file, whether they are there or not."""
    stem = image.removesuffix(".qcow2")
    kernel, initrd = (f"{stem}.{ending}" for ending in ENDINGS)
    return kernel, initrd


def first_disk(machine: Resource) -> Resource | None:
    disks = machine.spec.get("disks", ())
    return machine.links.get(f"disks[{disks[0]['name']}].disk") if disks else None


def users(image: Resource) -> list[Resource]:
    """The machines that are declared to boot its kernel."""
    return [machine for machine in image.referrers.values()
            if FIELD in machine.links and machine.links[FIELD].address == image.address]


def lacking(image: Resource, path: str, siblings: Siblings, bases: Bases) -> tuple[Lack, ...]:
    """Of the version that new disks will stand on, and of those that disks do stand on.

    ``path``: the file of the declared version; ``siblings``: all files beside it.
    """
    if not users(image):
        return ()
    disks = {name for machine in users(image) if (disk := first_disk(machine))
             for name in (disk.address, former(disk))}
    older = (other for other, above in bases.items() if disks & set(above) and other != path
             and _is_ours(image, siblings.get(other)))
    found = (_lack(one, siblings) for one in (path, *older))
    return tuple(lack for lack in found if len(lack.there) < len(ENDINGS))


def _lack(image: str, siblings: Siblings) -> Lack:
    files, source = files_of(image), siblings.get(image)
    inode = str(source.inode) if isinstance(source, FileFacts) else ""
    valid = tuple(file for file in files if stamped(siblings).get(file, {}).get(SOURCE) == inode)
    return Lack(image, valid, tuple(file for file in files if file in siblings
                                    and file not in valid))


def of_new(image: Resource, path: str) -> tuple[Lack, ...]:
    """Of an image that is made now: what lies beside its place is of one that was lost."""
    return (Lack(path, (), files_of(path)),) if users(image) else ()


def faulty(image: Resource, paths: Iterable[str], siblings: Siblings) -> Unknown | None:
    """What nobody should boot, nor remove. ``paths``: the image's files."""
    files = [file for path in paths for file in files_of(path) if file in siblings]
    for file in files if users(image) else ():
        facts = siblings[file]
        if isinstance(facts, Unknown):
            return facts
        if not _is_ours(image, facts):
            return Unknown(f"{file} was not made here", "move it away")
        if not facts.intact:
            return Unknown(f"{file} was changed after it was published",
                           "remove it; the next apply takes it out of the image anew")
    return None


def take_out(image: Resource, lack: Lack) -> Iterator[Step]:
    kernel, initrd = files_of(lack.image)
    cloud = image.context.cloud.name
    for file in lack.stale:
        yield Remove(file)
    yield ExtractKernel(lack.image, "qcow2", kernel, initrd, cloud, str(image.address))
    for file in (kernel, initrd):
        part = f"{file}.part"
        yield Remove(part) if file in lack.there else Publish(part, file, 0o444)


def stamped(siblings: Siblings) -> Mapping[str, Mapping[str, str]]:
    """By file, what the stamps of kernels say of them."""
    return {path: {key: facts.stamp.get(key, "") for key in (STAMPED, SOURCE)}
            for path, facts in siblings.items()
            if isinstance(facts, FileFacts) and facts.stamp and STAMPED in facts.stamp}


def _is_ours(image: Resource, facts: FileFacts | Unknown | None) -> bool:
    return isinstance(facts, FileFacts) and ownership(image, facts)[0] is Ownership.OURS
