"""Drift inside a guest: every field is found when it was changed by hand, and only that one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from guest_texts import ACCOUNTS, CARD, guest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tiny_cloud.guests.base import (
    File,
    Found,
    MakeFolder,
    Remark,
    Remove,
    Symlink,
    Wish,
    WriteFile,
)
from tiny_cloud.guests.drift import drifts
from tiny_cloud.guests.pieces import pieces
from tiny_cloud.guests.systems import writer_for
from tiny_cloud.host import guest as host_guest
from tiny_cloud.insides import ITSELF, Drift
from tiny_cloud.steps import EditGuest

HASH = "$6$salt$declared"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIkoder koder@laptop"
SETTINGS: Mapping[str, Any] = {
    "hostname": "web",
    "interfaces": [CARD, {"name": "eth1", "mac": "52:54:00:12:34:57", "dhcp": True}],
    "users": {
        "root": {"password": {"env": "ROOT"}},
        "koder": {"password": {"hash": HASH}, "groups": ["sudo", "users"], "shell": "/bin/bash",
                  "authorizedKeys": [KEY]},
    },
    "hosts": [{"address": "10.0.2.9", "names": ["db"]}],
    "growRoot": True,
}
HASHES = {"root": "$6$salt$root", "koder": HASH}
DEBIAN = {"/usr/sbin/ifup": File(), "/usr/sbin/dhclient": File(), "/usr/sbin/sshd": File(),
          "/etc/network/interfaces.d": File("folder"), "/etc/ssh": File("folder")}
LINK = "/etc/systemd/network/10-tinycloud-eth0.link"


def wanted(settings: Mapping[str, Any]) -> Wish:
    return host_guest.wish_of(EditGuest("guest/web", "", "raw", settings, False), HASHES, None)


def written(found: Found) -> Found:
    """The guest after its edits, as a worker leaves it."""
    files = dict(found.files)
    for edit in writer_for(found).edits(wanted(SETTINGS), found):
        match edit:
            case WriteFile(path, content, mode, uid, gid):
                old = files.get(path, File())
                files[path] = File(
                    "file", content, old.mode if mode is None else mode,
                    old.uid if uid is None else uid, old.gid if gid is None else gid)
            case MakeFolder(path, mode, uid, gid):
                files.setdefault(path, File("folder", mode=mode, uid=uid, gid=gid))
            case Symlink(path, target):
                files[path] = File("symlink", target=target)
            case Remove(path):
                files.pop(path, None)
            case Remark():
                pass
    return replace(found, files=files)


@pytest.fixture(scope="module")
def settled() -> Found:
    shadow = File(content=ACCOUNTS["/etc/shadow"].encode(), mode=0o640, gid=42)
    texts = {path: text for path, text in ACCOUNTS.items() if path != "/etc/shadow"}
    return written(guest(texts, {**DEBIAN, "/etc/shadow": shadow}))


def changed(found: Found, path: str, old: str, new: str) -> Found:
    text = found.text(path)
    assert old in text
    content = text.replace(old, new).encode("utf-8", "surrogateescape")
    return replace(found, files={**found.files, path: replace(found.files[path], content=content)})


def without(found: Found, path: str) -> Found:
    return replace(found, files={p: file for p, file in found.files.items() if p != path})


def look(found: Found) -> list[Drift]:
    return list(drifts(SETTINGS, wanted, writer_for(found), found))


def test_a_guest_as_it_was_written_has_not_drifted(settled: Found) -> None:
    assert look(settled) == []


@pytest.mark.parametrize(("path", "old", "new", "field", "told"), [
    ("/etc/hostname", "web", "other", "hostname", ("other", "web")),
    ("/etc/hosts", "10.0.2.9\tdb", "10.0.2.9\tsql", "hosts", ("10.0.2.9\tsql", "10.0.2.9\tdb")),
    ("/etc/network/interfaces", "10.0.2.15/24", "10.0.2.99/24", "interfaces[eth0].address",
     ("    address 10.0.2.99/24", "    address 10.0.2.15/24")),
    ("/etc/network/interfaces", "gateway 10.0.2.2", "gateway 10.0.2.1", "interfaces[eth0].gateway",
     ("    gateway 10.0.2.1", "    gateway 10.0.2.2")),
    ("/etc/network/interfaces", "eth1 inet dhcp", "eth1 inet manual", "interfaces[eth1].dhcp",
     ("iface eth1 inet manual", "iface eth1 inet dhcp")),
    (LINK, "52:54:00:12:34:56", "52:54:00:99:99:99", "interfaces[eth0].mac",
     ("MACAddress=52:54:00:99:99:99", "MACAddress=52:54:00:12:34:56")),
    ("/home/koder/.ssh/authorized_keys", KEY, "", "users.koder.authorizedKeys", None),
    ("/etc/passwd", "/home/koder:/bin/bash", "/home/koder:/bin/sh", "users.koder.shell",
     ("koder:x:1001:1001::/home/koder:/bin/sh", "koder:x:1001:1001::/home/koder:/bin/bash")),
    ("/etc/group", "sudo:x:27:bob,koder", "sudo:x:27:bob", "users.koder.groups",
     ("sudo:x:27:bob", "sudo:x:27:bob,koder")),
])
def test_a_change_by_hand_is_found_under_its_field(
    settled: Found, path: str, old: str, new: str, field: str, told: tuple[str, str] | None
) -> None:
    (drift,) = look(changed(settled, path, old, new))
    assert (drift.field, drift.path) == (field, path)
    if told:
        assert (drift.old, drift.new) == ((told[0],), (told[1],))
    else:
        assert drift.hidden and drift.old == drift.new == ()


def test_a_password_is_found_and_not_shown(settled: Found) -> None:
    (drift,) = look(changed(settled, "/etc/shadow", "$6$salt$root", "$6$salt$forced"))
    assert drift == Drift("users.root.password", "/etc/shadow", hidden=True)


def test_two_changes_in_one_file_are_told_apart(settled: Found) -> None:
    found = changed(settled, "/etc/network/interfaces", "10.0.2.15/24", "10.0.2.99/24")
    found = changed(found, "/etc/network/interfaces", "gateway 10.0.2.2", "gateway 10.0.2.1")
    assert [(one.field, one.old, one.new) for one in look(found)] == [
        ("interfaces[eth0].address", ("    address 10.0.2.99/24",), ("    address 10.0.2.15/24",)),
        ("interfaces[eth0].gateway", ("    gateway 10.0.2.1",), ("    gateway 10.0.2.2",)),
    ]


def test_fields_are_told_in_the_order_of_the_manifest(settled: Found) -> None:
    found = changed(settled, "/etc/shadow", "$6$salt$root", "$6$salt$forced")
    found = changed(found, "/etc/network/interfaces", "10.0.2.15/24", "10.0.2.99/24")
    found = changed(found, "/etc/hostname", "web", "other")
    assert [one.field for one in look(found)] == [
        "hostname", "interfaces[eth0].address", "users.root.password"]


def test_a_line_that_was_added_to_what_is_ours_is_found(settled: Found) -> None:
    (drift,) = look(changed(settled, "/etc/hosts", "10.0.2.9\tdb", "10.0.2.9\tdb\n6.6.6.6\tbank"))
    assert drift == Drift("hosts", "/etc/hosts", ("6.6.6.6\tbank",))


def test_an_account_that_was_removed_is_found_as_a_whole(settled: Found) -> None:
    row = "koder:x:1001:1001::/home/koder:/bin/bash\n"
    fields = {one.field for one in look(changed(settled, "/etc/passwd", row, ""))}
    assert "users.koder" in fields or "users.koder.shell" in fields
    assert all(field.startswith("users.koder") for field in fields)


def test_a_file_that_is_gone_is_found(settled: Found) -> None:
    (drift,) = look(without(settled, LINK))
    assert (drift.field, drift.path, drift.old) == ("interfaces[eth0].mac", LINK, ())
    assert "MACAddress=52:54:00:12:34:56" in drift.new


def test_what_was_made_a_symlink_is_found(settled: Found) -> None:
    found = replace(settled, files={**settled.files, LINK: File("symlink", target="/dev/null")})
    (drift,) = look(found)
    assert (drift.old, drift.new) == (("a symlink to /dev/null",), ("a file",))


def test_what_is_written_into_every_guest_is_nobodys_field() -> None:
    found = written(guest(ACCOUNTS, {**DEBIAN, "/usr/bin/cloud-init": File()}))
    config = "/etc/cloud/cloud.cfg.d/99-tinycloud.cfg"
    fields = {one.field for one in look(changed(found, config, "manage_etc_hosts: false",
                                                "manage_etc_hosts: true"))}
    assert fields == {ITSELF}


def test_strange_bytes_are_no_trouble(settled: Found) -> None:
    bad = File(content=b"\xff\xfe web\n", mode=0o644)
    found = replace(settled, files={**settled.files, "/etc/hostname": bad})
    assert [one.field for one in look(found)] == ["hostname"]


@pytest.mark.parametrize(("edit", "told"), [
    (WriteFile("/a", b"x\n", 0o600), {(True, "mode 0644"), (False, "mode 0600")}),
    (WriteFile("/a", b"x\n", None, 5, 6), {(True, "owner 0:0"), (False, "owner 5:6")}),
    (WriteFile("/a", b"\nx"), {(True, "the same lines in another order")}),
    (WriteFile("/a", b"x\n"), set()),
    (Remove("/a"), {(True, "a file")}),
    (Remove("/b"), set()),
    (MakeFolder("/a"), {(True, "a file"), (False, "a folder")}),
    (Symlink("/a", "b"), {(True, "a file"), (False, "a symlink to b")}),
])
def test_what_an_edit_would_change(edit: Any, told: set[tuple[bool, str]]) -> None:
    found = guest({"/a": "x\n"})
    assert {(piece.there, piece.text) for piece in pieces([edit], found)} == told


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_line_of_what_only_root_may_read_is_ever_told(secret: str) -> None:
    found = guest({}, {"/a": File(content=b"canary-4711", mode=0o640)})
    (piece, *_) = pieces([WriteFile("/a", f"{secret} canary-4712".encode())], found)
    assert not piece.public
