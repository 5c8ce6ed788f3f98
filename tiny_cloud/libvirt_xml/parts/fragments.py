"""Pieces of XML for what has no field: the field ``xml``.

A piece is *there* if the definition has all that it says; libvirt adds words of its own. Where
libvirt has rewritten a value (other units, another path), an element of the same shape counts as
long as this very piece was applied before: only the first time must it be found word for word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lxml import etree
from msgspec import Struct

from tiny_cloud.libvirt_xml.elements import Element, child
from tiny_cloud.libvirt_xml.graft import append, canonical
from tiny_cloud.libvirt_xml.parts.likeness import alike, same_shape
from tiny_cloud.libvirt_xml.parts.snippet import QEMU, elements
from tiny_cloud.model import Value

DIGITS = 8


class Fragment(Struct, frozen=True):
    operation: str
    target: str
    """A path below <domain>, or ``.``."""
    text: str
    """Canonical: one element, or several of one name."""

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Fragment:
        """From the manifest's words. Raises ValueError for what cannot be XML of a domain."""
        text = "".join(map(_text, elements(item["xml"])))
        return cls(item.get("operation", "append"), item["target"], text)

    @property
    def field(self) -> str:
        """By content, so that the order of the list means nothing."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()[:DIGITS]
        return f"xml[{self.operation} {self.target} {digest}]"

    @property
    def parts(self) -> list[Element]:
        return elements(self.text)


def fields(spec: Mapping[str, Any]) -> dict[str, Value]:
    """The declared pieces as flat fields."""
    return {piece.field: piece.text for piece in map(Fragment.of, spec.get("xml", ()))}


def present(
    root: Element, spec: Mapping[str, Any], former: Mapping[str, Value]
) -> dict[str, Value]:
    """Those that are there, of the declared ones and of the appended ones of the last apply."""
    declared = {piece.field: piece for piece in map(Fragment.of, spec.get("xml", ()))}
    others = {piece.field: piece for piece in _former(former) if piece.operation == "append"}
    return {field: piece.text for field, piece in (others | declared).items()
            if _find(root, piece, known=field in former and field in declared)}


def waiting(
    root: Element, spec: Mapping[str, Any], former: Mapping[str, Value]
) -> tuple[str, ...]:
    """Declared pieces that the definition has and what runs (``root``) has not yet."""
    running = present(root, spec, former)
    return tuple(field for field in fields(spec) if field in former and field not in running)


def write(
    root: Element, spec: Mapping[str, Any], former: Mapping[str, Value]
) -> None:
    for piece in map(Fragment.of, spec.get("xml", ())):
        if _find(root, piece, known=piece.field in former):
            continue
        if piece.operation == "append":
            target = _make(root, piece.target)
            for element in piece.parts:
                append(target, element)
        else:
            _replace(root, piece)


def forget(root: Element, gone: Mapping[str, Value]) -> None:
    """What was appended goes if it is found word for word: something like it may be somebody
    else's. What was put in the place of something stays, because nobody knows what was there."""
    for piece in _former(gone):
        if piece.operation == "append":
            for element in _find(root, piece, known=False):
                parent = element.getparent()
                if parent is not None:
                    parent.remove(element)


def _text(element: Element) -> str:
    """The one way in which it is written, without what the prefix means, always the same."""
    plain = etree.tostring(etree.fromstring(canonical(element)), encoding="unicode")
    return plain.replace(f' xmlns:qemu="{QEMU}"', "")


def _former(known: Mapping[str, Value]) -> Iterator[Fragment]:
    for field, text in known.items():
        if field.startswith("xml["):
            operation, target, _ = field.removeprefix("xml[").split(" ", 2)
            yield Fragment(operation, target, str(text))


def _find(root: Element, piece: Fragment, *, known: bool) -> list[Element]:
    """The elements that are the piece: one after the other among those of their name."""
    fresh = piece.parts
    places: Iterable[list[Element]]
    if piece.operation == "replace":
        places = [[element] for element in root.findall(_path(piece.target))[:1]]
    else:
        places = [target.findall(str(fresh[0].tag)) for target in _targets(root, piece.target)]
    for is_like in (alike, same_shape) if known else (alike,):
        for there in places:
            for start in range(len(there) - len(fresh) + 1):
                run = there[start:start + len(fresh)]
                if all(map(is_like, run, fresh)):
                    return run
    return []


def _targets(root: Element, target: str) -> list[Element]:
    return [root] if target == "." else root.findall(_path(target))


def _path(target: str) -> str:
    return "/".join(map(_tag, target.split("/")))


def _tag(word: str) -> str:
    prefix, colon, name = word.rpartition(":")
    return f"{{{QEMU}}}{name}" if colon and prefix == "qemu" else word


def _make(root: Element, target: str) -> Element:
    found = root
    for word in [] if target == "." else target.split("/"):
        found = child(found, _tag(word))
    return found


def _replace(root: Element, piece: Fragment) -> None:
    """In the place of the first; its address and our name for it stay if it is the same model."""
    (fresh,) = piece.parts
    above, _, _ = piece.target.rpartition("/")
    parent = _make(root, above or ".")
    old = parent.find(str(fresh.tag))
    if old is None:
        append(parent, fresh)
        return
    for tag in ("address", "alias") if old.get("model") == fresh.get("model") else ("alias",):
        if fresh.find(tag) is None:
            fresh.extend(old.findall(tag))
    parent.replace(old, fresh)
