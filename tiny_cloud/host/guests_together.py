"""Write into many new overlays of one image, which share as few appliances as serve.

Clones have equal UUIDs and labels, and inspection mixes them up. So the image itself is inspected,
alone, by an appliance that starts beside the shared ones; those mount by disk and partition number.
What fails in company is tried again alone, and its own appliance has the last word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from msgspec import Struct, field

from tiny_cloud.errors import Failure
from tiny_cloud.guests import roots
from tiny_cloud.guests.base import File, Found, WriteFile, Writer
from tiny_cloud.guests.identity import MACHINE_ID
from tiny_cloud.host import guest
from tiny_cloud.host.acceleration import appliance_room
from tiny_cloud.host.guest_session import GuestSession
from tiny_cloud.steps import EditGuest

FEWEST = 8
"""Guests for which one more appliance pays: it takes as long to start as so many to be written."""
MOST = 100
"""libguestfs takes 255 disks (``max_disks``)."""
Outcome = Mapping[str, str] | Failure
"""``users.NAME.password`` -> crypt hash; or why not."""


class Clones(Struct, frozen=True):
    """What is known of all clones of an image, for it is in the image."""

    name: str
    """Of the system: ``debian 12.5``."""
    partitions: Mapping[str, int]
    found: Found
    writer: Writer


class Company(Struct, frozen=True):
    """Those who write together."""

    secret: guest.Reveal
    environ: Mapping[str, str]
    pass_fds: tuple[int, ...]
    tell: Mapping[str, guest.Tell]
    """By the guest's address."""

    def alone(self, step: EditGuest) -> Outcome:
        try:
            return guest.edit(
                step, secret=self.secret, environ=self.environ, pass_fds=self.pass_fds,
                progress=self.tell[step.address])
        except Failure as failure:
            return failure

    def session(self, who: str) -> GuestSession:
        return GuestSession(who, environ=self.environ, pass_fds=self.pass_fds)


class Memory(Struct):
    """Looks into a guest, and at nothing twice."""

    session: GuestSession
    asked: set[str] = field(default_factory=set)
    files: dict[str, File] = field(default_factory=dict)

    def look(self, paths: Iterable[str]) -> Mapping[str, File]:
        """All that was seen until now."""
        new = set(paths) - self.asked
        if new:
            self.files.update(self.session.look(new))
            self.asked |= new
        return self.files


def edit(steps: Sequence[EditGuest], company: Company, most: int) -> list[Outcome]:
    """One outcome a step, in their order. ``most``: appliances at a time."""
    count = appliances(len(steps), most)
    shares = [steps[at::count] for at in range(count)]
    outcomes: dict[str, Outcome] = {}
    with ThreadPoolExecutor(count + 1) as pool:
        clones = pool.submit(surveyed, steps, company)
        for found in pool.map(lambda share: shared(share, clones, company), shares):
            outcomes.update(found)
    left = [step for step in steps if step.address not in outcomes]
    with ThreadPoolExecutor(max(1, min(most, appliance_room()))) as pool:
        outcomes.update(zip((step.address for step in left), pool.map(company.alone, left),
                            strict=True))
    return [outcomes[step.address] for step in steps]


def appliances(guests: int, most: int) -> int:
    """How many serve so many guests best."""
    return max(-(-guests // MOST), min(most, appliance_room(), guests // FEWEST), 1)


def surveyed(steps: Sequence[EditGuest], company: Company) -> Clones | None:
    """None: clones of this image may not share an appliance."""
    base = steps[0].base
    with company.session(base) as session:
        session.open(base, steps[0].base_format, readonly=True)
        root = guest.entered(session, base, company.tell[steps[0].address])
        partitions = roots.partitions(root, session.types(root.mountpoints.values()))
        if partitions is None:
            return None
        memory = Memory(session)
        for step in steps:
            found, writer = guest.read(memory, root, step)
        session.shutdown()
    return Clones(root.name, partitions, found, writer)


def shared(
    steps: Sequence[EditGuest], clones: Future[Clones | None], company: Company
) -> Mapping[str, Outcome]:
    """The outcomes of those that came through it, by address; the others have to go alone."""
    for step in steps:
        company.tell[step.address](f"starts a libguestfs appliance with {len(steps)} guests")
    done: dict[int, guest.Prepared] = {}
    try:
        with company.session(f"{len(steps)} guests on {steps[0].base}") as session:
            session.open_all((step.disk, step.format) for step in steps)
            known = clones.result()
            if known is None:
                return {}
            for number, step in enumerate(steps):
                made = written(number, step, session, known, company)
                if made is not None:
                    done[number] = made
            for number, made in done.items():
                read_back(number, made, session, known)
            session.shutdown()
    except Failure as failure:
        for step in steps:
            company.tell[step.address](f"gets an appliance of its own: {failure.summary}")
        return {}
    return {steps[number].address: made.hashes for number, made in done.items()}


def written(
    number: int, step: EditGuest, session: GuestSession, clones: Clones, company: Company
) -> guest.Prepared | None:
    """None: it has to go alone."""
    tell = company.tell[step.address]
    try:
        made = guest.prepared(step, clones.found, clones.writer, company.secret)
        root = session.enter(number, clones.partitions)
        guest.write(session, root, clones.name, made, tell)
        session.leave()
    except Failure as failure:
        tell(f"gets an appliance of its own: {failure.summary}")
        return None
    return made


def read_back(number: int, made: guest.Prepared, session: GuestSession, clones: Clones) -> None:
    """Raises Failure unless what is unique to this guest is on its disk."""
    own = [edit for edit in made.edits
           if isinstance(edit, WriteFile) and edit.path == MACHINE_ID]
    session.enter(number, clones.partitions)
    seen = session.look([MACHINE_ID]).get(MACHINE_ID)
    session.leave()
    if not own or seen is None or seen.content != own[-1].content:
        raise Failure(f"disk {number} of the appliance does not have what was written into it")
