"""When waiting steps with one batch key may run together. Pure.

A key's steps run once no task that can still make progress by itself could add another to them.
"""

from collections.abc import Collection, Iterable, Mapping

from tiny_cloud.model import Address

Key = tuple[Address, str]


def worth_waiting_for(
    coming: Iterable[Key],
    after: Mapping[Key, Collection[Key]],
    unfinished: Collection[Key],
    busy: Collection[Key],
) -> Key | None:
    """The last of the ``busy`` that is, or leads to, one of ``coming``; None: none does.

    ``coming``: unfinished tasks with a step of that batch still ahead. ``after``: what each task
    waits for. ``busy``: tasks that run or could run now, in the order in which they start. While
    the answer is busy, nothing else has to be asked: that is why it is the last one.
    """
    seen: set[Key] = set()
    todo = list(coming)
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo += [key for key in after.get(current, ()) if key in unfinished]
    return next((key for key in reversed(list(busy)) if key in seen), None)
