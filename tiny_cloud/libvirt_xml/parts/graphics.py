"""Screens (https://libvirt.org/formatdomain.html#graphical-framebuffers).

libvirt starts one of a type at most, and a screen has no alias: so the type is its name, and which
one goes is known by what the manifest said until now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from tiny_cloud.libvirt_xml.domain import LOOPBACK
from tiny_cloud.libvirt_xml.elements import E, Element
from tiny_cloud.libvirt_xml.graft import append, drop
from tiny_cloud.libvirt_xml.parts import single
from tiny_cloud.model import Value

TYPES = ("vnc", "spice")
PLACE = ("port", "autoport", "listen", "socket")
"""Attributes that say the same as <listen>, for older libvirts; it writes them by itself."""


def write(root: Element, spec: Mapping[str, Any]) -> None:
    had_spice = _spice(root) is not None
    for kind, declared in (spec.get("graphics") or {}).items():
        wanted = (declared.get("listen", LOOPBACK), declared.get("port", "auto"))
        screen = root.find(f"devices/graphics[@type='{kind}']")
        if screen is None:
            screen = E.graphics(type=kind)
            append(single.devices(root), screen)
        if (_listen(screen), _port(screen)) != wanted:
            _put(screen, *wanted)
    if _spice(root) is None:
        _let_choose_sound(root, "spice")
    elif not had_spice:
        _let_choose_sound(root, "none")


def forget(root: Element, gone: Mapping[str, Value]) -> None:
    for screen in root.findall("devices/graphics"):
        if f"graphics.{screen.get('type')}.listen" in gone:
            single.devices(root).remove(screen)


def read(root: Element) -> Iterator[tuple[str, Value]]:
    for screen in root.iterfind("devices/graphics"):
        kind = screen.get("type", "")
        if kind in TYPES:
            if place := _listen(screen):
                yield f"graphics.{kind}.listen", place
            yield f"graphics.{kind}.port", _port(screen)


def with_passwords(xml: str, secure_xml: str) -> str:
    """``xml`` was read without what libvirt keeps to itself: the passwords of its screens, which
    ``secure_xml`` has. Without them to define it would be to take them away."""
    root, known = etree.fromstring(xml), etree.fromstring(secure_xml)
    passwords = {screen.get("type"): word for screen in known.iterfind("devices/graphics")
                 if (word := screen.get("passwd"))}
    for screen in root.iterfind("devices/graphics"):
        if screen.get("type") in passwords:
            screen.set("passwd", passwords[screen.get("type")])
    return etree.tostring(root, encoding="unicode")


def _spice(root: Element) -> Element | None:
    return root.find("devices/graphics[@type='spice']")


def _let_choose_sound(root: Element, unless: str) -> None:
    """Where sound goes libvirt decides by the screens there are, but only once."""
    for audio in root.findall(f"devices/audio[@type='{unless}']"):
        if not len(audio):
            single.devices(root).remove(audio)


def _put(screen: Element, listen: str, port: int | str) -> None:
    for word in PLACE:
        if word in screen.attrib:
            del screen.attrib[word]
    drop(screen, "listen")
    if listen == "socket":
        screen.insert(0, E.listen(type="socket"))
        return
    screen.insert(0, E.listen(type="address", address=listen))
    auto = port == "auto"
    screen.set("autoport", "yes" if auto else "no")
    if not auto:
        screen.set("port", str(port))


def _listen(screen: Element) -> str:
    place = screen.find("listen")
    if place is None:
        return screen.get("listen", "socket" if screen.get("socket") else "")
    kind = place.get("type", "")
    return place.get("address", "") if kind == "address" else kind


def _port(screen: Element) -> int | str:
    fixed = screen.get("autoport") == "no" and screen.get("port", "-1") != "-1"
    return int(screen.get("port", "")) if fixed else "auto"
