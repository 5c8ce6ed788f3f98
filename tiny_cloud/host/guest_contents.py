"""What manifests only name and a guest gets whole: files beside them, secrets, host keys."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tiny_cloud.errors import Failure
from tiny_cloud.host import command, passwords
from tiny_cloud.host.scratch import scratch

LARGEST = 1 << 20
"""Bytes, as of any file of a guest that is read."""

Reveal = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Contents:
    data: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """By item: ``files[/etc/motd]``, ``firstBoot[greet]``, ``sshHostKeys.rsa`` and ``….pub``."""
    hashes: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By the field of a secret: what is recorded, so that another one is noticed."""


def contents_of(settings: Mapping[str, Any], secret: Reveal) -> Contents:
    """Raises Failure for a file that is not there, or too large, and a key that is none."""
    data: dict[str, bytes] = {}
    hashes: dict[str, str] = {}
    for name, item in _items(settings):
        if "secret" in item:
            text = secret(item["secret"])
            data[name] = f"{text}\n".encode()
            hashes[f"{name}.secret"] = passwords.hash_content(text)
        elif "source" in item:
            data[name] = _read(item["source"])
        else:
            data[name] = item["content"].encode()
    for kind, reference in settings.get("sshHostKeys", {}).items():
        name, text = f"sshHostKeys.{kind}", secret(reference)
        data[name] = f"{text}\n".encode()
        data[f"{name}.pub"] = _public(kind, data[name])
        hashes[name] = passwords.hash_content(text)
    return Contents(data, hashes)


def with_contents(settings: Mapping[str, Any], contents: Contents) -> dict[str, Any]:
    """The settings as writers know them: ``data`` of each item, ``private`` and ``public`` keys.
    An item without its content, as in a part of the settings, is left out."""
    made = dict(settings)
    for section, key in SECTIONS.items():
        if section in settings:
            made[section] = [{**item, "data": contents.data[name]} for item in settings[section]
                             if (name := f"{section}[{item[key]}]") in contents.data]
    if "sshHostKeys" in settings:
        keys = (f"sshHostKeys.{kind}" for kind in settings["sshHostKeys"])
        made["sshHostKeys"] = {
            name.partition(".")[2]: {"private": contents.data[name],
                                     "public": contents.data[f"{name}.pub"]}
            for name in keys if name in contents.data}
    return made


SECTIONS: Mapping[str, str] = {"files": "path", "firstBoot": "name"}


def _items(settings: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for section, key in SECTIONS.items():
        for item in settings.get(section, ()):
            yield f"{section}[{item[key]}]", item


def _read(path: str) -> bytes:
    try:
        if os.path.getsize(path) > LARGEST:
            raise Failure(f"{path} is larger than 1 MiB", "put large files into the image")
        return Path(path).read_bytes()
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from None


def _public(kind: str, private: bytes) -> bytes:
    """ssh-keygen(1) reads it from a file alone. Raises Failure for a key of another type."""
    with scratch() as folder:
        file = Path(folder, "key")
        file.touch(0o600)
        file.write_bytes(private)
        public = command.run(("ssh-keygen", "-y", "-P", "", "-f", str(file)))
    if kind not in public.decode().partition(" ")[0]:
        raise Failure(f"the key of sshHostKeys.{kind} is one of another type",
                      hint=f"it begins with {public.decode().partition(' ')[0]}")
    return public
