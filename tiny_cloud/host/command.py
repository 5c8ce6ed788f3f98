"""Run one local program to its end: no shell, no locale, no secret in argv or environment."""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import IO

from tiny_cloud.errors import Failure
from tiny_cloud.host import cut_off, openers

PACKAGES: Mapping[str, str] = {
    "dnsmasq": "dnsmasq-base",
    "ip": "iproute2",
    "lvs": "lvm2", "lvcreate": "lvm2", "lvextend": "lvm2", "lvremove": "lvm2", "lvchange": "lvm2",
    "lvrename": "lvm2", "vgs": "lvm2", "timeout": "coreutils",
    "guestmount": "guestmount", "guestunmount": "guestmount", "fusermount": "fuse3",
    "mke2fs": "e2fsprogs",
    "sfdisk": "fdisk",
    "ssh": "openssh-client",
    "mmdebstrap": "mmdebstrap",
    "prlimit": "util-linux", "setpriv": "util-linux",
    "python3": "python3",
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "xorriso": "xorriso",
    "virsh": "libvirt-clients", "virt-xml-validate": "libvirt-clients",
}
"""Which Debian package a tool comes with."""

INHERITED = frozenset({
    "HOME", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER",
    "http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
    "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY",
})
INHERITED_PREFIXES = ("LIBGUESTFS_", "SUPERMIN_", "LIBVIRT_", "XDG_")
"""The rest of our environment stays here: a manifest may keep a password in any variable."""
KEPT_BACK = "LIBGUESTFS_TRACE"
"""It prints what is written into guests, secrets too, and what a worker prints is told if it fails:
guestfs(3), ENVIRONMENT VARIABLES. LIBGUESTFS_DEBUG has the calls without their contents."""

FOREIGN_CPU = 30
FOREIGN_MEMORY = 1 << 30
FOREIGN_FILE = 64 << 20
FOREIGN_OUTPUT = 4 << 20
FOREIGN_WALL = 60.0
"""Limits on whatever parses an image from elsewhere (seconds and bytes): a 197 KB qcow2 can make
``qemu-img info --output=json`` eat over 1 GiB."""

ONE_ARENA = "MALLOC_ARENA_MAX=1"
_PROGRESS = re.compile(rb"\((\d+(?:\.\d+)?)/100%\)")


def run(
    argv: Sequence[str],
    *,
    input: bytes | None = None,
    environ: Mapping[str, str] | None = None,
    foreign: bool = False,
    held: bool = False,
    progress: Callable[[float], None] | None = None,
    pass_fds: Sequence[int] = (),
    timeout: float | None = None,
    accept: Collection[int] = (0,),
    asks: bool = False,
) -> bytes:
    """The program's stdout. Raises Failure if it is missing, exits non-zero or takes too long.

    ``environ`` is added to the few variables that are inherited. ``foreign`` sets the limits above.
    ``progress`` gets fractions of 1 as ``qemu-img -p`` prints them. ``timeout`` is in seconds.
    Descriptors in ``pass_fds`` (the host lock) stay open in the child, which may outlive us.
    ``held`` is for programs that close what they inherit: timeout(1), told to wait for ever, starts
    them and keeps it until they have ended, whatever becomes of us.
    ``accept`` are the exit codes that are no failure. ``asks``: it may want to ask for something at
    the terminal; all others are out of reach of its Ctrl-C, which is ours to answer. Raises CutOff.
    """
    cut_off.require_not()
    given = tuple(argv)
    variables = environment(environ or {})
    require(given[0], variables["PATH"])
    if foreign:
        timeout = FOREIGN_WALL if timeout is None else timeout
        argv = limited(given, cpu=FOREIGN_CPU, memory=FOREIGN_MEMORY, file_size=FOREIGN_FILE)
        require(argv[0], variables["PATH"])
    if held:
        argv = ("timeout", "0", *given)
    # Memory files instead of pipes: nothing can fill up and block while only stdout is being read.
    with _memory_file(input or b"") as stdin, _memory_file(b"") as stderr:
        child = subprocess.Popen(tuple(argv), stdin=stdin, stdout=subprocess.PIPE, stderr=stderr,
                                 env=variables, pass_fds=tuple(pass_fds),
                                 process_group=-1 if asks else 0)
        try:
            output = _collect(child, given, progress, timeout, FOREIGN_OUTPUT if foreign else None)
            code = child.wait()
        finally:
            _stop(child)
        stderr.seek(0)
        errors = stderr.read()
    if code not in accept:
        raise _failure(given, code, errors)
    return output


def environment(added: Mapping[str, str]) -> dict[str, str]:
    """What a child sees: our inherited few, what is added, and a locale that scripts can parse."""
    kept = {name: value for name, value in os.environ.items()
            if (name in INHERITED or name.startswith(INHERITED_PREFIXES)) and name != KEPT_BACK}
    # An ordinary user's PATH has no sbin on Debian, and mke2fs and lvs live there.
    path = added.get("PATH", kept.get("PATH", os.defpath))
    return {**kept, **added, "LC_ALL": "C", "PATH": f"{path}:/usr/sbin:/sbin"}


def require(tool: str, path: str | None = None) -> None:
    """Raises Failure, with the package to install, unless the tool is there."""
    if shutil.which(tool, path=path or environment({})["PATH"]) is None:
        name = os.path.basename(tool)
        package = PACKAGES.get(name)
        raise Failure(
            f"{name} is not installed" if package else f"there is no program {tool!r} here",
            hint=f"apt install {package}" if package else "install it, or put its folder on PATH",
        )


def limited(argv: Sequence[str], *, cpu: int, memory: int, file_size: int) -> tuple[str, ...]:
    """The command under prlimit(1): seconds of CPU, bytes of address space and of any file.

    A prefix, because ``preexec_fn`` is not safe in a program with threads. One malloc arena for
    all: glibc reserves 128 MiB of address space for each thread's own, and qemu-img with a dozen
    threads then comes to over 1 GiB with next to nothing in use (mallopt(3)).
    """
    return ("prlimit", f"--cpu={cpu}", f"--as={memory}", f"--fsize={file_size}", "--core=0",
            "--", "env", ONE_ARENA, *argv)


def fractions(chunks: Iterator[bytes]) -> Iterator[float]:
    """qemu-img's progress, ``(12.34/100%)`` between carriage returns, as fractions of 1."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        end = 0
        for match in _PROGRESS.finditer(rest):
            end = match.end()
            yield float(match[1]) / 100
        rest = rest[end:][-64:]


def _collect(
    child: subprocess.Popen[bytes],
    argv: tuple[str, ...],
    progress: Callable[[float], None] | None,
    timeout: float | None,
    at_most: int | None,
) -> bytes:
    collected = bytearray()

    def kept(chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            collected.extend(chunk)
            if at_most is not None and len(collected) > at_most:
                raise Failure(f"{argv[0]} printed more than {at_most >> 20} MiB about a foreign "
                              "file, which no honest file needs", detail=f"$ {shlex.join(argv)}")
            yield chunk

    for fraction in fractions(kept(_chunks(child, argv, timeout))):
        if progress is not None:
            progress(fraction)
    return bytes(collected)


def _chunks(
    child: subprocess.Popen[bytes], argv: tuple[str, ...], timeout: float | None
) -> Iterator[bytes]:
    """Its stdout as it comes, until it has exited."""
    assert child.stdout is not None
    deadline = None if timeout is None else time.monotonic() + timeout
    poll = select.poll()
    poll.register(child.stdout, select.POLLIN | select.POLLHUP)
    late = Failure(f"{argv[0]} did not finish within {timeout or 0:g} s",
                   detail=f"$ {shlex.join(argv)}")
    while True:
        cut_off.require_not()
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not poll.poll(1000 * min(cut_off.GLANCE, cut_off.GLANCE if left is None else left)):
            if left is not None and left <= cut_off.GLANCE:
                raise late
            continue
        chunk = os.read(child.stdout.fileno(), 1 << 16)
        if not chunk:
            break
        yield chunk
    try:
        child.wait(timeout=left)
    except subprocess.TimeoutExpired:
        raise late from None


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Whatever interrupted us, the child does not stay; SIGTERM first, for mmdebstrap tidies up."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _failure(argv: tuple[str, ...], code: int, stderr: bytes) -> Failure:
    said = stderr.decode("utf-8", "replace").strip()
    how = f"exit code {code}" if code >= 0 else f"killed by {_signal_name(-code)}"
    last = said.splitlines()[-1] if said else ""
    meant = argv[argv.index(ONE_ARENA) + 1:] if ONE_ARENA in argv else argv  # see ``limited``
    return Failure(
        f"{os.path.basename(meant[0])} failed ({how})" + (f": {last}" if last else ""),
        hint=openers.told_by(said),
        detail=f"$ {shlex.join(meant)}" + (f"\n{said}" if said else ""),
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _memory_file(content: bytes) -> IO[bytes]:
    file = os.fdopen(os.memfd_create("tinycloud"), "w+b")
    file.write(content)
    file.seek(0)
    return file
