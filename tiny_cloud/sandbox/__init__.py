"""Throw-away machines: a cloud of its own, in a folder of its own, that goes with all in it.

The folder says what was declared (``manifest.yaml``), so that whoever finds it can clear it away
too: another process after a kill, or a person with ``tinycloud destroy``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import tiny_cloud
from tiny_cloud.document import API_VERSION
from tiny_cloud.given import texts
from tiny_cloud.sandbox import images
from tiny_cloud.sandbox.clearing import MANIFEST, STORAGE, clear
from tiny_cloud.sandbox.machine import SandboxMachine, entered, free_ports, shut
from tiny_cloud.sandbox.work import carry_out

__all__ = ["Sandbox", "SandboxMachine"]

PLACE = "/var/tmp"
"""For what is larger than what belongs into /tmp (hier(7))."""
SMALL: Mapping[str, Any] = {"cpus": 1, "memory": "512MiB", "stopTimeout": 1}
"""What machines have that do not say it. Nobody waits for a guest that is thrown away."""
Document: TypeAlias = Mapping[str, Any]


class Sandbox:
    """A cloud that lives until ``close``; with ``with``, until the end of the block."""

    def __init__(
        self, name: str, folder: Path | None = None, shared: Path | None = None, connect: str = ""
    ) -> None:
        """``name``: of the cloud; libvirt calls its machines NAME-MACHINE. ``folder`` is made here,
        and removed at the end; libvirt's qemu user has to get there, so none above it may be closed
        to that; without it, it is a new one below /var/tmp. ``shared``: a folder for images, which
        other sandboxes may use as well. ``connect``: libvirt's URI.

        Raises OSError, as when there is such a folder already.
        """
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=PLACE))
        else:
            folder.mkdir()
        folder.chmod(0o711)
        self.name, self.folder, self.connect = name, folder, connect
        self.shared = shared or folder / "images"
        self._cloud = images.document("Cloud", name, {"storage": folder / STORAGE})
        self._declared: list[Document] = []

    def declare(self, *documents: Document) -> None:
        """Make what these documents say, beside what was declared before; one of the same kind and
        name takes its place. Relative paths start from the working folder. Without ``apiVersion``
        it is the current one. Raises Problems, Failure.
        """
        self._apply([{"apiVersion": API_VERSION, **document} for document in documents])

    def machines(
        self, *names: str, image: images.Image | None = None, **spec: Any
    ) -> list[SandboxMachine]:
        """Make and start machines that are alike, all at once. Raises Problems, Failure.

        ``image``: the path of a disk image, or the ``spec`` of an Image: each machine gets a disk
        ``root`` on it. A machine with an image and without ``interfaces`` can be entered (``run``):
        it has a card with a port of this host forwarded to its ssh server, and root takes a key of
        this sandbox's. ``guest=None``: nothing is written into it, and nobody enters. Everything
        else is as in a manifest's ``spec``; by default 1 CPU and 512 MiB.
        """
        documents: list[Document] = []
        if image is not None:
            name = images.name_of(image)
            shared = images.made(image, self.shared, self.connect)
            documents.append(images.document("Image", name, shared))
            root = {"name": "root", "image": name}
            spec = {**spec, "disks": [root, *spec.get("disks", ())]}
        silent = spec.get("guest", {}) is None
        spec = {key: value for key, value in spec.items() if value is not None}
        way = shut if image is None or silent or "interfaces" in spec else entered
        made = []
        for name, port in zip(names, free_ports(len(names)), strict=True):
            machine, its = way(name, self.folder, spec, port)
            documents.append(images.document("VirtualMachine", name, {**SMALL, **its}))
            made.append(machine)
        self._apply(documents)
        return made

    def machine(self, name: str = "machine", **words: Any) -> SandboxMachine:
        """One, as ``machines`` makes them. Raises Problems, Failure."""
        return self.machines(name, **words)[0]

    def look(self) -> tiny_cloud.View:
        """What is there now. Raises Failure."""
        return self._load(self._declared).look()

    def close(self) -> None:
        """Power off and delete everything. Raises Problems, Failure; then the folder stays."""
        clear(self.folder, self.connect)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _load(self, documents: Iterable[Document]) -> tiny_cloud.Workspace:
        # The variable TINYCLOUD_STORAGE is not for throw-away things.
        return tiny_cloud.load(documents=[*documents, self._cloud], connect=self.connect,
                               storage=str(self.folder / STORAGE))

    def _apply(self, documents: Sequence[Document]) -> None:
        new = [_who(one) for one in documents]
        # First those that the caller has given: a problem names a document by its number.
        wanted = [*documents, *(one for one in self._declared if _who(one) not in new)]
        planned = self._load(wanted).plan()
        # From here on something may come to be.
        self._declared = wanted
        written = texts([self._cloud, *wanted]).values()
        (self.folder / MANIFEST).write_text("\n---\n".join(written), encoding="utf-8")
        carry_out(planned)


def _who(document: Document) -> tuple[object, object]:
    """What makes two documents the same thing; of what is no document, nothing."""
    metadata = document.get("metadata")
    return document.get("kind"), metadata.get("name") if isinstance(metadata, Mapping) else document
