"""Files and folders of the user's own: whole, with mode and owner."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.errors import Failure
from tiny_cloud.guests import account_files, accounts
from tiny_cloud.guests.base import Edit, Found, MakeFolder, Wish, WriteFile
from tiny_cloud.guests.tables import number

ROOT = "root"


def asks(wish: Wish, found: Found) -> Iterator[str]:
    if any(set(_owner(item)) != {ROOT} for item in _all(wish)):
        yield from account_files.ALL
    yield from (item["path"] for item in _all(wish))


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    """Folders first, those above before those below."""
    folders = wish.settings.get("folders", ())
    for folder in sorted(folders, key=lambda item: str(item["path"]).count("/")):
        yield from _folder(folder, wish, found)
    for item in wish.settings.get("files", ()):
        path, old = item["path"], found.files.get(item["path"])
        if old is not None:
            found.text(path)  # raises for what may not be written over
        mode, (uid, gid) = int(item.get("mode", "0644"), 8), _ids(item, wish, found)
        if old is None or (old.content, old.mode, old.uid, old.gid) != (
                item["data"], mode, uid, gid):
            yield WriteFile(path, item["data"], mode, uid, gid)


def _all(wish: Wish) -> list[Mapping[str, Any]]:
    return [*wish.settings.get("folders", ()), *wish.settings.get("files", ())]


def _owner(item: Mapping[str, Any]) -> tuple[str, str]:
    """Owner and group by name; without a group it is root's, or that of the owner."""
    owner = str(item.get("owner", ROOT))
    return owner, str(item.get("group", "" if owner != ROOT else ROOT))


def _ids(item: Mapping[str, Any], wish: Wish, found: Found) -> tuple[int, int]:
    owner, group = _owner(item)
    if (owner, group) == (ROOT, ROOT):
        return 0, 0
    settled = accounts.settled(wish, found)
    row = settled.passwd.row(owner)
    if row is None:
        raise Failure(f"{item['path']} is to be {owner}'s, and the guest has no such user",
                      hint="declare it under users:, or leave owner out")
    person = account_files.person_of(settled, owner)
    if not group:
        return person.uid, person.gid
    named = settled.group.row(group)
    gid = number(named[2]) if named else None
    if gid is None:
        raise Failure(f"{item['path']} is to be of the group {group}, which the guest does not "
                      "have", hint="declare it under groups:, or leave group out")
    return person.uid, gid


def _folder(folder: Mapping[str, Any], wish: Wish, found: Found) -> Iterator[Edit]:
    path, there = folder["path"], found.files.get(folder["path"])
    if there is not None and there.kind != "folder":
        raise Failure(f"{path} of the guest cannot be a folder: it is a {there.kind}")
    mode, (uid, gid) = int(folder.get("mode", "0755"), 8), _ids(folder, wish, found)
    if there is None:
        yield MakeFolder(path, mode, uid, gid)
    elif (there.mode, there.uid, there.gid) != (mode, uid, gid):
        if path not in {item["path"] for item in wish.before.get("folders", ())}:
            raise Failure(
                f"the folder {path} is in the guest already, with mode {there.mode:04o} of "
                f"{there.uid}:{there.gid}, not {mode:04o} of {uid}:{gid}",
                hint="write it as it is there, or choose another: who else uses it is not known")
        yield MakeFolder(path, mode, uid, gid, ours=True)
