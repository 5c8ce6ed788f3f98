"""Network: a libvirt network; cards of machines are plugged into it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Self

from msgspec.structs import replace

from tiny_cloud.errors import Problem
from tiny_cloud.facts import TRANSIENT, DomainFacts, NetworkFacts, Reader
from tiny_cloud.libvirt_xml import (
    RESERVATION,
    Tap,
    derive_uuid,
    host_entry,
    is_of,
    is_updatable,
    new_network,
    ownership_of,
    read_network,
    same_network,
    stamp_of,
    taps,
    updates,
    write_network,
)
from tiny_cloud.model import (
    Action,
    Address,
    Change,
    FieldDiff,
    Impact,
    Observed,
    State,
    Unknown,
    Value,
)
from tiny_cloud.networks.drift import compare, loose
from tiny_cloud.networks.faults import bridge_faults, faults, overlap_faults
from tiny_cloud.networks.reservations import reservations
from tiny_cloud.networks.subnets import canonical, first_host
from tiny_cloud.resource import Context, Resource, declared_of, policy_of
from tiny_cloud.steps import (
    AutostartNetwork,
    DefineNetwork,
    DropRecord,
    ReattachCards,
    StartNetwork,
    Step,
    StopNetwork,
    UndefineNetwork,
    UpdateNetwork,
)

OUTSIDE = ("active", "autostart", "libvirtName")
"""Fields that are not in the XML."""


class Network(Resource):
    KIND = "Network"
    INTERRUPTS = True
    SHARED = True

    @property
    def network(self) -> str:
        """libvirt's name: the declared one, else its own in the cloud ``default``, else
        CLOUD-NAME."""
        cloud, name = self.context.cloud.name, self.address.name
        return str(self.spec.get("libvirtName", name if cloud == "default" else f"{cloud}-{name}"))

    @property
    def uuid(self) -> str:
        cloud = self.context.cloud
        return derive_uuid(cloud.seed, cloud.name, str(self.address))

    def provides(self) -> Mapping[str, Value]:
        """For machines libvirt's name; for their guests what their cards are to be told."""
        spec, address = self.spec, self._own("")
        dns = spec.get("dns", {}).get("enabled", True) and bool(address)
        return {
            "network": self.network,
            "subnet": canonical(spec.get("subnet", "")),
            "address": address,
            "gateway": "" if spec.get("forward") in ("isolated", "bridge") else address,
            "isolated": spec.get("forward") == "isolated",
            "dns": (address,) if dns else (),
            "search": (spec["domain"],) if "domain" in spec else (),
            "dhcp": "dhcp" in spec or "dhcp6" in spec or spec.get("forward") == "bridge",
            "reserves": "dhcp" in spec,
        }

    def _own(self, ending: str) -> str:
        """The host's own address in it; empty: it has none."""
        subnet = self.spec.get(f"subnet{ending}", "")
        return canonical(self.spec.get(f"address{ending}") or first_host(subnet))

    def desired(self) -> State:
        fields = dict(super().desired())
        for ending in ("", "6"):
            names = (f"subnet{ending}", f"dhcp{ending}.from", f"dhcp{ending}.to")
            fields |= {name: canonical(str(fields[name])) for name in names if name in fields}
            if f"subnet{ending}" in fields:
                fields[f"address{ending}"] = self._own(ending)
        dns = self.spec.get("dns", {})
        if "forwarders" in dns:
            fields["dns.forwarders"] = tuple(map(canonical, dns["forwarders"]))
        if "hosts" in dns:
            entries = (host_entry(item["address"], list(item["names"])) for item in dns["hosts"])
            fields["dns.hosts"] = tuple(sorted(entries))
        if "dhcp" in self.spec:
            for mac, text in reservations(self).items():
                fields[f"{RESERVATION}{mac}]"] = text
        return {**fields, "active": True}

    def faults(self) -> Iterable[Problem]:
        return faults(self)

    def costs(self, diffs: Sequence[FieldDiff], seen: Observed) -> tuple[FieldDiff, ...]:
        """What net-update can do is live, as long as it fits what is active."""
        live, defined = seen.facts["live"], seen.facts["defined"]
        assert isinstance(live, Mapping) and isinstance(defined, Mapping)
        known, wanted = {*OUTSIDE, *self.policy()}, self.desired()
        target = {**defined, **wanted}

        def cost(name: str) -> Impact:
            if not live:
                return Impact.NONE
            if is_updatable(name, live, target):
                return Impact.LIVE
            return Impact.NONE if live.get(name) == wanted.get(name) else Impact.NEXT_BOOT

        return tuple(diff if diff.field in known else replace(diff, impact=cost(diff.field))
                     for diff in diffs)

    # -- what is there ----------------------------------------------------------------------------

    @classmethod
    def check(cls, host: Reader, wanted: Sequence[Self]) -> Iterator[Problem]:
        mine = {item.uuid for item in wanted} | {item.network for item in wanted}
        others = [facts for facts in host.networks().values()
                  if facts.live_xml and not {facts.uuid, facts.name} & mine]
        for item in wanted:
            facts = item._find(host)
            yield from overlap_faults(item, others)
            yield from bridge_faults(item, facts, host.bridges())

    @classmethod
    def discover(cls, host: Reader, context: Context) -> Sequence[Self]:
        """Also those whose record is lost: the stamp in the network says whose it is."""
        found = {item.address: item for item in super().discover(host, context)}
        for facts in host.networks().values():
            address = Address.parse((stamp_of(facts.xml) or {}).get("address", ""))
            if is_of(facts.xml, facts.uuid, context.cloud.name):
                found.setdefault(address, cls(address, {}, {}, context))
        return list(found.values())

    @classmethod
    def probe(cls, host: Reader, wanted: Sequence[Self]) -> Mapping[Address, Observed | Unknown]:
        there = {item.address: (item, item._find(host)) for item in wanted}
        plugged = [(domain, tap) for domain in host.domains().values() if domain.live_xml
                   for tap in taps(domain.live_xml)]
        return {
            address: item._observe(host, facts, [(domain, tap) for domain, tap in plugged
                                                 if tap.network == facts.name])
            for address, (item, facts) in there.items() if facts is not None
        }

    def _find(self, host: Reader) -> NetworkFacts | None:
        networks = host.networks()
        same = (facts for facts in networks.values() if facts.uuid == self.uuid)
        return next(same, networks.get(self.network))

    def _observe(
        self, host: Reader, facts: NetworkFacts, cards: Sequence[tuple[DomainFacts, Tap]]
    ) -> Observed:
        """``cards``: those of running machines that are plugged into it."""
        record = host.records().get(self.address)
        defined = read_network(facts.xml)
        live = read_network(facts.live_xml) if facts.live_xml else {}
        cloud = self.context.cloud.name
        unplugged = loose(cards, host.bridges().get(str(live.get("bridge", ""))))
        whose, owner = ownership_of(self, facts.xml, facts.uuid)
        now, later = compare(defined, live, self.desired())
        active: Value = f"without {', '.join(unplugged)}" if unplugged else bool(live)
        return Observed(
            fields={**now, "libvirtName": facts.name, "autostart": facts.autostart,
                    "active": active if facts.persistent else TRANSIENT},
            ownership=whose,
            owner=owner,
            declared=declared_of(record),
            complete=record is not None,
            running=bool(live),
            pending=later,
            users=tuple(dict.fromkeys(domain.name for domain, _ in cards)),
            strangers=tuple(dict.fromkeys(domain.name for domain, _ in cards
                                          if not is_of(domain.xml, domain.uuid, cloud))),
            policy=policy_of(record),
            facts={"xml": facts.xml, "live_xml": facts.live_xml, "defined": defined,
                   "live": live, "name": facts.name, "loose": unplugged},
        )

    # -- how to get there -------------------------------------------------------------------------

    def up(self, change: Change) -> Iterator[Step]:
        seen = change.observed
        autostart = bool(self.spec.get("autostart", True))
        if seen is None:
            # First, so that whatever is left by a kill is known to be ours.
            yield self.record()
            fresh = new_network(self.network, self.uuid)
            yield DefineNetwork(self.network, write_network(fresh, self._wanted(()), self._stamp()))
            if autostart:
                yield AutostartNetwork(self.network, True)
            yield StartNetwork(self.network)
            return
        name = str(seen.facts["name"])
        yield from self._change(change, seen, name)
        if seen.fields["autostart"] != autostart:
            yield AutostartNetwork(name, autostart)
        if seen.running and change.stop:
            yield StopNetwork(name)
        if change.stop or not seen.running:
            yield StartNetwork(name)
        elif seen.facts["loose"]:
            yield ReattachCards(name)
        # Last: until then what was declared before tells what is to go.
        yield self.record()

    def _change(self, change: Change, seen: Observed, name: str) -> Iterator[Step]:
        """Definition and active network, each to what it should be: together where both need it."""
        xml, live_xml, live = seen.facts["xml"], seen.facts["live_xml"], seen.facts["live"]
        assert isinstance(xml, str) and isinstance(live_xml, str) and isinstance(live, Mapping)
        gone = [diff.field for diff in change.diffs if diff.new is None]
        wanted, stamp = self._wanted(gone), self._stamp()
        target = {**read_network(xml), **wanted}
        now = {field: value for field, value in wanted.items()
               if live and not change.stop and is_updatable(field, live, target)}
        later = {field: value for field, value in wanted.items() if field not in now}
        transient = seen.fields["active"] == TRANSIENT
        if transient or not same_network(write_network(xml, later, stamp), xml):
            xml = write_network(xml, wanted, stamp)
            yield DefineNetwork(name, xml)
        in_config = updates(xml, now)
        in_live = updates(live_xml, now) if now else []
        for item in sorted(dict.fromkeys([*in_live, *in_config]),
                           key=lambda item: item.command != "delete"):
            yield UpdateNetwork(name, item.command, item.section, item.xml,
                                item in in_live, item in in_config, item.parent)

    def _wanted(self, gone: Iterable[str]) -> dict[str, Value]:
        """What the XML is to say; what is no longer declared, and is to go, is None."""
        wanted: dict[str, Value] = {**self.desired(), **dict.fromkeys(gone)}
        return {name: value for name, value in wanted.items() if name not in OUTSIDE}

    def _stamp(self) -> dict[str, str]:
        return {"cloud": self.context.cloud.name, "address": str(self.address), "uuid": self.uuid}

    def down(self, change: Change) -> Iterator[Step]:
        """A restart is done in one go (``up``): machines are off the network for a moment only."""
        if change.action is not Action.DELETE:
            return
        seen = change.observed
        if seen is not None:
            name = str(seen.facts["name"])
            if seen.running:
                yield StopNetwork(name)
            if seen.fields["active"] != TRANSIENT:
                yield UndefineNetwork(name)
        yield DropRecord(str(self.address))
