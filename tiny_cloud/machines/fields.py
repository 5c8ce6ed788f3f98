"""A domain's fields as they are to be compared with what is declared, and those that wait. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tiny_cloud.facts import DomainFacts, Reader
from tiny_cloud.libvirt_xml import hotplug, live_changes, parts, pending, read
from tiny_cloud.machines import disks, kernel, remotes
from tiny_cloud.model import State, Value
from tiny_cloud.naming import was
from tiny_cloud.networks.cards import declared_names
from tiny_cloud.resource import Resource


def compared(
    machine: Resource, host: Reader, facts: DomainFacts, former: State
) -> tuple[dict[str, Value], tuple[str, ...]]:
    """The fields, and those of them that need a restart to take effect.

    ``former``: what was declared at the last apply. Of a running machine, whichever of definition
    and what runs is not as declared, as far as that can be mended while it runs.
    """
    fields: Mapping[str, Value] = _of(machine, host, facts.xml, former)
    waiting: tuple[str, ...] = ()
    if facts.live_xml:
        live = live_changes.named(facts.live_xml, facts.xml)
        now = _of(machine, host, live, former)
        mendable = hotplug.mendable(fields, now, live)
        later: Iterable[str] = (
            *pending(facts.xml, live), *parts.waiting(live, machine.spec, former))
        later = (field for field in later
                 if field not in mendable and hotplug.group_of(field) not in mendable
                 and (field in machine.spec or not _comes_along(field, fields, now)))
        waiting = kernel.waiting(later, fields, now)
        fields = hotplug.observed(fields, now, machine.desired(), mendable)
    return _with_spare_ports(machine, fields), waiting


def _of(machine: Resource, host: Reader, xml: str, former: State) -> dict[str, Value]:
    """What a definition, or what runs, says in the manifest's terms."""
    fields = parts.observed(xml, read(xml), machine.spec, former)
    # Until a renamed machine is written anew, its console goes by the former name.
    consoles = [item.provides()["console"] for item in (machine, was(machine)) if item is not None]
    fields["consoleLog"] = fields["consoleLog"] in consoles
    fields = {**fields, **disks.names(machine, host, xml), **declared_names(machine, fields)}
    return remotes.named(machine, host, kernel.named(machine, fields, xml))


def _comes_along(field: str, defined: State, running: State) -> bool:
    """Whether that differs only because a device was plugged in: it has taken a port, and gets its
    turn to boot with the next boot. Worth a word only where it is declared."""
    if field == "boot":
        turns, there = defined["boot"], running["boot"]
        assert isinstance(turns, tuple) and isinstance(there, tuple)
        return tuple(name for name in turns if name in there) == there
    return field == "sparePorts"


def _with_spare_ports(machine: Resource, fields: State) -> dict[str, Value]:
    """A port below an occupied one cannot go: there may be more than asked for, never fewer.

    An old board has conventional slots, which are all there from the beginning."""
    ports, wanted = fields.get("sparePorts"), machine.spec.get("sparePorts")
    if fields.get("machine") == "pc" and isinstance(wanted, int):
        return {**fields, "sparePorts": wanted}
    if isinstance(ports, int) and isinstance(wanted, int):
        return {**fields, "sparePorts": min(ports, wanted)}
    return dict(fields)
