"""What runs that were cut off have left, and what of ours neither a record nor a manifest knows.
Pure.

What a declared thing needs is finished by the next apply; the rest can be removed, as far as it is
nobody's data. Data that nothing knows any more is named and left alone.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator, Mapping, Sequence, Set

from msgspec import Struct

from tiny_cloud import luks
from tiny_cloud.errands import Actual, plan_of
from tiny_cloud.facts import DomainFacts, FileFacts, ImageFacts, NetworkFacts, Reader
from tiny_cloud.guests.deep import CUT_OFF
from tiny_cloud.images import kernels
from tiny_cloud.libvirt_xml import is_of, stamp_of
from tiny_cloud.model import Action, Address, Change, Note, Observed, Ownership, Plan, Unknown
from tiny_cloud.naming import former
from tiny_cloud.resource import Context, Resource
from tiny_cloud.steps import RemoveVolume, Run, Step, Trash, UndefineSecret
from tiny_cloud.volumes import tags

BEFORE_EDIT = "tinycloud-before-edit"
"""The snapshot that a disk has while its guest is edited."""
UNFINISHED = re.compile(r"\.part(\.(root|tar|tree|extents|stamp|stamp\.part))?$")
"""How the name ends of what is being filled, and of what builds and imports keep beside it."""
FINISHES = "the next apply finishes it"
STRAY = "neither a record nor a manifest knows it"


class Leftover(Struct, frozen=True):
    address: Address
    """Of what is no thing of a manifest: ``file/PATH``, ``secret/UUID``, ``volume/PATH``."""
    text: str
    steps: tuple[Step, ...] = ()
    """What removes it; none: see the remedy."""
    remedy: str = ""


def repair(
    host: Reader, context: Context, declared: Sequence[Resource], owned: Sequence[Resource],
    actual: Actual,
) -> Plan:
    """All that can be removed goes: an Errand."""
    found = leftovers(host, context, declared, owned, actual)
    return plan_of(context.cloud, [
        Change(one.address, Action.DELETE, because=(one.text,), down=one.steps)
        for one in found if one.steps])


def leftovers(
    host: Reader, context: Context, declared: Sequence[Resource], owned: Sequence[Resource],
    actual: Actual,
) -> list[Leftover]:
    """Raises Failure if the host does not answer."""
    things = (*declared, *owned)
    known = {name for item in things for name in (item.address, former(item)) if name}
    stamped = _stamped(host)
    return [
        *_unfinished(declared, actual),
        *files(host, declared, actual),
        *_snapshots(host, things, actual),
        *_gone(owned, actual),
        *_volumes(host, {item.address for item in declared}),
        *_secrets(host, known | set(stamped.values())),
        *_strays(host, known, stamped),
    ]


def files(host: Reader, declared: Sequence[Resource], actual: Actual) -> Iterator[Leftover]:
    """Those of killed runs that no apply will come back to."""
    awaited = set(_awaited(host, declared, actual))
    paths = [path for path in host.debris() if UNFINISHED.sub("", path) not in awaited]
    for path, facts in host.files(paths).items():
        name = f"{os.path.basename(path)}.{facts.inode}" if isinstance(facts, FileFacts) else ""
        # A build that was killed may have had /dev and /proc mounted in its tree.
        gone: Step = Trash(path, host.cloud.path("trash", name)) if name else Run(
            ("rm", "-rf", "--one-file-system", "--", path))
        short = path.removeprefix(host.cloud.storage.rstrip("/") + "/")
        text = ("it cannot be read" if path.endswith(".json")
                else "what made it was cut off")
        yield Leftover(Address("file", short), text, (gone,))


def notes(host: Reader, declared: Sequence[Resource], actual: Actual) -> list[Note]:
    """The same for a plan."""
    return [Note(one.address, f"{one.text}; tinycloud repair removes it")
            for one in files(host, declared, actual)]


def _awaited(host: Reader, declared: Sequence[Resource], actual: Actual) -> Iterator[str]:
    """What the next apply makes, or clears away itself."""
    for item in declared:
        seen, path = actual.get(item.address), str(item.provides().get("path", ""))
        yield from (path, f"{path}.download", *kernels.files_of(path)) if path else ()
        facts = seen.facts if isinstance(seen, Observed) else {}
        for key in ("parts", "leftovers"):
            found = facts.get(key, ())
            assert isinstance(found, tuple)
            yield from (UNFINISHED.sub("", one) for one in found)


def _unfinished(declared: Sequence[Resource], actual: Actual) -> Iterator[Leftover]:
    for item in declared:
        seen = actual.get(item.address)
        if not isinstance(seen, Observed):
            continue
        if not seen.complete and seen.ownership is Ownership.OURS:
            yield Leftover(item.address, "it is half done, or its record is lost", (), FINISHES)
        elif CUT_OFF in seen.drifted:
            yield Leftover(item.address, "an edit of it was cut off", (), FINISHES)


def _snapshots(
    host: Reader, things: Sequence[Resource], actual: Actual
) -> Iterator[Leftover]:
    """Of edits that were killed: no state to go back to, for the guest may have run since."""
    for item in things:
        seen = actual.get(item.address)
        if item.address.kind != "disk" or item.external or not isinstance(seen, Observed):
            continue
        path, form = str(seen.facts.get("at", "")), str(seen.fields.get("format", ""))
        info = host.images({path: form}).get(path) if path else None
        if not isinstance(info, ImageFacts) or BEFORE_EDIT not in info.snapshots:
            continue
        text = f"it has the snapshot {BEFORE_EDIT} of an edit that was cut off"
        if seen.running or info.encryption:
            when = "while its machine is off" if seen.running else "with its key"
            yield Leftover(item.address, text, (), f"the next edit of its guest removes it, {when}")
        else:
            yield Leftover(item.address, text, (Run((
                "qemu-img", "snapshot", "-q", "-d", BEFORE_EDIT,
                "--image-opts", luks.unkeyed(path, form))),))


def _gone(owned: Sequence[Resource], actual: Actual) -> Iterator[Leftover]:
    for item in owned:
        seen = actual.get(item.address)
        parts_alone = isinstance(seen, Observed) and not seen.fields and not seen.complete
        if seen is None or parts_alone:
            steps = tuple(item.down(Change(item.address, Action.DELETE)))
            yield Leftover(item.address, "it is gone, and its record is left", steps)


def _volumes(host: Reader, declared: Set[Address]) -> Iterator[Leftover]:
    there = host.volumes()
    for path, facts in {} if isinstance(there, Unknown) else there.items():
        mark = tags.stamp(facts.tags) or {}
        if (tags.is_left_over(facts, host.cloud.name)
                and Address.parse(mark["address"]) not in declared):
            yield Leftover(Address("volume", path), "what made it was cut off",
                           (RemoveVolume(path, host.cloud.name),))


def _secrets(host: Reader, known: Set[Address]) -> Iterator[Leftover]:
    """As ``libvirt_secrets.kept`` calls them. As long as the disk is there its key stays."""
    usage = re.compile(rf"tinycloud {re.escape(host.cloud.name)} (?P<owner>\S+) \S+")
    for uuid, facts in host.libvirt_secrets().items():
        found = usage.fullmatch(facts.usage)
        if found and Address.parse(found["owner"]) not in known:
            yield Leftover(Address("secret", uuid), f"{found['owner']}, whose secret it is, is "
                           "gone", (UndefineSecret(uuid),))


def _stamped(host: Reader) -> Mapping[str, Address]:
    """Files and volumes of this cloud, and whose they are; no copies. Of images knows gc."""
    paths = [path for folder in ("disks", "seeds")
             for path in host.listing(host.cloud.path(folder)) if not UNFINISHED.search(path)]
    there = host.volumes()
    volumes = {} if isinstance(there, Unknown) else {
        path: tags.as_file(facts) for path, facts in there.items()}
    return {path: Address.parse(facts.stamp["address"])
            for path, facts in {**host.files(paths), **volumes}.items()
            if isinstance(facts, FileFacts) and facts.genuine and facts.stamp
            and facts.stamp["cloud"] == host.cloud.name}


def _strays(
    host: Reader, known: Set[Address], stamped: Mapping[str, Address]
) -> Iterator[Leftover]:
    """Data, and what may be running: nothing of it goes by itself."""
    for path, owner in stamped.items():
        if owner not in known:
            yield Leftover(owner, f"{path} is of this cloud, and {STRAY}", (),
                           "declare it again and --adopt it, or move it away")
    defined: list[DomainFacts | NetworkFacts] = [*host.domains().values(),
                                                 *host.networks().values()]
    for what in defined:
        mark = stamp_of(what.xml) or {}
        owner = Address.parse(mark.get("address", ""))
        if is_of(what.xml, what.uuid, host.cloud.name) and owner not in known:
            yield Leftover(owner, f"libvirt's {what.name} is of this cloud, and {STRAY}", (),
                           "declare it again and --adopt it, or undefine it with virsh")
