"""Read published sums files: ``HASH  name``, ``HASH *name`` and BSD's ``SHA256 (name) = HASH``."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from tiny_cloud.errors import Failure

BY_LENGTH = {64: "sha256", 128: "sha512"}
"""Hexadecimal digits of the digests that are accepted; md5 and sha1 prove nothing any more."""

_GNU = re.compile(r"([0-9A-Fa-f]{32,128})[ \t]+\*?(\S.*)")
_BSD = re.compile(r"[A-Z0-9-]+ \((.+)\) = ([0-9A-Fa-f]{32,128})")


def last_segment(url: str) -> str:
    """The file's name in a URL."""
    return unquote(urlsplit(url).path).rpartition("/")[2]


def entries(text: str) -> list[tuple[str, str]]:
    """(name, digest) of each line that is one; names without folders, digests in lower case."""
    found = []
    for line in text.splitlines():
        if gnu := _GNU.fullmatch(line.strip()):
            digest, name = gnu.groups()
        elif bsd := _BSD.fullmatch(line.strip()):
            name, digest = bsd.groups()
        else:
            continue
        found.append((name.rpartition("/")[2], digest.lower()))
    return found


def digest_for(text: str, url: str, where: str) -> tuple[str, str]:
    """(algorithm, digest) that a sums file has for a URL, the strongest one.

    Raises Failure if there is none, or two that contradict each other.
    """
    name = last_segment(url)
    named = {digest for entry, digest in entries(text) if entry == name}
    for length, algorithm in sorted(BY_LENGTH.items(), reverse=True):
        fitting = sorted(digest for digest in named if len(digest) == length)
        if len(fitting) > 1:
            raise Failure(f"{where} has {len(fitting)} different {algorithm} sums for {name}",
                          hint="write the right one into the manifest")
        if fitting:
            return algorithm, fitting[0]
    if named:
        raise Failure(f"{where} has only a sum of an older kind for {name}",
                      hint="write a sha256 or sha512 into the manifest")
    raise Failure(f"{where} does not name {name}", hint="is it the sums file of this very image?")
