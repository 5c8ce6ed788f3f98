"""Windows: found values of the registry in, edits out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from guest_texts import wish
from msgspec.structs import replace

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import (
    Edit,
    File,
    Found,
    Fresh,
    MakeFolder,
    Remark,
    SetValue,
    WriteFile,
)
from tiny_cloud.guests.drift import pieces
from tiny_cloud.guests.systems import writer_for

HIVE = "/Windows/System32/config/SYSTEM"
TOP = f"{HIVE}::ControlSet002"
TCPIP = f"{TOP}\\Services\\Tcpip\\Parameters"
NAME = f"{TOP}\\Control\\ComputerName"


def sz(text: str) -> bytes:
    return text.encode("utf-16-le") + b"\0\0"


WINDOWS = Found("windows", (10, 0), "Windows 10 Pro", {
    f"{HIVE}::Select\\Current": File("value", b"\2\0\0\0"),
    f"{NAME}\\ComputerName\\ComputerName": File("value", sz("WEB")),
    f"{TCPIP}\\Hostname": File("value", sz("old")),
})
SCRIPT = {"name": "hello", "data": b"echo hello\r\n"}


def made(found: Found = WINDOWS, fresh: Fresh | None = None, **settings: Any) -> Sequence[Edit]:
    edits = writer_for(found).edits(wish(fresh, **settings), found)
    return [edit for edit in edits if not isinstance(edit, Remark)]


def test_the_control_set_that_counts_gets_what_is_missing() -> None:
    assert made(hostname="web") == [
        SetValue(f"{NAME}\\ActiveComputerName\\ComputerName", 1, sz("WEB")),
        SetValue(f"{TCPIP}\\Hostname", 1, sz("web")),
        SetValue(f"{TCPIP}\\NV Hostname", 1, sz("web")),
    ]


def test_a_whole_name_sets_the_domain_too() -> None:
    values = {edit.path.rpartition("\\")[2]: edit.data for edit in made(hostname="db.lab.example")
              if isinstance(edit, SetValue)}
    assert values == {"ComputerName": sz("DB"), "Hostname": sz("db"), "NV Hostname": sz("db"),
                      "Domain": sz("lab.example"), "NV Domain": sz("lab.example")}


def test_values_are_asked_for_once_the_control_set_is_known() -> None:
    writer, wanted = writer_for(WINDOWS), wish(hostname="web")
    first = writer.asks(wanted, replace(WINDOWS, files={}))
    assert first == {HIVE, f"{HIVE}::Select\\Current"}
    assert f"{TCPIP}\\NV Hostname" in writer.asks(wanted, WINDOWS)


@pytest.mark.parametrize("name", ["a-name-that-is-too-long", "12345"])
def test_a_name_that_windows_does_not_take_is_a_sentence(name: str) -> None:
    with pytest.raises(Failure, match=f"{name} is no name for a Windows computer"):
        made(hostname=name)


def test_a_registry_that_is_none_is_a_sentence() -> None:
    with pytest.raises(Failure, match="no proper registry"):
        made(replace(WINDOWS, files={}), hostname="web")


@pytest.mark.parametrize("settings", [
    {"users": {"root": {}}}, {"interfaces": [{"name": "eth0", "dhcp": True}]}, {"hosts": [{}]}])
def test_what_has_no_meaning_there_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(Failure, match=f"{next(iter(settings))} cannot be written into Windows"):
        writer_for(WINDOWS).asks(wish(**settings), WINDOWS)


def test_scripts_run_by_a_service_that_starts_by_itself() -> None:
    edits = made(firstBoot=[SCRIPT])
    home = "/Program Files/tinycloud"
    assert edits[:2] == [MakeFolder(home), MakeFolder(f"{home}/first-boot.d")]
    files = {edit.path: edit.content for edit in edits if isinstance(edit, WriteFile)}
    assert files[f"{home}/first-boot.d/00-hello.cmd"] == SCRIPT["data"]
    assert b"\n" not in files[f"{home}/first-boot.cmd"].replace(b"\r\n", b"")
    key = f"{TOP}\\Services\\tinycloud-first-boot"
    values = {edit.path.removeprefix(f"{key}\\"): edit for edit in edits
              if isinstance(edit, SetValue)}
    assert values["Start"].data == b"\2\0\0\0" and values["ImagePath"].kind == 2


def test_scripts_that_are_there_are_left_alone() -> None:
    """Their service is gone once they have run."""
    there = {edit.path: File(content=edit.content) for edit in made(firstBoot=[SCRIPT])
             if isinstance(edit, WriteFile)}
    assert made(replace(WINDOWS, files={**WINDOWS.files, **there}), firstBoot=[SCRIPT]) == []


def test_drift_of_a_value_is_said_as_text() -> None:
    (was, wanted) = pieces([SetValue(f"{TCPIP}\\Hostname", 1, sz("web"))], WINDOWS)
    assert (was.there, was.text, wanted.text) == (True, "old", "web")


def test_a_clone_keeps_its_sid_and_that_is_said() -> None:
    said = writer_for(WINDOWS).edits(wish(Fresh("", b"")), WINDOWS)
    assert [type(one) for one in said] == [Remark]
