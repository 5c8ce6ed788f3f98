"""How large a disk an image may say that it is: a few bytes can claim anything."""

from tiny_cloud.errors import Failure

LARGEST = 16 << 40
"""Bytes of virtual size that are believed (ext4's largest file): 65 KB can claim 128 PiB."""


def refuse_size(path: str, size: int) -> None:
    """Raises Failure for a size in bytes that is not believed."""
    if size > LARGEST:
        raise Failure(f"{path} claims a disk of {size >> 40} TiB, and no more than "
                      f"{LARGEST >> 40} TiB are believed")
