"""Whether an element of libvirt's says what one of ours does; it may say more."""

from __future__ import annotations

from collections.abc import Callable

from tiny_cloud.libvirt_xml.elements import Element
from tiny_cloud.libvirt_xml.parts.memory import UNITS


def alike(there: Element, ours: Element) -> bool:
    """All attributes, the text and all children, whatever the spelling of numbers and sizes."""
    return (
        there.tag == ours.tag
        and (_bytes(there) == _bytes(ours) is not None or (
            _same(there.text, ours.text)
            and all(_same(there.get(key), ours.get(key)) for key in ours.attrib)))
        and _children(there, ours, alike)
    )


def same_shape(there: Element, ours: Element) -> bool:
    """All attributes and children by name, whatever they say."""
    return (there.tag == ours.tag and set(ours.attrib) <= set(there.attrib)
            and _children(there, ours, same_shape))


def _children(
    there: Element,
    ours: Element,
    is_like: Callable[[Element, Element], bool],
) -> bool:
    """Each of ours has one of its own in there."""
    free = list(there)
    for item in ours:
        found = next((other for other in free if is_like(other, item)), None)
        if found is None:
            return False
        free.remove(found)
    return True


def _bytes(element: Element) -> int | None:
    """The size that an element with a unit and nothing else says."""
    text = (element.text or "").strip()
    if list(element.attrib) != ["unit"] or not text.isdecimal():
        return None
    unit = UNITS.get(element.get("unit", ""))
    return None if unit is None else int(text) * unit


def _same(there: str | None, ours: str | None) -> bool:
    first, second = (there or "").strip(), (ours or "").strip()
    return first.casefold() == second.casefold() or (
        _number(first) is not None and _number(first) == _number(second))


def _number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None
