"""Guests that are broken, strange or hostile: the whole writer either leaves what is not its own as
it is, or says in a sentence what is wrong."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
from folder_guest import FolderGuest
from guest_texts import ACCOUNTS, CARD, guest, wish
from hypothesis import given
from hypothesis import strategies as st

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Edit, File, Found, Remark, WriteFile
from tiny_cloud.guests.systems import writer_for
from tiny_cloud.host import guest_session
from tiny_cloud.host.guest_worker.edits import Edits
from tiny_cloud.host.guest_worker.session import Session
from tiny_cloud.host.guest_worker.tree import Refused

KEYS = "/home/bob/.ssh/authorized_keys"
TEXTS = {
    **ACCOUNTS,
    "/etc/hostname": "image\n",
    "/etc/hosts": "127.0.0.1\tlocalhost\n127.0.1.1\timage\n",
    "/etc/network/interfaces": "auto lo\niface lo inet loopback\n",
    "/etc/resolv.conf": "nameserver 192.0.2.1\n",
    KEYS: "ssh-rsa AAAAB3old old\n",
}
READ_ONLY = {"/etc/login.defs", "/etc/shells", "/etc/hostname"}
"""Files that are asked about and never edited, and the one that has nothing but our own line."""
DEBIAN = {"/usr/sbin/ifup": File(), "/etc/network/interfaces.d": File("folder"),
          "/home/bob/.ssh": File("folder", mode=0o700, uid=1000, gid=1000)}
WISH = wish(
    hostname="web", interfaces=[CARD], hosts=[{"address": "10.0.2.9", "names": ["db"]}],
    users={"root": {"hash": "$6$a$b"}, "koder": {"groups": ["sudo"]},
           "bob": {"authorizedKeys": ["ssh-ed25519 AAAAC3new new"], "shell": "/bin/sh"}})


def edits(found: Found) -> list[Edit]:
    return [edit for edit in writer_for(found).edits(WISH, found) if not isinstance(edit, Remark)]


def strange(text: bytes, lines: Mapping[int, bytes]) -> bytes:
    """The text with these lines put in, each in front of another line."""
    kept = text.splitlines(keepends=True)
    for place, line in sorted(lines.items(), reverse=True):
        kept.insert(place % (len(kept) + 1), b"# " + line + b"\n")
    return b"".join(kept)


remarks = st.dictionaries(
    st.integers(0, 20), st.binary(max_size=30).filter(lambda line: b"\n" not in line), min_size=1)


@given(st.sampled_from(sorted(TEXTS.keys() - READ_ONLY)), remarks)
def test_strange_lines_stay_byte_for_byte_and_in_their_order(
    path: str, lines: dict[int, bytes]
) -> None:
    """Comments in any bytes, in every file that is edited."""
    before = strange(TEXTS[path].encode(), lines)
    old = File(content=before, mode=0o604, uid=7, gid=8)
    found = guest({p: text for p, text in TEXTS.items() if p != path}, {**DEBIAN, path: old})
    (edit,) = [one for one in edits(found) if isinstance(one, WriteFile) and one.path == path]
    remarks = [line for line in before.split(b"\n") if line.startswith(b"# ")]
    left = iter(edit.content.split(b"\n"))
    assert all(line in left for line in remarks)
    # Who owns it and who may read it is not ours to say.
    assert (edit.mode, edit.uid, edit.gid) == (None, None, None)


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/shadow", "/etc/group"])
def test_a_guest_without_its_accounts_is_said_to_be_incomplete(path: str) -> None:
    found = guest({p: text for p, text in TEXTS.items() if p != path}, DEBIAN)
    with pytest.raises(Failure, match=f"the guest has no {path}") as caught:
        edits(found)
    assert caught.value.hint == "is this a complete system?"


@pytest.mark.parametrize("path", sorted(TEXTS.keys() - {"/etc/resolv.conf"}))
@pytest.mark.parametrize(("file", "said"), [
    (File("symlink", target="/dev/null"), "no regular file but a symlink"),
    (File("folder"), "no regular file but a folder"),
    (File("special file"), "no regular file but a special file"),
    (File("redirected", target="/etc"), "/etc is no plain folder"),
    (File(refused="it has 2 hard links, and the others would stay as they are"), "2 hard links"),
    (File(refused="it is larger than 1 MiB"), "larger than 1 MiB"),
])
def test_what_is_no_plain_file_is_never_read_as_one(path: str, file: File, said: str) -> None:
    found = guest(TEXTS, {**DEBIAN, path: file})
    with pytest.raises(Failure, match=said) as caught:
        edits(found)
    assert path in caught.value.summary


def test_a_resolv_conf_that_somebody_else_writes_is_left_alone() -> None:
    """A symlink says who that is."""
    link = File("symlink", target="/run/resolvconf/resolv.conf")
    found = guest(TEXTS, {**DEBIAN, "/etc/resolv.conf": link})
    assert "/etc/resolv.conf" not in {edit.path for edit in edits(found)}


def test_a_home_that_leads_out_of_the_guest_is_no_path(tmp_path: Path) -> None:
    row = TEXTS["/etc/passwd"].replace("/home/bob:", "/home/../../outside:")
    found = guest({**TEXTS, "/etc/passwd": row}, DEBIAN)
    outside, root = tmp_path / "outside", tmp_path / "guest"
    outside.mkdir()
    (root / "home").mkdir(parents=True)
    led = [guest_session.plain(edit) for edit in edits(found) if ".." in edit.path]
    assert led
    with pytest.raises(Refused, match="no plain absolute path"):
        Edits(FolderGuest(root), led).apply()
    assert list(outside.iterdir()) == []


def test_sockets_and_devices_are_special_files(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    here = os.getcwd()
    os.chdir(tmp_path / "etc")  # a socket's path has at most 107 bytes (unix(7))
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("hosts")
    finally:
        os.chdir(here)
    session = Session(lambda: None)
    session.g = FolderGuest(tmp_path)
    assert session.look(["/etc/hosts"])["/etc/hosts"]["kind"] == "special file"
    with pytest.raises(Refused, match="no regular file but a special file"):
        session.edit([guest_session.plain(WriteFile("/etc/hosts", b"x"))])


def test_a_folder_with_more_than_a_system_has_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "skel").mkdir()
    for number in range(1001):
        (tmp_path / "skel" / str(number)).touch()
    session = Session(lambda: None)
    session.g = FolderGuest(tmp_path)
    with pytest.raises(Refused, match="1001 files /skel/\\*, far more than a system has"):
        session.look(["/skel/*"])


def test_many_files_that_are_allowed_each_are_not_read_together(tmp_path: Path) -> None:
    """A thousand of them would be a gigabyte here."""
    (tmp_path / "netplan").mkdir()
    for number in range(40):
        (tmp_path / "netplan" / f"{number}.yaml").touch()
        os.truncate(tmp_path / "netplan" / f"{number}.yaml", 1 << 20)
    session = Session(lambda: None)
    session.g = FolderGuest(tmp_path)
    with pytest.raises(Refused, match=r"over 32 MiB in files .* /netplan/\*\.yaml the last"):
        session.look(["/netplan/*.yaml"])
