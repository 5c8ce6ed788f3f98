"""Sentences of what a host answers that no real one can be brought to answer here."""

from __future__ import annotations

import struct
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace
from oslo_utils.imageutils import format_inspector

from tiny_cloud.errors import Failure
from tiny_cloud.facts import ImageFacts
from tiny_cloud.host import (
    extents,
    guest,
    independent,
    inside,
    inspect,
    kernels,
    layers,
    libvirt_network,
)
from tiny_cloud.host.actions import guests as actions_guests
from tiny_cloud.host.hands import Hands, do
from tiny_cloud.insides import Drift, Inside
from tiny_cloud.libvirt_xml import Tap
from tiny_cloud.steps import EditGuest, ExtractKernel, RebaseDisk, RecallGuest, Stamp

DESCRIBED = {"virtual-size": 1 << 20, "format-specific": {"data": {"extents": []}}}


@pytest.mark.parametrize(("tripped", "said"), [
    (format_inspector.ImageFormatError("Region signature not found"), "region signature not found"),
    (struct.error("unpack requires a buffer of 8 bytes"), "its header is cut off or broken"),
])
def test_a_header_that_the_inspector_trips_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tripped: Exception, said: str
) -> None:
    (tmp_path / "image").write_bytes(bytes(512))

    def trip(path: str) -> None:
        raise tripped

    monkeypatch.setattr(independent, "_detected", trip)
    with pytest.raises(Failure, match=f"image is refused: {said}"):
        independent.look(str(tmp_path / "image"), "")


def test_qemu_sees_another_disk_than_we_in_a_split_vmdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect, "_independent", lambda *_: "vmdk")
    monkeypatch.setattr(inspect.qemu_img, "describe", lambda *_, **__: DESCRIBED)
    with pytest.raises(Failure, match=r"^/srv/a.vmdk is refused: qemu makes another disk of its"):
        inspect.inspect_split("/srv/a.vmdk", 2 << 20, "/srv/lab/a.part.extents/a.vmdk")


class Session:
    """Has a kernel in it, and copies half of whatever is asked for."""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def open(self, *_: str, readonly: bool) -> None:
        pass

    def sizes(self, folder: str) -> dict[str, int]:
        return {"vmlinuz-6.1.0-1-amd64": 10, "initrd.img-6.1.0-1-amd64": 10}

    def download(self, source: str, to: str) -> None:
        Path(to).write_bytes(bytes(5))


def test_a_kernel_that_comes_out_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "GuestSession", lambda *_, **__: Session())
    monkeypatch.setattr(guest, "entered", lambda *_: None)
    image, kernel, initrd = (tmp_path / name for name in ("image", "kernel", "initrd"))
    image.touch()
    step = ExtractKernel(str(image), "qcow2", str(kernel), str(initrd), "lab", "image/debian")
    with pytest.raises(Failure, match=r"image/debian: /boot/vmlinuz-\S+ was not copied as a whole"):
        kernels.extract(step, environ={}, progress=lambda text: None)
    assert [path.name for path in tmp_path.iterdir()] == ["image"]


def test_a_card_that_does_not_come_back_to_its_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: Any, **__: Any) -> None:
        pass

    domain = SimpleNamespace(name=lambda: "lab-web", updateDeviceFlags=nothing)
    network = SimpleNamespace(XMLDesc=lambda _: "<network><bridge name='virbr7'/></network>")
    there = libvirt_network.Networks(lambda: None, lambda doing: nullcontext())
    monkeypatch.setattr(type(there), "_lookup", lambda *_: network)
    monkeypatch.setattr(type(there), "_cards", lambda *_: [
        (domain, Tap("vnet3", "lan", "virbr0", "<interface/>"))])
    monkeypatch.setattr(libvirt_network, "ports_of", lambda bridge: [])
    monkeypatch.setattr(libvirt_network, "_exists", lambda device: True)
    monkeypatch.setattr(libvirt_network.command, "run", nothing)
    with pytest.raises(Failure, match="vnet3 of lab-web is not on the bridge virbr7") as it:
        there.reattach("lan")
    assert it.value.hint == "as root: ip link set dev vnet3 master virbr7"


def test_two_readers_see_two_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "image").write_bytes(bytes(512))
    monkeypatch.setattr(inspect, "_independent", lambda *_: "vdi")
    monkeypatch.setattr(inspect, "_told_by_qemu", lambda *_: {"format": "raw"})
    with pytest.raises(Failure, match="looks like vdi to one reader and like raw to another"):
        inspect.inspect(str(tmp_path / "image"))


def test_a_header_that_a_reader_does_not_survive(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> bytes:
        raise Failure("python3 failed (killed by SIGXCPU)")

    monkeypatch.setattr(inspect, "run", killed)
    with pytest.raises(Failure, match="/srv/a is refused: what it says of itself makes no") as it:
        inspect._independent("/srv/a", "")
    assert it.value.detail == "python3 failed (killed by SIGXCPU)"


@pytest.mark.parametrize(("facts", "said"), [
    (ImageFacts("qcow2", 8, 8, snapshots=("one", "two")), "has the snapshots one, two, which"),
    (ImageFacts("qcow2", 8, 8), "/srv/d.qcow2 of 8 bytes is smaller than /srv/b.qcow2 of 9 bytes"),
])
def test_a_disk_that_changed_since_it_was_to_be_rebased(
    monkeypatch: pytest.MonkeyPatch, facts: ImageFacts, said: str
) -> None:
    there = {"/srv/d.qcow2": facts, "/srv/b.qcow2": ImageFacts("qcow2", 9, 9)}
    monkeypatch.setattr(layers.qemu_img, "info", lambda path, form: there[path])
    stamp = Stamp("/srv/d.qcow2.part", "/srv/d.qcow2", "lab", "disk/d", {})
    with pytest.raises(Failure, match=said):
        layers._require_fit(RebaseDisk("/srv/d.qcow2", "qcow2", "/srv/b.qcow2", "qcow2", stamp))


def test_an_extent_that_is_no_sparse_one(tmp_path: Path) -> None:
    (tmp_path / "a-s001.vmdk").write_bytes(bytes(512))
    split = SimpleNamespace(extents=[SimpleNamespace(kind="SPARSE", sectors=63, offset=0)],
                            paths=[str(tmp_path / "a-s001.vmdk")])
    with pytest.raises(Failure, match="is not the extent that its descriptor says, a sparse one"):
        extents.require_whole(cast(extents.Split, split))


EDIT = EditGuest("guest/web", "/srv/d.qcow2", "qcow2", {}, fresh=False)


def test_a_guest_that_changed_since_it_was_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    drift = Drift("hostname", "/etc/hostname", ("web",), ("db",))
    monkeypatch.setattr(actions_guests.inside, "look", lambda *_, **__: Inside("debian", (drift,)))
    hands = cast(Hands, SimpleNamespace(appliance=dict))
    with pytest.raises(Failure, match="guest/web: inside it changed meanwhile: hostname"):
        do(RecallGuest(EDIT), hands, lambda *_: None)


def test_the_key_of_an_encrypted_disk_that_is_to_be_looked_into_is_not_there() -> None:
    step = replace(EDIT, secret={"env": "KEY"})
    with pytest.raises(Failure, match="its disk is encrypted, and the secret from env KEY is not"):
        inside._comparable(step, lambda secret: None)


def test_a_guest_whose_folders_have_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = iter(range(1000))
    writer = SimpleNamespace(asks=lambda wish, found: frozenset({f"/etc/skel/{next(asked)}"}))
    monkeypatch.setattr(guest, "writer_for", lambda *_: writer)
    monkeypatch.setattr(guest, "wish_of", lambda *_: None)
    session = SimpleNamespace(look=lambda asked: {})
    root = SimpleNamespace(distro="debian", version=(12, 0), product="")
    with pytest.raises(Failure, match="guest/web: folders in the guest are nested deeper than any"):
        guest.read(cast(Any, session), cast(Any, root), EDIT)
