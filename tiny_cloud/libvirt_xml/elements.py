"""lxml's element builder, which refuses control characters, with the types that its stubs lack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lxml import builder, etree  # type: ignore[attr-defined, unused-ignore]

Element = etree._Element
STAMP_NAMESPACE = "urn:tinycloud:v1"
STAMP = f"{{{STAMP_NAMESPACE}}}stamp"


class Maker(Protocol):
    """``E.disk(E.target(dev="vda"), type="file")``; a child is an element, a text or a mapping."""

    def __call__(self, tag: str, *children: object, **attributes: str) -> Element: ...

    def __getattr__(self, tag: str) -> Callable[..., Element]: ...


E: Maker = builder.ElementMaker()


def attribute(element: Element, path: str, name: str) -> str:
    """Of the first element at ``path``; empty: there is none, or it does not have this one."""
    found = element.find(path)
    return "" if found is None else found.get(name, "")


def child(parent: Element, tag: str) -> Element:
    """The first one of this name, made if there is none."""
    found = parent.find(tag)
    return etree.SubElement(parent, tag) if found is None else found


def maker(prefix: str, namespace: str) -> Maker:
    """A builder of elements in a namespace of their own."""
    made: Maker = builder.ElementMaker(namespace=namespace, nsmap={prefix: namespace})
    return made
