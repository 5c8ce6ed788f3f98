"""Home folders of new users: made as useradd makes them, with the skeleton's files, all chowned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tiny_cloud.errors import Failure
from tiny_cloud.guests import accounts
from tiny_cloud.guests.account_files import Person, person_of
from tiny_cloud.guests.base import Edit, Found, MakeFolder, Symlink, Wish, WriteFile
from tiny_cloud.guests.tables import number

SKELETON = "/etc/skel"


def asks(wish: Wish, found: Found) -> Iterator[str]:
    if not wish.part("users"):
        return
    folders = [SKELETON, *(path for path, file in found.files.items()
                           if file.kind == "folder" and path.startswith(f"{SKELETON}/"))]
    for folder in folders:
        yield f"{folder}/*"
        yield f"{folder}/.[!.]*"
    for name in _wanted(wish, found):
        yield accounts.home_of(name, wish.part("users")[name])


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    names = _wanted(wish, found)
    if not names:
        return
    settled = accounts.settled(wish, found)
    mode = number(settled.defs.get("HOME_MODE", ""), 8) or 0o700
    for name in names:
        yield from _home(person_of(settled, name), mode, found)


def _wanted(wish: Wish, found: Found) -> list[str]:
    """New users who get a home: not those of the system, unless it is said (useradd -r)."""
    users = wish.part("users")
    return [name for name in accounts.new_names(wish, found)
            if users[name].get("createHome", not users[name].get("system"))]


def _home(person: Person, mode: int, found: Found) -> Iterable[Edit]:
    there = found.files.get(person.home)
    if there is not None:
        if there.kind != "folder" or there.uid != person.uid:
            raise Failure(
                f"user {person.name} cannot be made: {person.home} in the guest is not a folder "
                f"of theirs (it is a {there.kind} of uid {there.uid})",
                hint=f"write uid: {there.uid} in the user's settings, or choose another name",
            )
        return
    yield MakeFolder(person.home, mode, person.uid, person.gid)
    for path in sorted(found.files):
        if not path.startswith(f"{SKELETON}/"):
            continue
        file, target = found.files[path], person.home + path.removeprefix(SKELETON)
        if file.kind == "folder":
            yield MakeFolder(target, file.mode, person.uid, person.gid)
        elif file.kind == "symlink":
            yield Symlink(target, file.target, person.uid, person.gid)
        elif file.kind == "file" and not file.refused:
            yield WriteFile(target, file.content, file.mode, person.uid, person.gid)
