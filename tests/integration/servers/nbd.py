"""NBD servers: qemu-nbd at a socket and at a port, nbdkit where TLS is a must."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.servers import free_port, listens, process, run, wait

PLACES = (Path("/etc/pki/libvirt-nbd"), Path("/etc/pki/qemu"))
"""Where libvirt looks for certificates that qemu.conf says nothing of: in the first one, if it was
there when libvirtd started, else in the second."""


@contextmanager
def at_socket(folder: Path, disk: Path) -> Iterator[Path]:
    socket, log = folder / "nbd.sock", folder / "nbd-socket.log"
    with process("qemu-nbd", "--persistent", "--shared=4", "-f", "raw", "-k", str(socket),
                 str(disk), log=log):
        wait(socket.exists, log)
        socket.chmod(0o666)  # libvirt's qemu user
        yield socket


@contextmanager
def at_port(folder: Path, disk: Path, export: str) -> Iterator[int]:
    port, log = free_port(), folder / "nbd-port.log"
    with process("qemu-nbd", "--persistent", "--shared=4", "-f", "raw", "-b", "127.0.0.1",
                 "-p", str(port), "-x", export, str(disk), log=log):
        wait(lambda: listens(port), log)
        yield port


@contextmanager
def over_tls(folder: Path, disk: Path) -> Iterator[int]:
    """nbdkit that takes nobody without a certificate of our authority; the host has one."""
    port, log, place = free_port(), folder / "nbdkit.log", _place()
    _certificates(folder / "server", place)
    try:
        with process("nbdkit", "-f", "-i", "127.0.0.1", "-p", str(port), "--tls=require",
                     "--tls-verify-peer", f"--tls-certificates={folder / 'server'}",
                     "file", str(disk), log=log):
            wait(lambda: listens(port), log)
            yield port
    finally:
        for file in ("ca-cert.pem", "client-cert.pem", "client-key.pem"):
            (place / file).unlink()


def _place() -> Path:
    place = next((place for place in PLACES if place.is_dir()), PLACES[-1])
    assert not (place / "ca-cert.pem").exists(), f"{place} has somebody's certificates"
    place.mkdir(parents=True, exist_ok=True)
    return place


def _certificates(server: Path, client: Path) -> None:
    """As qemu wants them (qemu's docs/system/tls.rst), made by certtool(1)."""
    server.mkdir()
    authority = _signed(server, "ca", "cn = tctn\nca\ncert_signing_key\n")
    _signed(server, "server", "cn = 127.0.0.1\nip_address = 127.0.0.1\ntls_www_server\n"
            "signing_key\nencryption_key\n", authority)
    _signed(client, "client", "cn = tctn\ntls_www_client\nsigning_key\nencryption_key\n", authority)
    (client / "ca-cert.pem").write_bytes((server / "ca-cert.pem").read_bytes())
    for file in client.iterdir():
        file.chmod(0o644)  # libvirt's qemu user


def _signed(folder: Path, name: str, words: str, authority: Path | None = None) -> Path:
    """The folder with a key and a certificate of this name."""
    key, made, template = (folder / f"{name}-{end}" for end in ("key.pem", "cert.pem", "words"))
    template.write_text(words + "expiration_days = 2\n")
    run("certtool", "--generate-privkey", "--key-type=ecdsa", "--outfile", str(key))
    by = ("--generate-self-signed",) if authority is None else (
        "--generate-certificate", "--load-ca-certificate", str(authority / "ca-cert.pem"),
        "--load-ca-privkey", str(authority / "ca-key.pem"))
    run("certtool", *by, "--load-privkey", str(key), "--template", str(template),
        "--outfile", str(made))
    template.unlink()
    return folder
