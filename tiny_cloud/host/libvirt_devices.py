"""Devices of running machines: plugged in, changed, and taken out once the guest has let go."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from tiny_cloud.errors import Failure
from tiny_cloud.host.libvirt_connection import connect, libvirt
from tiny_cloud.host.libvirt_power import restart_of
from tiny_cloud.libvirt_xml import device_aliases
from tiny_cloud.steps import alias_of

ALREADY = re.compile("already in the process of unplug")
"""qemu, when the guest was asked before and has not answered yet."""


def attach(domain: Any, xml: str) -> None:
    """One that is plugged in already is fine."""
    if alias_of(xml) not in _present(domain):
        domain.attachDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)


def update(domain: Any, xml: str) -> None:
    domain.updateDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)


def set_vcpus(domain: Any, count: int) -> None:
    domain.setVcpusFlags(count, libvirt.VIR_DOMAIN_AFFECT_LIVE)


def set_memory(domain: Any, size: int) -> None:
    """``size`` in bytes."""
    domain.setMemoryFlags(size // 1024, libvirt.VIR_DOMAIN_AFFECT_LIVE)


def describe(domain: Any, what: str, text: str) -> None:
    """``what``: title or description; an empty text takes it away."""
    kind = {"title": libvirt.VIR_DOMAIN_METADATA_TITLE,
            "description": libvirt.VIR_DOMAIN_METADATA_DESCRIPTION}[what]
    domain.setMetadata(kind, text or None, None, None, libvirt.VIR_DOMAIN_AFFECT_LIVE)


def detach(uri: str, name: str, alias: str, timeout: float) -> None:
    """Ask for the device and wait ``timeout`` seconds for libvirt's word that it is out: a call
    that returned says no more than that the guest was asked. Raises Failure if it keeps it."""
    with _listening(uri) as connection:
        domain = connection.lookupByName(name)
        answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

        def answer(_: Any, about: Any, device: str, removed: bool) -> None:
            if device == alias and about.UUID() == domain.UUID():
                answers.put(removed)

        for event, removed in ((libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, True),
                               (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, False)):
            connection.domainEventRegisterAny(domain, event, answer, removed)
        if alias not in _present(domain):
            return
        _ask_for(domain, alias)
        refused = False
        if alias in _present(domain):
            with suppress(queue.Empty):  # no answer: whether it is out is looked up once more
                refused = not answers.get(timeout=timeout)
        if alias in _present(domain):
            why = "refused to let go of it" if refused else f"has not let go of it in {timeout:g} s"
            raise Failure(f"the guest of {name} {why}", f"see that nothing in the guest uses "
                          f"{alias}, and apply again; or {restart_of(domain)} does it by a restart")


def _ask_for(domain: Any, alias: str) -> None:
    try:
        domain.detachDeviceAlias(alias, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    except libvirt.libvirtError as error:
        gone = error.get_error_code() == libvirt.VIR_ERR_DEVICE_MISSING
        if not gone and not ALREADY.search(str(error)):
            raise


def _present(domain: Any) -> frozenset[str]:
    return device_aliases(domain.XMLDesc(0))


@contextmanager
def _listening(uri: str) -> Iterator[Any]:
    """A connection of its own: only those opened after the loop was registered hear of events."""
    _start_loop()
    connection = connect(uri, False)
    try:
        yield connection
    finally:
        connection.close()


@cache
def _start_loop() -> None:
    """libvirt's own event loop, in a thread that ends with the process."""
    libvirt.virEventRegisterDefaultImpl()

    def loop() -> None:
        while True:
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=loop, name="libvirt events", daemon=True).start()
