"""Goal 16: every file that is edited in every system, in every way in which it can be a trap.

Which files those are is asked of the writers themselves, with every setting that there is: a new
one is in here as soon as it has an example below.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from folder_guest import FolderGuest
from test_guest_systems import FRESH, HERE, SYSTEMS, system

from tests.goals import scaled, seen
from tests.hostile import spoiled
from tests.hostile.spoiled import VARIANTS, may_have
from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Edit, File, Found, Remark, WriteFile
from tiny_cloud.guests.roots import Root
from tiny_cloud.host import guest
from tiny_cloud.host.guest_contents import Contents
from tiny_cloud.host.guest_session import plain
from tiny_cloud.host.guest_worker.session import Session
from tiny_cloud.host.guest_worker.tree import Refused
from tiny_cloud.steps import EditGuest

SEED = 16
SCHEMA = HERE.parents[3] / "schemas/guest.json"
NOT_WRITTEN = {"disk", "machine", "method", "system", "growRoot"}
HASH = {"hash": "$6$salt$hash"}
RULE = "ALL=(ALL) ALL"
WISH: dict[str, Any] = yaml.safe_load((HERE / "wish.yaml").read_text())
EVERY: Mapping[str, Any] = {
    "hostname": WISH["hostname"], "hosts": WISH["hosts"], "interfaces": WISH["interfaces"],
    "users": {"root": {"password": HASH},
              "koder": {"password": HASH, "groups": ["users"], "shell": "/bin/sh",
                        "authorizedKeys": ["ssh-ed25519 AAAAC3NzaC1 koder"], "sudo": RULE}},
    "groups": {"lab": {"members": ["koder"], "sudo": RULE}},
    "sshd": {"passwordAuthentication": False, "port": 2222},
    "sshHostKeys": {"ed25519": HASH},
    "files": [{"path": "/etc/motd", "content": "hello\n"}],
    "folders": [{"path": "/etc/lab.d"}],
    "packageProxy": "http://proxy.example:3128",
    "locale": "C.UTF-8", "timezone": "Europe/Berlin", "keymap": "de",
    "cmdline": {"add": ["quiet"]},
    "firstBoot": [{"name": "greet", "content": "#!/bin/sh\n"}],
}
CONTENTS = Contents({
    "files[/etc/motd]": b"hello\n", "firstBoot[greet]": b"#!/bin/sh\n",
    "sshHostKeys.ed25519": b"PRIVATE\n", "sshHostKeys.ed25519.pub": b"ssh-ed25519 PUBLIC\n"})
PRESENT = ("/usr/bin/sudo", "/usr/sbin/sshd", "/usr/share/zoneinfo/Europe/Berlin", "/bin/sh",
           "/usr/lib/systemd/systemd", "/etc/skel/.profile", "/usr/sbin/update-grub",
           "/usr/share/keymaps/i386/qwertz/de.map.gz", "/etc/ssh/sshd_config.d/keep",
           "/etc/systemd/system/multi-user.target.wants/keep", "/var/lib/systemd/keep",
           "/etc/apt/apt.conf.d/keep", "/boot/grub/keep", "/etc/default/keyboard", "/etc/motd",
           "/usr/local/keep", "/home/keep", "/root/.profile", "/etc/systemd/system/keep",
           "/usr/lib/locale/C.utf8/LC_CTYPE")
TEXTS = {"/etc/sudoers": "@includedir /etc/sudoers.d\n", "/etc/default/grub":
         'GRUB_CMDLINE_LINUX="console=ttyS0"\n', "/boot/grub/grub.cfg": "linux /vmlinuz ro\n",
         "/etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\n"}


@dataclass(frozen=True, slots=True)
class Case:
    system: str
    path: str
    variant: str


class Looker:
    """As GuestSession, without a process in between."""

    def __init__(self, root: Path) -> None:
        self.worker = Session(lambda: None)
        self.worker.g = FolderGuest(root)

    def look(self, paths: Iterable[str]) -> Mapping[str, File]:
        told = self.worker.look(sorted(paths))
        return {path: File(**{**file, "content": base64.b64decode(file.get("content", ""))})
                for path, file in told.items()}


def planted(name: str, root: Path) -> None:
    """The system's files, as they were found."""
    for path, file in {**dict.fromkeys(PRESENT, File()),
                       **{path: File(content=text.encode()) for path, text in TEXTS.items()},
                       **system(name).files}.items():
        place = root / path[1:]
        if file.kind == "folder":
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.kind == "symlink":
            place.symlink_to(file.target)
        else:
            place.write_bytes(file.content)


def step(name: str, settings: Mapping[str, Any]) -> tuple[Root, EditGuest]:
    found = system(name)
    root = Root("/dev/sda1", "linux", found.distro, found.version, name, "", {"/": "/dev/sda1"})
    return root, EditGuest("guest/web", "/disk", "qcow2", settings, fresh=True)


def wanted(name: str, tree: Path, settings: Mapping[str, Any]) -> list[Edit]:
    """Raises Failure or Refused, as the edit of a real guest would."""
    root, edit = step(name, settings)
    found: Found
    found, writer = guest.read(Looker(tree), root, edit)
    hashes = {user: HASH["hash"] for user, one in settings.get("users", {}).items()
              if "password" in one}
    made = writer.edits(guest.wish_of(edit, hashes, FRESH, CONTENTS), found)
    return [one for one in made if not isinstance(one, Remark)]


@cache
def settings_of(name: str, tree: Path) -> Mapping[str, Any]:
    """Those of all that this system can have."""
    can: dict[str, Any] = {}
    for key, value in EVERY.items():
        try:
            wanted(name, tree, {**can, key: value})
        except Failure:
            continue
        can[key] = value
    return can


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a place: thousands of trees are made and removed."""
    memory = "/dev/shm"
    with TemporaryDirectory(dir=memory if os.path.isdir(memory) else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("trees")
    for name in SYSTEMS:
        planted(name, folder / name)
    return {name: folder / name for name in SYSTEMS}


def test_every_setting_is_written_in_some_system(trees: dict[str, Path]) -> None:
    there = set(json.loads(SCHEMA.read_text())["properties"]["spec"]["properties"])
    assert set(EVERY) == there - NOT_WRITTEN
    for name, tree in trees.items():
        assert {"hostname", "users", "hosts", "interfaces", "files"} <= set(settings_of(name, tree))
    assert {key for name in SYSTEMS for key in settings_of(name, trees[name])} == set(EVERY)


def test_without_a_trap_all_of_it_is_written(trees: dict[str, Path], folder: Path) -> None:
    for name, tree in trees.items():
        root = folder / name
        shutil.copytree(tree, root, symlinks=True)
        edits = wanted(name, root, settings_of(name, tree))
        Looker(root).worker.edit([plain(edit) for edit in edits])
        there = [edit.path for edit in edits
                 if isinstance(edit, WriteFile) and (root / edit.path[1:]).is_file()]
        assert len(there) > 20


@pytest.mark.goal(16)
def test_no_trap_in_any_file_is_stepped_into(trees: dict[str, Path], folder: Path) -> None:
    paths = {name: sorted({edit.path for edit in wanted(name, tree, settings_of(name, tree))})
             for name, tree in trees.items()}
    cases = [Case(name, path, variant) for name, there in paths.items() for path in there
             for variant in VARIANTS if may_have(path, variant)]
    chosen = Random(SEED).sample(cases, scaled(100, len(cases)))
    refused = sum(sprung(case, trees[case.system], folder / str(number))
                  for number, case in enumerate(chosen))
    # Most have to be refused; the others are left alone, or made anew without being followed.
    assert len(chosen) // 3 < refused < len(chosen)
    files = len({(case.system, case.path) for case in chosen})
    seen(16, f"traps in the places of {files} files of {len(trees)} systems, {refused} refused",
         len(chosen), seed=SEED)


def sprung(case: Case, tree: Path, folder: Path) -> bool:
    """Whether it was refused. Whatever came of it, nothing outside is touched, and what was refused
    is as it was."""
    root, outside = folder / "guest", spoiled.make_outside(folder / "outside")
    shutil.copytree(tree, root, symlinks=True)
    place = root / case.path[1:]
    place.parent.mkdir(parents=True, exist_ok=True)
    VARIANTS[case.variant](place, outside)
    before, beyond = spoiled.tree(root), spoiled.tree(outside)
    settings = settings_of(case.system, tree)
    try:
        edits = wanted(case.system, root, settings)
        Looker(root).worker.edit([plain(edit) for edit in edits])
        why = ""
    except (Failure, Refused) as refusal:
        why = str(refusal)
    assert spoiled.tree(outside) == beyond, case
    after = spoiled.tree(root)
    if why:
        assert after == before, case
        assert "\n" not in why and len(why) < 1000, (case, why[:2000])
        above = {case.path, *map(str, Path(case.path).parents)} - {"/"}
        # Or what is missing, where the file stands for something: a program, an account.
        assert any(one in why for one in above) or "the guest" in why, (case, why)
    else:
        assert not list(root.rglob(".tinycloud??????")), case
        name = case.path[1:]
        # Left alone, made anew as a link of ours, or gone: never written through.
        assert after.get(name) == before.get(name) or not is_trap(case) or not place.is_file() \
            or place.is_symlink() or place.stat().st_nlink == 1, case
    shutil.rmtree(folder)
    return bool(why)


def is_trap(case: Case) -> bool:
    return any(word in case.variant for word in spoiled.UNREADABLE)
