"""What the words on the command line stand for, and whether there is anything of that name."""

from collections.abc import Collection, Iterator, Sequence

import click
from msgspec.structs import asdict

from tiny_cloud import suggest
from tiny_cloud.addresses import full_address as full_address
from tiny_cloud.addresses import full_addresses
from tiny_cloud.addresses import kind_of as kind_of
from tiny_cloud.api import Planned, Wish
from tiny_cloud.draft import matches
from tiny_cloud.errands import one
from tiny_cloud.errors import Problem, Problems
from tiny_cloud.inventory import Thing
from tiny_cloud.model import Address, Consents
from tiny_cloud.render.text import one_line
from tiny_cloud.resource import Resource
from tiny_cloud.selectors import parse
from tiny_cloud.targets import labelled

EVERYTHING = "*"
WILD = frozenset("*?[")
"""What makes an address a pattern (fnmatch), which may well match nothing."""


def wish(
    *,
    target: tuple[str, ...] = (),
    prune: bool = False,
    destroy: bool = False,
    run_commands: bool = False,
    deep: bool = False,
    selector: tuple[str, ...] = (),
    **allowed: tuple[str, ...],
) -> Wish:
    """From options as click gives them; ``allowed``: the consents. Raises click.UsageError."""
    if prune and (target or selector):
        part = "--target" if target else "--selector"
        raise click.UsageError(f"--prune looks at everything and {part} at a part: use one")
    agreed = {name: _addresses(name, globs) for name, globs in allowed.items()}
    targets = _addresses("target", target)
    labels = selection(selector)
    return Wish(Consents(**agreed), prune, destroy, targets, run_commands, deep, labels)


def selection(selectors: tuple[str, ...]) -> str:
    """One selector of all that are given: every one must hold. Raises click.UsageError."""
    for text in selectors:
        try:
            parse(text)
        except ValueError as error:
            raise click.UsageError(f"--selector {one_line(text)}: {one_line(error)}") from None
    return ",".join(selectors)


def _addresses(name: str, globs: tuple[str, ...]) -> tuple[str, ...]:
    """With full kinds: ``vm/web`` as ``virtualmachine/web``."""
    for glob in globs:
        kind, _, thing = glob.partition("/")
        if not (kind and thing) and glob != EVERYTHING:
            raise click.UsageError(f"{_flag(name)} {one_line(glob)}: write KIND/NAME")
    return full_addresses(globs)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def require_known(meant: Wish, planned: Planned) -> None:
    """Raises Problems for addresses that nothing has: a slip there must not pass for consent."""
    declared = {str(item.address) for item in planned.workspace.resources}
    owned = {str(change.address) for change in planned.plan.changes}
    owned |= {str(note.address) for note in planned.plan.notes}
    problems = list(_unknown("target", meant.targets, declared))
    for name, globs in asdict(meant.consents).items():
        problems += _unknown(name, globs, declared | owned)
    if problems:
        raise Problems(problems)


def _unknown(name: str, globs: tuple[str, ...], known: Collection[str]) -> Iterator[Problem]:
    for glob in globs:
        if glob not in known and not WILD & set(glob):
            hint = suggest.hint(glob, known, "there are") or "nothing is declared at all"
            yield Problem(f"{_flag(name)} {glob}: there is nothing of that name", None, hint)


def patterns(words: tuple[str, ...]) -> tuple[str, ...]:
    """What KIND, KIND/NAME and KIND,KIND mean, as globs over addresses. Raises
    click.UsageError for what is no kind."""
    found, before = [], ""
    for word in (word for text in words for word in text.split(",")):
        found.append(_pattern(word, before))
        before = word
    return tuple(found)


def one_address(word: str) -> Address:
    """KIND/NAME. Raises click.UsageError."""
    pattern = _pattern(word)
    if pattern.endswith(f"/{EVERYTHING}"):
        raise click.UsageError(f"{one_line(word)}: write KIND/NAME")
    return Address.parse(pattern)


def _pattern(word: str, before: str = "") -> str:
    """``before``: the word before it, which whoever knows kubectl takes for its kind."""
    name, slash, thing = word.partition("/")
    kind = kind_of(name)
    if kind is None or (slash and not thing):
        known = sorted(Resource.registry)
        hint = suggest.hint(name, known, "kinds are")
        if before and not slash and "/" not in before:
            hint = f"did you mean {before}/{one_line(word)}?"
        raise click.UsageError(f"{one_line(word)}: write KIND or KIND/NAME; {hint}")
    return f"{kind.KIND.lower()}/{thing if slash else EVERYTHING}"


def meant(things: Sequence[Thing], patterns: Sequence[str], selector: str) -> list[Thing]:
    """Those that one of the patterns matches and that have the labels; without patterns all.
    Raises Failure for a name that nothing has."""
    for pattern in patterns:
        if not WILD & set(pattern):
            one.named([thing.resource for thing in things], Address.parse(pattern))
    return [thing for thing in things
            if (not patterns or matches(patterns, thing.address))
            and labelled(thing.resource, selector)]


def addresses(word: str, *kinds: str) -> tuple[Address, ...]:
    """What NAME or KIND/NAME may mean, of these kinds. Raises click.UsageError."""
    if "/" not in word:
        return tuple(Address(kind, word) for kind in kinds)
    address = Address.parse(full_address(word))
    if address.kind not in kinds:
        raise click.UsageError(f"{one_line(word)}: write {kinds[0]}/NAME, or the name alone")
    return (address,)
