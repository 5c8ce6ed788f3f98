"""Look into guests, and say what is not as declared; not a byte of their disks is written."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from msgspec.structs import replace

from tiny_cloud import schema
from tiny_cloud.errors import Failure
from tiny_cloud.guests import drift
from tiny_cloud.guests.base import Found, Remark, Wish, Writer
from tiny_cloud.host import guest
from tiny_cloud.host.acceleration import appliance_room
from tiny_cloud.host.guest_contents import contents_of
from tiny_cloud.host.guest_session import GuestSession
from tiny_cloud.insides import Inside
from tiny_cloud.model import Secret
from tiny_cloud.steps import EditGuest

Resolve = Callable[[Secret], str | None]
"""The secret itself; None: it is not there now."""

_known: dict[str, Inside] = {}
"""An appliance takes seconds: a disk that nobody wrote to since is not looked into again."""


def look_into(
    steps: Sequence[EditGuest], *, resolve: Resolve, environ: Mapping[str, str], parallel: int
) -> list[Inside | Failure]:
    """Each as it would be edited now. Every guest has an appliance of its own."""

    def one(step: EditGuest) -> Inside | Failure:
        try:
            return look(step, resolve=resolve, environ=environ)
        except Failure as failure:
            return failure

    with ThreadPoolExecutor(max(1, min(parallel, appliance_room()))) as pool:
        return list(pool.map(one, steps))


def look(step: EditGuest, *, resolve: Resolve, environ: Mapping[str, str]) -> Inside:
    """Raises Failure."""
    facts = os.stat(step.disk)
    # Of a block device nothing here says when it was written to.
    mark = repr((facts.st_ino, facts.st_mtime_ns, facts.st_size, step.address, step.disk,
                 step.settings, step.secret)) if stat.S_ISREG(facts.st_mode) else ""
    found = _known.get(mark) or _look(step, resolve, environ)
    # What could not be compared may be compared by whoever has the secret.
    if mark and not found.notes:
        _known[mark] = found
    return found


def _look(step: EditGuest, resolve: Resolve, environ: Mapping[str, str]) -> Inside:
    with GuestSession(step.address, environ=environ) as session:
        step, secret, notes = _comparable(step, resolve)
        key = secret(step.secret) if step.secret else ""
        session.open(step.disk, step.format, readonly=True, key=key)
        root = guest.entered(session, step.disk, notes.append)
        found, writer = guest.read(session, root, step)
        hashes = guest.hashes_for(step, writer, found, secret)
        contents = guest.named(step.address, partial(contents_of, step.settings, secret))

        def wanted(settings: Mapping[str, Any]) -> Wish:
            return guest.wish_of(replace(step, settings=settings), hashes, None, contents)

        found = _all_seen(session, writer, wanted(step.settings), found)
        session.shutdown()
    drifts = guest.named(
        step.address, partial(drift.drifts, step.settings, wanted, writer, found))
    drifted = {one.field for one in drifts}
    kept = {name: crypt_hash for user, crypt_hash in hashes.items()
            if (name := f"users.{user}.password") not in drifted}
    return Inside(root.name, drifts, kept, tuple(notes))


def _comparable(
    step: EditGuest, resolve: Resolve
) -> tuple[EditGuest, Callable[[Mapping[str, Any]], str], list[str]]:
    """The step without what takes a secret that is not there now, and the secrets that are."""
    values: dict[Secret, str] = {}
    notes: list[str] = []
    settings = step.settings
    for field, secret in schema.secrets_of(drift.KIND, settings).items():
        value = "" if secret.source == "hash" else resolve(secret)
        if value is None:
            notes.append(f"{field} is not compared: the secret from {secret} is not there")
            settings = next(part.rest for part in schema.parts(drift.KIND, settings)
                            if part.field == field)
        else:
            values[secret] = value
    if step.secret:
        source = schema.secret_of(step.secret)
        key = resolve(source)
        if key is None:
            raise Failure(f"{step.address}: its disk is encrypted, and the secret from {source} "
                          "is not there")
        values[source] = key
    return (replace(step, settings=settings),
            lambda reference: values[schema.secret_of(reference)], notes)


def _all_seen(session: GuestSession, writer: Writer, wish: Wish, found: Found) -> Found:
    """With what it would write and has not asked to see."""
    edits = guest.named(session.who, partial(writer.edits, wish, found))
    paths = {edit.path for edit in edits if not isinstance(edit, Remark)} - found.files.keys()
    return replace(found, files={**found.files, **session.look(paths)})
