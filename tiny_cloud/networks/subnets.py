"""IP networks and addresses as libvirt writes them, and which of them are in each other's way."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TypeVar

Owner = TypeVar("Owner")


@lru_cache(1 << 10)
def canonical(text: str) -> str:
    """An address, or a network with its prefix, in its one shortest form; nothing stays nothing."""
    if not text:
        return ""
    return str(ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text))


@lru_cache(1 << 10)
def first_host(subnet: str) -> str:
    """``10.44.0.1`` of ``10.44.0.0/24``."""
    return str(ipaddress.ip_network(subnet)[1]) if subnet else ""


def overlaps(first: str, second: str) -> bool:
    one, other = ipaddress.ip_network(first), ipaddress.ip_network(second)
    return one.version == other.version and (
        one.network_address in other or other.network_address in one)


def overlapping(subnets: Iterable[tuple[str, Owner]]) -> Iterator[tuple[Owner, Owner]]:
    """Pairs (the earlier one, the later one) of those that overlap, each with one other: networks
    lie inside one another or apart, so that looking at neighbours is enough."""
    places = [(ipaddress.ip_network(subnet), at, owner)
              for at, (subnet, owner) in enumerate(subnets)]
    places.sort(key=lambda place: (place[0].version, int(place[0].network_address),
                                   place[0].prefixlen, place[1]))
    around = None
    for place in places:
        if around is not None and overlaps(str(around[0]), str(place[0])):
            first, second = sorted((around, place), key=lambda item: item[1])
            yield first[2], second[2]
        else:
            around = place
