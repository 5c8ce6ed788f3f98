"""Encrypted disks, which libguestfs cannot open by itself."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time

from .tree import Refused


class Export:
    """An encrypted disk, opened by qemu-nbd and served in the clear on a socket that only we can
    reach: libguestfs (1.48) has no way to give its qemu a key. It ends with us, however we end."""

    def __init__(self, options: list[str], key: str, readonly: bool) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix=f"tinycloud-{os.getpid()}-")
        self.path = os.path.join(self.folder.name, "disk")
        with os.fdopen(os.memfd_create("key"), "w+") as stdin:
            stdin.write(key)
            stdin.seek(0)
            # What is inheritable is the host lock: it is held as long as this one writes.
            self.child = subprocess.Popen(
                ("setpriv", "--pdeathsig", "TERM", "--", "qemu-nbd", "--persistent",
                 "--socket", self.path, *(["--read-only"] if readonly else []), *options),
                stdin=stdin, close_fds=False)
        while not self._serves():
            if self.child.poll() is not None:
                self.folder.cleanup()
                raise Refused("the encrypted disk does not open: another key, or it is in use")
            time.sleep(0.05)

    def _serves(self) -> bool:
        """It listens before it has opened the disk, which takes seconds (that is what LUKS makes a
        guess cost), and greets afterwards (the NBD protocol, "Newstyle negotiation")."""
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(self.path)
                return client.recv(8) == b"NBDMAGIC"
            except (FileNotFoundError, ConnectionError):
                return False

    def close(self) -> None:
        """Write everything back."""
        self.child.terminate()
        code = self.child.wait()
        self.folder.cleanup()
        if code:
            raise RuntimeError(f"qemu-nbd failed ({code}) when it wrote everything back")
