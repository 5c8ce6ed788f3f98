"""What somebody allowed, for that very thing."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import fields


class Consents(Struct, frozen=True):
    """What the user allowed, as globs over addresses (``disk/web-*``). Raises TypeError."""

    replace: tuple[str, ...] = ()
    """It is made anew; the old one's data goes to the trash."""
    delete_data: tuple[str, ...] = ()
    """Its data goes to the trash."""
    restart: tuple[str, ...] = ()
    """It may restart, gracefully."""
    force_off: tuple[str, ...] = ()
    """Its plug may be pulled if it does not power off when asked."""
    adopt: tuple[str, ...] = ()
    """It is taken over, though it was not made here."""
    rebase: tuple[str, ...] = ()
    """It may stand on what its manifest says; its content stays the same."""
    flatten: tuple[str, ...] = ()
    """Of the verb ``flatten``; no flag of apply's."""

    def __post_init__(self) -> None:
        for one in fields(self):
            refuse_text(getattr(self, one.name), one.name)


def refuse_text(globs: object, name: str) -> None:
    """One text would be taken for its letters, and a ``*`` among them for everything there is.

    Raises TypeError.
    """
    if isinstance(globs, str):
        raise TypeError(f"{name} takes several names: write {name}=({globs!r},)")
