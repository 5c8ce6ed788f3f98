"""Carry out steps on this machine, and say what the operating system refuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

# Importing the actions registers them.
import tiny_cloud.host.actions  # noqa: F401
from tiny_cloud.apply import Progress
from tiny_cloud.errors import Failure
from tiny_cloud.host.hands import Hands, do
from tiny_cloud.steps import Step


class Host(Hands):
    """Implements ``apply.Performer``."""

    def perform(self, step: Step, progress: Progress) -> None:
        with _failures():
            do(step, self, progress)

    def perform_batch(self, batch: Sequence[Step], progress: Progress) -> Sequence[Failure | None]:
        """No step of today has a batch key with a joint execution: one after the other."""
        outcomes: list[Failure | None] = []
        for step in batch:
            try:
                self.perform(step, progress)
                outcomes.append(None)
            except Failure as failure:
                outcomes.append(failure)
        return outcomes


@contextmanager
def _failures() -> Iterator[None]:
    """What the operating system refuses is a failure of the step, said with the file's name."""
    try:
        yield
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        raise Failure(f"{name}{error.strerror or error}") from error
