"""What is applied, hurt and applied again: data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.integration.lab import Lab

Documents = Mapping[str, str]
"""Text of each file, without the line apiVersion. ``{folder}`` and ``{name}`` are the lab's,
``{site}`` is where its folder is served over HTTP, ``{net}`` the second number of its subnets."""


def nothing(lab: Lab) -> None:
    return


@dataclass(frozen=True, slots=True)
class Scenario:
    """``before`` is there and has somebody's data on it, then ``argv`` is run with ``after``."""

    name: str
    after: Documents
    before: Documents = field(default_factory=dict)
    argv: tuple[str, ...] = ("apply",)
    """The verb, which finds the manifests behind it, and its options."""
    sources: Callable[[Lab], None] = nothing
    """Makes the files that manifests name."""
    behind: Callable[[Lab], None] = nothing
    """What happens to the host between the two."""
    written: tuple[str, ...] = ()
    """Files of disks below the storage that somebody has written to before."""
    stays: Callable[[Lab], None] = nothing
    """Asserts what somebody's data has to be like, whatever happened, after the next apply."""
    settles: bool = True
    """Whether the plan is empty afterwards: not of what takes away what is declared."""
    only: str = ""
    """A regular expression: the points that are tried; empty: all."""

    def __str__(self) -> str:
        return self.name
