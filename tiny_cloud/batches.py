"""When waiting steps with one batch key may run together. Pure.

A key's steps run once no task that can still make progress by itself could add another to them.
"""

from collections.abc import Collection, Mapping

from tiny_cloud.model import Address

Key = tuple[Address, str]


def ready_batch(
    waiting: Mapping[Key, str],
    future: Mapping[Key, Collection[str]],
    after: Mapping[Key, Collection[Key]],
    busy: Collection[Key],
) -> str | None:
    """The batch key to run now, or None while it is worth waiting.

    ``waiting``: tasks that stand before a step of that batch. ``future``: for unfinished tasks that
    do not wait, the batch keys still ahead of them. ``after``: what each task waits for. ``busy``:
    tasks that run or could run now.
    """
    for batch in dict.fromkeys(waiting.values()):
        coming = [key for key, keys in future.items() if batch in keys and key not in waiting]
        if not any(_reachable(key, after, busy) for key in coming):
            return batch
    if waiting and not busy:
        return next(iter(waiting.values()))
    return None


def _reachable(key: Key, after: Mapping[Key, Collection[Key]], busy: Collection[Key]) -> bool:
    """Whether the task itself, or one that it waits for, can make progress now."""
    seen: set[Key] = set()
    todo = [key]
    while todo:
        current = todo.pop()
        if current in busy:
            return True
        if current not in seen:
            seen.add(current)
            todo += after.get(current, ())
    return False
