"""Windows from Vista on: its name and first-boot scripts, by way of the registry."""

from __future__ import annotations

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Edit, Found, Matter, Remark, Wish
from tiny_cloud.guests.windows import first_boot, names, registry

MATTERS: tuple[Matter, ...] = (names, first_boot)
SETTINGS = ("hostname", "firstBoot", "growRoot", "system")
"""What has a meaning there; that NTFS does not grow is said where it is tried."""


class Windows:
    """Users, network and most else are Windows' own tools' business: a first-boot script's."""

    name = "windows"
    distros = ("windows",)

    def crypt_method(self, found: Found) -> str:
        """No password is ever hashed for it: users are refused."""
        return "sha512"

    def asks(self, wish: Wish, found: Found) -> frozenset[str]:
        for name, value in wish.settings.items():
            if value and name not in SETTINGS:
                raise Failure(
                    f"{name} cannot be written into Windows from outside",
                    hint=f"leave {name} out, and do it in a first-boot script of Windows' own")
        return frozenset((registry.HIVE, registry.CURRENT, *(
            path for matter in MATTERS for path in matter.asks(wish, found))))

    def edits(self, wish: Wish, found: Found) -> tuple[Edit | Remark, ...]:
        made = [edit for matter in MATTERS for edit in matter.edits(wish, found)]
        if wish.fresh is not None:
            made.append(Remark("the machine has the SID of its image, as all others on it: only "
                               "sysprep in Windows itself makes another"))
        return tuple(made)
