"""Scripts that run once, in order, at the first boot, as LocalSystem and before anybody logs on.

As virt-customize does it: a folder below Program Files and a service that starts by itself. Its
service program (rhsrvany) is not ours to carry along: the service is cmd.exe, which starts the
runner beside itself and ends. The service manager notes that it did not answer (events 7000 and
7009) and lets the runner be. At its end that takes the service away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tiny_cloud.guests.base import Edit, Found, MakeFolder, Wish, WriteFile
from tiny_cloud.guests.windows import registry

HOME = "/Program Files/tinycloud"
SCRIPTS = f"{HOME}/first-boot.d"
RUNNER = f"{HOME}/first-boot.cmd"
SERVICE = "tinycloud-first-boot"
IMAGE = (r'%SystemRoot%\System32\cmd.exe /c start "" /b %SystemRoot%\System32\cmd.exe /c '
         r'"%ProgramFiles%\tinycloud\first-boot.cmd"')

PROGRAM = rf"""@echo off
rem written by tinycloud: runs each script once, in order
set home=%ProgramFiles%\tinycloud
if not exist "%home%\done" mkdir "%home%\done"
for %%s in ("%home%\first-boot.d\*.cmd") do if not exist "%home%\done\%%~ns" (
  echo tinycloud: %%~ns begins >>"%home%\first-boot.log"
  cmd /c "%%s" <nul >>"%home%\first-boot.log" 2>&1
  echo ended >"%home%\done\%%~ns"
)
sc delete {SERVICE} >nul
"""
"""A script that was cut off has no mark in ``done``, and runs again."""

OWN_PROCESS, AUTO_START, IGNORE = 0x10, 2, 0
"""Type, Start and ErrorControl of CreateService."""


def asks(wish: Wish, found: Found) -> Iterable[str]:
    if not wish.settings.get("firstBoot") or not registry.is_known(found):
        return ()
    return (HOME, SCRIPTS, RUNNER, *(file.path for file in _scripts(wish)), f"{HOME}/done/*",
            f"{_service(found)}\\ImagePath")


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    files = [WriteFile(RUNNER, _lines(PROGRAM)), *_scripts(wish)]
    if not wish.settings.get("firstBoot") or all(_is_written(file, found) for file in files):
        return
    yield from (MakeFolder(HOME), MakeFolder(SCRIPTS))
    yield from (file for file in files if not _is_written(file, found))
    key = _service(found)
    yield registry.text(f"{key}\\DisplayName", "tinycloud: scripts of the first boot")
    yield registry.text(f"{key}\\ImagePath", IMAGE, registry.REG_EXPAND_SZ)
    yield registry.text(f"{key}\\ObjectName", "LocalSystem")
    for name, value in (("Type", OWN_PROCESS), ("Start", AUTO_START), ("ErrorControl", IGNORE)):
        yield registry.number(f"{key}\\{name}", value)


def _scripts(wish: Wish) -> list[WriteFile]:
    return [WriteFile(f"{SCRIPTS}/{at:02}-{item['name']}.cmd", item["data"])
            for at, item in enumerate(wish.settings.get("firstBoot", ()))]


def _is_written(file: WriteFile, found: Found) -> bool:
    old = found.files.get(file.path)
    return old is not None and old.content == file.content


def _service(found: Found) -> str:
    return f"{registry.control_set(found)}\\Services\\{SERVICE}"


def _lines(text: str) -> bytes:
    """As Windows ends its lines."""
    return text.replace("\n", "\r\n").encode()
