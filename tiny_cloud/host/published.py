"""What digest a download has: as it is published beside it, or of every byte that comes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from urllib.parse import urljoin

import urllib3

from tiny_cloud.errors import Failure
from tiny_cloud.host import fetch, http, sums

BESIDE = ("SHA512SUMS", "SHA256SUMS", "CHECKSUM")
"""What distributions call the file in the image's own folder."""


def digest(url: str, where: str, progress: fetch.Progress) -> tuple[str, str, str]:
    """(algorithm, digest, where it comes from); ``where``: the sums file to ask, or empty: those
    that are usual. Nothing is kept of what is downloaded. Raises Failure."""
    if where:
        return *sums.digest_for(fetch.text(where), url, where), where
    for place in _places(url):
        try:
            return *_said(place, url), place
        except Failure as failure:
            # None is published there, or none for this image; who does not answer has no other.
            if isinstance(failure.__cause__, urllib3.exceptions.HTTPError):
                break
    return "sha256", _sha256(url, progress), "the download itself"


def _said(place: str, url: str) -> tuple[str, str]:
    """By a sums file, or one beside the image that holds its digest and nothing else (Alpine)."""
    text = fetch.text(place)
    lone = text.strip().lower()
    if place.startswith(url) and re.fullmatch("[0-9a-f]{64}|[0-9a-f]{128}", lone):
        return sums.BY_LENGTH[len(lone)], lone
    return sums.digest_for(text, url, place)


def _places(url: str) -> Iterator[str]:
    yield from (urljoin(url, name) for name in BESIDE)
    yield from (f"{url}.{algorithm}" for algorithm in sorted(sums.BY_LENGTH.values(), reverse=True))


def _sha256(url: str, progress: fetch.Progress) -> str:
    found, done = hashlib.sha256(), 0
    try:
        with http.get(url, {}) as answer:
            fetch.require_ok(url, answer)
            length = answer.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else 0
            for chunk in answer.stream(fetch.CHUNK, decode_content=False):
                found.update(chunk)
                done += len(chunk)
                progress(done, total)
    except urllib3.exceptions.HTTPError as error:
        raise Failure(f"{url} could not be downloaded", "try again", str(error)) from error
    return found.hexdigest()
