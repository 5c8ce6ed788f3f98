"""A declarative reconciler for virtual machines on KVM hosts.

>>> import tiny_cloud
>>> tiny_cloud.load("manifests").plan().apply(print)     # doctest: +SKIP

What is promised is what ``__all__`` names, and of it what docs/api.md says.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from os import PathLike

    from tiny_cloud.api import Planned, View, Workspace
    from tiny_cloud.consents import Consents
    from tiny_cloud.errands.power import Power
    from tiny_cloud.errors import Failure, Problem, Problems, Span
    from tiny_cloud.events import Amount, Event
    from tiny_cloud.given import Given
    from tiny_cloud.model import (
        Action,
        Address,
        Change,
        Cloud,
        FieldDiff,
        Impact,
        Note,
        Observed,
        Ownership,
        Plan,
        Unknown,
    )
    from tiny_cloud.outcome import Incomplete
    from tiny_cloud.purging import Trash
    from tiny_cloud.reach.addresses import Found
    from tiny_cloud.reach.machines import Machine
    from tiny_cloud.sandbox import Sandbox, SandboxMachine
    from tiny_cloud.wish import Wish

__version__ = "0.1.0"
__all__ = [
    "Action",
    "Address",
    "Amount",
    "Change",
    "Cloud",
    "Consents",
    "Event",
    "Failure",
    "FieldDiff",
    "Found",
    "Impact",
    "Incomplete",
    "Machine",
    "Note",
    "Observed",
    "Ownership",
    "Plan",
    "Planned",
    "Power",
    "Problem",
    "Problems",
    "Sandbox",
    "SandboxMachine",
    "Span",
    "Trash",
    "Unknown",
    "View",
    "Wish",
    "Workspace",
    "__version__",
    "find_machines",
    "load",
    "load_plan",
    "save_plan",
]

_HOMES = {
    "api": ("Planned", "View", "Workspace"),
    "consents": ("Consents",),
    "errands.power": ("Power",),
    "errors": ("Failure", "Problem", "Problems", "Span"),
    "events": ("Amount", "Event"),
    "model": ("Action", "Address", "Change", "Cloud", "FieldDiff", "Impact", "Note", "Observed",
              "Ownership", "Plan", "Unknown"),
    "outcome": ("Incomplete",),
    "purging": ("Trash",),
    "reach.addresses": ("Found",),
    "reach.machines": ("Machine",),
    "sandbox": ("Sandbox", "SandboxMachine"),
    "wish": ("Wish",),
}
"""Where the names live. They are imported when asked for: ``tinycloud --version`` need not wait."""


def __getattr__(name: str) -> Any:
    """A module's ``__getattr__`` (PEP 562)."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


def load(
    *paths: str | PathLike[str], documents: Given | None = None, connect: str = "",
    storage: str = "",
) -> Workspace:
    """Read manifests, check them and link them; no host is asked and nothing is written.

    ``paths``: files, folders (walked) or ``-`` (stdin). ``documents``: more of them, each a mapping
    as a document of a manifest is, or YAML text that may hold several; their relative paths start
    from the working folder. With neither, the folder ``manifests`` is read.
    ``connect``: libvirt's URI, ``storage``: a folder; they override the Cloud document, as the
    variables TINYCLOUD_CONNECT and TINYCLOUD_STORAGE do.

    Raises Problems with everything that is wrong, each with its place.
    """
    from os import fspath

    from tiny_cloud.api import load_manifests

    return load_manifests([fspath(path) for path in paths], documents=documents,
                          connect=connect, storage=storage)


def find_machines(workspace: Workspace, *names: str) -> list[Machine]:
    """The machines of these names (``web``, ``vm/web``, globs) that are there, declared or owned;
    without names, all. Raises Failure if libvirt does not answer, or for a name that nothing has.
    """
    from tiny_cloud.addresses import machine_address
    from tiny_cloud.reach.machines import machines

    return machines(workspace, [machine_address(name) for name in names or ("*",)])


def save_plan(planned: Planned, file: str | PathLike[str]) -> None:
    """Write a plan to a file (mode 0600, no secrets) that ``load_plan`` reads, here or elsewhere.

    Raises Failure if there is something else under that name, OSError if it cannot be written.
    """
    from pathlib import Path

    from tiny_cloud import saved

    saved.save(planned, Path(file))


def load_plan(file: str | PathLike[str]) -> Planned:
    """A plan that ``save_plan`` wrote, planned again on this host.

    Raises Failure if it comes to something else now, or the file is no plan; Problems as
    ``Workspace.plan`` does.
    """
    from pathlib import Path

    from tiny_cloud import saved

    return saved.load(Path(file))
