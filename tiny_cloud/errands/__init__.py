"""What is done once, because somebody says so now, and is in no manifest: each becomes a Plan.

So it is shown, agreed to, locked, journalled and carried out as an apply is. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from tiny_cloud.facts import Reader
from tiny_cloud.model import Address, Change, Cloud, Observed, Plan, Task, Unknown
from tiny_cloud.resource import Context, Resource

Actual: TypeAlias = Mapping[Address, Observed | Unknown]
Things: TypeAlias = Sequence[Resource]
Errand: TypeAlias = Callable[[Reader, Context, Things, Things, Actual], Plan]
"""What becomes of host, context, the declared, those that are owned and undeclared, and what is
there of either. Raises Problems, Failure."""


def plan_of(cloud: Cloud, changes: Sequence[Change]) -> Plan:
    """Changes that have nothing to do with each other."""
    tasks = [Task((change.address, phase), getattr(change, phase), frozenset())
             for change in changes for phase in ("down", "up") if getattr(change, phase)]
    return Plan(cloud, tuple(changes), (), tuple(tasks))
