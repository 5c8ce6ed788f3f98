"""Network cards with forwarded ports, which libvirt 9.0 cannot describe.

It has no forwards for qemu's own user network (slirp), and passt, which has, is one more program to
install and is not in every distribution. So such a card goes to qemu directly, in
``<qemu:commandline>``, and libvirt does not know its PCI address. It sits in a place that libvirt
fills with the chipset and never hands out: functions 4 to 7 of the ISA bridge's slot, 1f on q35 and
1 on pc, both multifunction from birth.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence

from lxml import etree
from msgspec import Struct

from tiny_cloud.errors import Problem, Problems
from tiny_cloud.libvirt_xml.domain import LOOPBACK, Forward, Interface, family
from tiny_cloud.libvirt_xml.elements import Element

QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
COMMANDLINE = f"{{{QEMU}}}commandline"
ARGUMENT = f"{{{QEMU}}}arg"
FUNCTIONS = (4, 5, 6, 7)
PLACES = {"q35": ("pcie.0", "0x1f"), "pc": ("pci.0", "0x1")}
PREFIX = "tinycloud-"
"""Of our netdev ids; libvirt's own begin with ``host``."""

_FORWARD = re.compile(r"(tcp|udp):([\d.]*):(\d+)-[\d.]*:(\d+)")

_PROPERTY = re.compile(r"((?:[^,]|,,)+)(?:,|$)")


class Card(Struct, frozen=True):
    """What a pair of -netdev and -device says."""

    name: str
    mac: str
    model: str
    function: int
    forwards: tuple[Forward, ...]


def place(interfaces: Sequence[Interface], present: Mapping[str, int]) -> tuple[Card, ...]:
    """Give each card its PCI function; those ``present`` (by name) keep theirs.

    Raises Problems if there are more than four."""
    if len(interfaces) > len(FUNCTIONS):
        raise Problems([Problem(
            f"at most {len(FUNCTIONS)} interfaces of a machine can forward ports, "
            f"not {len(interfaces)}", hint="put several forwards on one interface")])
    kept = {item.name: present[item.name] for item in interfaces if item.name in present}
    free = iter([function for function in FUNCTIONS if function not in kept.values()])
    return tuple(
        Card(item.name, item.mac, item.model,
             kept[item.name] if item.name in kept else next(free), item.forwards)
        for item in interfaces
    )


def write(root: Element, machine: str, cards: Sequence[Card]) -> None:
    """Bring our part of the command line to these cards; other people's arguments stay."""
    commandline = root.find(COMMANDLINE)
    others = _others(commandline)
    ours = [word for card in cards for word in _arguments(card, machine)]
    if _words(commandline) == [*others, *ours]:
        return
    if commandline is None:
        commandline = etree.SubElement(root, COMMANDLINE, nsmap={"qemu": QEMU})
    for argument in commandline.findall(ARGUMENT):
        commandline.remove(argument)
    for position, word in enumerate([*others, *ours]):
        # Before <qemu:env> and whatever else there is: the schema wants this order.
        commandline.insert(position, etree.Element(ARGUMENT, value=word))
    if not len(commandline):
        root.remove(commandline)


def read(root: Element) -> tuple[Card, ...]:
    """Our cards, as ``write`` wrote them."""
    netdevs: dict[str, list[tuple[str, str]]] = {}
    cards = []
    for option, value in _pairs(_words(root.find(COMMANDLINE))):
        properties = _split(value)
        if option == "-netdev":
            netdevs[dict(properties).get("id", "")] = properties
        elif option == "-device" and _is_ours(option, value):
            words = dict(properties)
            forwards = [text for key, text in netdevs.get(words["netdev"], []) if key == "hostfwd"]
            cards.append(Card(words["netdev"].removeprefix(PREFIX), words.get("mac", ""),
                              "virtio" if "virtio-net-pci" in words else properties[0][0],
                              int(words.get("addr", "0.0").rpartition(".")[2], 16),
                              tuple(_forward(text) for text in forwards)))
    return tuple(cards)


def _arguments(card: Card, machine: str) -> tuple[str, str, str, str]:
    bus, slot = PLACES[family(machine)]
    driver = "virtio-net-pci" if card.model == "virtio" else card.model
    identity = PREFIX + card.name
    forwards = [("hostfwd", f"{item.protocol}:{item.address}:{item.host_port}-:{item.guest}")
                for item in card.forwards]
    return (
        "-netdev", _join("user", [("id", identity), *forwards]),
        "-device", _join(driver, [("netdev", identity), ("mac", card.mac), ("bus", bus),
                                  ("addr", f"{slot}.{card.function:x}")]),
    )


def _join(head: str, properties: Iterable[tuple[str, str]]) -> str:
    """qemu's option syntax; a comma within a value is doubled, so that no value adds an option."""
    return ",".join([head.replace(",", ",,"), *(f"{key}={value.replace(',', ',,')}"
                                                for key, value in properties)])


def _split(text: str) -> list[tuple[str, str]]:
    pairs = (part.replace(",,", ",").partition("=") for part in _PROPERTY.findall(text))
    return [(key, value) for key, _, value in pairs]


def _forward(text: str) -> Forward:
    match = _FORWARD.fullmatch(text)
    if match is None:
        # Somebody edited ours by hand: not a declared value, so it shows as drift and is put right.
        return Forward(0, 0)
    protocol, address, host, guest = match.groups()
    return Forward(int(host), int(guest), protocol, address or LOOPBACK)


def _words(commandline: Element | None) -> list[str]:
    if commandline is None:
        return []
    return [argument.get("value", "") for argument in commandline.findall(ARGUMENT)]


def _pairs(words: Sequence[str]) -> Iterable[tuple[str, str]]:
    return itertools.pairwise(words)


def _is_ours(option: str, value: str) -> bool:
    key = {"-netdev": "id", "-device": "netdev"}.get(option)
    return key is not None and dict(_split(value)).get(key, "").startswith(PREFIX)


def _others(commandline: Element | None) -> list[str]:
    words = iter(_words(commandline))
    others = []
    for word in words:
        if word in ("-netdev", "-device"):
            value = next(words, "")
            others += [] if _is_ours(word, value) else [word, value]
        else:
            others.append(word)
    return others
