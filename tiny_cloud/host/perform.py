"""Carry out steps on this machine, and say what the operating system refuses.

Importing the actions registers them, and takes a fifth of a second: who only looks, or checks a
manifest, need not wait for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tiny_cloud.apply.workers import Progress
from tiny_cloud.errors import Failure
from tiny_cloud.events import Amount
from tiny_cloud.host import cut_off
from tiny_cloud.host.hands import Hands, do
from tiny_cloud.steps import EditGuest, Step


class Host(Hands):
    """Implements ``apply.Performer``."""

    def perform(self, step: Step, progress: Progress) -> None:
        import tiny_cloud.host.actions  # noqa: F401

        cut_off.require_not()
        with _failures():
            do(step, self, _minding(progress))

    def perform_batch(
        self, batch: Sequence[Step], progress: Sequence[Progress]
    ) -> Sequence[Failure | None]:
        from tiny_cloud.host.actions.guests import edit_together

        with _failures():
            edits = [step for step in batch if isinstance(step, EditGuest)]
            assert len(edits) == len(batch), "nothing else has a batch"
            return edit_together(edits, self, [_minding(one) for one in progress])


def _minding(progress: Progress) -> Progress:
    """Who tells how far it has come hears whether it is to go on."""

    def tell(text: str, amount: Amount | None) -> None:
        cut_off.require_not()
        progress(text, amount)

    return tell


@contextmanager
def _failures() -> Iterator[None]:
    """What the operating system refuses is a failure of the step, said with the file's name."""
    try:
        yield
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        raise Failure(f"{name}{error.strerror or error}") from error
