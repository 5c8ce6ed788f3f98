"""What a machine should be to libvirt, from its spec and what it refers to. Pure."""

from __future__ import annotations

from tiny_cloud import schema
from tiny_cloud.libvirt_xml import Domain, Interface, Layer, aligned, declared
from tiny_cloud.machines import kernel, remotes
from tiny_cloud.model import Change
from tiny_cloud.resource import Resource
from tiny_cloud.sizes import parse_size


def domain_of(
    machine: Resource, change: Change, uuid: str, cards: tuple[Interface, ...]
) -> Domain:
    spec = kernel.completed(machine, lambda name: _chain(machine, change, name))
    seen, outputs, cloud = change.observed, machine.provides(), machine.context.cloud
    gone = gone_from(change)
    return Domain(
        name=str(outputs["domain"]),
        uuid=uuid,
        memory=aligned(parse_size(spec["memory"])),
        cpus=spec["cpus"],
        machine=spec.get("machine", ""),
        disks=(*declared.disks(spec, lambda name: _chain(machine, change, name), gone),
               *declared.cdroms(spec)),
        interfaces=cards,
        console_log=str(outputs["console"]) if spec.get("consoleLog", True) else "",
        nvram=cloud.path("nvram", f"{machine.address.name}-{uuid[:8]}"),
        former=(seen.declared if seen else None) or {},
        logs=cloud.path("consoles"),
        agent=spec.get("guestAgent", None if seen else True),
        spare_ports=spec.get("sparePorts"),
        stamp={"cloud": cloud.name, "address": str(machine.address), "uuid": uuid},
        gone=gone,
        spec=spec if seen else schema.completed(machine.KIND, spec),
        # Only for a new machine: one that is there keeps what it was made with.
        accel="auto" if seen else spec.get("accel", "auto"),
    )


def gone_from(change: Change) -> frozenset[str]:
    """Fields that were declared and are to go."""
    return frozenset(diff.field for diff in change.diffs if diff.new is None)


def _chain(machine: Resource, change: Change, name: str) -> tuple[Layer, ...]:
    if remote := remotes.layer(machine, name):
        return (remote,)
    disk = machine.link(f"disks[{name}].disk")
    # A disk that is there may have another format, and stand on an older image.
    seen = None if disk.address in change.fresh else change.around.get(disk.address)
    facts = {**seen.fields, **seen.facts} if seen else disk.provides()
    path = str(facts["path"])
    top = Layer(path, str(facts["format"]), "block" if path.startswith("/dev/") else "file",
                str(facts.get("secret", "")))
    if not facts.get("backing"):
        return (top,)
    return (top, Layer(str(facts["backing"]), str(facts["backing_format"])))
