#!/usr/bin/env python3
"""Ten machines of one image, a command in each, and then nothing is left of them.

    examples/ten_machines.py debian-12.qcow2 "uname -r; uptime"

IMAGE is a disk image of a Linux with an ssh server; NUMBER and NAME (of the cloud) may follow.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import tiny_cloud


def main(image: str, command: str = "uname -r", number: str = "10", name: str = "ten") -> None:
    names = [f"node{count}" for count in range(1, int(number) + 1)]
    # An emulated guest on a busy host may find its timer too slow to be one.
    guest = {"cmdline": ["no_timer_check"]}
    with tiny_cloud.Sandbox(name) as cloud:
        machines = cloud.machines(*names, image=image, memory="512MiB", guest=guest)
        with ThreadPoolExecutor(len(machines)) as pool:
            answers = pool.map(lambda machine: machine.run(command), machines)
            for machine, answer in zip(machines, answers, strict=True):
                print(f"{machine.name}: {answer}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
