"""Settings as a manifest declares them: files beside it are known by their content. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tiny_cloud.errors import Failure, Problem
from tiny_cloud.model import Change, State, Value
from tiny_cloud.resource import Resource

SECTIONS = (("files", "path"), ("firstBoot", "name"))
"""Lists of settings whose items may have a ``source``, and what tells their items apart."""
ONCE = ("uid", "group", "home", "system", "createHome")
"""What counts when a user is made, and is never changed after that."""

Digest = Callable[[str], str]
"""sha256 of a local file. Raises Failure if it cannot be read."""


def sources(settings: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """(path below the settings, flat field, file) of every source."""
    for section, key in SECTIONS:
        for at, item in enumerate(settings.get(section, ())):
            if "source" in item:
                field = f"{section}[{item[key]}].source"
                yield (section, at, "source"), field, str(item["source"])


def unreadable(
    item: Resource, settings: Mapping[str, Any], above: tuple[str, ...]
) -> Iterator[Problem]:
    """Files beside the manifest that settings name and that cannot be read."""
    for path, _, file in sources(settings):
        try:
            item.context.digest(file)
        except Failure as failure:
            yield from item.refuse((*above, *path), failure.summary, failure.hint).problems


def by_content(fields: State, settings: Mapping[str, Any], digest: Digest) -> dict[str, Value]:
    """The flat fields with each source's digest in the place of its path, as far as it is there."""
    known = dict(fields)
    for _, field, file in sources(settings):
        try:
            known[field] = f"sha256:{digest(file)}"
        except Failure:
            known[field] = file
    return known


def identity(settings: Mapping[str, Any], digest: Digest) -> dict[str, Any]:
    """What makes two sets of settings the same: contents, and not where they lie. Raises Failure
    for a source that cannot be read."""
    made = dict(settings)
    for section, _ in SECTIONS:
        if section in made:
            made[section] = [{**item, "source": digest(item["source"])} if "source" in item
                             else dict(item) for item in made[section]]
    return made


def as_written(settings: Mapping[str, Any], fields: State) -> dict[str, Any]:
    """The settings with what was made once as it was made: a user's files have their number. What
    is declared of it by now is a note of the plan. ``fields``: what was declared last time."""
    made = dict(settings)
    for section, once in (("users", ONCE), ("groups", ("gid", "system"))):
        if settings.get(section):
            made[section] = {name: _once(f"{section}.{name}", item, once, fields)
                             for name, item in settings[section].items()}
    return made


def before(change: Change) -> dict[str, Any]:
    """The settings that were written last time, as the record of the guest has them."""
    spec = change.observed.facts.get("before") if change.observed else None
    known = spec if isinstance(spec, Mapping) else {}
    return {key: value for key, value in known.items() if key not in ("disk", "machine")}


def _once(
    place: str, item: Mapping[str, Any], once: tuple[str, ...], fields: State
) -> dict[str, Any]:
    if not any(field.startswith(f"{place}.") for field in fields):
        return dict(item)
    before = {key: fields[f"{place}.{key}"] for key in once if f"{place}.{key}" in fields}
    return {**{key: value for key, value in item.items() if key not in once}, **before}
