"""Those that start appliances or build: in the long form alone, at some of their points."""

from __future__ import annotations

from tests.faults.scenario import Scenario
from tests.faults.scenarios import disk, image
from tests.integration.lab import Lab
from tests.integration.odd_guests import plain_disk

BASE = image("path: {folder}/base.raw")
ONE = disk("one", "image: base, size: 128MiB")
GUEST = "kind: Guest\nmetadata: {{name: {name}}}\nspec: {{disk: {name}, hostname: {hostname}}}"


def guest(name: str, hostname: str) -> str:
    return GUEST.format(name=name, hostname=hostname)


def system(lab: Lab) -> None:
    plain_disk(lab.folder / "base.raw")


INSIDE = "^(step (Edit|.*EditGuest)|guest|command python3)"
"""Where somebody works inside a guest; the rest is walked by the fast ones."""

SLOW = (
    Scenario("a guest is new", {"base": BASE, "one": ONE, "guest": guest("one", "first")},
             sources=system, only=INSIDE),
    Scenario("a guest changes",
             before={"base": BASE, "one": ONE, "guest": guest("one", "first")},
             after={"base": BASE, "one": ONE, "guest": guest("one", "second")},
             sources=system, only=INSIDE),
    Scenario("two guests share an appliance",
             {"base": BASE, "one": ONE, "two": disk("two", "image: base, size: 128MiB"),
              "guest1": guest("one", "first"), "guest2": guest("two", "second")},
             sources=system, only=INSIDE),
    Scenario("a Debian is built",
             {"base": image("debootstrap: {suite: bookworm}")}, only="^command .* during"),
)
