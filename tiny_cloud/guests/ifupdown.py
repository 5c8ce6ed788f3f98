"""interfaces(5): our stanzas in a marked block; others for the same cards go, all else stays."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tiny_cloud.errors import Failure
from tiny_cloud.guests import network
from tiny_cloud.guests.base import Edit, Found, MakeFolder, Wish, with_block, write

FOLDER = "/etc/network"
PATH = f"{FOLDER}/interfaces"
PIECES = f"{FOLDER}/interfaces.d/*"

_STANZAS = ("iface", "mapping", "auto", "source", "source-directory", "no-auto-down",
            "no-scripts", "rename", "template")
EMPTY = "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n"


def asks(wish: Wish, found: Found) -> Iterator[str]:
    if wish.settings.get("interfaces"):
        yield from (*network.asks(wish), PATH, PIECES, *network.DHCP_CLIENTS)


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    """Also where netplan is used and ifupdown is installed: two would fight over one card."""
    names = {card.name for card in network.interfaces(wish.settings)}
    cards = network.chosen(wish, found, "ifupdown")
    if any(card.dhcp for card in cards) and not found.has(*network.DHCP_CLIENTS):
        raise Failure("the guest has ifupdown but no DHCP client",
                      hint="add isc-dhcp-client to the image, or give the interface an address")
    for path in sorted(path for path in found.files if path.startswith(f"{FOLDER}/interfaces.d/")):
        if found.kind(path) == "file":
            old = found.text(path)
            if (new := without(old, names)) != old:
                yield write(path, new)
    if not names or not (cards or found.kind(PATH)):
        return
    old = found.text(PATH, "")
    block = [line for card in cards for line in ("", *stanza(card))][1:]
    new = with_block(without(with_block(old or EMPTY, ()), names), block)
    if new != old:
        yield MakeFolder(FOLDER)
        yield write(PATH, new)


def stanza(card: network.Interface) -> list[str]:
    lines = [f"auto {card.name}"]
    if card.dhcp:
        lines.append(f"iface {card.name} inet dhcp")
    elif card.address:
        lines += [f"iface {card.name} inet static", f"    address {card.address}"]
        if card.gateway:
            lines.append(f"    gateway {card.gateway}")
    else:
        lines.append(f"iface {card.name} inet manual")
    if card.dns:
        lines.append(f"    dns-nameservers {' '.join(card.dns)}")
    if card.search:
        lines.append(f"    dns-search {' '.join(card.search)}")
    return lines


def without(text: str, names: Collection[str]) -> str:
    """The text without the stanzas of these interfaces; comments and blank lines stay."""
    kept: list[str] = []
    ours = continued = False
    for line in text.split("\n"):
        words = line.split()
        # A comment may not be continued, an option or a stanza may (interfaces(5)).
        piece, continued = continued, line.endswith("\\") and not line.lstrip().startswith("#")
        if not piece and words and (words[0] in _STANZAS or words[0].startswith("allow-")):
            ours = words[0] == "iface" and words[1:2] != [] and words[1] in names
            if words[0] == "auto" or words[0].startswith("allow-"):
                left = [word for word in words[1:] if word not in names]
                if len(left) < len(words) - 1:
                    if left:
                        kept.append(" ".join((words[0], *left)))
                    continue
        if ours and (piece or (words and not words[0].startswith("#"))):
            continue
        kept.append(line)
    return "\n".join(kept)
