"""Each system as it was found, one wish for all, and what is written: ``systems/NAME/``.

    found.yaml   what inspection says and what is inside: ``present`` are files that only have to be
                 there, ``files`` have a text, ``folders`` and ``links`` are what they say
    written.txt  what is to be written (``pytest --regenerate`` writes it anew: read the difference
                 against the man page)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from guest_texts import guest

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import (
    Edit,
    File,
    Found,
    Fresh,
    MakeFolder,
    Remark,
    Remove,
    Symlink,
    Wish,
    WriteFile,
)
from tiny_cloud.guests.systems import BY_NAME, writer_for

HERE = Path(__file__).parent / "systems"
SYSTEMS = sorted(path.parent.name for path in HERE.glob("*/found.yaml"))
KEY = "/etc/ssh/ssh_host_ed25519_key"
KEYS = {KEY: (b"PRIVATE\n", 0o600), f"{KEY}.pub": (b"PUB\n", 0o644)}
FRESH = Fresh("2" * 32, b"fresh seed", KEYS)
WISH = Wish(yaml.safe_load((HERE / "wish.yaml").read_text()), FRESH, today=20000)


def system(name: str) -> Found:
    given: dict[str, Any] = yaml.safe_load((HERE / name / "found.yaml").read_text())
    files = {path: File() for path in given["present"]}
    files |= {path: File("folder") for path in given["folders"]}
    files |= {path: File("symlink", target=to) for path, to in given.get("links", {}).items()}
    files |= {path: File(content=text.encode()) for path, text in given["files"].items()}
    return Found(given["distro"], tuple(given["version"]), name, files)


def seen(found: Found, wish: Wish, system: str = "") -> Found:
    """With those files alone that the writer asks for: what it does not ask for, it cannot use."""
    writer, files = writer_for(found, system), dict[str, File]()
    for _ in range(8):
        asked = writer.asks(wish, Found(found.distro, found.version, found.product, files))
        files = {path: file for path, file in found.files.items()
                 if any(Path(path).match(pattern) for pattern in asked)}
    return Found(found.distro, found.version, found.product, files)


def shown(edit: Edit | Remark) -> str:
    """One edit for people: what, where, mode and owner where they are said, and the text."""
    match edit:
        case Remark(text):
            return f"# {text}\n"
        case Remove(path):
            return f"remove {path}\n"
        case Symlink(path, target):
            return f"link {path} -> {target}{_label(edit)}\n"
        case MakeFolder(path, mode, uid, gid):
            return f"folder {path} {mode:04o} {uid}:{gid}{_label(edit)}\n"
    mode = "" if edit.mode is None else f" {edit.mode:04o}"
    owner = "" if edit.uid is None else f" {edit.uid}:{edit.gid}"
    text = "".join(f"    {line}" for line in edit.content.decode().splitlines(keepends=True))
    return f"write {edit.path}{mode}{owner}{_label(edit)}\n{text}\n"


def _label(edit: WriteFile | MakeFolder | Symlink) -> str:
    return f" {edit.label}" if edit.label else ""


@pytest.mark.parametrize("name", SYSTEMS)
def test_what_is_written(name: str, request: pytest.FixtureRequest) -> None:
    found = seen(system(name), WISH)
    text = "".join(map(shown, writer_for(found).edits(WISH, found)))
    golden = HERE / name / "written.txt"
    if request.config.getoption("--regenerate"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("name", SYSTEMS)
def test_what_is_written_is_written_once(name: str) -> None:
    """Of the network, names and accounts: with its results in it a guest needs nothing more."""
    wish = Wish(WISH.settings, today=WISH.today)
    found = seen(system(name), wish)
    made = writer_for(found).edits(wish, found)
    files = dict(found.files)
    for edit in made:
        if isinstance(edit, WriteFile):
            files[edit.path] = File(content=edit.content)
        elif isinstance(edit, Remove):
            files.pop(edit.path, None)
        elif isinstance(edit, Symlink):
            files[edit.path] = File("symlink", target=edit.target)
        elif isinstance(edit, MakeFolder):
            files[edit.path] = File("folder")
    after = Found(found.distro, found.version, found.product, files)
    for edit in writer_for(after).edits(wish, after):
        if isinstance(edit, WriteFile):
            assert files[edit.path].content == edit.content, edit.path
        else:
            assert isinstance(edit, MakeFolder | Remark), edit


def test_one_that_nobody_wrote_for_is_named_or_overridden() -> None:
    found = system("debian-ifupdown")
    other = Found("voidlinux", (1, 0), "Void", found.files)
    with pytest.raises(Failure, match=r"is Void \(voidlinux 1\.0\)") as caught:
        writer_for(other)
    assert "write system: with one of alpine, arch, debian, redhat, suse" in caught.value.hint
    other = seen(other, WISH, "debian")
    assert "auto eth0" in "".join(map(shown, writer_for(other, "debian").edits(WISH, other)))
    assert writer_for(other, "debian").crypt_method(other) == "sha512"


def test_the_schema_knows_every_system() -> None:
    schema = json.loads((HERE.parents[3] / "schemas/interfaces.json").read_text())
    assert set(schema["$defs"]["system"]["enum"]) == set(BY_NAME)


def test_a_system_before_systemd_is_out_of_scope() -> None:
    found = guest({"/etc/sysconfig/network": "HOSTNAME=old\n"}, distro="centos", version=(6, 10))
    with pytest.raises(Failure, match="keeps its name in /etc/sysconfig/network"):
        writer_for(found).edits(Wish({"hostname": "web"}), found)


@pytest.mark.parametrize(("distro", "version", "method"), [
    ("fedora", 34, "sha512"), ("fedora", 35, "yescrypt"), ("rhel", 9, "sha512"),
    ("rocky", 9, "sha512"), ("redhat-based", 9, "sha512"), ("archlinux", 0, "yescrypt"),
    ("opensuse", 15, "sha512"), ("opensuse", 20260101, "yescrypt"), ("sles", 15, "sha512"),
    ("alpinelinux", 3, "sha512"),
])
def test_hashes_suit_the_guest(distro: str, version: int, method: str) -> None:
    found = guest(distro=distro, version=(version, 0))
    assert writer_for(found).crypt_method(found) == method


@pytest.mark.parametrize(("name", "gone"), [
    ("debian-ifupdown", ["/etc/systemd/network/10-tinycloud-lan9.link"]),
    ("arch", ["/etc/systemd/network/10-tinycloud-lan9.9.netdev",
              "/etc/systemd/network/10-tinycloud-lan9.link"]),
    ("fedora", ["/etc/NetworkManager/system-connections/tinycloud-lan9.nmconnection"]),
    ("centos7", ["/etc/sysconfig/network-scripts/ifcfg-lan9",
                 "/etc/sysconfig/network-scripts/route-lan9"]),
    ("opensuse-leap", ["/etc/sysconfig/network/ifcfg-lan9", "/etc/sysconfig/network/ifroute-lan9"]),
])
def test_files_of_ours_for_a_card_that_is_no_more_go(name: str, gone: list[str]) -> None:
    found = system(name)
    files = dict.fromkeys(gone, File(content=b"# written by tinycloud\n"))
    theirs = dict.fromkeys(("/etc/sysconfig/network-scripts/ifcfg-lo",
                            "/etc/sysconfig/network/ifcfg-lo"), File(content=b"DEVICE=lo\n"))
    found = Found(found.distro, found.version, name, {**found.files, **files, **theirs})
    wish = Wish({"interfaces": [{"name": "eth0", "mac": "52:54:00:12:34:56", "dhcp": True}]})
    seen_there = seen(found, wish)
    assert [edit.path for edit in writer_for(found).edits(wish, seen_there)
            if isinstance(edit, Remove) and "lan9" in edit.path] == gone
    assert not any(isinstance(edit, Remove) and edit.path in theirs
                   for edit in writer_for(found).edits(wish, seen_there))
