"""Somebody with an empty folder and a host, who does what a page says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from unittest.mock import patch

from tests.docs import host, output
from tests.docs.pages import Block
from tests.docs.shell import Shell, typed
from tests.integration.lab import Lab

CLOUD = "homelab"
"""As the pages call it; ``OURS`` is as long, so that tables look the same."""
OURS = "tctodoc"
PLACE = "/var/lib/tinycloud/homelab"
FOLDER = "/home/you/homelab"


@dataclass(frozen=True, slots=True)
class Reader:
    lab: Lab
    mirror: str
    shell: Shell
    env: dict[str, str]
    """What the shell has besides what is there."""
    names: dict[str, object]
    """Of the page's Python."""
    said: list[str]
    """What the last block of Python printed, if that was the last block."""

    def here(self, text: str) -> str:
        """What a page says, as it is here."""
        for theirs, ours in ((PLACE, str(self.lab.storage)), (FOLDER, str(self.lab.folder)),
                             (host.DEBIAN, self.mirror), (CLOUD, OURS)):
            text = text.replace(theirs, ours)
        return text

    def there(self, printed: str) -> str:
        """What was printed, as it would be there."""
        for ours, theirs in ((str(self.lab.storage), PLACE), (str(self.lab.folder), FOLDER),
                             (self.mirror, host.DEBIAN), (OURS, CLOUD)):
            printed = printed.replace(ours, theirs)
        return printed

    def follow(self, block: Block) -> None:
        if block.title:
            file = self.lab.folder / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.here(block.text))
        elif block.language == "console":
            self._type(block)
        elif block.language == "python":
            self._run(block)
            return
        elif block.language == "text" and self.said:
            assert output.fits(block.text, self.said[0]), f"{block}\n{self.said[0]}"
        self.said.clear()

    def _run(self, block: Block) -> None:
        program = compile("\n" * block.line + self.here(block.text), str(block.page), "exec")
        with (redirect_stdout(StringIO()) as stream, chdir(self.lab.folder),
              patch.dict(os.environ, self.env)):
            exec(program, self.names)
        self.said[:] = [self.there(stream.getvalue())]

    def _type(self, block: Block) -> None:
        commands = list(typed(block.text))
        for one, following in zip(commands, [*commands[1:], None], strict=True):
            code, printed = self.shell.run(self.here(one.command))
            printed = self.there(printed)
            at = f"{block}: $ {one.command}{printed}"
            assert code == 0 or (following and "$?" in following.command), at
            assert not one.shown or output.fits(one.shown, printed), at


@contextmanager
def reading(mirror: str) -> Iterator[Reader]:
    """``mirror`` is the URL of what ``host.images`` serves."""
    lab = Lab.make(OURS)
    (lab.manifests / "cloud.yaml").unlink()
    home = lab.folder / "home"
    home.mkdir(mode=0o700)
    cache = Path.home() / ".cache"
    env = {
        "HOME": str(home),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(cache)),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TINYCLOUD_STORAGE": str(lab.storage),
    }
    try:
        with Shell(lab.folder, env) as shell:
            yield Reader(lab, mirror, shell, env, {}, [])
    finally:
        # gpg's agent outlives whoever asked it.
        subprocess.run(["gpgconf", "--kill", "all"], env={**os.environ, **env}, check=False)
        lab.clean()
