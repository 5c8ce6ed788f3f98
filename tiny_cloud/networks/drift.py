"""A network's definition beside what is active: what is wrong, and what has to wait. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tiny_cloud.facts import DomainFacts
from tiny_cloud.libvirt_xml import Tap, is_updatable
from tiny_cloud.model import State, Value

EMPTY: Mapping[str, Value] = {"dns.enabled": True, "dns.forwarders": (), "dns.hosts": ()}
"""What is there when nothing was said: not worth taking away."""


def compare(defined: State, live: State, wanted: State) -> tuple[State, tuple[str, ...]]:
    """The fields, of definition and active network the one that is wrong if one is; and those
    that wait for a restart. ``live`` is empty when the network is not active."""
    target, fields, later = {**defined, **wanted}, dict(defined), []
    for name in sorted({*defined, *live}) if live else ():
        if not is_updatable(name, live, target):
            stale = live.get(name) not in (defined.get(name), target.get(name))
            later += [name] if stale else []
        elif defined.get(name) == wanted.get(name, EMPTY.get(name)):
            fields[name] = live.get(name)
    idle = {name for name, value in EMPTY.items()
            if name not in wanted and fields.get(name) == value}
    return {name: value for name, value in fields.items()
            if value is not None and name not in idle}, tuple(later)


def loose(
    cards: Iterable[tuple[DomainFacts, Tap]], ports: frozenset[str] | None
) -> tuple[str, ...]:
    """Cards that are not on the bridge: they fall off when a network is stopped, and libvirt does
    not put them back when it is started. ``ports`` None: there is no such bridge to look at."""
    if ports is None:
        return ()
    return tuple(f"{domain.name} ({tap.device})" for domain, tap in cards
                 if tap.device not in ports)
