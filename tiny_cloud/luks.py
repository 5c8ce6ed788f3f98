"""How qemu's tools take a LUKS key: on stdin, so that it is in no argv and in no file. Pure.

Formats are qemu's: ``qcow2`` with LUKS inside, and ``luks``, which is a raw disk behind a LUKS
header (qemu-img(1); docs/system/qemu-block-drivers, "Disk image file encryption")."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

KEY = ("--object", "secret,id=key,file=/dev/stdin")
ROOM = 2 << 20
"""Bytes that a header takes, in whole MiB: qemu's has 4040 sectors (qemu: crypto/block-luks.c)."""


def creation(format: str) -> tuple[str, ...]:
    """Options of ``qemu-img create`` beside ``KEY``."""
    keyed = {"luks": "key-secret=key", "qcow2": "encrypt.format=luks,encrypt.key-secret=key"}
    return ("-o", keyed[format])


def opened(path: str, format: str) -> tuple[str, ...]:
    """Options with which any of the tools opens an image, in the place of its name."""
    return ("--image-opts", named(path, format))


def named(path: str, format: str) -> str:
    """An image in the words of ``--image-opts`` and ``--target-image-opts``."""
    keyed = {"luks": "key-secret", "qcow2": "encrypt.key-secret"}
    return f"{unkeyed(path, format)},{keyed[format]}=key"


def unkeyed(path: str, format: str) -> str:
    """An image that is not encrypted, in the same words."""
    protocol = "host_device" if path.startswith("/dev/") else "file"
    # QemuOpts writes a comma within a value twice.
    name = path.replace(",", ",,")
    return f"driver={format},file.driver={protocol},file.filename={name}"


def typed(argv: tuple[str, ...], secret: Mapping[str, Any]) -> str:
    """What a person would type: a pipe, for the newline at a file's end is no part of the key."""
    (source, value), = secret.items()
    words = {"file": f"$(cat {shlex.quote(str(value))})", "env": f"${value}",
             "command": f"$({value if isinstance(value, str) else shlex.join(value)})"}
    return f'printf %s "{words[source]}" | {shlex.join(argv)}'
