"""Asking a guest to power off, and what to say when it does not."""

from __future__ import annotations

import time
from typing import Any

from tiny_cloud.errors import Failure
from tiny_cloud.host import cut_off
from tiny_cloud.host.libvirt_connection import ignoring, libvirt
from tiny_cloud.libvirt_xml import agent_answers, stamp_of

POLL = 0.25
"""Seconds between looks at a machine that was asked to power off."""
PRESS_AGAIN = 10.0
"""Seconds until the power button is pressed again: a guest early in its boot ignores it."""


def is_off(domain: Any) -> bool:
    with ignoring(libvirt.VIR_ERR_NO_DOMAIN):
        return not domain.isActive()
    return True


def is_up(domain: Any) -> bool:
    """Whether it runs, or is paused; not while it is still being started: it has no console yet."""
    state, reason = domain.state()
    starting = (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP)
    return (state, reason) != starting and state not in (
        libvirt.VIR_DOMAIN_NOSTATE, libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_CRASHED)


def powers_off(domain: Any, timeout: float) -> bool:
    """Whether it did, within ``timeout`` seconds; a paused guest cannot even be asked."""
    acpi = libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN
    how = acpi | (libvirt.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT if _agent_answers(domain) else 0)
    deadline = time.monotonic() + timeout
    press_at = 0.0
    while not is_off(domain):
        now = time.monotonic()
        if now >= deadline or domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
            return False
        if now >= press_at:
            with ignoring(libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN):
                domain.shutdownFlags(how)
            how, press_at = acpi, now + PRESS_AGAIN
        cut_off.require_not()
        time.sleep(POLL)
    return True


def _agent_answers(domain: Any) -> bool:
    with ignoring(libvirt.VIR_ERR_NO_DOMAIN):
        return agent_answers(domain.XMLDesc(0))
    return False


def _address(domain: Any) -> str:
    """By which its consents go."""
    stamp = stamp_of(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)) or {}
    return stamp.get("address", f"virtualmachine/{domain.name()}")


def restart_of(domain: Any) -> str:
    """The flag that lets it restart."""
    return f"--restart {_address(domain)}"


def still_on(domain: Any, timeout: float) -> Failure:
    name = domain.name()
    if domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
        return Failure(f"{name} is paused and cannot power off", hint=f"virsh resume {name}")
    return Failure(f"{name} did not power off within {timeout:g} s",
                   hint=f"--force-off {_address(domain)}")
