"""What the words stand for that people call things by: ``vm/web`` is ``virtualmachine/web``."""

from __future__ import annotations

from collections.abc import Iterable

from tiny_cloud.model import Address
from tiny_cloud.resource import Resource


def full_address(text: str) -> str:
    """``vm/web`` as ``virtualmachine/web``; globs stay as they are."""
    word, slash, name = text.partition("/")
    kind = kind_of(word)
    return f"{kind.KIND.lower()}/{name}" if slash and kind else text


def full_addresses(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(full_address, texts))


def machine_address(text: str) -> Address:
    """Of ``web`` or ``vm/web``; the name may be a glob."""
    return Address.parse(full_address(text if "/" in text else f"vm/{text}"))


def kind_of(word: str) -> type[Resource] | None:
    """The kind a user means: ``VirtualMachine``, ``virtualmachine`` or ``vm``."""
    lowered = word.lower()
    for name, kind in Resource.registry.items():
        if {lowered, lowered.removesuffix("s")} & {name, *kind.SHORT}:
            return kind
    return None
