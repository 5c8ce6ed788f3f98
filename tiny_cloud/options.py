"""What the words on the command line stand for, and whether there is anything of that name."""

from collections.abc import Collection, Iterator
from dataclasses import asdict

import click

from tiny_cloud import suggest
from tiny_cloud.addresses import full_address as full_address
from tiny_cloud.addresses import full_addresses
from tiny_cloud.addresses import kind_of as kind_of
from tiny_cloud.api import Planned, Wish
from tiny_cloud.errors import Problem, Problems
from tiny_cloud.model import Address, Consents
from tiny_cloud.render.text import one_line

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
    **allowed: tuple[str, ...],
) -> Wish:
    """From options as click gives them; ``allowed``: the consents. Raises click.UsageError."""
    if prune and target:
        raise click.UsageError("--prune looks at everything and --target at a part: use one")
    agreed = {name: _addresses(name, globs) for name, globs in allowed.items()}
    targets = _addresses("target", target)
    return Wish(Consents(**agreed), prune, destroy, targets, run_commands, deep)


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


def addresses(word: str, *kinds: str) -> tuple[Address, ...]:
    """What NAME or KIND/NAME may mean, of these kinds. Raises click.UsageError."""
    if "/" not in word:
        return tuple(Address(kind, word) for kind in kinds)
    address = Address.parse(full_address(word))
    if address.kind not in kinds:
        raise click.UsageError(f"{one_line(word)}: write {kinds[0]}/NAME, or the name alone")
    return (address,)
