"""Whether KVM really runs guests here: found out by booting a kernel, not by looking for a file.

``/dev/kvm`` may exist, pass a boot sector and hang a stock kernel (nested and para-virtual hosts do
it). So a kernel of this host is booted without any disk, with the CPU that machines get. At the end
of its whole initialisation it says that it finds no root file system: that is the marker.
"""

from __future__ import annotations

import glob
import os
import select
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tiny_cloud.errors import Failure
from tiny_cloud.host import command, notes

MARKER = b"Unable to mount root fs"
LIMIT = 10.0
"""Seconds. Under a working KVM it takes one or two."""
DEVICE = Path("/dev/kvm")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
CPUS = {"kvm": "host", "tcg": "max"}
"""qemu's names for what ``set_acceleration`` writes."""
APPLIANCE_MEMORY = 2 << 30
"""Bytes that have to be free for an appliance (guestfs(3), ``get_memsize``, and qemu's own)."""

Boot = Callable[[str], bool]
"""Boots the kernel at a path under KVM; whether it came to the marker in time."""

_PROBING = threading.Lock()


def probe(
    cache_folder: Path,
    kernel_glob: str = "/boot/vmlinuz-*",
    *,
    device: Path = DEVICE,
    boot: Boot | None = None,
) -> str:
    """``kvm`` or ``tcg``; a boot's answer is remembered until the host's next boot.

    Raises Failure where KVM can be opened but no kernel can be read to try it with."""
    if not _opens(device):
        # Not remembered: joining the group kvm must help at once.
        return "tcg"
    # One at a time: two kernels at once on a busy host might both come too late.
    with _PROBING:
        boot_id = BOOT_ID.read_text().strip()
        note = cache_folder / "acceleration.json"
        known = notes.recall(note)
        if known.get("boot_id") == boot_id and known.get("accel") in ("kvm", "tcg"):
            return str(known["accel"])
        accel = _try(kernel_glob, boot or boots)
        notes.remember(note, {"boot_id": boot_id, "accel": accel})
    return accel


def _try(kernel_glob: str, boot: Boot) -> str:
    kernel = choose_kernel(glob.glob(kernel_glob), os.uname().release)
    if not kernel:
        raise Failure(
            f"no kernel at {kernel_glob} can be read, so KVM cannot be tried",
            hint="write accel: kvm or accel: tcg in the machine, or run as root",
        )
    return "kvm" if boot(kernel) else "tcg"


def choose_kernel(paths: Sequence[str], release: str) -> str:
    """The running one if it can be read, else the last that can; empty: none."""
    readable = sorted(path for path in paths if os.access(path, os.R_OK))
    running = [path for path in readable if path.endswith(f"-{release}")]
    return (running or readable or [""])[-1]


def boots(kernel: str, accel: str = "kvm", limit: float = LIMIT) -> bool:
    """Whether the kernel comes to the marker within ``limit`` seconds."""
    argv = qemu_argv(kernel, accel)
    command.require(argv[0])
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, env=command.environment({}),
                               # Ended by a Ctrl-C at the terminal it would seem not to boot.
                               process_group=0)
    try:
        return _says(process, MARKER, time.monotonic() + limit)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def qemu_argv(kernel: str, accel: str) -> tuple[str, ...]:
    return (
        "qemu-system-x86_64", "-accel", accel, "-cpu", CPUS[accel],
        "-machine", "q35", "-m", "256", "-no-user-config", "-nodefaults", "-display", "none",
        "-serial", "stdio", "-no-reboot",
        "-kernel", kernel, "-append", "console=ttyS0 panic=-1",
    )


def appliance_environ(accel: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What libguestfs must be told; what the user's environment says already goes before it."""
    if accel != "tcg":
        return {}
    wanted = {
        "LIBGUESTFS_BACKEND": "direct",
        "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg",
        # Its one processor starts a process a device otherwise, which costs a tenth of its start;
        # so does ACPI, of which nothing is used: qemu ends it, and its disks come with it.
        "LIBGUESTFS_APPEND": "udev.children_max=1 acpi=off",
    }
    return {key: value for key, value in wanted.items() if key not in environ}


def appliance_room() -> int:
    """How many appliances this host has processors and memory for."""
    said = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    # proc_meminfo(5): what a new process can have without swapping, in KiB.
    free = int(said["MemAvailable"].split()[0]) * 1024
    return max(1, min(len(os.sched_getaffinity(0)), free // APPLIANCE_MEMORY))


def _says(process: subprocess.Popen[bytes], marker: bytes, deadline: float) -> bool:
    """Whether the marker comes before the deadline and the end of its output."""
    assert process.stdout is not None
    output = process.stdout.fileno()
    seen = b""
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([output], [], [], left)
        chunk = os.read(output, 1 << 16) if ready else b""
        if not chunk:
            return False
        seen = seen[-len(marker):] + chunk
        if marker in seen:
            return True
    return False


def _opens(device: Path) -> bool:
    try:
        os.close(os.open(device, os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True
