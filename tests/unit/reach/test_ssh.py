"""tinycloud ssh: what becomes of it is ssh itself, so that all is in its argv."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from tests.fake.host import FakeHost
from tests.fake.libvirt import FakeLibvirt
from tests.unit.conftest import Run
from tiny_cloud.host import command
from tiny_cloud.model import Address
from tiny_cloud.reach.login import Way, argv


class Became(Exception):
    """The process is another program from here on."""


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch, connection: FakeLibvirt) -> list[str]:
    found: list[str] = []

    def become(file: str, words: Sequence[str]) -> NoReturn:
        assert file == words[0]
        found.extend(words)
        raise Became

    monkeypatch.setattr(os, "execvp", become)
    monkeypatch.setattr(command, "require", lambda tool: None)
    return found


def test_it_is_ssh_by_the_forwarded_port(run: Run, host: FakeHost, became: list[str]) -> None:
    disk = host.record[Address("guest", "web")]["inode"]
    with pytest.raises(Became):
        run("ssh", "web", "-o", "ForwardAgent=yes", "--", "ls", "-l", "--", "a b")
    assert became == [
        "ssh", "-o", "ForwardAgent=yes", "-o", f"HostKeyAlias=lab-web.{disk}",
        "-o", "StrictHostKeyChecking=accept-new", "-l", "root", "-p", "2222", "--", "127.0.0.1",
        "ls", "-l", "--", "a b"]


def test_one_that_nobody_declares_any_more(
    run: Run, host: FakeHost, became: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "manifests/all.yaml"
    file.write_text(file.read_text().split("---\n")[0])
    with pytest.raises(Became):
        run("ssh", "web")
    assert became[-6:] == ["-l", "root", "-p", "2222", "--", "127.0.0.1"]


def test_by_an_address_where_no_port_is_forwarded(
    run: Run, became: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "manifests/all.yaml"
    file.write_text(file.read_text().replace("guest: 22", "guest: 80"))
    assert run("apply", "--yes", "--parallel", "1", "--restart", "*")[0] == 0
    with pytest.raises(Became):
        run("ssh", "web")
    assert became[-4:] == ["-p", "22", "--", "10.44.0.10"]


def test_as_somebody_else(run: Run, became: list[str]) -> None:
    with pytest.raises(Became):
        run("ssh", "vm/web", "-u", "koder")
    assert became[-6:] == ["-l", "koder", "-p", "2222", "--", "127.0.0.1"]


def test_without_a_guest_the_user_is_ssh_s_to_know() -> None:
    words = argv(Way("fd00::2"), user="", alias="db", options=(), command=())
    assert "-l" not in words and words[-4:] == ("-p", "22", "--", "fd00::2")
    assert "HostKeyAlias=db" in words


def test_one_that_is_off(run: Run, host: FakeHost, became: list[str]) -> None:
    code, _, err = run("ssh", "db")
    assert code == 1 and "virtualmachine/db is off\n    tinycloud start db" in err


def test_one_with_no_way_in(run: Run, host: FakeHost, became: list[str]) -> None:
    run("start", "db", "--yes")
    code, _, err = run("ssh", "db")
    assert code == 1 and "no way into virtualmachine/db is known" in err and "forward a port" in err
    assert became == []


def test_a_host_without_ssh(
    run: Run, host: FakeHost, connection: FakeLibvirt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(command.shutil, "which", lambda *_, **__: None)
    code, _, err = run("ssh", "web")
    assert code == 1 and "openssh-client" in err

