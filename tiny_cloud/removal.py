"""What it takes to remove things: definitions go, data goes only by policy or consent. Pure."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from tiny_cloud import ordering, rules
from tiny_cloud.draft import matches
from tiny_cloud.model import (
    Action,
    Address,
    Change,
    Consents,
    Impact,
    Note,
    Observed,
    Ownership,
    ReclaimPolicy,
    Unknown,
)
from tiny_cloud.resource import Resource


class Removals(Struct, frozen=True):
    changes: tuple[Change, ...]
    notes: tuple[Note, ...]


def follows_container(resource: Resource) -> bool:
    """Whether it lives inside another thing and comes and goes with that (a guest in its disk)."""
    return ordering.container_of(resource) is not None


def removals(
    resources: Sequence[Resource],
    actual: Mapping[Address, Observed | Unknown],
    consents: Consents,
    others: Sequence[Change] = (),
) -> Removals:
    """``resources`` in dependency order; the changes come in the reverse of it. ``others``: what
    the same plan changes, and may let go of."""
    going: dict[Address, Change] = {}
    let_go = {(address, change.observed.domain)
              for change in others if change.observed for address in change.lets_go}
    notes: list[Note] = []
    for resource in reversed(resources):
        seen = actual.get(resource.address)
        if resource.external:
            notes.append(Note(resource.address, "left alone: it is external"))
        elif isinstance(seen, Unknown):
            going[resource.address] = _delete(
                resource, None, consents, f"it cannot be observed: {seen.reason}", seen.hint
            )
        elif seen is None and resource.recorded:
            going[resource.address] = _delete(resource, None, consents, "")
        elif seen is not None and not follows_container(resource):
            held = [name for name in seen.attached_to if (resource.address, name) not in let_go]
            _remove(resource, replace(seen, attached_to=tuple(held)), consents, going, notes)
    for resource in resources:
        inside = ordering.container_of(resource)
        if inside in going and isinstance(actual.get(resource.address), Observed):
            going[resource.address] = _delete(resource, None, consents, going[inside].blocked)
    return Removals(tuple(going.values()), tuple(notes))


def undeclared_notes(
    resources: Sequence[Resource], actual: Mapping[Address, Observed | Unknown]
) -> list[Note]:
    """What the cloud owns and nobody declares; what lives inside another thing goes unsaid."""
    texts = {
        True: "owned and no longer declared; --prune removes it",
        False: "gone and no longer declared; --prune tidies up after it",
    }
    return [
        Note(item.address, texts[item.address in actual])
        for item in resources
        if not follows_container(item)
    ]


def _remove(
    resource: Resource,
    seen: Observed,
    consents: Consents,
    going: dict[Address, Change],
    notes: list[Note],
) -> None:
    address = resource.address
    if seen.ownership is not Ownership.OURS:
        notes.append(Note(address, f"left alone: {seen.owner or 'it was not made here'}"))
        return
    if resource.IS_DATA and not _may_go(resource, seen, consents):
        notes.append(Note(address, f"kept, as data is; --delete-data {address} removes it"))
        return
    staying = [a for a in seen.needed_by if not _goes(a, going)]
    why = ""
    if rules.is_protected(resource, seen):
        why = "it is protected (annotation tinycloud/protect)"
    elif seen.held:
        why = seen.held
    elif staying:
        why = f"{', '.join(map(str, staying))} stands on it"
    elif holding := [name for name in seen.attached_to if name not in _leaving(going)]:
        why = f"the domain {', '.join(holding)} has it as a disk"
    elif resource.SHARED and (
            users := [name for name in seen.users if name not in _leaving(going)]):
        why = f"it is in use by the running domain {', '.join(users)}"
    going[address] = _delete(resource, seen, consents, why)


def _goes(address: Address, going: Mapping[Address, Change]) -> bool:
    """Who is renamed in the manifest and not yet on the host is known there by the former name."""
    if address in going:
        return not going[address].blocked
    return any(
        change.observed and change.observed.former == address and not change.blocked
        for change in going.values()
    )


def _leaving(going: Mapping[Address, Change]) -> set[str]:
    """Domains that go in this plan."""
    return {
        change.observed.domain
        for change in going.values()
        if change.observed and not change.blocked
    }


def _may_go(resource: Resource, seen: Observed, consents: Consents) -> bool:
    """The policy as declared and, if that was never applied, as it was before: the milder one."""
    policies = {item.get("reclaimPolicy") for item in (resource.policy(), seen.policy)}
    return policies - {None} == {ReclaimPolicy.DELETE} or matches(
        consents.delete_data, resource.address
    )


def _delete(
    resource: Resource, seen: Observed | None, consents: Consents, why: str, allow: str = ""
) -> Change:
    change = Change(
        address=resource.address,
        action=Action.DELETE,
        impact=Impact.DESTROYS if resource.IS_DATA and seen else Impact.NONE,
        blocked=why,
        allow=allow,
        observed=seen,
        stop=seen.running if seen else False,
        force=matches(consents.force_off, resource.address),
        span=resource.span,
    )
    return change if why else replace(change, down=tuple(resource.down(change)))
