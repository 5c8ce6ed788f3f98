"""A disk with as little of a Windows as inspection takes for one: NTFS, two hives, a stub."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MIB = 1 << 20
CONFIG = "Windows/System32/config"
SYSTEM = r"""Windows Registry Editor Version 5.00

[\Select]
"Current"=dword:00000001

[\ControlSet001]

[\ControlSet001\Control]

[\ControlSet001\Control\ComputerName]

[\ControlSet001\Control\ComputerName\ComputerName]
"ComputerName"="MINWINPC"

[\ControlSet001\Services]

[\ControlSet001\Services\Tcpip]

[\ControlSet001\Services\Tcpip\Parameters]
"Hostname"="minwinpc"
"NV Hostname"="minwinpc"
"DataBasePath"="etc"
"""
SOFTWARE = r"""Windows Registry Editor Version 5.00

[\Microsoft]

[\Microsoft\Windows NT]

[\Microsoft\Windows NT\CurrentVersion]
"ProductName"="Windows 10 Pro"
"CurrentMajorVersionNumber"=dword:0000000a
"CurrentMinorVersionNumber"=dword:00000000
"""


def make(disk: Path, *, hibernated: bool = False) -> Path:
    """The whole disk is one file system; raw."""
    with disk.open("wb") as file:
        file.truncate(64 * MIB)
    said("mkntfs", "--force", "--quick", "--quiet", "--label", "windows", str(disk))
    with mounted(disk) as root:
        (root / CONFIG).mkdir(parents=True)
        (root / "Windows/System32/cmd.exe").write_bytes(stub())
        (root / "Program Files").mkdir()
        for name, keys in (("SYSTEM", SYSTEM), ("SOFTWARE", SOFTWARE)):
            hive = disk.with_name(name)
            hive.write_bytes(empty_hive())
            said("hivexregedit", "--merge", str(hive), stdin=keys)
            (root / CONFIG / name).write_bytes(hive.read_bytes())
        if hibernated:
            (root / "hiberfil.sys").write_bytes(b"hibr" + bytes(8188))
    return disk


def values(disk: Path, key: str) -> str:
    """What is below a key of SYSTEM, as another program says it."""
    copy = disk.with_name("copy")
    with mounted(disk, "ro") as root:
        copy.write_bytes((root / CONFIG / "SYSTEM").read_bytes())
    return said("hivexregedit", "--export", "--unsafe-printable-strings", str(copy), key)


@contextmanager
def mounted(disk: Path, how: str = "rw") -> Iterator[Path]:
    """By FUSE, on this host: it is our own."""
    folder = disk.with_name("mounted")
    folder.mkdir(exist_ok=True)
    said("ntfs-3g", "-o", f"{how},permissions", str(disk), str(folder))
    try:
        yield folder
    finally:
        said("umount", str(folder))


def said(*argv: str, stdin: str = "") -> str:
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def stub() -> bytes:
    """A program of 64 bits, by its headers alone (PE/COFF, 3): inspection asks file(1) for that."""
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    coff = struct.pack("<4s2H3I2H", b"PE\0\0", 0x8664, 1, 0, 0, 0, 240, 0x22)
    return dos + coff + (struct.pack("<H66xH", 0x20B, 3).ljust(240, b"\0")) + bytes(40)


def empty_hive() -> bytes:
    """A header, and 4 KiB with the root key, its security and room for cells.

    https://github.com/msuhanov/regf/blob/master/Windows%20registry%20file%20format%20specification.md
    """
    none, root, security = 0xFFFFFFFF, 0x20, 0x20 + 88
    key = struct.pack("<i2sHQ15I2H4s4x", -88, b"nk", 0x2C, 0, 0, 0, 0, 0, none, none, 0, none,
                      security, none, 0, 0, 0, 0, 0, 4, 0, b"root")
    rights = struct.pack("<BBH4I", 1, 0, 0x8000, 0, 0, 0, 0)
    sk = struct.pack("<i2sH4I", -48, b"sk", 0, security, security, 1, len(rights)) + rights
    cells = key + sk.ljust(48, b"\0")
    size = 4096
    free = struct.pack("<i", size - 32 - len(cells))
    hbin = (struct.pack("<4s2I8xQ4x", b"hbin", 0, size, 0) + cells + free).ljust(size, b"\0")
    header = struct.pack("<4s2IQ6I", b"regf", 1, 1, 0, 1, 3, 0, 1, root, size)
    header += struct.pack("<I", 1)
    header = header.ljust(508, b"\0")
    checksum = 0
    for (word,) in struct.iter_unpack("<I", header):
        checksum ^= word
    return (header + struct.pack("<I", checksum)).ljust(4096, b"\0") + hbin
