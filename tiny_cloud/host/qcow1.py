"""The first version of qcow, which oslo.utils does not read: looked at here, apart from qemu.

block/qcow.c of QEMU; numbers are big-endian, offsets and sizes bytes.
"""

from __future__ import annotations

import struct

from tiny_cloud.errors import Failure


def is_one(head: bytes) -> bool:
    return head.startswith(b"QFI\xfb\x00\x00\x00\x01")


def checked(path: str, head: bytes) -> int:
    """The virtual size. Raises Failure unless it stands alone and is not encrypted."""
    if len(head) < 48:
        raise Failure(f"{path} is refused: its qcow header is cut off or broken")
    backing, _, _, size, bits, second, _, crypt, first = struct.unpack(
        ">QIIQBBHIQ", head[8:48])
    if backing:
        raise Failure(f"{path} is refused: it has a backing file, and could so read any file of "
                      "this host")
    if not size or not 9 <= bits <= 16 or not 6 <= second <= 13 or first < 48:
        raise Failure(f"{path} is refused: its qcow header is cut off or broken")
    if crypt:
        raise Failure(f"{path} is refused: it is encrypted", "decrypt it first")
    return int(size)
