"""What this host can do: asked for each of ``abilities``, changing nothing.

Programs are asked for their version, libguestfs for its binding and what its appliance is made of;
a whole appliance is started only if that is wished, for it takes seconds to half a minute.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from tiny_cloud.abilities import ABILITIES, Finding, family, users
from tiny_cloud.errors import Failure
from tiny_cloud.host import acceleration, command, libvirt_connection
from tiny_cloud.host.guest_session import PYTHON
from tiny_cloud.model import Cloud
from tiny_cloud.resource import Resource
from tiny_cloud.sizes import about

Answer: TypeAlias = tuple[bool, str, str]
"""Whether it can, what was seen, and a remedy of its own; empty: the package, if there is one."""
KERNELS = "/boot/vmlinuz-*"
FIRMWARE = "/usr/share/qemu/firmware/*.json"
"""Where qemu's packages describe firmware (docs/interop/firmware.json)."""
MODULES = ("/usr/lib/*/qemu/block-{}.so", "/usr/lib*/qemu/block-{}.so",
           "/usr/lib*/qemu-kvm/block-{}.so")
VIRTIOFSD = ("/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd", "/usr/lib/virtiofsd")
APPLIANCE = ("import guestfs; handle = guestfs.GuestFS(python_return_dict=True); "
             "handle.add_drive_scratch(1 << 20); handle.launch(); handle.shutdown()")
PATIENCE = 300.0
"""Seconds for an appliance; emulated ones take half a minute."""


class Host(Struct, frozen=True):
    cloud: Cloud
    cache: Path
    appliance: bool = False
    """Whether an appliance is to be started."""


def examine(host: Host, resources: Sequence[Resource]) -> Iterator[Finding]:
    """In the order of ``ABILITIES``; never raises for what is missing."""
    packages = family(_os_release())
    for ability in ABILITIES:
        try:
            able, text, remedy = CHECKS[ability.name](host)
        except Failure as error:
            last = error.detail.strip().rpartition("\n")[2]
            able, text, remedy = False, ": ".join(filter(None, (error.summary, last))), error.hint
        if able:
            remedy = ""
        elif not remedy or remedy.startswith("apt "):
            remedy = ability.install(packages)
        yield Finding(ability, able, text, remedy, users(ability, resources))


def _os_release() -> str:
    try:
        return Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return ""


def _kvm(host: Host) -> Answer:
    device = acceleration.DEVICE
    if not device.exists():
        return (False, "there is no /dev/kvm: guests are emulated, about ten times slower",
                "switch on VT-x or AMD-V in the firmware (of this machine's host: nested "
                "virtualisation), then modprobe kvm_intel or kvm_amd")
    if not os.access(device, os.R_OK | os.W_OK):
        return False, "/dev/kvm may not be opened by this user", "usermod -aG kvm $USER"
    if acceleration.probe(host.cache) == "kvm":
        return True, "a kernel of this host boots under it", ""
    return (False, "/dev/kvm is there, and a kernel does not boot under it: guests are emulated",
            "if this is a virtual machine itself, its host has to offer nested virtualisation")


def _libvirt(host: Host) -> Answer:
    libvirt_connection.require_binding()
    connection = libvirt_connection.connect(host.cloud.connect, readonly=True)
    number = connection.getLibVersion()
    connection.close()
    version = f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
    return True, f"{version} at {host.cloud.connect}", ""


def _program(*argv: str) -> Callable[[Host], Answer]:
    """Asked for its version, with the words that make it say so."""
    def check(host: Host) -> Answer:
        said = command.run(argv, timeout=30).decode(errors="replace")
        found = re.search(r"\d+(?:\.\d+)+", said)
        return True, found[0] if found else "is there", ""
    return check


def _either(*tools: str) -> Callable[[Host], Answer]:
    def check(host: Host) -> Answer:
        there = [tool for tool in tools if _which(tool)]
        return bool(there), ", ".join(there) or f"neither {' nor '.join(tools)} is here", ""
    return check


def _every(*tools: str) -> Callable[[Host], Answer]:
    def check(host: Host) -> Answer:
        missing = [tool for tool in tools if not _which(tool)]
        return not missing, f"no {', no '.join(missing)} here" if missing else "is there", ""
    return check


def _which(tool: str) -> str | None:
    return shutil.which(tool, path=command.environment({})["PATH"])


def _bindings(*modules: str) -> Callable[[Host], Answer]:
    """Of the system's own interpreter, where workers run."""
    def check(host: Host) -> Answer:
        missing = [name for name in modules if not _has(name)]
        return (not missing, f"{PYTHON} has no module {', '.join(missing)}" if missing
                else "is there", "")
    return check


def _has(module: str) -> bool:
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    try:
        command.run((PYTHON, "-I", "-c", code), timeout=30)
    except Failure:
        return False
    return True


def _libguestfs(host: Host) -> Answer:
    able, text, _ = _bindings("guestfs")(host)
    if not able:
        return able, text, ""
    if not _which("supermin"):
        return False, "its appliance cannot be built: no supermin here", ""
    kernels = glob.glob(KERNELS)
    if not acceleration.choose_kernel(kernels, os.uname().release):
        # Ubuntu lets root alone read them.
        return (False, f"its appliance cannot be built: no {KERNELS} can be read",
                f"chmod a+r {KERNELS}" if kernels else
                "install a kernel: linux-image-amd64 on Debian, linux-image-virtual on Ubuntu")
    if not host.appliance:
        return True, "is there; --appliance starts one", ""
    environ = acceleration.appliance_environ(acceleration.probe(host.cache))
    command.run((PYTHON, "-I", "-c", APPLIANCE), environ=environ, timeout=PATIENCE)
    return True, "its appliance starts", ""


def _mapper(host: Host) -> Answer:
    # /dev/mapper/control may be there without a driver behind it.
    if "device-mapper" in Path("/proc/misc").read_text().split():
        return True, "is there", ""
    return False, "this kernel has no device-mapper loaded", "modprobe -a dm_mod dm_thin_pool"


def _storage(host: Host) -> Answer:
    folder = _existing(host.cloud.storage)
    if not os.access(folder, os.W_OK | os.X_OK):
        return (False, f"{folder} may not be written by this user",
                "run as root, or say another: --storage FOLDER")
    system = os.statvfs(folder)
    free = about(system.f_bavail * system.f_frsize)
    return True, f"{free} free at {folder} ({_file_system(folder)})", ""


def _xattr(host: Host) -> Answer:
    folder = _existing(host.cloud.storage)
    try:
        os.listxattr(folder)
    except OSError as error:
        return False, f"{folder} has no extended attributes: {error.strerror}", ""
    return True, f"{folder} has extended attributes", ""


def _existing(path: str) -> str:
    """The folder, or the nearest above it that is there."""
    here = Path(path).absolute()
    return str(next(place for place in (here, *here.parents) if place.is_dir()))


def _file_system(folder: str) -> str:
    """Its type: of the mount point nearest above it (proc_pid_mounts(5))."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    found = [(len(where), kind) for _, where, kind, *_ in mounts
             if where == folder or folder.startswith(where.rstrip("/") + "/")]
    return max(found)[1] if found else "unknown"


def _modules(*names: str) -> Callable[[Host], Answer]:
    """Of qemu, as distributions split them into packages."""
    def check(host: Host) -> Answer:
        missing = [name for name in names
                   if not any(glob.glob(place.format(name)) for place in MODULES)]
        return not missing, f"qemu has no module for {', '.join(missing)}" if missing else (
            "is there"), ""
    return check


def _ovmf(host: Host) -> Answer:
    there = glob.glob(FIRMWARE)
    text = f"{len(there)} firmwares described" if there else "no EFI firmware for guests here"
    return bool(there), text, ""


def _virtiofsd(host: Host) -> Answer:
    found = _which("virtiofsd") or next(filter(os.path.exists, VIRTIOFSD), "")
    return bool(found), found or "no virtiofsd here", ""


CHECKS: Mapping[str, Callable[[Host], Answer]] = {
    "kvm": _kvm, "libvirt": _libvirt, "qemu": _program("qemu-system-x86_64", "--version"),
    "qemu-img": _program("qemu-img", "--version"), "storage": _storage, "xattr": _xattr,
    "libguestfs": _libguestfs, "xorriso": _program("xorriso", "--version"),
    "mmdebstrap": _program("mmdebstrap", "--version"), "lvm": _program("lvs", "--version"),
    "device-mapper": _mapper, "ceph": _bindings("rados", "rbd"),
    "disk servers": _modules("iscsi", "rbd"), "dnsmasq": _program("dnsmasq", "--version"),
    "firewall": _either("nft", "iptables"), "ovmf": _ovmf,
    "swtpm": _every("swtpm", "swtpm_setup"), "virtiofsd": _virtiofsd,
    "ssh": _every("ssh", "ssh-keygen"), "nbdkit": _program("nbdkit", "--version"),
}
