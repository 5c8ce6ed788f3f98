"""Carry out an EditGuest step: inspect, ask the pure writer what to write, write it, grow."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from tiny_cloud.errors import Failure
from tiny_cloud.guests import roots
from tiny_cloud.guests.account_files import SHADOW
from tiny_cloud.guests.base import Edit, File, Found, Fresh, Remark, Wish, Writer
from tiny_cloud.guests.logins import LOCK
from tiny_cloud.guests.ssh import host_key_types
from tiny_cloud.guests.systems import writer_for
from tiny_cloud.guests.tables import Table
from tiny_cloud.host import before_edit, command, passwords, recognition
from tiny_cloud.host.guest_contents import Contents, contents_of, with_contents
from tiny_cloud.host.guest_session import GuestSession
from tiny_cloud.host.scratch import scratch
from tiny_cloud.steps import EditGuest

T = TypeVar("T")
Reveal: TypeAlias = Callable[[Mapping[str, Any]], str]
"""A reference to a secret -> the secret. Raises Failure."""
Tell: TypeAlias = Callable[[str], None]

DAY = 86400
SEED_SIZE = 512
"""Bytes of /var/lib/systemd/random-seed: the kernel's pool size, as systemd writes it."""
ROUNDS = 8
"""How often a writer may ask for more files because of those it has seen."""


class Looker(Protocol):
    """Who can say what is in a guest."""

    def look(self, paths: Iterable[str]) -> Mapping[str, File]: ...


class Prepared(Struct, frozen=True):
    """What is to be written into one guest, worked out on our side."""

    hashes: Mapping[str, str]
    """``users.NAME.password`` and the fields of other secrets -> crypt hash."""
    edits: tuple[Edit, ...]
    remarks: tuple[str, ...]
    grows: bool


def edit(
    step: EditGuest,
    *,
    secret: Reveal,
    environ: Mapping[str, str],
    pass_fds: tuple[int, ...] = (),
    progress: Tell,
) -> Mapping[str, str]:
    """Write the step's settings into the system on its disk: ``users.NAME.password`` -> crypt hash.

    ``secret`` resolves a reference such as ``{"env": "X"}``; ``environ`` has libguestfs's settings
    where they are not the default. Raises Failure; before it reports growth or writing, no file of
    the guest has been touched, and what fails after that is taken back where the disk is a qcow2.
    """
    key = secret(step.secret) if step.secret else ""
    with (
        before_edit.kept(step, key, pass_fds),
        GuestSession(step.address, environ=environ, pass_fds=pass_fds) as session,
    ):
        progress("starts the libguestfs appliance")
        session.open(step.disk, step.format, readonly=False, key=key)
        root = entered(session, step.disk, progress)
        found, writer = read(session, root, step)
        made = prepared(step, found, writer, secret)
        write(session, root.device, root.name, made, progress)
        session.shutdown()
    return made.hashes


def prepared(step: EditGuest, found: Found, writer: Writer, secret: Reveal) -> Prepared:
    hashes = hashes_for(step, writer, found, secret)
    contents = named(step.address, lambda: contents_of(step.settings, secret))
    wish = wish_of(step, hashes, _fresh(found, step) if step.fresh else None, contents)
    made = named(step.address, lambda: writer.edits(wish, found))
    return Prepared(
        {**{f"users.{name}.password": crypt_hash for name, crypt_hash in hashes.items()},
         **contents.hashes},
        tuple(one for one in made if not isinstance(one, Remark)),
        tuple(one.text for one in made if isinstance(one, Remark)),
        bool(step.settings.get("growRoot", True)))


def write(session: GuestSession, root: str, name: str, made: Prepared, progress: Tell) -> None:
    """Into the guest that is mounted; ``root`` is the device with its root, ``name`` its system."""
    for remark in made.remarks:
        progress(remark)
    if made.grows:
        _tell_growth(session.grow_partition(root), progress)
    progress(f"writes {len(made.edits)} files and folders into {name}")
    session.edit(made.edits)
    if made.grows:
        _tell_growth(session.grow_filesystem(root), progress)


def inspect(
    disk: str,
    disk_format: str,
    *,
    environ: Mapping[str, str],
    paths: Iterable[str] = (),
    pass_fds: tuple[int, ...] = (),
) -> Found:
    """What system is on a disk, and what these paths and globs hold; not a byte is written."""
    with GuestSession(disk, environ=environ, pass_fds=pass_fds) as session:
        session.open(disk, disk_format, readonly=True)
        found = _found(entered(session, disk, lambda _: None))
        found = replace(found, files=session.look(paths))
        session.shutdown()
    return found


def entered(session: GuestSession, disk: str, progress: Tell) -> roots.Root:
    """Find the one root and mount it with all that belongs to it."""
    root = recognition.recognised(session)
    if root:
        failed = session.mount({place: device for place, device in root.mountpoints.items()
                                if place != "/"})
    else:
        root = named(session.who, lambda: roots.only_root(*session.inspect(), disk))
        failed = session.mount(root.mountpoints)
        if not failed:
            recognition.remember(session, root)
    for note in named(session.who, lambda: roots.refuse_missing(failed, disk)):
        progress(note)
    return root


def _found(root: roots.Root) -> Found:
    return Found(root.distro, root.version, root.product)


def read(session: Looker, root: roots.Root, step: EditGuest) -> tuple[Found, Writer]:
    """Look at what the writer asks for, until what it has seen raises no new question."""
    found = _found(root)
    writer = named(step.address, lambda: writer_for(found, step.settings.get("system", "")))
    # The real hashes and keys are made from what is found; the questions do not depend on them.
    wish = wish_of(step, {}, Fresh("", b"") if step.fresh else None)
    seen: frozenset[str] = frozenset()
    for _ in range(ROUNDS):
        asked = named(step.address, partial(writer.asks, wish, found)) - seen
        if not asked:
            return found, writer
        seen |= asked
        found = replace(found, files={**found.files, **session.look(asked)})
    raise Failure(f"{step.address}: folders in the guest are nested deeper than any that we know",
                  hint="look into /etc/skel of the image")


def wish_of(
    step: EditGuest, hashes: Mapping[str, str], fresh: Fresh | None,
    contents: Contents | None = None,
) -> Wish:
    """The settings as writers know them: ``hash`` in place of ``password``, contents in full.

    Without contents the wish is good for questions alone."""
    users = {
        name: {**{key: value for key, value in user.items() if key != "password"},
               **({"hash": hashes[name]} if name in hashes and "password" in user else {})}
        for name, user in step.settings.get("users", {}).items()
    }
    settings = {**step.settings, **({"users": users} if users else {})}
    if contents is not None:
        settings = with_contents(settings, contents)
    return Wish(settings, fresh, today=int(time.time()) // DAY,
                before=step.before)


def hashes_for(
    step: EditGuest, writer: Writer, found: Found, secret: Reveal
) -> Mapping[str, str]:
    """A crypt hash for each password declared; the guest's own is kept if it still fits."""
    shadow = Table.parse(found.text(SHADOW, ""), 9)
    method = cast(passwords.Method, writer.crypt_method(found))
    return {
        name: named(step.address, partial(
            passwords.hashed, name, user["password"], secret,
            (shadow.row(name) or ["", ""])[1].removeprefix(LOCK), method))
        for name, user in step.settings.get("users", {}).items()
        if user.get("password") is not None
    }


def _fresh(found: Found, step: EditGuest) -> Fresh:
    host = step.settings.get("hostname") or "localhost"
    keys = make_host_keys(host_key_types(found), f"root@{host}")
    return Fresh(secrets.token_hex(16), secrets.token_bytes(SEED_SIZE), keys)


def make_host_keys(types: Iterable[str], comment: str) -> Mapping[str, tuple[bytes, int]]:
    """New SSH host keys by their path in the guest; on our disk only while they are made."""
    keys: dict[str, tuple[bytes, int]] = {}
    with scratch() as folder:
        for kind in types:
            name = f"ssh_host_{kind}_key"
            file = Path(folder, name)
            command.run(("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", comment, "-f", str(file)))
            keys[f"/etc/ssh/{name}"] = (file.read_bytes(), 0o600)
            keys[f"/etc/ssh/{name}.pub"] = (file.with_name(f"{name}.pub").read_bytes(), 0o644)
    return keys


def _tell_growth(why_not: str, progress: Tell) -> None:
    if why_not:
        progress(f"the guest's root is not grown: {why_not}")


def named(who: str, work: Callable[[], T]) -> T:
    """Failures of the pure part do not know whose guest it is."""
    try:
        return work()
    except Failure as error:
        raise Failure(f"{who}: {error.summary}", error.hint, error.detail) from None
