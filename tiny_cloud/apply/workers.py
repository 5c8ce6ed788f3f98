"""What a worker of the pool does: a task's steps, and back again where one of them fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from tiny_cloud.apply.batches import Key
from tiny_cloud.apply.standing import Standing
from tiny_cloud.errors import CutOff, Failure
from tiny_cloud.events import Amount, Event
from tiny_cloud.model import PHASES
from tiny_cloud.steps import Step

Progress: TypeAlias = Callable[[str, Amount | None], None]
"""Called by a running step with words and, where known, how far it has come."""
Tell: TypeAlias = Callable[[Event], None]


class Performer(Protocol):
    """Who carries steps out: a host, or a fake that counts."""

    def perform(self, step: Step, progress: Progress) -> None:
        """Raises Failure."""

    def perform_batch(
        self, steps: Sequence[Step], progress: Sequence[Progress]
    ) -> Sequence[Failure | None]:
        """Two or more steps of one batch together; each has its progress and its outcome, in their
        order."""


def work(
    run: Standing, key: Key, host: Performer, tell: Tell
) -> list[Failure | None]:
    """Run a task's steps up to its end or its next batched step."""
    steps = run.tasks[key].steps
    try:
        while (at := run.position[key]) < len(steps) and not steps[at].batch:
            tell(Event("step", *key, text=steps[at].shell()))
            host.perform(steps[at], _teller(key, tell))
            run.position[key] = at + 1
    except CutOff as failure:
        return [failure]
    except Failure as failure:
        return [take_back(run, key, host, tell, _shown(failure, steps[at]))]
    return [None]


def _shown(failure: Failure, step: Step) -> Failure:
    """With what a person would have typed, where it is no command that failed."""
    if isinstance(failure, CutOff) or failure.detail.startswith("$ "):
        return failure
    typed = step.shell().partition("\n")[0]
    prompt = "" if typed.startswith("#") else "$ "
    return Failure(failure.summary, failure.hint, f"{prompt}{typed}\n{failure.detail}".rstrip())


def take_back(
    run: Standing, key: Key, host: Performer, tell: Tell, failure: Failure
) -> Failure:
    """What was done to the thing before is undone, last first, where its steps know how."""
    address, phase = key
    begun = PHASES[:PHASES.index(phase) + 1]
    done = [step for other in begun if (address, other) in run.tasks
            for step in run.tasks[address, other].steps[:run.position[address, other]]]
    for step in (back for item in reversed(done) for back in item.undo()):
        tell(Event("step", *key, text=f"{step.shell()}  # takes it back"))
        try:
            host.perform(step, _teller(key, tell))
        except Failure as other:
            detail = "\n".join(filter(None, (failure.detail, other.summary, other.detail)))
            return Failure(f"{failure.summary}; nor could it be put back", failure.hint, detail)
    return failure


def work_batch(
    run: Standing, keys: list[Key], host: Performer, tell: Tell
) -> list[Failure | None]:
    steps = [run.tasks[key].steps[run.position[key]] for key in keys]
    tellers = [_teller(key, tell) for key in keys]
    for key, step in zip(keys, steps, strict=True):
        tell(Event("step", *key, text=step.shell()))
    outcomes = _together(host, steps, tellers)
    for key, failure in zip(keys, outcomes, strict=True):
        if failure is None:
            run.position[key] = run.position[key] + 1
    return [failure and _shown(failure, step)
            for failure, step in zip(outcomes, steps, strict=True)]


def _together(
    host: Performer, steps: Sequence[Step], tellers: Sequence[Progress]
) -> list[Failure | None]:
    """One that is alone in its batch is a step as any other."""
    if len(steps) > 1:
        return list(host.perform_batch(steps, tellers))
    try:
        host.perform(steps[0], tellers[0])
    except Failure as failure:
        return [failure]
    return [None]


def _teller(key: Key, tell: Tell) -> Progress:
    def say(text: str, amount: Amount | None) -> None:
        tell(Event("progress", *key, text=text, amount=amount))

    return say
