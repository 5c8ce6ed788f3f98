"""Ask the host what is there: one batch a kind."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from tiny_cloud.errors import Problem
from tiny_cloud.facts import Reader
from tiny_cloud.model import Address, Observed, Unknown
from tiny_cloud.naming import former
from tiny_cloud.resource import Context, Resource

ONCE_OURS = "it was made here before it became external; what was made then is left where it is"


def probe(host: Reader, resources: Sequence[Resource]) -> Mapping[Address, Observed | Unknown]:
    """What is there under the resources' addresses; what is absent has no entry."""
    found: dict[Address, Observed | Unknown] = {}
    for kind, wanted in _by_kind(resources).items():
        found.update(kind.probe(host, wanted))
    for item in resources:
        seen = found.get(item.address)
        if item.external and isinstance(seen, Observed) and item.address in host.records():
            found[item.address] = replace(seen, notes=(*seen.notes, ONCE_OURS))
    return found


def check(host: Reader, resources: Sequence[Resource]) -> list[Problem]:
    """What the manifests need of this host and it has not."""
    return [
        problem
        for kind, wanted in _by_kind(resources).items()
        for problem in kind.check(host, wanted)
    ]


def _by_kind(resources: Iterable[Resource]) -> dict[type[Resource], list[Resource]]:
    kinds: dict[type[Resource], list[Resource]] = {}
    for resource in resources:
        kinds.setdefault(type(resource), []).append(resource)
    return kinds


def discover(host: Reader, context: Context, declared: Iterable[Resource]) -> list[Resource]:
    """What the cloud owns beyond what is declared, rebuilt from its records. What is renamed is
    declared under its new name."""
    known = {name for item in declared for name in (item.address, former(item))}
    return [
        resource
        for kind in Resource.registry.values()
        for resource in kind.discover(host, context)
        if resource.address not in known
    ]
