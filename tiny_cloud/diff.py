"""What differs between the declared and what is there: declared fields only, not documents."""

import re
from collections.abc import Iterator, Mapping

from tiny_cloud import schema
from tiny_cloud.model import FieldDiff, Impact, Note, Observed, Value
from tiny_cloud.resource import Resource


def differences(
    resource: Resource, observed: Observed, *, anew: bool = False
) -> tuple[tuple[FieldDiff, ...], tuple[Note, ...]]:
    """The fields to change, and notes on those that may differ (create-only ones); ``anew``: they
    may not, for it is asked for another one."""
    diffs: list[FieldDiff] = []
    notes: list[Note] = []
    kind, desired = resource.KIND, resource.desired()
    for name, new in desired.items():
        old = observed.fields.get(name)
        if old == new and type(old) is type(new):
            continue
        if schema.keyword(kind, name, "x-rebase"):
            continue  # an Offer, which says so itself
        if not schema.keyword(kind, name, "x-create-only"):
            diffs.append(FieldDiff(name, old, new, schema.impact(kind, name)))
        elif anew:
            diffs.append(FieldDiff(name, old, new, Impact.DESTROYS))
        else:
            text = f"{name} is {_words(old)} and stays so; {_words(new)} is only for a new one"
            notes.append(Note(resource.address, text))
    diffs.extend(_removed(kind, desired, observed))
    notes.extend(_left(resource, desired, observed))
    diffs.extend(
        FieldDiff(name, observed.policy[name], new)
        for name, new in resource.policy().items()
        if observed.policy.get(name, new) != new
    )
    return tuple(diffs), tuple(notes)


def created(resource: Resource) -> tuple[FieldDiff, ...]:
    """Everything declared, as the diff of a thing that is not there yet."""
    return tuple(FieldDiff(name, None, new) for name, new in resource.desired().items())


def _removed(kind: str, desired: Mapping[str, Value], observed: Observed) -> Iterator[FieldDiff]:
    """Fields declared last time and no longer: most just stop being managed."""
    for name in observed.declared or {}:
        old = observed.fields.get(name)
        gone = name not in desired and old is not None
        if gone and goes(kind, name, desired):
            yield FieldDiff(name, old, None, schema.impact(kind, name))


def _left(
    resource: Resource, desired: Mapping[str, Value], observed: Observed
) -> Iterator[Note]:
    """Fields declared last time that nobody manages any more, where the kind says what of them."""
    left = [name for name in observed.declared or {} if resource.LEAVES and name not in desired
            and ("." in name or "[" in name or schema.default(resource.KIND, name) is None)
            and not goes(resource.KIND, name, desired)]
    for name in dict.fromkeys(_whole(name, desired) for name in left):
        yield Note(resource.address, f"{name} is declared no more, and {resource.LEAVES}")


def _whole(name: str, desired: Mapping[str, Value]) -> str:
    """``users.ann`` for ``users.ann.shell``, if there is no more of it."""
    match = re.match(r"\w+(?:\.[^.\[]+|\[[^\]]*\])", name)
    if match is None or any(other.startswith((f"{match[0]}.", match[0]))
                            for other in desired if other != name):
        return name
    return match[0]


def goes(kind: str, name: str, desired: Mapping[str, Value]) -> bool:
    """Whether removing the field from the manifest removes it from the host.

    An item of a list goes as a whole, unless the list says ``keep``; a field of an item that stays
    follows its own keyword.
    """
    item, bracket, _ = name.partition("]")
    if bracket and schema.keyword(kind, item.rpartition("[")[0], "x-on-remove") == "keep":
        return False
    if bracket and not any(other.startswith(item + bracket) for other in desired):
        return True
    return bool(schema.keyword(kind, name, "x-on-remove") == "remove")


def _words(value: Value) -> str:
    return "unset" if value is None else str(value)
