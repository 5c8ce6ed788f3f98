"""What is made of answers that tools, servers and guests give: the sentence, and nothing done."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import libvirt
import pytest

from tests.hostile.hostile import FLAT
from tiny_cloud.ceph import Cluster
from tiny_cloud.errors import Failure
from tiny_cloud.facts import VolumeFacts
from tiny_cloud.guests.base import Found
from tiny_cloud.host import (
    debootstrap,
    digest,
    ends,
    fetch,
    guest,
    guest_session,
    guests_together,
    http,
    imports,
    inspect,
    libvirt_connection,
    libvirt_power,
    lvm,
    mounting,
    rbd,
    seeds,
)
from tiny_cloud.host.actions.secrets import _decoded
from tiny_cloud.host.guest_session import GuestSession
from tiny_cloud.host.libvirt import Libvirt
from tiny_cloud.looking import drives
from tiny_cloud.model import Address, Observed, Secret, Unknown
from tiny_cloud.steps import Debootstrap, Fetch, GrowVolume, ImportImage
from tiny_cloud.verbs import mount

HEX = "0" * 64


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        code, headers = {
            "/none": (404, {}), "/part": (206, {"Content-Range": "bytes 5-9/10"}),
            "/loop": (302, {"Location": "/loop"}),
        }[self.path]
        self.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        Thread(target=partial(served.serve_forever, poll_interval=0.01), daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


@pytest.mark.parametrize(("path", "said"), [
    ("/none", "/none answers 404 Not Found"),
    ("/part", "/part answers with a part that nobody asked for"),
    ("/loop", "/loop is the end of more than"),
])
def test_servers(server: str, tmp_path: Path, path: str, said: str) -> None:
    with pytest.raises(Failure, match=said):
        fetch.fetch(Fetch(f"{server}{path}", "sha256", HEX, str(tmp_path / "a.part")))


def test_a_server_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "RETRY", http.RETRY.new(total=0))
    monkeypatch.setattr(fetch, "PAUSE", 0.01)
    step = Fetch("http://127.0.0.1:1/a", "sha256", HEX, str(tmp_path / "a.part"))
    with pytest.raises(Failure, match=r"127\.0\.0\.1:1/a could not be downloaded") as caught:
        fetch.fetch(step)
    assert "refused" in caught.value.detail


def test_a_file_that_is_cut_off_or_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    with pytest.raises(Failure, match="a is cut off: it has 5 bytes of at least 6"):
        ends.require(str(tmp_path / "a"), 6)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(digest.os, "stat", refused)
    with pytest.raises(Failure, match="a may not be read"):
        digest.sha256(str(tmp_path / "a"), tmp_path)


@pytest.fixture
def split(tmp_path: Path) -> Path:
    (tmp_path / "a.vmdk").write_text(f'{FLAT}RW 16 FLAT "a-flat.vmdk" 0\n')
    (tmp_path / "a-flat.vmdk").write_bytes(bytes(8192))
    return tmp_path / "a.vmdk"


@pytest.mark.parametrize(("step", "said"), [
    ({"remove_source": True}, "is a VMDK's descriptor, and its extents were not downloaded"),
    ({"format": "qcow2"}, "is declared as qcow2 and is in fact vmdk"),
])
def test_a_disk_in_several_files(split: Path, step: dict[str, Any], said: str) -> None:
    wanted = {"source": str(split), "format": "", "to": f"{split}.part", **step}
    with pytest.raises(Failure, match=said), imports._opened(ImportImage(**wanted)):
        pass


def test_an_extent_that_is_missing(split: Path) -> None:
    split.with_name("a-flat.vmdk").unlink()
    with (pytest.raises(Failure, match=r"a\.vmdk lacks 1 of its 1 extents"),
          imports._opened(ImportImage(str(split), "", f"{split}.part"))):
        pass


def test_the_digest_of_a_descriptor_alone(split: Path) -> None:
    alone = digest.of_file(str(split), "sha256")
    step = ImportImage(str(split), "", f"{split}.part", digest=f"sha256:{alone}")
    with pytest.raises(Failure, match="is one of several files, and its digest alone says"):
        imports._check_digest(step)
    other = ImportImage(str(split), "", f"{split}.part", digest=f"sha256:{HEX}")
    with pytest.raises(Failure, match=f"and not {HEX}, which it had when the plan was made"):
        imports._check_digest(other)


@pytest.mark.parametrize(("facts", "said"), [
    ({"backing-filename": "/etc/shadow"}, "it has a backing file"),
    ({"encrypted": True}, "it is encrypted"),
    ({"dirty-flag": True}, "it was not closed properly and is marked dirty"),
    ({"format-specific": {"data": {"corrupt": True}}}, "it is marked corrupt"),
])
def test_what_qemu_says_of_a_foreign_image(facts: dict[str, Any], said: str) -> None:
    with pytest.raises(Failure, match=f"a.img is refused: {said}"):
        inspect._refuse_dependent("a.img", facts)


def volume(name: str, **more: Any) -> VolumeFacts:
    return VolumeFacts("vg0", name, "uuid", 8 << 20, more.pop("type", "linear"), **more)


def test_logical_volumes(monkeypatch: pytest.MonkeyPatch) -> None:
    blind = Unknown("LVM may not see devices", "run as root")
    monkeypatch.setattr(lvm, "_report", lambda *_: blind)
    with pytest.raises(Failure, match="LVM may not see devices"):
        lvm.need("/dev/vg0/a")
    with pytest.raises(Failure, match="LVM may not see devices"):
        lvm.find("/dev/vg0/a")
    monkeypatch.setattr(lvm, "need", lambda path: volume("a"))
    with pytest.raises(Failure, match="/dev/vg0/a has 8388608 bytes and is never shrunk"):
        lvm.grow(GrowVolume("/dev/vg0/a", 4 << 20), 0)
    there = {one.path: one for one in (volume("pool", type="thin-pool"),
                                       volume("inside", pool="pool"))}
    monkeypatch.setattr(lvm, "volumes", lambda: there)
    with pytest.raises(Failure, match="/dev/vg0/inside is not ours, and stays"):
        lvm.remove_unfinished("/dev/vg0/inside", "lab", 0)
    with pytest.raises(Failure, match="/dev/vg0/inside would go with /dev/vg0/pool, and is not"):
        lvm.purge([there["/dev/vg0/pool"]], 0)


def test_ceph() -> None:
    cluster = Cluster(("127.0.0.1:1",))
    with pytest.raises(Failure, match=r"no monitor of Ceph at 127\.0\.0\.1:1 answers: "):
        rbd._require_answer(cluster)
    answer = {"at": "image", "errno": errno.EBUSY, "error": "busy"}
    told = rbd._failure(cluster, "look", ("pool/image",), answer)
    assert told.summary.endswith(
        "cannot look at pool/image: somebody has the image open")
    assert told.hint == "rbd status pool/image says who"
    with pytest.raises(Failure, match="the secret from env KEY is no ceph key"):
        _decoded("not base64!", Secret("env", "KEY"))


@pytest.mark.parametrize(("operation", "code", "said"), [
    ("open", "binding", "web: libguestfs's Python binding is not installed"),
    ("write", "refused", "web: why"),
    ("open", "error", "web: the libguestfs appliance did not start: why"),
    ("write", "error", r"web: libguestfs failed \(write\): why"),
])
def test_the_guest_worker(operation: str, code: str, said: str) -> None:
    session = GuestSession.__new__(GuestSession)
    session.who, session.errors = "web", io.BytesIO(b"what it said")  # type: ignore[assignment]
    with pytest.raises(Failure, match=said):
        raise session._failure(operation, code, "why")


def test_a_hash_that_is_none() -> None:
    step: Any = SimpleNamespace(
        address="guest/web", settings={"users": {"root": {"password": {"hash": "plain"}}}})
    with pytest.raises(Failure, match="guest/web: the hash for user root is no crypt"):
        seeds._hashes(step, {}, lambda reference: "")


def test_a_machine_id_that_did_not_arrive() -> None:
    session: Any = SimpleNamespace(enter=lambda *_: None, look=lambda _: {}, leave=lambda: None)
    made = guest.Prepared({}, (), (), False)
    clones: Any = SimpleNamespace(partitions=())
    with pytest.raises(Failure, match="disk 3 of the appliance does not have what was written"):
        guests_together.read_back(3, made, session, clones)


def test_building_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Debootstrap("bookworm", (), "", 1 << 20, "/srv/a.part")
    with pytest.raises(Failure, match="a disk of 1048576 bytes has no room for bookworm"):
        debootstrap._check(step)
    monkeypatch.setattr(debootstrap.platform, "machine", lambda: "aarch64")
    with pytest.raises(Failure, match="images are built for x86_64 only, and this host is aarch6"):
        debootstrap._check(step)


def test_libvirt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own test driver has one machine, and that runs."""
    connection = Libvirt("test:///default")
    with pytest.raises(Failure, match="test is running, so its definition stays"):
        connection.undefine("test")
    with pytest.raises(Failure, match="cannot do it"), connection._failing("cannot do it"):
        connection._open().lookupByName("none")
    domain = libvirt.open("test:///default").lookupByName("test")
    assert libvirt_power.still_on(domain, 5).summary == "test did not power off within 5 s"
    domain.suspend()
    assert libvirt_power.still_on(domain, 5).summary == "test is paused and cannot power off"
    monkeypatch.setattr(libvirt_connection, "libvirt", None)
    with pytest.raises(Failure, match="libvirt's Python binding is not installed"):
        libvirt_connection.require_binding()


@pytest.mark.parametrize(("kind", "fields", "said"), [
    ("rbdimage", {}, "rbdimage/a is an image of Ceph"),
    ("disk", {"encryption.format": "luks"}, "disk/a is encrypted"),
])
def test_what_is_not_looked_into(kind: str, fields: dict[str, Any], said: str) -> None:
    thing: Any = SimpleNamespace(address=Address(kind, "a"))
    view = SimpleNamespace(owned=[], actual={thing.address: Observed(fields)})
    workspace: Any = SimpleNamespace(resources=[thing], look=lambda: view)
    with pytest.raises(Failure, match=said):
        list(drives(workspace, [thing.address]))


def test_a_place_to_mount_is_empty(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (pytest.raises(Failure, match="is not an empty folder"),
          mount._place(str(tmp_path), "web")):
        pass


def test_a_worker_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    session = GuestSession.__new__(GuestSession)
    session.who, session.errors, session.written = (  # type: ignore[assignment]
        "web", io.BytesIO(b"killed"), ("/srv",))
    session.child = SimpleNamespace(  # type: ignore[assignment]
        stdin=io.BytesIO(), stdout=io.BytesIO(), kill=lambda: None)
    monkeypatch.setattr(guest_session, "is_full", lambda folder: False)
    with pytest.raises(Failure, match=r"the libguestfs worker gave no answer \(sizes\)") as told:
        session.sizes("/boot")
    assert told.value.detail == "killed"
    monkeypatch.setattr(guest_session, "is_full", lambda folder: True)
    with pytest.raises(Failure, match="web: No space left on device: /srv"):
        session.sizes("/boot")


def test_a_mount_that_does_not_come_or_does_not_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child: Any = SimpleNamespace(poll=lambda: 1)
    said = io.BytesIO(b"libguestfs: error: no operating system\nmore")
    with pytest.raises(Failure, match="nothing could be mounted: no operating system"):
        mounting._await(child, str(tmp_path), said)

    def busy(argv: tuple[str, ...], **_: object) -> None:
        if argv[0] == "guestunmount":
            raise Failure("it is busy")

    monkeypatch.setattr(mounting.os.path, "ismount", lambda folder: True)
    monkeypatch.setattr(mounting.command, "run", busy)
    with pytest.raises(Failure, match="was in use, and is gone all the same"):
        mounting._unmount(child, str(tmp_path))


def test_a_hash_for_a_disk_that_is_none() -> None:
    step: Any = SimpleNamespace(
        address="guest/web", settings={"users": {"root": {"password": {"hash": "plain"}}}})
    writer: Any = SimpleNamespace(crypt_method=lambda found: "sha512")
    with pytest.raises(Failure, match="guest/web: the hash for user root is no crypt"):
        guest.hashes_for(step, writer, Found("debian"), lambda reference: "")
