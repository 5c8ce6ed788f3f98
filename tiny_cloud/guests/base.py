"""What a writer is given and what it gives back: found files in, edits out. All data, all pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from msgspec import Struct, field

from tiny_cloud.errors import Failure


class File(Struct, frozen=True):
    """One path inside a guest, as lstat of it and of every component above it found it."""

    kind: str = "file"
    """file, folder, symlink, special file (fifo, device), value (of Windows' registry), or
    redirected: something above it is no folder."""
    content: bytes = b""
    mode: int = 0o644
    """Permission bits only."""
    uid: int = 0
    gid: int = 0
    target: str = ""
    """Of a symlink; of what is redirected, the component that redirects."""
    refused: str = ""
    """Why it may not be edited and its content was not read: hard links, or over 1 MiB."""


class Found(Struct, frozen=True):
    """What inspection says of a guest, and what was seen inside; absent paths have no entry."""

    distro: str
    """libguestfs's word: debian, ubuntu, fedora…"""
    version: tuple[int, int] = (0, 0)
    product: str = ""
    """As the system calls itself: ``Debian GNU/Linux 12 (bookworm)``."""
    files: Mapping[str, File] = field(default_factory=dict)

    def has(self, *paths: str) -> bool:
        """Whether any of these is a file or a symlink (a program, a unit)."""
        return any(self.kind(path) in ("file", "symlink") for path in paths)

    def kind(self, path: str) -> str:
        """The kind of the path; empty: it is absent."""
        file = self.files.get(path)
        return file.kind if file else ""

    def text(self, path: str, default: str | None = None) -> str:
        """The content; bytes that are no UTF-8 survive the round trip through ``encoded``.

        Raises Failure if it is there and no plain file, or absent and there is no default.
        """
        file = self.files.get(path)
        if file is None:
            if default is None:
                raise Failure(f"the guest has no {path}", hint="is this a complete system?")
            return default
        if file.kind == "redirected":
            raise Failure(f"{path} in the guest cannot be edited: {file.target} is no plain folder")
        if file.kind != "file":
            raise Failure(f"{path} in the guest cannot be edited: it is no regular file but a "
                          f"{file.kind}")
        if file.refused:
            raise Failure(f"{path} in the guest cannot be edited: {file.refused}")
        return file.content.decode("utf-8", "surrogateescape")


class WriteFile(Struct, frozen=True):
    """The whole new content. What is None stays as the old file has it (new files: 0644, root)."""

    path: str
    content: bytes
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    label: str = ""
    """Of SELinux, for what is new; empty: none, or the old file's."""

    def __repr__(self) -> str:
        return f"WriteFile({self.path!r})"  # without the content, which may be a secret


class MakeFolder(Struct, frozen=True):
    """A folder that is there stays as it is, unless it is ``ours``: then mode and owner follow."""

    path: str
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    label: str = ""
    ours: bool = False


class Symlink(Struct, frozen=True):
    """Takes the place of a file or a symlink."""

    path: str
    target: str
    uid: int = 0
    gid: int = 0
    label: str = ""


class Remove(Struct, frozen=True):
    """A file or symlink; absent is fine."""

    path: str


class Remark(Struct, frozen=True):
    """Nothing to write: something the user should know about this guest."""

    text: str


class SetValue(Struct, frozen=True):
    """A value in Windows' registry; keys above it that are missing are made."""

    path: str
    """FILE::KEY\\KEY\\NAME, the file being that of the hive."""
    kind: int
    """Windows' number of its type."""
    data: bytes

    def __repr__(self) -> str:
        return f"SetValue({self.path!r})"


Edit: TypeAlias = WriteFile | MakeFolder | Symlink | Remove | SetValue


class Fresh(Struct, frozen=True):
    """What no two machines may share: made on our side, for a disk that has never booted."""

    machine_id: str
    """32 hexadecimal digits: machine-id(5)."""
    random_seed: bytes
    host_keys: Mapping[str, tuple[bytes, int]] = field(default_factory=dict)
    """SSH host keys: path -> content and mode."""

    def __repr__(self) -> str:
        return f"Fresh({self.machine_id!r})"  # without the keys


class Wish(Struct, frozen=True):
    """What the manifest wants of the inside of a guest; secrets are crypt hashes by now."""

    settings: Mapping[str, Any]
    fresh: Fresh | None = None
    """None: the disk has booted, and keeps its identity."""
    today: int = 0
    """Days since 1970-01-01, for shadow(5)."""
    before: Mapping[str, Any] = field(default_factory=dict)
    """The settings that were written last time: what is in them and no longer wanted is undone."""

    def part(self, name: str) -> Mapping[str, Any]:
        """A mapping among the settings; not declared, it is empty."""
        found: Mapping[str, Any] = self.settings.get(name) or {}
        return found

    def former(self, name: str) -> Mapping[str, Any]:
        """The same of last time."""
        found: Mapping[str, Any] = self.before.get(name) or {}
        return found


class Matter(Protocol):
    """One matter of a system, such as its accounts; a module with these two functions is one."""

    def asks(self, wish: Wish, found: Found) -> Iterable[str]:
        """Paths (or globs) it has to see, given what was seen so far; until nothing is new."""

    def edits(self, wish: Wish, found: Found) -> Iterable[Edit | Remark]:
        """What to write, in order. Raises Failure for what this guest cannot be."""


class Writer(Protocol):
    """A system as a whole."""

    def crypt_method(self, found: Found) -> str:
        """yescrypt or sha512: the strongest hash this guest's login understands."""

    def asks(self, wish: Wish, found: Found) -> frozenset[str]: ...

    def edits(self, wish: Wish, found: Found) -> tuple[Edit | Remark, ...]: ...


def write(path: str, text: str, mode: int | None = None) -> WriteFile:
    return WriteFile(path, encoded(text), mode)


def encoded(text: str) -> bytes:
    """The bytes of a text that came from ``Found.text``."""
    return text.encode("utf-8", "surrogateescape")


def with_block(
    text: str, lines: Iterable[str], *, comment: str = "#", top: bool = False
) -> str:
    """The text with our marked block renewed at its end (or its top), or gone if there are no lines
    for it."""
    body, block = without_block(text, comment=comment), list(lines)
    if not block:
        return body
    marked = "\n".join((f"{comment} tinycloud: begin", *block, f"{comment} tinycloud: end")) + "\n"
    if top:
        return marked + body
    if body and not body.endswith("\n"):
        body += "\n"
    return body + marked


def without_block(text: str, *, comment: str = "#") -> str:
    """The text without our marked block."""
    begin, end = f"{comment} tinycloud: begin", f"{comment} tinycloud: end"
    kept: list[str] = []
    inside = False
    given = text.split("\n")
    # A block whose end somebody deleted must not swallow the rest of the file.
    closed = begin in given and end in given[given.index(begin):]
    for line in given:
        if line == begin:
            inside = closed
        elif line == end:
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def block_of(text: str) -> tuple[str, ...]:
    """The lines of our marked block; none if there is no whole one."""
    given = text.split("\n")
    begin, end = "# tinycloud: begin", "# tinycloud: end"
    if begin not in given or end not in given[given.index(begin):]:
        return ()
    start = given.index(begin)
    return tuple(given[start + 1:given.index(end, start)])
