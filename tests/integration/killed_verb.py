"""A tinycloud command line that SIGKILLs its own process group right after its Nth step.

``python -m tests.integration.killed_verb N VERB …``; its own exit code if there were fewer steps.
"""

import os
import signal
import sys

from tiny_cloud import cli
from tiny_cloud.apply import Progress
from tiny_cloud.host.perform import Host
from tiny_cloud.steps import Step

real = Host.perform
left = int(sys.argv.pop(1))


def perform(self: Host, step: Step, progress: Progress) -> None:
    global left
    real(self, step, progress)
    left -= 1
    if left == 0:
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    Host.perform = perform
    cli.main()
