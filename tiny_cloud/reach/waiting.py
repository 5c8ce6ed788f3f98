"""Waiting for machines: several at once, and each has all the time that it is given."""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from msgspec import Struct

from tiny_cloud.errors import Failure
from tiny_cloud.host.servers import greeting_fault
from tiny_cloud.libvirt_xml import agent_answers
from tiny_cloud.reach.addresses import Source
from tiny_cloud.reach.machines import NO_AGENT, Machine, in_a_line

POLL = 0.5
"""Seconds between two looks."""
AT_ONCE = 64
SSH = b"SSH-"
"""How a server begins (RFC 4253, 4.2)."""
SEEN = (Source.AGENT, Source.LEASE, Source.ARP)


class Goal(enum.StrEnum):
    RUNNING = "running"
    IP = "ip"
    """Somebody has seen an address of it; that one is declared is not enough."""
    SSH = "ssh"
    """A server of ssh greets."""
    AGENT = "agent"
    """qemu-guest-agent has opened its channel."""


class Look(Struct, frozen=True):
    is_ready: bool
    text: str
    """What there is, or what is missing."""


class Outcome(Struct, frozen=True):
    machine: Machine
    last: Look
    seconds: float


def wait(
    machines: Sequence[Machine], goal: Goal, timeout: float,
    look: Callable[[Machine, Goal], Look] | None = None,
) -> Iterator[Outcome]:
    """As each gets there, or has not within ``timeout`` seconds of its own. Whoever leaves the
    iterator early waits for none."""
    left = threading.Event()
    with ThreadPoolExecutor(min(max(len(machines), 1), AT_ONCE)) as pool:
        waiting = [pool.submit(_await, machine, goal, timeout, look or look_for, left)
                   for machine in machines]
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            left.set()


def _await(
    machine: Machine, goal: Goal, timeout: float, look: Callable[[Machine, Goal], Look],
    left: threading.Event,
) -> Outcome:
    began = time.monotonic()
    while True:
        last = look(machine, goal)
        seconds = time.monotonic() - began
        if last.is_ready or left.wait(min(POLL, max(timeout - seconds, 0))) or seconds >= timeout:
            return Outcome(machine, last, seconds)


def look_for(machine: Machine, goal: Goal) -> Look:
    """Once, now."""
    try:
        live = machine.live_xml()
        if not live:
            return Look(False, "it is off")
        match goal:
            case Goal.RUNNING:
                return Look(True, "it runs")
            case Goal.AGENT:
                return Look(True, "it answers") if agent_answers(live) else Look(False, NO_AGENT)
            case Goal.IP:
                return _address(machine)
            case Goal.SSH:
                return _ssh(machine)
    except Failure as failure:
        # It may be on its way: renamed, undefined and defined again.
        return Look(False, in_a_line(failure))


def _address(machine: Machine) -> Look:
    answers = machine.ask(SEEN)
    if answers.found:
        return Look(True, answers.addresses)
    return Look(False, "; ".join((machine.silence(SEEN), *map(in_a_line, answers.faults))))


def _ssh(machine: Machine) -> Look:
    faults = []
    for way in machine.ways():
        fault = greeting_fault((way.host, way.port), SSH)
        if not fault:
            return Look(True, str(way))
        faults.append(f"{way}: {fault}")
    return Look(False, "; ".join(faults) or machine.silence(SEEN))
