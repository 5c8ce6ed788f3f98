"""Guest: what is written inside a disk (hostname, interfaces, users); it dies with the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from tiny_cloud import schema
from tiny_cloud.cloudinit import seeds
from tiny_cloud.errors import Problem
from tiny_cloud.facts import DiskUse, FileFacts, ImageFacts, Reader
from tiny_cloud.guests import declared
from tiny_cloud.guests.deep import ANOTHER, CUT_OFF, RECORD, UNFINISHED, differences
from tiny_cloud.insides import Inside
from tiny_cloud.model import Action, Address, Change, FieldDiff, Observed, State, Unknown, Value
from tiny_cloud.naming import forget, former, record_inside, unsettled
from tiny_cloud.networks import guest_cards
from tiny_cloud.resource import Resource, declared_of
from tiny_cloud.steps import EditGuest, MoveRecord, RecallGuest, Step


class Guest(Resource):
    KIND = "Guest"
    RENAMES = True
    LEAVES = "stays in the guest as it is"

    def desired(self) -> State:
        fields = schema.flatten(self.KIND, {**self.spec, **guest_cards.interfaces(self)})
        known = declared.by_content(fields, self.spec, self.context.digest)
        return seeds.told({name: value for name, value in known.items()
                           if name not in ("disk", "machine")})

    def provides(self) -> Mapping[str, Value]:
        """For its machine: the addresses of its cards, without prefixes."""
        return {f"address:{card['name']}": card["address"].partition("/")[0]
                for card in self.spec.get("interfaces", ()) if "address" in card}

    @classmethod
    def check(cls, host: Reader, wanted: Sequence[Self]) -> Iterator[Problem]:
        for item in wanted:
            yield from declared.unreadable(item, item.spec, ("spec",))

    def faults(self) -> Iterator[Problem]:
        yield from seeds.faults(self)
        yield from guest_cards.faults(self)

    def settings(self) -> Mapping[str, Any]:
        """The spec with each interface's MAC, which is the machine's to know."""
        machine = self.links["machine"].provides() if "machine" in self.links else {}
        plain = {key: value for key, value in self.spec.items()
                 if key not in ("disk", "machine", "method")}
        interfaces = [
            {"mac": machine.get(f"mac:{item['name']}"), **item}
            for item in guest_cards.interfaces(self).get("interfaces", ())
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
                 and item._was_written(host, place[0]) and not seeds.wanted(item.spec)}
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
                for item, place in cls._located(host, wanted)
                if not isinstance(place, Unknown) and not seeds.wanted(item.spec)}

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
        record = record_inside(facts, records.get(self.address))
        return record_inside(facts, records.get(name)) if record is None and name else record

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
            record_inside(facts, host.records().get(self.address)) is None)
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
        seen = Observed(
            fields=fields,
            former=unsettled(host, self, None),
            identity=str(facts.inode),
            declared=declared_of(record),
            running=running,
            users=(use.domain,) if use is not None and running else (),
            pending=("growRoot",) if grows else (),
            notes=(*notes, *inside.notes) if inside else notes,
            drifted=drifted,
            facts={"moves": moves, "before": (record or {}).get("spec", {})},
        )
        return seeds.observed(self, host, seen, record or {}, use)

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
        inside = "disk" in self.links and not seeds.wanted(self.spec)
        return frozenset({self.links["disk"].address} if inside else ())

    def policy(self) -> State:
        """It goes the way of its disk."""
        return {}

    def costs(self, diffs: Sequence[FieldDiff], seen: Observed) -> tuple[FieldDiff, ...]:
        return seeds.costs(self, diffs)

    def stirred_by(self, diffs: Sequence[FieldDiff]) -> tuple[str, ...]:
        if seeds.wanted(self.spec):
            return ()  # cloud-init looks at each boot
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
            if written and not seeds.wanted(self.spec):
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
        edit = self._edit(change, str(outputs["path"]), fresh=fresh)
        if seeds.wanted(self.spec):
            yield from seeds.made(self, change, edit)
            return
        yield edit
        yield from seeds.left(self, change)

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
            before={} if fresh else declared.before(change),
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
        return replace(self, spec=declared.as_written(self.spec, fields))

    def down(self, change: Change) -> Iterator[Step]:
        if change.action is Action.DELETE:
            if seeds.wanted(self.spec):
                yield from seeds.gone(self)
            yield from forget(self, change)
