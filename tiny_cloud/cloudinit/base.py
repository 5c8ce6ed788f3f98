"""What a setting becomes: a piece of cloud-config, which the others' pieces are put beside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

Settings: TypeAlias = Mapping[str, Any]
"""A Guest's spec, its interfaces completed, with ``hash`` in the place of each ``password``."""
Piece: TypeAlias = Mapping[str, Any]
"""Keys of cloud-config: https://docs.cloud-init.io/en/latest/reference/modules.html"""
Renderer: TypeAlias = Callable[[Settings], Piece]


def joined(pieces: Iterable[Piece]) -> dict[str, Any]:
    """Lists under one key follow each other; nothing else is said twice."""
    whole: dict[str, Any] = {}
    for piece in pieces:
        for key, value in piece.items():
            if isinstance(value, list):
                whole[key] = [*whole.get(key, ()), *value]
            else:
                assert whole.setdefault(key, value) == value, key
    return whole


def once(word: str, *argv: str, per: str = "instance") -> list[str]:
    """An entry of ``bootcmd`` that runs at one boot and not at each (cloud-init-per)."""
    return ["cloud-init-per", per, f"tinycloud-{word}", *argv]
