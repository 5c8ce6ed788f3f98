"""A tinycloud apply that SIGKILLs its own process group right after its Nth step: run as a program.

``python -m tests.integration.killed_apply MANIFESTS N``; exit code 0 if there were fewer steps.
"""

import os
import signal
import sys

import tiny_cloud
from tiny_cloud.apply import Progress
from tiny_cloud.host.perform import Host
from tiny_cloud.steps import Step

real = Host.perform
left = int(sys.argv[2])


def perform(self: Host, step: Step, progress: Progress) -> None:
    global left
    real(self, step, progress)
    left -= 1
    if left == 0:
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    Host.perform = perform
    for event in tiny_cloud.load(sys.argv[1]).plan().apply(parallel=1):
        if event.what in ("failed", "skipped"):
            sys.exit(f"{event.address}: {event.text} {event.detail}")
