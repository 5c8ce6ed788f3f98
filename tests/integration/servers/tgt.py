"""tgtd: an iSCSI server without a kernel's help (tgtadm(8)). It asks for a password (CHAP)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.servers import free_port, process, run, wait

TARGET = "iqn.2026-01.org.example:tctn"


@contextmanager
def tgtd(folder: Path, disk: Path, user: str, password: str) -> Iterator[int]:
    """Its port; LUN 1 is the disk."""
    Path("/run/tgtd").mkdir(exist_ok=True)
    taken = {path.name for path in Path("/run/tgtd").iterdir()}
    control = str(next(n for n in itertools.count(7) if f"socket.{n}" not in taken))
    port, log = free_port(), folder / "tgtd.log"

    def admin(*words: str) -> None:
        run("tgtadm", "-C", control, "--lld", "iscsi", *words)

    with process("tgtd", "-f", "-C", control, "--iscsi", f"portal=127.0.0.1:{port}", log=log):
        wait(Path(f"/run/tgtd/socket.{control}").exists, log)
        admin("--op", "new", "--mode", "target", "--tid", "1", "-T", TARGET)
        admin("--op", "new", "--mode", "logicalunit", "--tid", "1", "--lun", "1", "-b", str(disk))
        admin("--op", "new", "--mode", "account", "--user", user, "--password", password)
        admin("--op", "bind", "--mode", "account", "--tid", "1", "--user", user)
        admin("--op", "bind", "--mode", "target", "--tid", "1", "-I", "ALL")
        yield port
    for left in ("", ".lock"):
        Path(f"/run/tgtd/socket.{control}{left}").unlink(missing_ok=True)
