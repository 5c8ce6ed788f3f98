"""A Windows gets its name and its first-boot scripts in an appliance; read back by other tools."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration import windows_disk
from tests.integration.windows_disk import mounted
from tests.integration.windows_disk import values as exported
from tiny_cloud.guests.base import Edit, File, Found, Remark, Wish
from tiny_cloud.guests.systems import writer_for
from tiny_cloud.host.guest_session import plain
from tiny_cloud.host.guest_worker import lines
from tiny_cloud.host.guest_worker.session import Session

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ENVIRON = {"LIBGUESTFS_BACKEND": "direct", "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"}
WISH = Wish({"hostname": "web.lab.example", "growRoot": True, "firstBoot": [
    {"name": "hello", "data": b"echo hello\r\n"}]})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("windows")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def told(folder: Path) -> dict[str, Any]:
    """One appliance for a Windows that was shut down and one that hibernates."""
    disks = [windows_disk.make(folder / "off.raw"),
             windows_disk.make(folder / "hibernated.raw", hibernated=True)]
    told: dict[str, Any] = {}
    session = Session(lines.make)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRON.items():
            patch.setenv(name, value)
        session.open([{"path": str(disk), "format": "raw", "readonly": False} for disk in disks])
    try:
        first, second = session.inspect()["roots"]
        told["root"], told["hibernated"] = first, session.mount(second["mountpoints"])
        told["failed"] = session.mount(first["mountpoints"])
        told["edits"], told["again"] = write(session, first), read(session, first)
    finally:
        session.shutdown()
    return told


def write(session: Session, root: dict[str, Any]) -> list[Edit]:
    edits = read(session, root)
    session.edit([plain(edit) for edit in edits])
    return edits


def read(session: Session, root: dict[str, Any]) -> list[Edit]:
    """What is still to be written."""
    found = Found(root["distro"], tuple(root["version"]), root["product"])
    writer = writer_for(found)
    for _ in range(3):
        files = session.look(sorted(writer.asks(WISH, found)))
        found = Found(found.distro, found.version, found.product, {
            path: File(**{**file, "content": base64.b64decode(file.get("content", ""))})
            for path, file in files.items()})
    return [edit for edit in writer.edits(WISH, found) if not isinstance(edit, Remark)]


def test_it_is_taken_for_a_windows_and_can_be_written(told: dict[str, Any]) -> None:
    assert (told["root"]["type"], told["root"]["distro"]) == ("windows", "windows")
    assert told["root"]["product"] == "Windows 10 Pro" and told["failed"] == {}


def test_the_registry_has_the_name_and_all_else_is_as_it_was(
    told: dict[str, Any], folder: Path
) -> None:
    names = exported(folder / "off.raw", r"\ControlSet001\Control\ComputerName")
    assert names.count('"ComputerName"=str(1):"WEB"') == 2
    tcpip = exported(folder / "off.raw", r"\ControlSet001\Services\Tcpip\Parameters")
    assert set(tcpip.splitlines()[3:]) - {""} == {
        '"DataBasePath"=str(1):"etc"', '"Hostname"=str(1):"web"', '"NV Hostname"=str(1):"web"',
        '"Domain"=str(1):"lab.example"', '"NV Domain"=str(1):"lab.example"'}
    with mounted(folder / "off.raw", "ro") as root:
        # ntfs-3g shows as a mode who may: passwords' hashes of Windows lie in such files.
        assert (root / windows_disk.CONFIG / "SYSTEM").stat().st_mode & 0o077 == 0


def test_the_scripts_are_there_and_a_service_that_starts_them(
    told: dict[str, Any], folder: Path
) -> None:
    key = exported(folder / "off.raw", r"\ControlSet001\Services\tinycloud-first-boot")
    assert '"Start"=dword:00000002' in key and '"Type"=dword:00000010' in key
    assert r"tinycloud\first-boot.cmd" in key and "LocalSystem" in key
    with mounted(folder / "off.raw", "ro") as root:
        home = root / "Program Files/tinycloud"
        assert (home / "first-boot.d/00-hello.cmd").read_bytes() == b"echo hello\r\n"
        assert b"\r\nsc delete tinycloud-first-boot" in (home / "first-boot.cmd").read_bytes()
        # What runs as LocalSystem is nobody else's to write.
        assert (home / "first-boot.cmd").stat().st_mode & 0o022 == 0
        assert list((root / windows_disk.CONFIG).glob(".tinycloud*")) == []


def test_what_is_written_is_not_written_again(told: dict[str, Any]) -> None:
    assert told["edits"] and told["again"] == []


def test_one_that_hibernates_is_left_alone_with_a_sentence(
    told: dict[str, Any], folder: Path
) -> None:
    assert "is hibernated or was not shut down" in told["hibernated"]["/"]
    with mounted(folder / "hibernated.raw", "ro") as root:
        assert (root / "hiberfil.sys").read_bytes().startswith(b"hibr")
