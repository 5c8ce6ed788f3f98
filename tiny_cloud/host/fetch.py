"""Download a file once: resumed after a break, hashed on the way, nothing half accepted."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

import urllib3
from msgspec import Struct
from urllib3.response import BaseHTTPResponse

from tiny_cloud.errors import Failure
from tiny_cloud.host import http, sums
from tiny_cloud.host.qemu_img import remove
from tiny_cloud.host.space import require_space
from tiny_cloud.steps import Fetch

CHUNK = 1 << 20
BREAKS = 4
"""How many breaks in a row are borne that bring nothing new."""
PAUSE = 0.5
"""Seconds after the first break; twice as long after each further one."""
LARGEST_SUMS = 4 << 20
LEFT_ALONE = 64 << 20
"""Bytes of the file system that a download of unknown length does not touch."""
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")

Progress = Callable[[int, int], None]
"""Bytes that are here, and bytes in all (0: the server has not said)."""


class Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class Download(Struct):
    """A file on its way: what is in ``file`` has been hashed, byte for byte."""

    url: str
    algorithm: str
    file: IO[bytes]
    hash: Hash
    progress: Progress
    offset: int = 0
    furthest: int = 0
    etag: str = ""

    def restart(self) -> None:
        self.file.seek(0)
        self.file.truncate()
        self.hash = _hash(self.algorithm)
        self.offset = 0

    def take(self, chunk: bytes, total: int) -> None:
        self.file.write(chunk)
        self.hash.update(chunk)
        self.offset += len(chunk)
        self.progress(self.offset, total)


def fetch(step: Fetch, progress: Progress | None = None) -> None:
    """Makes ``step.to`` whole and right. Raises Failure: then a broken download stays, to be
    resumed by the next run, and a wrong one is gone."""
    algorithm, digest = _expected(step)
    report = progress or _ignore
    if urlsplit(step.url).scheme == "file":
        actual = _copy(step, algorithm, report)
    else:
        if not digest:
            raise Failure(f"{step.url} has no digest to check it against",
                          hint="give its sha256 or sha512, or a published sums file")
        actual, resumed = _download(step, algorithm, report)
        if resumed and actual != digest:
            # What lay here may have been the start of something else: once more from nothing.
            remove(step.to)
            actual, _ = _download(step, algorithm, report)
    if digest and actual != digest:
        remove(step.to)
        raise Failure(f"{step.url} has the {algorithm} {actual} and should have {digest}",
                      hint="the file has changed or was tampered with: compare with its publisher")


def _expected(step: Fetch) -> tuple[str, str]:
    if step.digest or not step.sums:
        return step.algorithm or "sha256", step.digest.lower()
    return sums.digest_for(text(step.sums), step.url, step.sums)


def text(url: str) -> str:
    """A small text: a sums file."""
    if urlsplit(url).scheme == "file":
        with _opened(url) as file:
            return file.read(LARGEST_SUMS).decode("utf-8", "replace")
    try:
        with http.get(url, {}) as answer:
            require_ok(url, answer)
            return answer.read(LARGEST_SUMS).decode("utf-8", "replace")
    except urllib3.exceptions.HTTPError as error:
        raise _unreachable(url, error) from error


def _download(step: Fetch, algorithm: str, progress: Progress) -> tuple[str, bool]:
    """The digest, and whether a part of another run was built upon."""
    with _part(step.to) as file:
        download = Download(step.url, algorithm, file, _hash(algorithm), progress)
        for chunk in iter(lambda: file.read(CHUNK), b""):
            download.hash.update(chunk)
            download.offset += len(chunk)
        resumed = download.offset > 0
        breaks = 0
        while True:
            try:
                if _receive(download, step.to):
                    return download.hash.hexdigest(), resumed
            except urllib3.exceptions.HTTPError as error:
                breaks = 0 if download.offset > download.furthest else breaks + 1
                if breaks >= BREAKS:
                    raise _unreachable(step.url, error) from error
                time.sleep(PAUSE * 2**breaks)
            download.furthest = max(download.furthest, download.offset)


def _receive(download: Download, to: str) -> bool:
    """One request, from where we are; False: ask again, from the start.

    RFC 9110, 14: 206 continues, 200 starts again, 416 has nothing after what we have. ``If-Range``
    makes the server start again if the file changed between two requests of this run.
    """
    headers = {"Range": f"bytes={download.offset}-"} if download.offset else {}
    if headers and download.etag:
        headers["If-Range"] = download.etag
    with http.get(download.url, headers) as answer:
        if answer.status == 416 and download.offset:
            complete = answer.headers.get("Content-Range", "") == f"bytes */{download.offset}"
            if not complete:
                download.restart()
            return complete
        require_ok(download.url, answer)
        start, total = _extent(answer)
        if start != download.offset:
            if download.offset == 0:
                raise Failure(f"{download.url} answers with a part that nobody asked for",
                              hint="use another server")
            download.restart()
            if start != 0:
                return False
        etag = answer.headers.get("ETag", "")
        download.etag = "" if etag.startswith("W/") else etag
        if total:
            require_space(to, max(0, total - download.offset), f"the rest of {download.url}")
        # urllib3 raises IncompleteRead when fewer bytes come than the header promised.
        for chunk in answer.stream(CHUNK, decode_content=False):
            if not total:
                _require_room(to, download.url)
            download.take(chunk, total)
    return True


def _require_room(to: str, url: str) -> None:
    """A server that does not say how much will come may go on until the disk is full."""
    try:
        require_space(to, LEFT_ALONE, f"{url}, whose length nobody says,")
    except Failure:
        remove(to)
        raise


def _extent(answer: BaseHTTPResponse) -> tuple[int, int]:
    """Where the body begins, and how long the whole file is (0: unknown)."""
    if answer.status == 206:
        match = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        # A 206 that does not say which part it is: -1 fits nowhere, so it is asked for whole.
        return (int(match[1]), int(match[2])) if match else (-1, 0)
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else 0


def _copy(step: Fetch, algorithm: str, progress: Progress) -> str:
    """A local file, holes kept."""
    hash = _hash(algorithm)
    zeros = bytes(CHUNK)
    remove(step.to)
    with _opened(step.url) as source, _part(step.to) as target:
        total = os.fstat(source.fileno()).st_size
        require_space(step.to, os.fstat(source.fileno()).st_blocks * 512, f"a copy of {step.url}")
        for chunk in iter(lambda: source.read(CHUNK), b""):
            hash.update(chunk)
            if chunk == zeros:
                target.seek(CHUNK, os.SEEK_CUR)
            else:
                target.write(chunk)
            progress(target.tell(), total)
        target.truncate(target.tell())
    return hash.hexdigest()


def _opened(url: str) -> IO[bytes]:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise Failure(f"{url} names another host", hint=f"write file://{parts.path}")
    path = url2pathname(parts.path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise Failure(f"{url} is not a regular file")
        return open(path, "rb")
    except OSError as error:
        raise Failure(f"{url} cannot be read: {error.strerror}") from error


@contextmanager
def _part(path: str) -> Iterator[IO[bytes]]:
    """The file to write into, made if need be, its content kept; never through a symbolic link."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            yield file
    except OSError as error:
        if error.errno == errno.ENOSPC:
            remove(path)
        raise Failure(f"{path} cannot be written: {error.strerror}") from error


def _hash(algorithm: str) -> Hash:
    if algorithm not in sums.BY_LENGTH.values():
        raise Failure(f"{algorithm} is no digest that is trusted", hint="give a sha256 or sha512")
    return hashlib.new(algorithm)


def require_ok(url: str, answer: BaseHTTPResponse) -> None:
    if answer.status not in (200, 206):
        raise Failure(f"{url} answers {answer.status} {answer.reason or ''}".rstrip(),
                      hint="check the address in the manifest")


def _unreachable(url: str, error: urllib3.exceptions.HTTPError) -> Failure:
    return Failure(f"{url} could not be downloaded", detail=str(error),
                   hint="apply again: what has arrived is kept and the rest is fetched")


def _ignore(_done: int, _total: int) -> None:
    return
