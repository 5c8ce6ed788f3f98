"""The appliance's side of a Debian build: a few files, GRUB.

Runs as ``/usr/bin/python3 -I``, for Debian's libguestfs binding exists only there: standard library
and guestfs alone, one job as JSON on stdin, a sentence on stderr and exit code 1 if it fails.

A job: ``disk`` (path of a raw image, partitioned), ``tar`` (path of a tree to unpack; empty: the
file system is there already), ``uuid``, ``files`` (path -> text), ``remove`` (globs), ``commands``
(argv lists, run inside the tree; the word DISK is the disk there).
"""

import json
import os.path
import sys
from typing import Any

DEVICE = "/dev/sda"
"""The first disk in libguestfs's own calls, whatever the appliance's kernel calls it."""
LABEL = "image"
OLD_GRUB = "^metadata_csum_seed,^orphan_file"
"""Features younger than the GRUB of Debian 12, which then could not read the file system."""


def build(handle: Any, job: dict[str, Any]) -> None:
    handle.add_drive_opts(job["disk"], format="raw", label=LABEL, cachemode="unsafe")
    handle.launch()
    root = f"{DEVICE}2"
    if job["tar"]:
        handle.mkfs("ext4", root, features=OLD_GRUB)
        handle.set_uuid(root, job["uuid"])
    handle.mount(root, "/")
    if job["tar"]:
        handle.tar_in(job["tar"], "/", xattrs=True)
    for path, text in job["files"].items():
        handle.mkdir_p(os.path.dirname(path))
        handle.write(path, text.encode())
        handle.chmod(0o644, path)
    for pattern in job["remove"]:
        for path in handle.glob_expand(pattern, directoryslash=False):
            handle.rm_f(path)
    # The kernel finds disks in any order: one time in seven /dev/sda is the appliance's own root.
    disk = handle.command(["readlink", "-f", f"/dev/disk/guestfs/{LABEL}"]).strip()
    for argv in job["commands"]:
        handle.command([disk if word == "DISK" else word for word in argv])
    handle.umount_all()
    # close() would swallow the error of a write that never reached the disk.
    handle.shutdown()
    handle.close()


def main() -> None:
    try:
        import guestfs
    except ImportError:
        sys.exit("libguestfs has no Python binding here: apt install python3-guestfs")
    try:
        build(guestfs.GuestFS(python_return_dict=True), json.load(sys.stdin))
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
