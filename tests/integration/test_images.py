"""Images from elsewhere with the real qemu-img, and downloads from a server that misbehaves."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tiny_cloud.errors import Failure
from tiny_cloud.events import Amount
from tiny_cloud.host import fetch as fetching
from tiny_cloud.host import qemu_img
from tiny_cloud.host.command import run
from tiny_cloud.host.fetch import fetch
from tiny_cloud.host.imports import import_image
from tiny_cloud.host.inspect import Inspected, inspect
from tiny_cloud.host.space import require_space
from tiny_cloud.model import Unknown
from tiny_cloud.steps import Fetch, ImportImage

pytestmark = pytest.mark.integration

GIB = 1 << 30
BODY = os.urandom(3 << 20) + bytes(1 << 20) + os.urandom(12345)
SHA256 = hashlib.sha256(BODY).hexdigest()
SHA512 = hashlib.sha512(BODY).hexdigest()


# --- commands ------------------------------------------------------------------------------------

def test_a_failing_command_says_what_it_was_and_why() -> None:
    with pytest.raises(Failure) as raised:
        run(("qemu-img", "info", "/nonexistent image"))
    assert "No such file" in raised.value.summary
    assert raised.value.detail.startswith("$ qemu-img info '/nonexistent image'\n")


def test_a_command_that_hangs_is_ended_and_does_not_stay() -> None:
    with pytest.raises(Failure, match=r"did not finish within 0\.3 s"):
        run(("sleep", "61.25"), timeout=0.3)
    assert b"61.25" not in run(("ps", "-eo", "args"))


def test_much_input_output_and_stderr_do_not_block_each_other() -> None:
    big = b"x" * (4 << 20)
    assert run(("tee", "/dev/stderr"), input=big) == big


def test_a_foreign_call_may_neither_compute_nor_allocate_for_ever() -> None:
    with pytest.raises(Failure):
        run(("python3", "-c", "x = bytearray(2 << 30)"), foreign=True)
    with pytest.raises(Failure, match="printed more than"):
        run(("yes",), foreign=True)


def test_an_inherited_descriptor_outlives_the_call(tmp_path: Path) -> None:
    with open(tmp_path / "lock", "w") as lock:
        listed = run(("readlink", f"/proc/self/fd/{lock.fileno()}"), pass_fds=[lock.fileno()])
    assert listed.decode().strip() == str(tmp_path / "lock")


# --- qemu-img ------------------------------------------------------------------------------------

def test_an_overlay_names_its_base_and_is_never_smaller(tmp_path: Path) -> None:
    base, overlay = str(tmp_path / "base.qcow2"), str(tmp_path / "disk.qcow2.part")
    qemu_img.create(base, "qcow2", GIB)
    Path(overlay).write_text("left by a killed run")
    qemu_img.create(overlay, "qcow2", 2 * GIB, base, "qcow2")
    facts = qemu_img.info(overlay, "qcow2")
    assert (facts.virtual_size, facts.backing, facts.backing_format) == (2 * GIB, base, "qcow2")
    with pytest.raises(Failure, match=f"{GIB // 2} bytes is smaller than .* of {GIB} bytes"):
        qemu_img.create(str(tmp_path / "small.part"), "qcow2", GIB // 2, base, "qcow2")
    assert not (tmp_path / "small.part").exists()


def test_create_never_goes_over_a_finished_file(tmp_path: Path) -> None:
    precious = tmp_path / "disk.qcow2"
    precious.write_text("data")
    with pytest.raises(Failure, match="exists already"):
        qemu_img.create(str(precious), "qcow2", GIB)
    assert precious.read_text() == "data"


def test_resize_grows_and_never_shrinks(tmp_path: Path) -> None:
    disk = str(tmp_path / "disk.raw")
    qemu_img.create(disk, "raw", GIB)
    qemu_img.resize(disk, "raw", 2 * GIB)
    with pytest.raises(Failure, match="never shrunk"):
        qemu_img.resize(disk, "raw", GIB)
    assert qemu_img.info(disk, "raw").virtual_size == 2 * GIB


def test_many_images_are_asked_at_once_and_absent_is_not_unknown(tmp_path: Path) -> None:
    good, torn, folder = (str(tmp_path / name) for name in ("good.qcow2", "torn.qcow2", "folder"))
    qemu_img.create(good, "qcow2", GIB)
    Path(torn).write_bytes(b"QFI\xfb" + bytes(600))
    os.mkdir(folder)
    os.symlink("nowhere", tmp_path / "dangling")
    found = qemu_img.infos({path: "qcow2" for path in (
        good, torn, folder, str(tmp_path / "absent"), str(tmp_path / "dangling"))})
    assert {Path(path).name: isinstance(facts, Unknown) for path, facts in found.items()} == {
        "good.qcow2": False, "torn.qcow2": True, "folder": True, "dangling": True}


# --- inspection ----------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A raw disk with something on it."""
    path = tmp_path_factory.mktemp("disk") / "disk.raw"
    with open(path, "wb") as file:
        file.write(b"boot" + bytes(1 << 16) + os.urandom(1 << 18))
        file.truncate(64 << 20)
    return path


def convert(source: Path, to: Path, format: str, *options: str) -> Path:
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", format, *options, source, to],
                   check=True)
    return to


@pytest.mark.parametrize(("format", "options"), [
    ("raw", ()), ("qcow2", ()), ("qcow2", ("-c",)), ("vmdk", ()), ("vdi", ()), ("vhdx", ()),
    ("vmdk", ("-o", "subformat=streamOptimized")), ("vpc", ()),
    ("vpc", ("-o", "subformat=fixed,force_size=on")),
])
def test_every_sane_format_is_imported_whole(
    disk: Path, tmp_path: Path, format: str, options: tuple[str, ...]
) -> None:
    source = convert(disk, tmp_path / "source", format, *options)
    before = hashlib.sha256(source.read_bytes()).hexdigest()
    seen: list[Amount] = []
    to = str(tmp_path / "base.qcow2.part")
    Path(to).write_text("left by a killed run")
    import_image(ImportImage(str(source), format, to, digest=f"sha256:{before}"), seen.append)
    facts = qemu_img.info(to, "qcow2")
    assert (facts.format, facts.backing) == ("qcow2", "")
    assert facts.virtual_size >= 64 << 20
    run(("qemu-img", "compare", "-f", format, "-F", "qcow2", str(source), to))
    assert seen[-1] == Amount(facts.virtual_size, facts.virtual_size)
    assert hashlib.sha256(source.read_bytes()).hexdigest() == before


def test_an_image_that_nobody_has_written_to_is_not_cut_off(tmp_path: Path) -> None:
    source = tmp_path / "new.qcow2"
    qemu_img.create(str(source), "qcow2", GIB)
    import_image(ImportImage(str(source), "", f"{tmp_path}/base.part"))
    assert qemu_img.info(f"{tmp_path}/base.part", "qcow2").virtual_size == GIB


def test_an_undeclared_format_is_found_out(disk: Path, tmp_path: Path) -> None:
    source = convert(disk, tmp_path / "source", "vmdk")
    assert inspect(str(source)) == Inspected("vmdk", 64 << 20)


def test_a_disk_with_a_partition_table_is_raw(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    entry = bytes([0x80, 0, 2, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0])
    path.write_bytes(bytes(446) + entry + bytes(48) + b"\x55\xaa" + bytes(1 << 20))
    assert inspect(str(path), "raw").format == "raw"


def poke(path: Path, offset: int, content: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(content)


def with_backing(disk: Path, path: Path) -> None:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw",
                    path], check=True)


def with_json_backing(disk: Path, path: Path) -> None:
    convert(disk, path, "qcow2")
    name = b'json:{"driver":"nbd","host":"127.0.0.1"}'
    poke(path, 512, name)
    poke(path, 8, (512).to_bytes(8, "big") + len(name).to_bytes(4, "big"))


def with_data_file(disk: Path, path: Path) -> None:
    convert(disk, path, "qcow2", "-o", f"data_file={path}.data")


def vmdk_that_reads_passwd(disk: Path, path: Path) -> None:
    path.write_text('# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n'
                    'createType="monolithicFlat"\nRW 16 FLAT "/etc/passwd" 0\n')


def vmdk_with_a_foreign_extent(disk: Path, path: Path) -> None:
    convert(disk, path, "vmdk")
    content = path.read_bytes()
    start = content.index(b'SPARSE "') + 8
    poke(path, start, b'/etc/passwd"\n')


def differencing_vhd(disk: Path, path: Path) -> None:
    convert(disk, path, "vpc")
    poke(path, 60, (4).to_bytes(4, "big"))


def qcow2_of(offset: int, content: bytes) -> Callable[[Path, Path], None]:
    def make(disk: Path, path: Path) -> None:
        convert(disk, path, "qcow2")
        poke(path, offset, content)
    return make


def cut_off(disk: Path, path: Path) -> None:
    convert(disk, path, "qcow2")
    os.truncate(path, path.stat().st_size - (1 << 17))


# Byte 79 has the lowest of the incompatible feature bits; the virtual size begins at 24, the
# encryption method at 32 (docs/interop/qcow2.txt of QEMU).
HOSTILE: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "backing file": (with_backing, "backing file"),
    "backing file in JSON": (with_json_backing, "backing file"),
    "data file": (with_data_file, "another file"),
    "unknown feature": (qcow2_of(79, b"\x80"), "not known here"),
    "dirty": (qcow2_of(79, b"\x01"), "dirty"),
    "corrupt": (qcow2_of(79, b"\x02"), "corrupt"),
    "32 PiB": (qcow2_of(24, b"\x00\x80" + bytes(6)), "claims a disk of 32768 TiB"),
    "version 1": (qcow2_of(7, b"\x01"), "qcow header is cut off or broken"),
    "version 9": (qcow2_of(7, b"\x09"), "not known here"),
    "encrypted": (qcow2_of(32, (1).to_bytes(4, "big")), "encrypted"),
    "VMDK descriptor": (vmdk_that_reads_passwd, "'/etc/passwd' is no file beside it"),
    "VMDK extent": (vmdk_with_a_foreign_extent, "refused"),
    "differencing VHD": (differencing_vhd, "difference to another"),
    "cut off": (cut_off, "cut off"),
    "empty": (lambda disk, path: path.touch(), "is empty"),
    "pipe": (lambda disk, path: os.mkfifo(path), "not a regular file"),
    "absent": (lambda disk, path: None, "No such file"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_or_broken_is_refused_in_a_sentence(
    name: str, disk: Path, tmp_path: Path
) -> None:
    make, said = HOSTILE[name]
    source, to = tmp_path / "source", tmp_path / "base.qcow2.part"
    make(disk, source)
    with pytest.raises(Failure, match=said) as raised:
        import_image(ImportImage(str(source), "", str(to)))
    assert "\n" not in raised.value.summary
    assert not to.exists()


def test_a_declared_format_must_be_the_real_one(disk: Path, tmp_path: Path) -> None:
    source = convert(disk, tmp_path / "source", "qcow2")
    with pytest.raises(Failure, match="declared as raw and is in fact qcow2"):
        inspect(str(source), "raw")


def test_a_source_that_changed_since_the_plan_is_refused(disk: Path, tmp_path: Path) -> None:
    to = tmp_path / "base.qcow2.part"
    with pytest.raises(Failure, match="plan was made"):
        import_image(ImportImage(str(disk), "raw", str(to), digest=f"sha256:{'0' * 64}"))
    assert not to.exists()


def test_too_little_space_is_said_before_anything_is_written(
    disk: Path, tmp_path: Path
) -> None:
    needed = 1 << 62
    with pytest.raises(Failure, match=rf"needs {needed} bytes and .* has \d+ bytes free"):
        require_space(str(tmp_path / "x"), needed, "it")


# --- downloads -----------------------------------------------------------------------------------

class Server(ThreadingHTTPServer):
    """Serves BODY; ``mischief`` says how badly, ``requests`` what was asked for."""

    daemon_threads = True
    mischief = ""
    broken = 0
    requests: list[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.server.requests.append(f"{self.path} {asked}".strip())
        if self.path == "/SUMS":
            return self.answer(200, f"{SHA256}  image.qcow2\n".encode())
        if self.path == "/loop":
            return self.answer(302, b"", ("Location", "/loop"))
        if self.path == "/moved":
            return self.answer(302, b"", ("Location", "/image.qcow2"))
        if self.path == "/endless":
            return self.go_on()
        if self.path != "/image.qcow2":
            return self.answer(404, b"")
        if self.server.mischief == "busy" and not self.server.broken:
            self.server.broken += 1
            return self.answer(503, b"")
        ranges = self.server.mischief not in ("no ranges", "truncates")
        self.serve(int(asked[6:-1]) if asked and ranges else 0)

    def serve(self, start: int) -> None:
        body = BODY[start:]
        if self.server.mischief == "lies":
            body = bytes(len(body))
        if start >= len(BODY):
            return self.answer(416, b"", ("Content-Range", f"bytes */{len(BODY)}"))
        status, extra = 200, ("Accept-Ranges", "bytes")
        if start:
            status = 206
            extra = ("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        breaks = {"breaks": 2, "no ranges": 1, "truncates": 1000}.get(self.server.mischief, 0)
        if self.server.broken >= breaks:
            return self.answer(status, body, extra)
        self.server.broken += 1
        self.answer(status, body[:len(body) // 2], extra, length=len(body))
        self.close_connection = True

    def go_on(self) -> None:
        """Without a length, for as long as anybody listens (RFC 9112, 6.3)."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with suppress(BrokenPipeError, ConnectionResetError):
            while True:
                self.wfile.write(BODY)

    def answer(
        self, status: int, body: bytes, *headers: tuple[str, str], length: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def serving() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.requests = []
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(fetching, "PAUSE", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as running:
        yield running


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "image.part"


def image(server: Server, to: Path, digest: str = SHA512, path: str = "/image.qcow2") -> Fetch:
    algorithm = "sha512" if len(digest) == 128 else "sha256"
    return Fetch(server.url + path, algorithm, digest, str(to))


def test_a_download_arrives_whole_and_reports_its_progress(server: Server, to: Path) -> None:
    seen: list[tuple[int, int]] = []
    fetch(image(server, to), lambda done, total: seen.append((done, total)))
    assert to.read_bytes() == BODY
    assert seen[-1] == (len(BODY), len(BODY))
    assert to.stat().st_mode & 0o777 == 0o600


def test_broken_connections_are_resumed_where_they_broke(server: Server, to: Path) -> None:
    server.mischief = "breaks"
    fetch(image(server, to))
    half = len(BODY) // 2
    quarter = half + (len(BODY) - half) // 2
    assert to.read_bytes() == BODY
    assert server.requests == ["/image.qcow2", f"/image.qcow2 bytes={half}-",
                               f"/image.qcow2 bytes={quarter}-"]


def test_a_server_without_ranges_starts_again(server: Server, to: Path) -> None:
    server.mischief = "no ranges"
    fetch(image(server, to))
    assert to.read_bytes() == BODY


def test_a_download_that_is_always_cut_off_is_never_accepted(server: Server, to: Path) -> None:
    server.mischief = "truncates"
    with pytest.raises(Failure, match="could not be downloaded"):
        fetch(image(server, to))
    assert len(server.requests) == 1 + fetching.BREAKS
    assert not to.exists() or to.read_bytes() != BODY


def test_a_part_of_a_killed_run_is_built_upon(server: Server, to: Path) -> None:
    to.write_bytes(BODY[:100_000])
    fetch(image(server, to))
    assert to.read_bytes() == BODY
    assert server.requests == ["/image.qcow2 bytes=100000-"]


def test_a_part_that_is_whole_is_not_fetched_again(server: Server, to: Path) -> None:
    to.write_bytes(BODY)
    fetch(image(server, to))
    assert to.read_bytes() == BODY


@pytest.mark.parametrize("left", [b"something else", bytes(len(BODY) + 1)])
def test_a_part_of_something_else_is_thrown_away(server: Server, to: Path, left: bytes) -> None:
    to.write_bytes(left)
    fetch(image(server, to))
    assert to.read_bytes() == BODY


def test_wrong_content_is_removed_and_both_digests_are_named(server: Server, to: Path) -> None:
    server.mischief = "lies"
    actual = hashlib.sha256(bytes(len(BODY))).hexdigest()
    with pytest.raises(Failure, match=f"sha256 {actual} and should have {SHA256}"):
        fetch(image(server, to, SHA256))
    assert not to.exists()


def test_a_busy_server_is_asked_again(server: Server, to: Path) -> None:
    server.mischief = "busy"
    fetch(image(server, to))
    assert to.read_bytes() == BODY


def test_redirects_are_followed_but_not_for_ever(server: Server, to: Path) -> None:
    fetch(image(server, to, path="/moved"))
    assert to.read_bytes() == BODY
    with pytest.raises(Failure, match="more than 5 redirects"):
        fetch(image(server, to, path="/loop"))


def test_a_server_that_does_not_end_does_not_fill_the_disk(
    server: Server, tmp_path: Path
) -> None:
    size = fetching.LEFT_ALONE + (8 << 20)
    subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", tmp_path), check=True)
    try:
        to = tmp_path / "image.part"
        with pytest.raises(Failure, match="/endless, whose length nobody says, needs"):
            fetch(image(server, to, path="/endless"))
        assert not to.exists()
    finally:
        subprocess.run(("umount", tmp_path), check=True)


def test_an_absent_file_is_said_so(server: Server, to: Path) -> None:
    with pytest.raises(Failure, match="answers 404"):
        fetch(image(server, to, path="/nothing"))


def test_a_published_sums_file_gives_the_digest(server: Server, to: Path) -> None:
    step = Fetch(f"{server.url}/image.qcow2", "", "", str(to), sums=f"{server.url}/SUMS")
    fetch(step)
    assert to.read_bytes() == BODY


def test_a_proxy_of_the_environment_is_used(
    server: Server, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    with pytest.raises(Failure, match="answers 404"):
        fetch(Fetch("http://images.example.org/image.qcow2", "sha512", SHA512, str(to)))
    assert server.requests == ["http://images.example.org/image.qcow2"]


def test_a_local_file_is_copied_with_its_holes(tmp_path: Path, to: Path) -> None:
    source = tmp_path / "a file.img"
    with open(source, "wb") as file:
        file.write(BODY)
        file.truncate(64 << 20)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    fetch(Fetch(source.as_uri(), "sha256", digest, str(to)))
    assert to.read_bytes() == source.read_bytes()
    assert to.stat().st_blocks * 512 < 8 << 20
    with pytest.raises(Failure, match="should have"):
        fetch(Fetch(source.as_uri(), "sha256", SHA256, str(to)))
    assert not to.exists()


def test_a_download_never_goes_through_a_link(server: Server, to: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("data")
    to.symlink_to(precious)
    with pytest.raises(Failure, match="cannot be written"):
        fetch(image(server, to))
    assert precious.read_text() == "data"


def test_a_port_that_nobody_listens_on_is_a_sentence(to: Path, server: Server) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/image.qcow2"
        with pytest.raises(Failure, match="could not be downloaded"):
            fetch(Fetch(url, "sha512", SHA512, str(to)))
