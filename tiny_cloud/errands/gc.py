"""Images that nothing stands on, and kernels out of them that nothing boots, go to the trash. Pure.

What stays: what a document declares, and whatever any disk that can be seen, any definition of
libvirt or any other image of ours names, be it this cloud's or not.
"""

from __future__ import annotations

import os.path
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from tiny_cloud import layers
from tiny_cloud.errands import Actual, plan_of
from tiny_cloud.errors import Failure
from tiny_cloud.facts import FileFacts, Reader
from tiny_cloud.images import kernels
from tiny_cloud.libvirt_xml import read
from tiny_cloud.model import Action, Address, Change, FieldDiff, Impact, Observed, Plan, Unknown
from tiny_cloud.resource import Context, Resource
from tiny_cloud.rules import is_protected
from tiny_cloud.steps import NO_KEY, DropRecord, Remove, Step, Trash

Files = Mapping[str, FileFacts]


def collect(
    host: Reader, context: Context, declared: Sequence[Resource], owned: Sequence[Resource],
    actual: Actual,
) -> Plan:
    """Raises Failure if a disk cannot be read: what it stands on would not be known."""
    files = _ours(host, context)
    kept = {path for path in _used(host, actual) | set(_declared(declared)) if path in files}
    booted = {item.address for item in declared if item.address.kind == "image"
              and kernels.users(item)}
    kept |= {file for path in kept if _address(files[path]) in booted
             for file in kernels.files_of(path) if file in files}
    kept |= {path for path, facts in files.items() if _address(facts) in _protected(
        (*declared, *owned), actual)}
    going: dict[Address, list[str]] = defaultdict(list)
    for path, facts in files.items():
        if path not in kept:
            going[_address(facts)].append(path)
    staying = {_address(files[path]) for path in kept} | {item.address for item in declared}
    changes = [_change(context, address, paths, files, gone=address not in staying)
               for address, paths in sorted(going.items())]
    left = [_left(path) for path in host.listing(context.cloud.path("images"))
            if path.endswith(NO_KEY)]
    return plan_of(context.cloud, [*changes, *left])


def _address(facts: FileFacts) -> Address:
    return Address.parse((facts.stamp or {})["address"])


def _protected(things: Sequence[Resource], actual: Actual) -> set[Address]:
    return {item.address for item in things
            if isinstance(seen := actual.get(item.address), Observed) and is_protected(item, seen)}


def _left(part: str) -> Change:
    """Of a commit that was cut off."""
    name = os.path.basename(part).removesuffix(NO_KEY)
    return Change(Address("image", name), Action.DELETE, because=("a commit was cut off",),
                  down=(Remove(part),))


def _ours(host: Reader, context: Context) -> Files:
    """Finished files of images that bear this cloud's stamp, and no copies."""
    found = host.files(host.listing(context.cloud.path("images")))
    return {path: facts for path, facts in found.items()
            if isinstance(facts, FileFacts) and facts.genuine and not path.endswith(".part")
            and (facts.stamp or {}).get("cloud") == context.cloud.name}


def _declared(declared: Sequence[Resource]) -> Iterator[str]:
    return (str(item.provides()["path"]) for item in declared if item.address.kind == "image")


def _used(host: Reader, actual: Actual) -> set[str]:
    """Every file that something names."""
    folders = [host.cloud.path(name) for name in ("disks", "images")]
    tops = {path: whole.rpartition(".")[2] for folder in folders for path in host.listing(folder)
            if (whole := path.removesuffix(".part")).endswith(layers.ENDINGS)}
    for path, info in host.images(tops).items():
        if isinstance(info, Unknown):
            raise Failure(f"what {path} stands on is not known: {info.reason}", info.hint)
    used = {path for chain in layers.chains(host, tops).values() for path, _ in chain}
    for seen in actual.values():
        below = seen.facts.get("below", ()) if isinstance(seen, Observed) else ()
        assert isinstance(below, tuple)
        used |= {path for path, _ in below}
    for facts in host.domains().values():
        for xml in filter(None, (facts.xml, facts.live_xml)):
            fields = read(xml)
            used |= {str(fields.get(key, "")) for key in ("kernel.path", "kernel.initrd")}
    return used | set(host.disk_users())


def _change(
    context: Context, address: Address, paths: Sequence[str], files: Files, *, gone: bool
) -> Change:
    """``gone``: nothing is left of it, and its record goes, too."""
    diffs = tuple(FieldDiff("version", os.path.basename(path), None, Impact.DESTROYS)
                  for path in paths)
    steps: list[Step] = [
        Trash(path, context.cloud.path("trash", f"{os.path.basename(path)}.{files[path].inode}"))
        for path in paths]
    # One that is cut off goes on at the next gc as long as the record is there.
    ended = (DropRecord(str(address)),) if gone else ()
    action = Action.DELETE if gone else Action.UPDATE
    return Change(address, action, diffs, Impact.DESTROYS, because=("nothing stands on it",),
                  down=(*steps, *ended))
