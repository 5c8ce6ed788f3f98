"""One interface as interfaces(5) has it: ifupdown's, and ifupdown-ng's, which differ."""

from __future__ import annotations

from tiny_cloud.errors import Failure
from tiny_cloud.guests.networking.interfaces import Interface


def classic(card: Interface) -> list[str]:
    """Debian's ifupdown: a stanza for IPv4, one for IPv6; what has no option of its own is a
    command. A stanza for each address would do as well, and run all scripts of if-up.d for each."""
    heads = [head for head in (_inet(card), _inet6(card)) if head]
    heads = heads or [[f"iface {card.name} inet manual"]]
    by_option = card.of(6) or card.dhcp6
    heads[0] += [*_vlan(card), *_dns(card), *([] if by_option else _before(card))]
    heads[-1] += _after(card)
    return [f"auto {card.name}", *(line for head in heads for line in head)]


def _inet(card: Interface) -> list[str]:
    if card.dhcp:
        return [f"iface {card.name} inet dhcp"]
    if not card.of(4):
        return []
    gateway = [f"    gateway {card.gateway(4)}"] if card.gateway(4) else []
    return [f"iface {card.name} inet static", f"    address {card.of(4)[0]}", *gateway]


def _inet6(card: Interface) -> list[str]:
    accept = [] if card.accept_ra is None else [f"    accept_ra {int(card.accept_ra)}"]
    if card.dhcp6:
        return [f"iface {card.name} inet6 dhcp", *accept]
    if not card.of(6):
        return [f"iface {card.name} inet6 auto"] if card.accept_ra else []
    gateway = [f"    gateway {card.gateway(6)}"] if card.gateway(6) else []
    # Without it a static interface is left out of what routers say (interfaces(5), inet6 static).
    accept += ["    autoconf 1"] if card.accept_ra else []
    return [f"iface {card.name} inet6 static", f"    address {card.of(6)[0]}", *gateway, *accept]


def _vlan(card: Interface) -> list[str]:
    if _is_named(card):
        return []
    return [f"    pre-up ip link show {card.name} >/dev/null 2>&1 || ip link add link {card.link} "
            f"name {card.name} type vlan id {card.vlan}"]


def _is_named(card: Interface) -> bool:
    """A VLAN called CARD.NUMBER is made by ifupdown itself (interfaces(5), "VLAN interfaces")."""
    return not card.vlan or card.name == f"{card.link}.{card.vlan}"


def _before(card: Interface) -> list[str]:
    """What keeps routers away where no option does. A VLAN is not there before it is up."""
    if card.accept_ra is not False:
        return []
    when = "up" if card.vlan else "pre-up"
    return [f"    {when} echo 0 > /proc/sys/net/ipv6/conf/{card.name}/accept_ra"]


def _after(card: Interface) -> list[str]:
    further = [f"    up ip addr add {address} dev {card.name}"
               for family in (4, 6) for address in card.of(family)[1:]]
    mtu = [f"    up ip link set dev {card.name} mtu {card.mtu}"] if card.mtu is not None else []
    return further + mtu + _routes(card)


def _routes(card: Interface) -> list[str]:
    return [f"    up ip route add {route.to} via {route.via} dev {card.name}"
            + (f" metric {route.metric}" if route.metric is not None else "")
            for route in card.routes]


def _dns(card: Interface) -> list[str]:
    lines = [f"    dns-nameservers {' '.join(card.dns)}"] if card.dns else []
    return lines + ([f"    dns-search {' '.join(card.search)}"] if card.search else [])


def modern(card: Interface) -> list[str]:
    """ifupdown-ng's: one stanza with all of it. Raises Failure for DHCPv6, which it has not."""
    if card.dhcp6:
        raise Failure(f"interface {card.name}: the guest's ifupdown-ng asks no DHCPv6 server",
                      hint="leave dhcp6 out; acceptRA: true takes an address from the router")
    lines = [f"auto {card.name}", f"iface {card.name}"]
    lines += [] if _is_named(card) else [
        f"    vlan-raw-device {card.link}", f"    vlan-id {card.vlan}"]
    lines += ["    use dhcp"] if card.dhcp else []
    lines += ["    use ipv6-ra"] if card.accept_ra else []
    lines += [f"    address {address}" for address in card.addresses]
    lines += [f"    gateway {gateway}" for gateway in card.gateways]
    lines += [f"    mtu {card.mtu}"] if card.mtu is not None else []
    return lines + _before(card) + _routes(card)
