"""Naughty texts on their way into files of guests: a line stays a line, a word a word (goal 14)."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import yaml
from guest_texts import ACCOUNTS, guest, texts, wish

from tests.goals import seen
from tests.input.naughty import CARRIED
from tiny_cloud.cloudinit import rendered
from tiny_cloud.guests.base import Edit, File, Found, Remark
from tiny_cloud.guests.systems import writer_for
from tiny_cloud.host.guest_contents import contents_of, with_contents
from tiny_cloud.schema.errors import validator
from tiny_cloud.schema.files import spec_of

GRUB = {"/boot/grub/grub.cfg": "menuentry 'a' {\n\tlinux\t/boot/vmlinuz root=/dev/vda1 ro\n}\n",
        "/etc/default/grub": 'GRUB_CMDLINE_LINUX="quiet"\n'}
DEBIAN = guest(
    {**ACCOUNTS, **GRUB, "/etc/hostname": "image\n", "/etc/hosts": "127.0.0.1\tlocalhost\n",
     "/etc/sudoers": "@includedir /etc/sudoers.d\n", "/etc/ssh/sshd_config": "UsePAM yes\n"},
    {"/usr/sbin/ifup": File(), "/usr/bin/sudo": File(), "/usr/sbin/sshd": File(),
     "/etc/default/grub.d": File("folder"), "/home/bob": File("folder", uid=1000, gid=1000)})
NAUGHTY = (*CARRIED, "\r", "a\rb")
"""What comes through the reading of a manifest."""
KEY = "ssh-ed25519 AAAAC3 "


def edits(found: Found, settings: Mapping[str, Any]) -> list[Edit]:
    whole = with_contents(settings, contents_of(settings, str))
    made = writer_for(found).edits(wish(**whole), found)
    return [edit for edit in made if not isinstance(edit, Remark)]


def written(settings: Mapping[str, Any]) -> dict[str, str]:
    return texts(edits(DEBIAN, settings))


def right(settings: Mapping[str, Any]) -> bool:
    """As its schema says; what that refuses comes to no guest."""
    return bool(validator(spec_of("Guest")).is_valid({"disk": "a", **settings}))


def row(files: Mapping[str, str]) -> str:
    lines = [line for line in files["/etc/passwd"].splitlines() if line.startswith("bob:")]
    ((*_, comment, _home, _shell),) = [line.split(":") for line in lines]
    return comment


def rule(files: Mapping[str, str]) -> str:
    remark, line, end = files["/etc/sudoers.d/90-tinycloud-bob"].split("\n")
    assert remark.startswith("# ") and end == "" and line.startswith("bob ")
    # A backslash at the end would take the next line with it (sudoers(5)).
    assert not line.endswith("\\")
    return line.removeprefix("bob ")


def key(files: Mapping[str, str]) -> str:
    (line,) = files["/home/bob/.ssh/authorized_keys"].splitlines()
    return line


def banner(files: Mapping[str, str]) -> str:
    (line,) = [line for line in files["/etc/ssh/sshd_config"].split("\n")
               if line.startswith("Banner ")]
    return line.removeprefix("Banner ")


def word(files: Mapping[str, str]) -> str:
    """As a shell reads what grub-mkconfig reads, and as the menu has it."""
    (line,) = [line for line in files["/etc/default/grub.d/90-tinycloud.cfg"].splitlines()
               if line.startswith("GRUB")]
    ((_, _, value),) = [one.partition("=") for one in shlex.split(line)]
    (linux,) = [line for line in files["/boot/grub/grub.cfg"].splitlines() if "\tlinux" in line]
    assert linux.endswith(f" {value.split()[-1]}")
    return value.split()[-1]


CASES: Mapping[str, tuple[Callable[[str], dict[str, Any]], Callable[[Mapping[str, str]], str]]] = {
    "comment": (lambda text: {"users": {"bob": {"comment": text}}}, row),
    "sudo": (lambda text: {"users": {"bob": {"sudo": f"ALL=(ALL) /bin/{text}"}}}, rule),
    "key": (lambda text: {"users": {"bob": {"authorizedKeys": [f"{KEY}{text}"]}}}, key),
    "sshd": (lambda text: {"sshd": {"Banner": text}}, banner),
    "content": (lambda text: {"files": [{"path": "/etc/a", "content": text}]},
                lambda files: files["/etc/a"]),
    "path": (lambda text: {"files": [{"path": f"/srv/{text}", "content": "a"}]},
             lambda files: next(path for path in files if path.startswith("/srv/"))[5:]),
    "cmdline": (lambda text: {"cmdline": [text]}, word),
}


@pytest.mark.goal(14)
@pytest.mark.parametrize("name", CASES)
def test_in_a_file_of_a_guest(name: str) -> None:
    settings, read = CASES[name]
    carried = 0
    for text in NAUGHTY:
        if right(settings(text)):
            found = read(written(settings(text)))
            expected = {"sudo": f"ALL=(ALL) /bin/{text}", "key": f"{KEY}{text}".rstrip()}
            assert found == expected.get(name, text), repr(text)
            carried += 1
    assert carried > 5
    seen(14, f"naughty texts into files of guests: {name}", carried)


def inside_seed(seed: Any) -> Iterator[str]:
    if isinstance(seed, dict | list):
        for below in seed.values() if isinstance(seed, dict) else seed:
            yield from inside_seed(below)
    else:
        yield str(seed)


@pytest.mark.goal(14)
def test_in_the_seed_of_cloud_init() -> None:
    carried = 0
    for text in NAUGHTY:
        settings = {"users": {"bob": {"authorizedKeys": [f"{KEY}{text}"]}}}
        if right(settings):
            seed = yaml.safe_load(rendered(settings, "1").files["user-data"])
            assert f"{KEY}{text}" in list(inside_seed(seed))
            carried += 1
    seen(14, "naughty texts into the seed of cloud-init", carried)
