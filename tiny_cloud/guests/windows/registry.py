"""Values of the registry as paths: the file of the hive, two colons, the key, the value's name."""

from __future__ import annotations

from collections.abc import Iterator

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Found, SetValue

HIVE = "/Windows/System32/config/SYSTEM"
CURRENT = f"{HIVE}::Select\\Current"
"""Which of its control sets counts: in a running Windows that one is CurrentControlSet."""

REG_SZ, REG_EXPAND_SZ, REG_DWORD = 1, 2, 4
"""https://learn.microsoft.com/windows/win32/sysinfo/registry-value-types"""


def control_set(found: Found) -> str:
    """Its key as a path. Raises Failure for a Windows without one."""
    value = found.files.get(CURRENT)
    if value is None or len(value.content) != 4:
        raise Failure(f"the Windows has no proper registry in {HIVE}",
                      hint="is this a complete system, of Windows Vista or later?")
    return f"{HIVE}::ControlSet{int.from_bytes(value.content, 'little'):03d}"


def is_known(found: Found) -> bool:
    """Whether it was asked already which control set counts."""
    return CURRENT in found.files


def text(path: str, value: str, kind: int = REG_SZ) -> SetValue:
    return SetValue(path, kind, f"{value}\0".encode("utf-16-le"))


def number(path: str, value: int) -> SetValue:
    return SetValue(path, REG_DWORD, value.to_bytes(4, "little"))


def missing(found: Found, *values: SetValue) -> Iterator[SetValue]:
    """Those that are not there as they should be."""
    for value in values:
        old = found.files.get(value.path)
        if old is None or old.content != value.data:
            yield value
