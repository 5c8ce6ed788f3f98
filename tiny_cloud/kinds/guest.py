"""Guest: what is written inside a disk (hostname, interfaces, users); it dies with the disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from tiny_cloud import schema
from tiny_cloud.errors import Problem
from tiny_cloud.facts import DiskUse, FileFacts, ImageFacts, Reader
from tiny_cloud.guests.deep import ANOTHER, CUT_OFF, RECORD, UNFINISHED, differences
from tiny_cloud.insides import Inside
from tiny_cloud.model import Action, Address, Change, FieldDiff, Observed, State, Unknown, Value
from tiny_cloud.naming import forget, former, unsettled
from tiny_cloud.networks.addresses import completed, misfit
from tiny_cloud.resource import Resource, declared_of
from tiny_cloud.steps import EditGuest, MoveRecord, RecallGuest, Step


class Guest(Resource):
    KIND = "Guest"
    RENAMES = True

    def desired(self) -> State:
        fields = schema.flatten(self.KIND, {**self.spec, **self._interfaces()})
        return {name: value for name, value in fields.items() if name not in ("disk", "machine")}

    def provides(self) -> Mapping[str, Value]:
        """For its machine: the addresses of its cards, without prefixes."""
        return {f"address:{card['name']}": card["address"].partition("/")[0]
                for card in self.spec.get("interfaces", ()) if "address" in card}

    def _interfaces(self) -> dict[str, Any]:
        """Its cards with what their networks know, if there are any: prefix, router, servers."""
        cards = self.spec.get("interfaces", ())
        networks = {card["name"]: network.provides() for card in cards
                    if (network := self._network(card)) is not None}
        return {"interfaces": completed(cards, networks)} if cards else {}

    def _network(self, card: Mapping[str, Any]) -> Resource | None:
        """The declared Network that a card of its machine is plugged into."""
        machine = self.links.get("machine")
        return machine.links.get(f"interfaces[{card['name']}].network") if machine else None

    def faults(self) -> Iterator[Problem]:
        for at, card in enumerate(self.spec.get("interfaces", ())):
            network, address = self._network(card), str(card.get("address", ""))
            path: tuple[str | int, ...] = ("spec", "interfaces", at)
            if network is None and address and "/" not in address:
                yield from self.refuse(
                    (*path, "address"), f"{self.address}: the length of the prefix is missing",
                    f"write {address}/24, or plug the card into a declared Network").problems
            elif network is not None and address:
                found = misfit(address, str(network.address), network.provides())
                if found is not None:
                    yield from self.refuse(
                        (*path, "address"), f"{self.address}: {found[0]}", found[1]).problems
            elif network is not None and card.get("dhcp") and not network.provides()["dhcp"]:
                yield from self.refuse(
                    (*path, "dhcp"), f"{self.address}: {network.address} gives out no addresses",
                    "write dhcp in the Network, or an address here").problems

    def settings(self) -> Mapping[str, Any]:
        """The spec with each interface's MAC, which is the machine's to know."""
        machine = self.links["machine"].provides() if "machine" in self.links else {}
        plain = {key: value for key, value in self.spec.items() if key not in ("disk", "machine")}
        interfaces = [
            {"mac": machine.get(f"mac:{item['name']}"), **item}
            for item in self._interfaces().get("interfaces", ())
        ]
        return {"growRoot": True, **plain, **({"interfaces": interfaces} if interfaces else {})}

    def _places(self) -> tuple[str, ...]:
        """Where its disk may be: under its name, or the one that it has until it is renamed."""
        outputs = self.link("disk").provides()
        before = outputs["former_names"]
        assert isinstance(before, tuple)
        form, now = self._format(), str(outputs["path"])
        return (now, *(str(p) for p in before if str(p).endswith(form) or now.startswith("/dev/")))

    def _format(self) -> str:
        return str(self.link("disk").provides()["format"])

    @classmethod
    def probe(cls, host: Reader, wanted: Sequence[Self]) -> Mapping[Address, Observed | Unknown]:
        places = cls._located(host, wanted)
        # What no document declares is compared with nothing.
        there = {item.address: item._reading(host, place) for item, place in places
                 if not (isinstance(place, Unknown) or item.recorded)
                 and item._was_written(host, place[0])}
        insides = host.insides(there)
        found: dict[Address, Observed | Unknown] = {}
        for item, place in places:
            inside = insides.get(item.address)
            seen = place if isinstance(place, Unknown) else item._observe(host, *place, inside)
            if seen is not None:
                found[item.address] = seen
        return found

    @classmethod
    def readings(cls, host: Reader, wanted: Sequence[Self]) -> Mapping[Address, EditGuest]:
        """How each whose disk is there is looked into: as it would be written now."""
        return {item.address: item._reading(host, place)
                for item, place in cls._located(host, wanted) if not isinstance(place, Unknown)}

    @classmethod
    def _located(
        cls, host: Reader, wanted: Sequence[Self]
    ) -> list[tuple[Self, tuple[FileFacts, ImageFacts, DiskUse | None] | Unknown]]:
        """Those whose disk is there, with what is said of it."""
        wanted = [item for item in wanted if "disk" in item.links]
        formats = {path: item._format() for item in wanted for path in item._places()}
        files = host.files(formats)
        images = host.images({path: formats[path] for path in files})
        found: list[tuple[Self, tuple[FileFacts, ImageFacts, DiskUse | None] | Unknown]] = []
        for item in wanted:
            places = item._places()
            path = next((place for place in places if place in files), places[0])
            facts, info, use = files.get(path), images.get(path), host.disk_users().get(path)
            if isinstance(facts, Unknown) or isinstance(info, Unknown):
                found.append((item, Unknown(f"its disk {path} cannot be observed")))
            elif facts is not None and info is not None:
                found.append((item, (facts, info, use)))
        return found

    def _recorded(self, host: Reader, facts: FileFacts) -> Mapping[str, Any] | None:
        """The record of what was written into this disk, under whichever of its names."""
        records, name = host.records(), former(self)
        record = _record_for(facts, records.get(self.address))
        return _record_for(facts, records.get(name)) if record is None and name else record

    def _was_written(self, host: Reader, facts: FileFacts) -> bool:
        """Its record says so or, where that is lost, the disk says that it was filled by it."""
        ours = (facts.stamp or {}).get("guest") in (str(self.address), str(former(self)))
        return self._recorded(host, facts) is not None or (ours and facts.genuine)

    def _reading(
        self, host: Reader, place: tuple[FileFacts, ImageFacts, DiskUse | None]
    ) -> EditGuest:
        facts, _, use = place
        fields = declared_of(self._recorded(host, facts)) or {}
        # What was written since the last snapshot is in the overlay on top.
        disk, form = (use.above[0], "qcow2") if use and use.above else (facts.path, self._format())
        return EditGuest(
            str(self.address), disk, form, self._as_written(fields).settings(), fresh=False,
            secret=self._disk_secret())

    def _disk_secret(self) -> Mapping[str, Any] | None:
        secret: Mapping[str, Any] | None = (
            self.link("disk").spec.get("encryption", {}).get("secret"))
        return secret

    def _observe(
        self, host: Reader, facts: FileFacts, info: ImageFacts, use: DiskUse | None,
        inside: Inside | Unknown | None,
    ) -> Observed | Unknown | None:
        """``inside``: None if nobody looked."""
        if not self._was_written(host, facts):
            return None
        if isinstance(inside, Unknown):
            return inside
        record = self._recorded(host, facts)
        if record is None and inside is None:
            return Unknown(
                f"the record of what was written into {facts.path} is lost", adoptable=True
            )
        name = former(self)
        moves = record is not None and name is not None and (
            _record_for(facts, host.records().get(self.address)) is None)
        running = use is not None and use.running
        size = use.size if use is not None and use.size else info.virtual_size
        drifted = tuple(differences(inside, self.desired())) if inside else ()
        if record is None:
            drifted = (RECORD, *drifted)
        elif record.get(UNFINISHED):
            drifted = (CUT_OFF, *drifted)
        fields, notes = self._written(host, record) if record else (dict(self.desired()), ())
        grows = bool(self.desired().get("growRoot", True)) and (
            record is not None and size > int(record["diskSize"]))
        return Observed(
            fields=fields,
            former=unsettled(host, self, None),
            identity=str(facts.inode),
            declared=declared_of(record),
            running=running,
            users=(use.domain,) if use is not None and running else (),
            pending=("growRoot",) if grows else (),
            notes=(*notes, *inside.notes) if inside else notes,
            drifted=drifted,
            facts={"moves": moves},
        )

    def _written(
        self, host: Reader, record: Mapping[str, Any]
    ) -> tuple[dict[str, Value], tuple[str, ...]]:
        """The recorded fields; a secret counts as equal if it hashes to what was written."""
        fields = dict(declared_of(record) or {})
        notes = []
        desired = self.desired()
        for name, crypt_hash in record["hashes"].items():
            secret = schema.secret_at(self.KIND, self.spec, name)
            if secret is None:
                continue
            same = host.secret_is(secret, crypt_hash)
            fields[name] = ANOTHER if same is False else desired[name]
            if same is None:
                notes.append(f"{name} is not compared: the secret from {secret} is not there")
        return fields, tuple(notes)

    def writes(self) -> frozenset[Address]:
        return frozenset({self.links["disk"].address} if "disk" in self.links else ())

    def policy(self) -> State:
        """It goes the way of its disk."""
        return {}

    def stirred_by(self, diffs: Sequence[FieldDiff]) -> tuple[str, ...]:
        grows = self.desired().get("growRoot", True) and any(d.field == "size" for d in diffs)
        return ("growRoot",) if grows else ()

    def up(self, change: Change) -> Iterator[Step]:
        written = not change.diffs and not change.aside
        if change.observed and change.observed.former:
            if change.observed.facts["moves"]:
                # What is not written yet must not be remembered as if it were.
                changes = self.remembered() if written else {}
                yield MoveRecord(str(change.observed.former), str(self.address), changes)
            else:
                yield from forget(self, change)
            if written:
                return
        outputs = self.link("disk").provides()
        fresh = change.aside
        if change.observed and change.diffs == (RECORD,):
            yield RecallGuest(self._edit(change, str(outputs["path"]), fresh=False))
            return
        if fresh and not (outputs.get("backing") or outputs.get("filled")):
            disk = self.link("disk").address
            raise self.refuse(
                ("spec", "disk"), f"{self.address} is written into {disk}, which is blank",
                "give that disk an image, or leave out what is to be written into the guest")
        yield self._edit(change, str(outputs["path"]), fresh=fresh)

    def _edit(self, change: Change, path: str, *, fresh: bool) -> EditGuest:
        fields = change.observed.fields if change.observed else {}
        said = self if fresh else self._as_written(fields)
        return EditGuest(
            address=str(self.address),
            disk=f"{path}.part" if fresh else path,
            format=self._format(),
            settings=said.settings(),
            fresh=fresh,
            record=said.remembered(),
            secret=self._disk_secret(),
            **self._base(fresh),
        )

    def _base(self, fresh: bool) -> dict[str, str]:
        """The image that a new disk shares with others: never one of which anybody wrote a part."""
        disk = self.link("disk")
        image, outputs = disk.links.get("image"), disk.provides()
        if not fresh or self._disk_secret() or image is None or image.KIND != "Image":
            return {}
        base, form = outputs.get("backing", ""), outputs.get("backing_format", "")
        return {"base": str(base), "base_format": str(form)}

    def _as_written(self, fields: State) -> Self:
        """With the numbers of users who are there already as they are: files in it are theirs."""
        users = {}
        for name, user in self.spec.get("users", {}).items():
            known = any(field.startswith(f"users.{name}.") for field in fields)
            uid = fields.get(f"users.{name}.uid") if known else user.get("uid")
            rest = {key: value for key, value in user.items() if key != "uid"}
            users[name] = rest if uid is None else {**rest, "uid": uid}
        return replace(self, spec={**self.spec, "users": users}) if users else self

    def down(self, change: Change) -> Iterable[Step]:
        return forget(self, change) if change.action is Action.DELETE else ()


def _record_for(facts: FileFacts, record: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The record of what was written into this very file: while a disk is made anew, the record of
    the old one is kept within that of the new one (``before``)."""
    while isinstance(record, Mapping):
        sane = isinstance(record.get("hashes"), Mapping) and isinstance(record.get("diskSize"), int)
        # A disk that was rebased is another file, and says which ones it was (``contents``).
        known = {str(facts.inode), *(facts.stamp or {}).get("contents", "").split()}
        if sane and str(record.get("inode")) in known and (facts.genuine or len(known) == 1):
            return record
        record = record.get("before")
    return None
