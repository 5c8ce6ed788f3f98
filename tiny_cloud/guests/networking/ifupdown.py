"""interfaces(5): our stanzas in a marked block; others for the same cards go, all else stays.

Debian's ifupdown and Alpine's ifupdown-ng read the same file; ``stanzas`` says in which words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Edit, Found, MakeFolder, Symlink, Wish, with_block, write
from tiny_cloud.guests.networking import stanzas, ways
from tiny_cloud.guests.networking.interfaces import Interface, interfaces

FOLDER = "/etc/network"
PATH = f"{FOLDER}/interfaces"
PIECES = f"{FOLDER}/interfaces.d/*"
NG = ("/sbin/ifupdown", "/usr/sbin/ifupdown")
"""ifupdown-ng's one program; its ifup and ifdown are links to it."""
SERVICE, RUNLEVEL = "/etc/init.d/networking", "/etc/runlevels/boot"
"""Of OpenRC."""
DHCP_CLIENTS = tuple(f"{folder}/{name}" for folder in ("/usr/sbin", "/sbin")
                     for name in ("dhclient", "dhcpcd", "udhcpc"))
"""What ifupdown itself looks for (interfaces(5), the dhcp method)."""

_STANZAS = ("iface", "mapping", "auto", "source", "source-directory", "no-auto-down",
            "no-scripts", "rename", "template")
EMPTY = "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n"


def asks(wish: Wish, found: Found) -> Iterator[str]:
    if wish.settings.get("interfaces"):
        yield from (*ways.asks(wish), PATH, PIECES, *NG, *DHCP_CLIENTS, SERVICE, RUNLEVEL,
                    f"{RUNLEVEL}/networking")


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    """Also where netplan is used and ifupdown is installed: two would fight over one card."""
    names = {card.name for card in interfaces(wish.settings)}
    cards = ways.chosen(wish, found, "ifupdown")
    if cards:
        _refuse(cards, found)
        yield from _started(found)
    for path in sorted(path for path in found.files if path.startswith(f"{FOLDER}/interfaces.d/")):
        if found.kind(path) == "file":
            old = found.text(path)
            if (new := without(old, names)) != old:
                yield write(path, new)
    if not names or not (cards or found.kind(PATH)):
        return
    old = found.text(PATH, "")
    stanza = stanzas.modern if found.has(*NG) else stanzas.classic
    block = [line for card in cards for line in ("", *stanza(card))][1:]
    new = with_block(without(with_block(old or EMPTY, ()), names), block)
    if new != old:
        yield MakeFolder(FOLDER)
        yield write(PATH, new)


def _refuse(cards: Collection[Interface], found: Found) -> None:
    """Raises Failure for what is not there to do it."""
    if any(card.dhcp or card.dhcp6 for card in cards) and not found.has(*DHCP_CLIENTS):
        raise Failure("the guest has ifupdown but no DHCP client",
                      hint="add isc-dhcp-client to the image, or give the interface an address")
    programs = [found.files[path] for path in ways.IFUPDOWN if path in found.files]
    if any(file.target.endswith("/busybox") for file in programs):
        raise Failure("the guest's ifup is busybox's, which knows less than what is written here",
                      hint="add ifupdown-ng to the image (Alpine 3.13 and newer have it)")


def _started(found: Found) -> Iterator[Edit]:
    """What ``rc-update add networking boot`` does."""
    link = f"{RUNLEVEL}/networking"
    if found.has(SERVICE) and found.kind(RUNLEVEL) == "folder" and not found.kind(link):
        yield Symlink(link, SERVICE)


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
