"""The program that is run inside the guest: with the names of claims or for all of them, it writes
``/out/results.json``: the claim -> what was wrong, or nothing.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import libvirt

from tests.integration.lvm_guest import encrypted, inside
from tests.integration.lvm_guest.lab import FOLDER, sh
from tests.integration.lvm_guest.machine import PROCESSORS


def claims() -> dict[str, Callable[[], None]]:
    """The one that takes longest goes first."""
    return {name: claim for module in (encrypted, inside) for name, claim in vars(module).items()
            if name.startswith("claim_")}


def await_libvirt() -> None:
    """It was started beside us."""
    deadline = time.monotonic() + 60
    while True:
        try:
            libvirt.open("qemu:///system").close()
            return
        except libvirt.libvirtError:
            assert time.monotonic() < deadline, "libvirt does not answer"
            time.sleep(0.2)


def configure() -> None:
    # There is no udevd here: LVM makes its device nodes itself (lvm.conf(5)).
    Path("/etc/lvm/lvmlocal.conf").write_text(
        "activation { udev_sync = 0 udev_rules = 0 monitoring = 0 }\n"
        "backup { backup = 0 archive = 0 }\n"
        "devices { obtain_device_list_from_udev = 0 }\n")


def main() -> None:
    FOLDER.mkdir(parents=True)
    configure()
    await_libvirt()
    sh("vgcreate", "--yes", "vg0", "/dev/vda", "/dev/vdb")
    names = sys.argv[1:] or list(claims())
    # A claim has a cloud of its own. Forked, for what is imported once need not be so again.
    with ProcessPoolExecutor(PROCESSORS, multiprocessing.get_context("fork")) as pool:
        results = dict(zip(names, pool.map(tried, names), strict=True))
    Path("/out/results.json").write_text(json.dumps(results))


def tried(name: str) -> str:
    """What was wrong."""
    began, wrong = time.monotonic(), ""
    try:
        claims()[name]()
    except Exception:  # the test says what it was; the other claims are tried all the same
        wrong = traceback.format_exc()
    print(f"{name}: {time.monotonic() - began:.1f} s {wrong}", flush=True)
    return wrong


if __name__ == "__main__":
    main()
