"""The machines that somebody means, and what can be asked of them while they run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from msgspec import Struct

from tiny_cloud.api import Workspace
from tiny_cloud.errands import one
from tiny_cloud.errors import Failure
from tiny_cloud.host.libvirt import Libvirt
from tiny_cloud.host.libvirt_addresses import addresses
from tiny_cloud.host.libvirt_power import is_up
from tiny_cloud.libvirt_xml import agent_answers, has_console, read
from tiny_cloud.model import Address, Observed
from tiny_cloud.reach import login
from tiny_cloud.reach.addresses import Card, Found, Source, Told, cards, declared, merged
from tiny_cloud.resource import Resource

NO_AGENT = "its guest agent does not answer (in Debian: apt install qemu-guest-agent)"
HIDDEN = "qemu's own network shows no address outside; forward a port (interfaces[].user.forward)"
UNHEARD = "no lease is given to its cards, and this host has not heard of them"


class Answers(Struct, frozen=True):
    found: tuple[Found, ...]
    faults: tuple[Failure, ...] = ()
    """Of sources that could not be asked."""

    @property
    def addresses(self) -> str:
        return ", ".join(one.address for one in self.found)


class Machine(Struct, frozen=True):
    """A machine that is there, be it declared or only owned."""

    resource: Resource
    seen: Observed
    guest: Resource | None
    """What is written inside."""
    disk: str
    """Into which disk that was (inode, or UUID of a volume); empty: no record says."""
    reading: Libvirt
    writing: Libvirt
    """Opened when it is needed: for the guest agent."""

    @property
    def address(self) -> Address:
        """Its kind and name."""
        return self.resource.address

    @property
    def domain(self) -> str:
        """What libvirt calls it."""
        return self.seen.domain

    @property
    def has_console(self) -> bool:
        """A serial one."""
        return has_console(self._xml)

    @property
    def console_log(self) -> str:
        """The file where what its console says is kept; empty: nowhere."""
        return str(read(self._xml)["consoleLog"])

    @property
    def cards(self) -> list[Card]:
        return cards(self.seen.fields)

    def live_xml(self) -> str:
        """What runs at this moment; empty: it is off. Raises Failure."""
        with self.reading.domain(self.domain, "look at") as found:
            return found.XMLDesc(0) if is_up(found) else ""

    def addresses(self, sources: Collection[Source] = tuple(Source)) -> tuple[Found, ...]:
        """Of whatever runs now, as far as somebody tells. Raises Failure if libvirt is silent."""
        return self.ask(sources).found

    def ask(self, sources: Collection[Source] = tuple(Source)) -> Answers:
        """For addresses. One source that fails keeps no other from telling. Raises Failure if
        libvirt does not answer."""
        live = self.live_xml()
        told: list[tuple[Source, list[Told]]] = []
        faults = []
        for source in filter(sources.__contains__, Source):
            try:
                told.append((source, self._ask(source, live)))
            except Failure as failure:
                faults.append(failure)
        return Answers(tuple(merged(self.cards, told)), tuple(faults))

    def _ask(self, source: Source, live: str) -> list[Told]:
        if source is Source.DECLARED:
            return declared(self.cards, self._outputs())
        if source is Source.AGENT:
            asks, connection = agent_answers(live), self.writing
        else:
            asks = bool(live) and any(card.is_reachable for card in self.cards)
            connection = self.reading
        if not asks:
            return []
        return [Told(*words) for words in addresses(connection, self.domain, source)]

    def silence(self, sources: Collection[Source] = tuple(Source)) -> str:
        """Why it may be that none of these tells an address. Raises Failure."""
        live = self.live_xml()
        if not live:
            return "it is off"
        if not self.cards:
            return "it has no network card"
        reasons = [NO_AGENT] if Source.AGENT in sources and not agent_answers(live) else []
        if {Source.LEASE, Source.ARP} & set(sources):
            reachable = any(card.is_reachable for card in self.cards)
            reasons.append(UNHEARD if reachable else HIDDEN)
        return "; ".join(reasons) or "nothing is declared"

    def ways(self) -> list[login.Way]:
        """In by ssh, the surest first. Raises Failure."""
        # Whoever forwards a port means it to be used; nobody need be asked for that.
        return login.forwarded(self.cards) or login.direct(self.addresses())

    @property
    def user(self) -> str:
        """Whom ssh is to log in; empty: no manifest says."""
        return login.user(self.guest.spec.get("users", {})) if self.guest else ""

    @property
    def host_key_alias(self) -> str:
        """By which ssh knows it: a disk that is made anew has host keys of its own."""
        return ".".join(filter(None, (self.domain, self.disk)))

    @property
    def _xml(self) -> str:
        return str(self.seen.facts["xml"])

    def _outputs(self) -> dict[str, Any]:
        return {**self.resource.provides(), **(self.guest.provides() if self.guest else {})}


def machines(workspace: Workspace, meant: Sequence[Address]) -> list[Machine]:
    """Those that these name, globs too (fnmatch), each once. Raises Failure for what is not there,
    or is not ours."""
    view = workspace.look()
    known = [*workspace.resources, *view.owned]
    reading, writing = (Libvirt(workspace.cloud.connect, readonly=readonly)
                        for readonly in (True, False))
    found = []
    for item in one.selected(known, meant):
        seen = (one.require(item.address, view.actual.get(item.address)) if item.external
                else one.observed(item, view.actual))
        guest = next(filter(partial(_is_inside, item), known), None)
        record = view.host.records().get(guest.address, {}) if guest else {}
        disk = str(record.get("inode", ""))
        found.append(Machine(item, seen, guest, disk, reading, writing))
    return found


def machine(workspace: Workspace, meant: Address) -> Machine:
    """Raises Failure if it is not there, or several are meant."""
    found = machines(workspace, [meant])
    if len(found) > 1:
        names = ", ".join(str(one.address) for one in found)
        raise Failure(f"{meant} is more than one machine: {names}", "name one of them")
    return found[0]


def in_a_line(failure: Failure) -> str:
    return ": ".join(filter(None, (failure.summary, failure.detail)))


def _is_inside(machine: Resource, guest: Resource) -> bool:
    linked = guest.links.get("machine"), machine.links.get("guest")
    return guest.address.kind == "guest" and (linked[0] is machine or linked[1] is guest)
