"""A machine with Debian's own kernel, which has device-mapper, on the host's own system.

The host's root is shared read-only over 9p, with a layer in memory on it: so the same Python, LVM,
qemu and libvirt run inside. Nothing of the host can be changed from there but the folder ``out``.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
BUSYBOX = Path("/bin/busybox")
MODULES = ("virtio_pci", "virtio_blk", "9pnet_virtio", "9p", "overlay", "crc32c_generic", "dm_mod",
           "dm_thin_pool", "dm_snapshot", "ext4")
SECONDS = 900
DISKS, SIZE, PROCESSORS = 2, "4G", 2


def run(folder: Path, *argv: str) -> Path:
    """Boot it, run a command inside from the project's folder, wait for its end. What it leaves in
    ``/out`` is in the folder that is returned; ``said`` is what it printed, ``code`` its exit."""
    kernel, out = newest_kernel(), folder / "out"
    out.mkdir()
    (out / "project").write_text(str(ROOT))
    (out / "start").write_text(
        "export HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"
        "(virtlogd -d && libvirtd -d) &\n"
        f"cd {shlex.quote(str(ROOT))}\n{shlex.join(argv)} >/out/said 2>&1\n"
        "echo $? >/out/code\nsync\nbusybox poweroff -f\n")
    initrd = ramdisk(folder, kernel.name.removeprefix("vmlinuz-"))
    command = ["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "Nehalem",
               "-smp", str(PROCESSORS), "-m", "3072", "-nodefaults", "-no-user-config",
               "-display", "none", "-no-reboot",
               "-kernel", str(kernel), "-initrd", str(initrd),
               "-append", "console=ttyS0 quiet panic=-1 mitigations=off",
               "-serial", f"file:{folder / 'console'}"]
    for tag, path, rest in (("system", "/", ",readonly=on,multidevs=remap"), ("out", out, "")):
        command += ["-virtfs", f"local,path={path},mount_tag={tag},security_model=none{rest}"]
    for number in range(DISKS):
        disk = folder / f"disk{number}"
        subprocess.run(["truncate", "-s", SIZE, disk], check=True)
        command += ["-drive", f"file={disk},format=raw,if=virtio,cache=unsafe,discard=unmap"]
    subprocess.run(command, check=True, timeout=SECONDS)
    assert (out / "code").exists(), (folder / "console").read_text(errors="replace")
    return out


def newest_kernel() -> Path:
    """Of those in /boot that have their modules here, 9p among them: the one for clouds has not."""
    found = [path for path in Path("/boot").glob("vmlinuz-*")
             if (modules := Path("/lib/modules", path.name.removeprefix("vmlinuz-"), "modules.dep")
                 ).exists() and "/9p.ko" in modules.read_text()]
    return max(found, key=lambda path: path.stat().st_mtime)


def ramdisk(folder: Path, release: str) -> Path:
    tree, modules = folder / "initrd", Path("/lib/modules", release)
    (tree / "modules").mkdir(parents=True)
    (tree / "bin").mkdir()
    shutil.copy(BUSYBOX, tree / "bin/busybox")
    shutil.copy(HERE / "init", tree / "init")
    (tree / "init").chmod(0o755)
    order = []
    for path in needed(modules):
        shutil.copy(modules / path, tree / "modules")
        order.append(path.name)
    (tree / "modules/order").write_text("".join(f"{name}\n" for name in order))
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    packed = subprocess.run([BUSYBOX, "cpio", "-o", "-H", "newc"], cwd=tree, input=names.encode(),
                            capture_output=True, check=True)
    archive = folder / "initrd.cpio"
    archive.write_bytes(packed.stdout)
    return archive


def needed(modules: Path) -> Iterator[Path]:
    """The modules and what they depend on, each after its own (modules.dep(5))."""
    known = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _, below = line.partition(":")
        known[name_of(path)] = (path, below.split())
    done: dict[str, None] = {}
    for name in MODULES:
        path, below = known.get(name, ("", []))
        # modules.dep has the nearest last; a name that is not there is built in.
        for one in [*reversed(below), *([path] if path else [])]:
            done.setdefault(one)
    return map(Path, done)


def name_of(path: str) -> str:
    return Path(path).name.removesuffix(".ko").replace("-", "_")
