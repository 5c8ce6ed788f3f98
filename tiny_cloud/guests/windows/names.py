"""The computer's name, for NetBIOS and for TCP/IP, as the system's own dialog sets both.

https://learn.microsoft.com/troubleshoot/windows-server/active-directory/naming-conventions-for-computer-domain-site-ou
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tiny_cloud.errors import Failure
from tiny_cloud.guests.base import Edit, Found, SetValue, Wish
from tiny_cloud.guests.windows import registry

LONGEST = 15
"""Characters of a NetBIOS name."""


def asks(wish: Wish, found: Found) -> Iterable[str]:
    if not wish.settings.get("hostname") or not registry.is_known(found):
        return ()
    return [value.path for value in _values(wish, found)]


def edits(wish: Wish, found: Found) -> Iterator[Edit]:
    if wish.settings.get("hostname"):
        yield from registry.missing(found, *_values(wish, found))


def _values(wish: Wish, found: Found) -> Iterator[SetValue]:
    name, _, domain = wish.settings["hostname"].partition(".")
    if len(name) > LONGEST or name.isdecimal():
        raise Failure(f"{name} is no name for a Windows computer: it takes at most {LONGEST} "
                      "characters, and not digits alone", hint="write a shorter hostname")
    top = registry.control_set(found)
    for key in ("ComputerName", "ActiveComputerName"):
        yield registry.text(f"{top}\\Control\\ComputerName\\{key}\\ComputerName", name.upper())
    tcpip = f"{top}\\Services\\Tcpip\\Parameters"
    # What has NV in its name is kept, the other is what the system goes by until it starts again.
    for prefix in ("", "NV "):
        yield registry.text(f"{tcpip}\\{prefix}Hostname", name)
        if domain:
            yield registry.text(f"{tcpip}\\{prefix}Domain", domain)
