"""A command line that SIGKILLs its own process group at its Nth moment: run as a program.

``python -m tests.integration.killed_verb step|moment N ARGV…``. A moment is a program that was
started a hundredth of a second ago and works on an image, the time before a rename, or the end of a
step.
"""

import os
import signal
import subprocess
import sys
import time
from typing import Any

from tiny_cloud import cli
from tiny_cloud.apply import Progress
from tiny_cloud.host.perform import Host
from tiny_cloud.steps import Step

what, left = sys.argv[1], int(sys.argv[2])
perform, rename = Host.perform, os.rename


def moment() -> None:
    global left
    left -= 1
    if left == 0:
        os.killpg(0, signal.SIGKILL)


class Started(subprocess.Popen):  # type: ignore[type-arg]
    def __init__(self, argv: Any, *rest: Any, **words: Any) -> None:
        super().__init__(argv, *rest, **words)
        if argv[0] == "cp" or argv[:2] in (("qemu-img", "rebase"), ("qemu-img", "compare"),
                                           ("qemu-img", "convert")):
            time.sleep(0.01)
            moment()


def performed(self: Host, step: Step, progress: Progress) -> None:
    perform(self, step, progress)
    moment()


def renamed(source: Any, target: Any) -> None:
    moment()
    rename(source, target)


if __name__ == "__main__":
    if what == "moment":
        subprocess.Popen = Started  # type: ignore[misc]
        os.rename = renamed  # type: ignore[assignment]
    Host.perform = performed  # type: ignore[method-assign]
    sys.argv = ["tinycloud", *sys.argv[3:]]
    cli.main()
